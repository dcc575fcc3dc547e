#include "daemon/recognizer.h"

#include "daemon/clock.h"
#include "daemon/thread.h"

#include <stdatomic.h>
#include <stdlib.h>

#define WAIT_MS 1000

struct recognizer {
    struct recognizer_config config;
    size_t behind_columns; /* more than these waiting: behind */
    struct result result;
    pthread_t thread;
    bool started;
    _Atomic uint64_t skipped_hops;
};

struct recognizer *recognizer_new(const struct recognizer_config *config, struct tutti_error *error)
{
    struct recognizer *recognizer = calloc(1, sizeof *recognizer);
    if (recognizer == NULL) {
        recognition_free(config->recognition);
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the recognizer");
        return NULL;
    }
    recognizer->config = *config;
    const double column_s = recognition_hop_s(config->recognition) /
                            (double)recognition_hop_columns(config->recognition);
    recognizer->behind_columns = (size_t)(RECOGNIZER_BEHIND_S / column_s) + 1;
    /* With a queue that is shorter than that, being behind has to be seen before it is full. */
    const size_t capacity = queue_capacity(config->columns);
    if (recognizer->behind_columns > capacity * 3 / 4)
        recognizer->behind_columns = capacity * 3 / 4;
    return recognizer;
}

/* Nobody else writes to the queue of results, so room that is there stays there. */
static bool has_room(struct queue *results)
{
    return queue_count(results) < queue_capacity(results);
}

static void take(struct recognizer *recognizer, const struct column *column)
{
    struct recognition *recognition = recognizer->config.recognition;
    struct queue *results = recognizer->config.results;
    const bool behind = queue_count(recognizer->config.columns) > recognizer->behind_columns;
    if (behind || !has_room(results)) {
        if (!recognition_skip(recognition, column))
            return;
        atomic_fetch_add_explicit(&recognizer->skipped_hops, 1, memory_order_relaxed);
        if (behind)
            return;
    } else if (recognition_take(recognition, column, &recognizer->result)) {
        queue_push(results, &recognizer->result);
    } else {
        return;
    }
    health_note(recognizer->config.health, HEALTH_RECOGNIZER, clock_monotonic_ns());
    queue_wake(results);
}

static void *recognize(void *context)
{
    struct recognizer *recognizer = context;
    struct queue *columns = recognizer->config.columns;
    while (!queue_done(columns)) {
        queue_wait(columns, WAIT_MS);
        const struct column *column;
        while ((column = queue_read_begin(columns)) != NULL) {
            take(recognizer, column);
            queue_read_end(columns);
        }
    }
    queue_end(recognizer->config.results);
    return NULL;
}

enum tutti_status recognizer_start(struct recognizer *recognizer, struct tutti_error *error)
{
    const enum tutti_status status =
        thread_start(&recognizer->thread, "recognizer", recognize, recognizer, error);
    recognizer->started = status == TUTTI_OK;
    return status;
}

void recognizer_join(struct recognizer *recognizer)
{
    if (recognizer->started)
        pthread_join(recognizer->thread, NULL);
    recognizer->started = false;
}

void recognizer_free(struct recognizer *recognizer)
{
    if (recognizer == NULL)
        return;
    recognition_free(recognizer->config.recognition);
    free(recognizer);
}

uint64_t recognizer_skipped_hops(const struct recognizer *recognizer)
{
    return atomic_load_explicit(&recognizer->skipped_hops, memory_order_relaxed);
}
