#include "daemon/fair_pool.h"

#include "daemon/thread.h"
#include "daemon/wake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LONG_MS 3600000 /* beyond the time limit */

static void refuses_what_is_out_of_range(void **state)
{
    (void)state;
    assert_null(fair_pool_new(0, 1));
    assert_null(fair_pool_new(1, 0));
    assert_null(fair_pool_new(FAIR_POOL_MAX_THREADS + 1, 1));
    assert_null(fair_pool_new(1, FAIR_POOL_MAX_MEMBERS + 1));
    fair_pool_free(NULL);
    fair_pool_leave(NULL);
}

/* ---- the line, on one thread ---- */

enum { LINE = 100, TURNS_EACH = 50 };

struct line {
    struct fair_pool_member *member[LINE];
    atomic_uint turns[LINE];
    unsigned order[LINE * (TURNS_EACH + 1)];
    atomic_uint total;
    struct wake gate;
};

struct place {
    struct line *line;
    unsigned number;
};

/* Each has more to do, until it had TURNS_EACH turns. */
static enum fair_pool_next note_order(void *context, unsigned thread)
{
    const struct place *place = context;
    struct line *line = place->line;
    assert_int_equal(thread, 0);
    const unsigned total = atomic_fetch_add(&line->total, 1);
    if (total == 0)
        wake_wait_ms(&line->gate, LONG_MS); /* until all others stand in line */
    line->order[total] = place->number;
    return atomic_fetch_add(&line->turns[place->number], 1) + 1 < TURNS_EACH ? FAIR_POOL_MORE
                                                                             : FAIR_POOL_OVER;
}

/* However much each has to do, between two turns of one lie turns of each other one, exactly one.
 */
static void serves_all_in_turn(void **state)
{
    (void)state;
    static struct line line;
    static struct place place[LINE];
    wake_init(&line.gate);
    struct fair_pool *pool = fair_pool_new(1, LINE);
    assert_non_null(pool);
    assert_int_equal(fair_pool_threads(pool), 1);
    for (unsigned i = 0; i < LINE; i++) {
        place[i] = (struct place){&line, i};
        line.member[i] = fair_pool_enter(pool, note_order, &place[i]);
        assert_non_null(line.member[i]);
    }
    assert_null(fair_pool_enter(pool, note_order, &place[0]));
    assert_int_equal(fair_pool_start(pool, "test", NULL), TUTTI_OK);
    for (unsigned i = 0; i < LINE; i++)
        fair_pool_call(line.member[i]);
    wake_signal(&line.gate);
    for (unsigned i = 0; i < LINE; i++)
        fair_pool_wait_until_over(line.member[i]);
    assert_int_equal(atomic_load(&line.total), LINE * TURNS_EACH);
    for (unsigned i = 0; i < LINE * TURNS_EACH; i++)
        assert_int_equal(line.order[i], i % LINE);
    for (unsigned i = 0; i < LINE; i++) {
        fair_pool_call(line.member[i]); /* nothing */
        fair_pool_leave(line.member[i]);
    }
    assert_ptr_equal(fair_pool_enter(pool, note_order, &place[0]), line.member[0]);
    fair_pool_free(pool);
    wake_destroy(&line.gate);
}

/* ---- work for several threads ---- */

enum { THREADS = 4, MEMBERS = 9, CALLERS = 3, CALLS = 4000 };

struct worker_state {
    struct fair_pool_member *member;
    atomic_uint ordered; /* pieces of work */
    unsigned done;       /* guarded by the pool: one turn at a time */
    atomic_bool inside;
    atomic_bool end;
    atomic_uint turns;
};

static enum fair_pool_next work(void *context, unsigned thread)
{
    struct worker_state *worker = context;
    assert_true(thread < THREADS);
    assert_false(atomic_exchange(&worker->inside, true));
    const bool end = atomic_load(&worker->end);
    const bool more = worker->done < atomic_load(&worker->ordered);
    worker->done += more;
    atomic_fetch_add(&worker->turns, 1);
    atomic_store(&worker->inside, false);
    return more ? FAIR_POOL_MORE : end ? FAIR_POOL_OVER : FAIR_POOL_IDLE;
}

static void *order_work(void *context)
{
    struct worker_state *workers = context;
    for (unsigned i = 0; i < CALLS; i++) {
        struct worker_state *worker = &workers[i % MEMBERS];
        atomic_fetch_add(&worker->ordered, 1);
        fair_pool_call(worker->member);
    }
    return NULL;
}

