#include "daemon/publisher.h"

#include "daemon/clock.h"
#include "daemon/thread.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* How often the source's state is looked at when there are no results. */
#define WATCH_MS 250

struct publisher {
    struct publisher_config config;
    struct result result;
    struct timeline_status status;
    pthread_t thread;
    bool started;
    uint64_t result_ns; /* when the newest result came; 0: there was none since a pause */
    _Atomic uint64_t started_ns;
    _Atomic uint64_t lag_ns;
    atomic_bool done;
};

struct publisher *publisher_new(const struct publisher_config *config, struct tutti_error *error)
{
    struct publisher *publisher = calloc(1, sizeof *publisher);
    if (publisher == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the publisher");
        return NULL;
    }
    publisher->config = *config;
    snprintf(publisher->status.source, sizeof publisher->status.source, "%s",
             source_name(config->source));
    return publisher;
}

bool publisher_stalled(const struct publisher *publisher)
{
    if (source_state(publisher->config.source) != SOURCE_RUNNING)
        return false;
    /* The clock last, so that it is not before what it is compared with. */
    const uint64_t last_ns = capture_last_write_ns(publisher->config.capture);
    const uint64_t started_ns = atomic_load_explicit(&publisher->started_ns, memory_order_relaxed);
    const double silent_s = (double)(clock_monotonic_ns() - (last_ns != 0 ? last_ns : started_ns)) /
                            (double)CLOCK_NS_PER_S;
    return silent_s > (last_ns != 0 ? PUBLISHER_STALL_S : PUBLISHER_START_GRACE_S);
}

static const char *state_name(const struct publisher *publisher, bool finished)
{
    switch (source_state(publisher->config.source)) {
    case SOURCE_LOST:
        return "lost";
    case SOURCE_ENDED:
        /* Not before the last result is out. */
        return finished ? "ended" : "running";
    case SOURCE_OPEN:
    case SOURCE_RUNNING:
        break;
    }
    return publisher_stalled(publisher) ? "stalled" : "running";
}

static void publish_status(struct publisher *publisher, bool finished)
{
    struct timeline_status *status = &publisher->status;
    snprintf(status->state, sizeof status->state, "%s", state_name(publisher, finished));
    status->overruns = capture_overruns(publisher->config.capture);
    const struct recognizer_pool *pool = publisher->config.pool;
    status->hop_stretch = pool != NULL ? recognizer_pool_stretch(pool) : 1;
    status->lag_ms = publisher_lag_ms(publisher);
    timeline_set_status(publisher->config.timeline, status);
}

static void publish(struct publisher *publisher, const struct result *result)
{
    timeline_add(publisher->config.timeline, result);
    const uint64_t now_ns = clock_monotonic_ns();
    publisher->result_ns = now_ns;
    health_note(publisher->config.health, HEALTH_PUBLISHER, now_ns);
    if (result->captured_ns != 0)
        atomic_store_explicit(&publisher->lag_ns, now_ns - result->captured_ns,
                              memory_order_relaxed);
}

/* Ends what plays, once, when no sound has come for longer than a window remembers. */
static void look_for_pause(struct publisher *publisher)
{
    const struct publisher_config *config = &publisher->config;
    if (publisher->result_ns == 0 ||
        (source_state(config->source) != SOURCE_LOST && !publisher_stalled(publisher)))
        return;
    uint64_t last_ns = capture_last_write_ns(config->capture);
    if (last_ns < publisher->result_ns)
        last_ns = publisher->result_ns;
    /* The clock last, so that it is not before what it is compared with. */
    const double silent_s = (double)(clock_monotonic_ns() - last_ns) / (double)CLOCK_NS_PER_S;
    if (silent_s <= config->window_s)
        return;
    timeline_finish(config->timeline);
    publisher->result_ns = 0;
}

static void *publish_results(void *context)
{
    struct publisher *publisher = context;
    struct queue *results = publisher->config.results;
    while (!queue_done(results)) {
        publish_status(publisher, false);
        queue_wait(results, WATCH_MS);
        while (queue_pop(results, &publisher->result))
            publish(publisher, &publisher->result);
        look_for_pause(publisher);
    }
    timeline_finish(publisher->config.timeline);
    publish_status(publisher, true);
    atomic_store_explicit(&publisher->done, true, memory_order_release);
    return NULL;
}

enum tutti_status publisher_start(struct publisher *publisher, struct tutti_error *error)
{
    atomic_store_explicit(&publisher->started_ns, clock_monotonic_ns(), memory_order_relaxed);
    const enum tutti_status status =
        thread_start(&publisher->thread, "publisher", publish_results, publisher, error);
    publisher->started = status == TUTTI_OK;
    return status;
}

void publisher_join(struct publisher *publisher)
{
    if (publisher->started)
        pthread_join(publisher->thread, NULL);
    publisher->started = false;
}

void publisher_free(struct publisher *publisher)
{
    free(publisher);
}

double publisher_lag_ms(const struct publisher *publisher)
{
    return (double)atomic_load_explicit(&publisher->lag_ns, memory_order_relaxed) /
           (double)CLOCK_NS_PER_MS;
}

bool publisher_done(const struct publisher *publisher)
{
    return atomic_load_explicit(&publisher->done, memory_order_acquire);
}
