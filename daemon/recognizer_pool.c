#include "daemon/recognizer_pool.h"

#include "daemon/clock.h"
#include "daemon/feature_stream.h"
#include "daemon/hop_stretch.h"
#include "daemon/recognition.h"
#include "daemon/thread.h"

#include <math.h>
#include <stdlib.h>

#define LATE_S 0.5 /* beyond the hop itself */
/* A listener wakes the recognizer when half of its queue is full, so more waits only for the slow.
 */
#define LATE_COLUMNS_MAX 384

_Static_assert(MAX_SOURCES <= FAIR_POOL_MAX_MEMBERS, "each source is a member");

struct recognizer_pool {
    const struct model *model;
    struct network *network[FAIR_POOL_MAX_THREADS]; /* of each thread; the first is the original */
    struct fair_pool *threads;
    size_t hop_columns;
    double hop_s;
    size_t late_columns; /* more than these waiting: late */
    unsigned seats;
    struct recognizer_seat seat[MAX_SOURCES];

    _Atomic unsigned factor;
    _Atomic unsigned longest_factor; /* of this one and the one before */
    atomic_bool skipped;             /* since the last look */
    /* Of whoever looks. */
    atomic_flag looking;
    _Atomic uint64_t next_look_ns;
    uint64_t looked_ns;
    uint64_t changed_ns; /* the factor */
    uint64_t busy_ns;
    size_t waiting; /* most of any source */
    struct hop_stretch stretch;
};

static bool make_networks(struct recognizer_pool *pool, const char *kernel, unsigned threads,
                          struct tutti_error *error)
{
    const struct network_options options = {.kernel = kernel};
    pool->network[0] = network_new(pool->model, &options, error);
    if (pool->network[0] == NULL)
        return false;
    for (unsigned i = 1; i < threads; i++) {
        pool->network[i] = network_clone(pool->network[0]);
        if (pool->network[i] == NULL) {
            tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the recognizers");
            return false;
        }
    }
    return true;
}

static enum tutti_status set_hop(struct recognizer_pool *pool, double hop_s,
                                 struct tutti_error *error)
{
    const double column_s = feature_stream_column_s(pool->model);
    const enum tutti_status status =
        recognition_round_hop(pool->model, hop_s, &pool->hop_columns, error);
    if (status != TUTTI_OK)
        return status;
    pool->hop_s = (double)pool->hop_columns * column_s;
    const double late_columns = fmax(pool->hop_s, LATE_S) / column_s;
    pool->late_columns = pool->hop_columns + (size_t)late_columns;
    if (pool->late_columns > LATE_COLUMNS_MAX)
        pool->late_columns = LATE_COLUMNS_MAX;
    return TUTTI_OK;
}

struct recognizer_pool *recognizer_pool_new(const struct recognizer_pool_config *config,
                                            struct tutti_error *error)
{
    if (config->sources < 1 || config->sources > MAX_SOURCES) {
        tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "there are %u sources; there may be 1 to %d",
                        config->sources, MAX_SOURCES);
        return NULL;
    }
    struct recognizer_pool *pool = calloc(1, sizeof *pool);
    unsigned threads = config->threads > 0 ? config->threads : thread_cores();
    threads = threads < config->sources ? threads : config->sources;
    if (pool != NULL)
        pool->threads = fair_pool_new(threads, config->sources);
    if (pool == NULL || pool->threads == NULL) {
        free(pool);
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the recognizers");
        return NULL;
    }
    pool->model = config->model;
    pool->seats = config->sources;
    atomic_init(&pool->factor, 1);
    atomic_init(&pool->longest_factor, 1);
    atomic_flag_clear(&pool->looking);
    hop_stretch_init(&pool->stretch);
    if (set_hop(pool, config->hop_s, error) != TUTTI_OK ||
        !make_networks(pool, config->kernel, threads, error)) {
        recognizer_pool_free(pool);
        return NULL;
    }
    return pool;
}

enum tutti_status recognizer_pool_start(struct recognizer_pool *pool, struct tutti_error *error)
{
    pool->looked_ns = clock_monotonic_ns();
    atomic_store(&pool->next_look_ns,
                 pool->looked_ns + (uint64_t)(HOP_STRETCH_LOOK_S * CLOCK_NS_PER_S));
    return fair_pool_start(pool->threads, "recognizer", error);
}

void recognizer_pool_stop(struct recognizer_pool *pool)
{
    fair_pool_stop(pool->threads);
}

void recognizer_pool_free(struct recognizer_pool *pool)
{
    if (pool == NULL)
        return;
    const unsigned threads = fair_pool_threads(pool->threads);
    fair_pool_free(pool->threads);
    for (unsigned i = 0; i < threads; i++)
        network_free(pool->network[i]);
    free(pool);
}

const struct model *recognizer_pool_model(const struct recognizer_pool *pool)
{
    return pool->model;
}

