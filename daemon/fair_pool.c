#include "daemon/fair_pool.h"

#include "daemon/clock.h"
#include "daemon/thread.h"
#include "daemon/wake.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

enum member_state {
    MEMBER_FREE,    /* nobody's place */
    MEMBER_IDLE,    /* nothing to do */
    MEMBER_READY,   /* waits in line */
    MEMBER_RUNNING, /* has its turn */
    MEMBER_CALLED,  /* has its turn, and was called meanwhile */
    MEMBER_OVER,
};

struct fair_pool_member {
    struct fair_pool *pool;
    fair_pool_turn *turn;
    void *context;
    _Atomic uint64_t place; /* enum member_state, and where in line it stands if it is ready: in one
                               word, so that nobody takes it for who it was a moment ago */
    struct wake over;
};

#define TICKET 8u /* the states fit below */

struct worker {
    struct fair_pool *pool;
    unsigned number;
    pthread_t thread;
};

/* Each post of the semaphore stands for one member that is ready, or for one thread that ends:
 * whoever has taken a post finds a member. */
struct fair_pool {
    sem_t ready;
    atomic_bool quit;
    _Atomic uint64_t next_ticket;
    _Atomic uint64_t busy_ns;
    unsigned threads;
    unsigned started;
    struct worker worker[FAIR_POOL_MAX_THREADS];
    unsigned members;
    struct fair_pool_member member[];
};

struct fair_pool *fair_pool_new(unsigned threads, unsigned members)
{
    if (threads < 1 || threads > FAIR_POOL_MAX_THREADS || members < 1 ||
        members > FAIR_POOL_MAX_MEMBERS)
        return NULL;
    struct fair_pool *pool = calloc(1, sizeof *pool + members * sizeof *pool->member);
    if (pool == NULL)
        return NULL;
    sem_init(&pool->ready, 0, 0);
    pool->threads = threads;
    pool->members = members;
    for (unsigned i = 0; i < members; i++) {
        pool->member[i].pool = pool;
        atomic_init(&pool->member[i].place, MEMBER_FREE);
        wake_init(&pool->member[i].over);
    }
    return pool;
}

/* ---- the line ---- */

static uint64_t place_of(const struct fair_pool_member *member)
{
    return atomic_load_explicit(&member->place, memory_order_acquire);
}

/* False if the place is not as expected any more; *expected is what it is then. */
static bool change(struct fair_pool_member *member, uint64_t *expected, uint64_t place)
{
    return atomic_compare_exchange_strong_explicit(&member->place, expected, place,
                                                   memory_order_acq_rel, memory_order_acquire);
}

static void stand_in_line(struct fair_pool_member *member)
{
    struct fair_pool *pool = member->pool;
    const uint64_t ticket = atomic_fetch_add_explicit(&pool->next_ticket, 1, memory_order_relaxed);
    atomic_store_explicit(&member->place, ticket * TICKET + MEMBER_READY, memory_order_release);
    sem_post(&pool->ready);
}

void fair_pool_call(struct fair_pool_member *member)
{
    uint64_t place = place_of(member);
    while (place == MEMBER_IDLE || place == MEMBER_RUNNING) {
        /* Idle becomes running first, so that of two who call only one puts it in line. */
        const bool idle = place == MEMBER_IDLE;
        if (change(member, &place, idle ? MEMBER_RUNNING : MEMBER_CALLED)) {
            if (idle)
                stand_in_line(member);
            return;
        }
    }
}

/* Takes whoever has waited longest. There is one, because a post was taken; another thread may be
 * faster with the one that was found, then there is a next. */
static struct fair_pool_member *take_next(struct fair_pool *pool)
{
    for (;;) {
        struct fair_pool_member *next = NULL;
        uint64_t first = UINT64_MAX;
        for (unsigned i = 0; i < pool->members; i++) {
            const uint64_t place = place_of(&pool->member[i]);
            if (place % TICKET == MEMBER_READY && place < first) {
                first = place;
                next = &pool->member[i];
            }
        }
        if (next != NULL && change(next, &first, MEMBER_RUNNING))
            return next;
    }
}

static void end_turn(struct fair_pool_member *member, enum fair_pool_next next)
{
    uint64_t running = MEMBER_RUNNING;
    if (next == FAIR_POOL_OVER) {
        atomic_store_explicit(&member->place, MEMBER_OVER, memory_order_release);
        wake_signal(&member->over);
    } else if (next == FAIR_POOL_MORE || !change(member, &running, MEMBER_IDLE)) {
        stand_in_line(member);
    }
}

static void *serve(void *context)
{
    const struct worker *worker = context;
    struct fair_pool *pool = worker->pool;
    for (;;) {
        while (sem_wait(&pool->ready) != 0 && errno == EINTR)
            ;
        if (atomic_load_explicit(&pool->quit, memory_order_acquire))
            return NULL;
        struct fair_pool_member *member = take_next(pool);
        const uint64_t begin_ns = clock_monotonic_ns();
        const enum fair_pool_next next = member->turn(member->context, worker->number);
        atomic_fetch_add_explicit(&pool->busy_ns, clock_monotonic_ns() - begin_ns,
                                  memory_order_relaxed);
        end_turn(member, next);
    }
}

/* ---- start and stop ---- */

enum tutti_status fair_pool_start(struct fair_pool *pool, const char *name,
                                  struct tutti_error *error)
{
    while (pool->started < pool->threads) {
        struct worker *worker = &pool->worker[pool->started];
        *worker = (struct worker){.pool = pool, .number = pool->started};
        const enum tutti_status status = thread_start(&worker->thread, name, serve, worker, error);
        if (status != TUTTI_OK) {
            fair_pool_stop(pool);
            return status;
        }
        pool->started++;
    }
    return TUTTI_OK;
}

void fair_pool_stop(struct fair_pool *pool)
{
    atomic_store_explicit(&pool->quit, true, memory_order_release);
    for (unsigned i = 0; i < pool->started; i++)
        sem_post(&pool->ready);
    for (unsigned i = 0; i < pool->started; i++)
        pthread_join(pool->worker[i].thread, NULL);
    pool->started = 0;
}

void fair_pool_free(struct fair_pool *pool)
{
    if (pool == NULL)
        return;
    fair_pool_stop(pool);
    for (unsigned i = 0; i < pool->members; i++)
        wake_destroy(&pool->member[i].over);
    sem_destroy(&pool->ready);
    free(pool);
}

/* ---- members ---- */

struct fair_pool_member *fair_pool_enter(struct fair_pool *pool, fair_pool_turn *turn,
                                         void *context)
{
    for (unsigned i = 0; i < pool->members; i++) {
        struct fair_pool_member *member = &pool->member[i];
        if (place_of(member) != MEMBER_FREE)
            continue;
        member->turn = turn;
        member->context = context;
        atomic_store_explicit(&member->place, MEMBER_IDLE, memory_order_release);
        return member;
    }
    return NULL;
}

void fair_pool_wait_until_over(struct fair_pool_member *member)
{
    while (place_of(member) != MEMBER_OVER)
        wake_wait_ms(&member->over, 1000);
}

void fair_pool_leave(struct fair_pool_member *member)
{
    if (member != NULL)
        atomic_store_explicit(&member->place, MEMBER_FREE, memory_order_release);
}

unsigned fair_pool_threads(const struct fair_pool *pool)
{
    return pool->threads;
}

uint64_t fair_pool_busy_ns(const struct fair_pool *pool)
{
    return atomic_load_explicit(&pool->busy_ns, memory_order_relaxed);
}