/* No call is lost, whoever calls when, and no member has two turns at once. */
static void no_call_is_lost(void **state)
{
    (void)state;
    static struct worker_state workers[MEMBERS];
    struct fair_pool *pool = fair_pool_new(THREADS, MEMBERS);
    assert_int_equal(fair_pool_start(pool, "test", NULL), TUTTI_OK);
    for (unsigned i = 0; i < MEMBERS; i++)
        workers[i].member = fair_pool_enter(pool, work, &workers[i]);
    pthread_t caller[CALLERS];
    for (unsigned i = 0; i < CALLERS; i++)
        assert_int_equal(thread_start(&caller[i], "caller", order_work, workers, NULL), TUTTI_OK);
    for (unsigned i = 0; i < CALLERS; i++)
        pthread_join(caller[i], NULL);
    unsigned done = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        atomic_store(&workers[i].end, true);
        fair_pool_call(workers[i].member);
        fair_pool_wait_until_over(workers[i].member);
        assert_int_equal(workers[i].done, atomic_load(&workers[i].ordered));
        done += workers[i].done;
        fair_pool_leave(workers[i].member);
    }
    assert_int_equal(done, CALLERS * CALLS);
    assert_true(fair_pool_busy_ns(pool) > 0);
    fair_pool_free(pool);
}

/* ---- calls during a turn, and stopping ---- */

struct gate {
    struct wake reached;
    struct wake open;
    atomic_uint turns;
};

static enum fair_pool_next pass_gate(void *context, unsigned thread)
{
    struct gate *gate = context;
    (void)thread;
    wake_signal(&gate->reached);
    wake_wait_ms(&gate->open, LONG_MS);
    return atomic_fetch_add(&gate->turns, 1) + 1 < 3 ? FAIR_POOL_IDLE : FAIR_POOL_OVER;
}

static void a_call_during_a_turn_gives_one_more(void **state)
{
    (void)state;
    struct gate gate = {.turns = 0};
    wake_init(&gate.reached);
    wake_init(&gate.open);
    struct fair_pool *pool = fair_pool_new(2, 1);
    struct fair_pool_member *member = fair_pool_enter(pool, pass_gate, &gate);
    fair_pool_call(member); /* before the threads run, and twice: once */
    fair_pool_call(member);
    assert_int_equal(fair_pool_start(pool, "test", NULL), TUTTI_OK);
    assert_true(wake_wait_ms(&gate.reached, LONG_MS));
    fair_pool_call(member);
    fair_pool_call(member);
    wake_signal(&gate.open);
    assert_true(wake_wait_ms(&gate.reached, LONG_MS)); /* the second turn */
    wake_signal(&gate.open);
    while (atomic_load(&gate.turns) < 2)
        wake_wait_ms(&gate.reached, 1);
    assert_int_equal(atomic_load(&gate.turns), 2);
    fair_pool_call(member);
    assert_true(wake_wait_ms(&gate.reached, LONG_MS));
    wake_signal(&gate.open);
    fair_pool_wait_until_over(member);
    assert_int_equal(atomic_load(&gate.turns), 3);
    fair_pool_stop(pool);
    fair_pool_stop(pool);
    fair_pool_free(pool);
    wake_destroy(&gate.reached);
    wake_destroy(&gate.open);
}

/* A member that goes on for ever does not keep the pool from stopping. */
static enum fair_pool_next go_on(void *context, unsigned thread)
{
    (void)thread;
    wake_signal(context);
    return FAIR_POOL_MORE;
}

static void stops_although_there_is_more(void **state)
{
    (void)state;
    struct wake wake;
    wake_init(&wake);
    struct fair_pool *pool = fair_pool_new(3, 2);
    assert_int_equal(fair_pool_start(pool, "test", NULL), TUTTI_OK);
    fair_pool_call(fair_pool_enter(pool, go_on, &wake));
    fair_pool_call(fair_pool_enter(pool, go_on, &wake));
    assert_true(wake_wait_ms(&wake, LONG_MS));
    fair_pool_free(pool);
    wake_destroy(&wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_out_of_range),
        cmocka_unit_test(serves_all_in_turn),
        cmocka_unit_test(no_call_is_lost),
        cmocka_unit_test(a_call_during_a_turn_gives_one_more),
        cmocka_unit_test(stops_although_there_is_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