size_t recognizer_pool_hop_columns(const struct recognizer_pool *pool)
{
    return pool->hop_columns;
}

double recognizer_pool_hop_s(const struct recognizer_pool *pool)
{
    return pool->hop_s;
}

unsigned recognizer_pool_threads(const struct recognizer_pool *pool)
{
    return fair_pool_threads(pool->threads);
}

uint64_t recognizer_pool_busy_ns(const struct recognizer_pool *pool)
{
    return fair_pool_busy_ns(pool->threads);
}

unsigned recognizer_pool_stretch(const struct recognizer_pool *pool)
{
    return atomic_load_explicit(&pool->factor, memory_order_relaxed);
}

double recognizer_pool_longest_hop_s(const struct recognizer_pool *pool)
{
    return pool->hop_s * atomic_load_explicit(&pool->longest_factor, memory_order_relaxed);
}

/* ---- for recognizers ---- */

struct recognizer_seat *recognizer_pool_enter(struct recognizer_pool *pool, fair_pool_turn *turn,
                                              void *context)
{
    for (unsigned i = 0; i < pool->seats; i++) {
        struct recognizer_seat *seat = &pool->seat[i];
        if (seat->member != NULL)
            continue;
        seat->member = fair_pool_enter(pool->threads, turn, context);
        seat->number = i;
        return seat->member != NULL ? seat : NULL;
    }
    return NULL;
}

void recognizer_pool_leave(struct recognizer_seat *seat)
{
    if (seat == NULL)
        return;
    fair_pool_leave(seat->member);
    atomic_store_explicit(&seat->waiting, 0, memory_order_relaxed);
    atomic_store_explicit(&seat->over, false, memory_order_relaxed);
    seat->member = NULL;
}

struct network *recognizer_pool_network(struct recognizer_pool *pool, unsigned thread)
{
    return pool->network[thread];
}

void recognizer_pool_note_skip(struct recognizer_pool *pool)
{
    atomic_store_explicit(&pool->skipped, true, memory_order_relaxed);
}

/* ---- whether the machine keeps up ---- */

/* Too much is waiting somewhere, and it does not get less: what is being worked off is no reason to
 * stretch the hop further. */
static bool is_late(struct recognizer_pool *pool)
{
    size_t waiting = 0;
    for (unsigned i = 0; i < pool->seats; i++) {
        const struct recognizer_seat *seat = &pool->seat[i];
        if (atomic_load_explicit(&seat->over, memory_order_relaxed))
            continue;
        const size_t columns = atomic_load_explicit(&seat->waiting, memory_order_relaxed);
        waiting = columns > waiting ? columns : waiting;
    }
    const bool growing = waiting >= pool->waiting;
    pool->waiting = waiting;
    const bool skipped = atomic_exchange_explicit(&pool->skipped, false, memory_order_relaxed);
    return skipped || (waiting > pool->late_columns && growing);
}

void recognizer_pool_look_at(struct recognizer_pool *pool, uint64_t now_ns)
{
    const uint64_t busy_ns = recognizer_pool_busy_ns(pool);
    const double passed_ns = (double)(now_ns - pool->looked_ns);
    const double busy = passed_ns > 0 ? (double)(busy_ns - pool->busy_ns) /
                                            (passed_ns * fair_pool_threads(pool->threads))
                                      : 1.0;
    pool->looked_ns = now_ns;
    pool->busy_ns = busy_ns;
    const unsigned before = pool->stretch.factor;
    const unsigned factor = hop_stretch_look(&pool->stretch, is_late(pool), busy);
    if (factor == before) {
        /* What was begun with the factor before this one has ended by then. */
        const double since_change_s = (double)(now_ns - pool->changed_ns) / CLOCK_NS_PER_S;
        if (since_change_s > 2 * recognizer_pool_longest_hop_s(pool) + LATE_S)
            atomic_store_explicit(&pool->longest_factor, factor, memory_order_relaxed);
        return;
    }
    pool->changed_ns = now_ns;
    atomic_store_explicit(&pool->longest_factor, factor > before ? factor : before,
                          memory_order_relaxed);
    atomic_store_explicit(&pool->factor, factor, memory_order_relaxed);
}

void recognizer_pool_look(struct recognizer_pool *pool)
{
    const uint64_t now_ns = clock_monotonic_ns();
    if (now_ns < atomic_load_explicit(&pool->next_look_ns, memory_order_relaxed))
        return;
    if (atomic_flag_test_and_set_explicit(&pool->looking, memory_order_acquire))
        return;
    if (now_ns >= atomic_load_explicit(&pool->next_look_ns, memory_order_relaxed)) {
        recognizer_pool_look_at(pool, now_ns);
        atomic_store_explicit(&pool->next_look_ns,
                              now_ns + (uint64_t)(HOP_STRETCH_LOOK_S * CLOCK_NS_PER_S),
                              memory_order_relaxed);
    }
    atomic_flag_clear_explicit(&pool->looking, memory_order_release);
}
