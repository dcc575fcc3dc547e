#include "daemon/recognizer.h"

#include "daemon/clock.h"

#include <stdlib.h>

struct recognizer {
    struct recognizer_config config;
    struct recognizer_seat *seat;
    size_t behind_columns; /* more than these captured and waiting: behind */
    struct result result;
    _Atomic uint64_t skipped_hops;
};

/* Nobody else writes to the queue of results, so room that is there stays there. */
static bool has_room(struct queue *results)
{
    return queue_count(results) < queue_capacity(results);
}

/* Whether a result is to be made with this column. Each source leaves out other hops. */
static bool is_due(const struct recognizer *recognizer, const struct column *column,
                   unsigned stretch)
{
    const size_t hop_columns = recognizer_pool_hop_columns(recognizer->config.pool);
    if (!recognition_hop_complete(column, hop_columns))
        return false;
    return ((column->index + 1) / hop_columns + recognizer->seat->number) % stretch == 0;
}

static void note_work(struct recognizer *recognizer)
{
    health_note(recognizer->config.health, HEALTH_RECOGNIZER, clock_monotonic_ns());
    queue_wake(recognizer->config.results);
}

static size_t captured_waiting(const struct recognizer *recognizer)
{
    return backlog_captured(recognizer->config.backlog, recognizer->config.columns);
}

/* Whether a hop is left out because it is but silence that came all at once, and what was heard
 * since then waits behind it; or the results before it still wait. */
static bool gives_way(const struct recognizer *recognizer, const struct column *column,
                      size_t waiting)
{
    return column->inserted != 0 &&
           (waiting >= recognizer_pool_hop_columns(recognizer->config.pool) ||
            !has_room(recognizer->config.results));
}

/* True if the network was run. */
static bool take(struct recognizer *recognizer, const struct column *column, unsigned stretch)
{
    struct recognition *recognition = recognizer->config.recognition;
    struct queue *results = recognizer->config.results;
    const size_t waiting = captured_waiting(recognizer);
    if (!is_due(recognizer, column, stretch) || gives_way(recognizer, column, waiting)) {
        recognition_skip(recognition, column);
        return false;
    }
    const bool behind = waiting > recognizer->behind_columns;
    if (!behind && has_room(results)) {
        recognition_take(recognition, column, &recognizer->result);
        queue_push(results, &recognizer->result);
        note_work(recognizer);
        return true;
    }
    recognition_skip(recognition, column);
    atomic_fetch_add_explicit(&recognizer->skipped_hops, 1, memory_order_relaxed);
    if (behind)
        recognizer_pool_note_skip(recognizer->config.pool);
    else
        note_work(recognizer);
    return false;
}

/* What the listener stores late, after a turn has emptied the queue, is put right by the turn that
 * it calls for then; after the last turn it does not count. */
static void note_waiting(struct recognizer *recognizer)
{
    atomic_store_explicit(&recognizer->seat->waiting, captured_waiting(recognizer),
                          memory_order_relaxed);
}

/* Takes columns up to the first window that the network is run on. */
static enum fair_pool_next take_turn(void *context, unsigned thread)
{
    struct recognizer *recognizer = context;
    struct recognizer_pool *pool = recognizer->config.pool;
    struct queue *columns = recognizer->config.columns;
    const unsigned stretch = recognizer_pool_stretch(pool);
    if (recognizer->config.share != NULL)
        recognizer->config.share->network = recognizer_pool_network(pool, thread);
    const struct column *column;
    bool ran = false;
    while (!ran && (column = queue_read_begin(columns)) != NULL) {
        const bool inserted = column->inserted != 0;
        ran = take(recognizer, column, stretch);
        queue_read_end(columns);
        backlog_pop(recognizer->config.backlog, inserted);
    }
    note_waiting(recognizer);
    recognizer_pool_look(pool);
    if (!queue_done(columns))
        return ran && queue_count(columns) > 0 ? FAIR_POOL_MORE : FAIR_POOL_IDLE;
    atomic_store_explicit(&recognizer->seat->over, true, memory_order_relaxed);
    queue_end(recognizer->config.results);
    return FAIR_POOL_OVER;
}

static void columns_came(void *context)
{
    struct recognizer *recognizer = context;
    note_waiting(recognizer);
    fair_pool_call(recognizer->seat->member);
}

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
    recognizer->seat = recognizer_pool_enter(config->pool, take_turn, recognizer);
    if (recognizer->seat == NULL) {
        recognizer_free(recognizer);
        tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "more sources than the recognizers are for");
        return NULL;
    }
    queue_on_wake(config->columns, columns_came, recognizer);
    return recognizer;
}

void recognizer_join(struct recognizer *recognizer)
{
    fair_pool_wait_until_over(recognizer->seat->member);
}

void recognizer_free(struct recognizer *recognizer)
{
    if (recognizer == NULL)
        return;
    recognizer_pool_leave(recognizer->seat);
    recognition_free(recognizer->config.recognition);
    free(recognizer);
}

uint64_t recognizer_skipped_hops(const struct recognizer *recognizer)
{
    return atomic_load_explicit(&recognizer->skipped_hops, memory_order_relaxed);
}
