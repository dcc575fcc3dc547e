#include "daemon/recognizer.h"

#include "daemon/thread.h"
#include "daemon/wake.h"
#include "tests/support/tiny_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define LONG_MS 3600000 /* beyond the time limit */

static struct model *model; /* columns of 10 ms */

static int open_model(void **state)
{
    (void)state;
    model = tiny_model_open();
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    model_close(model);
    return 0;
}

/* A network that waits for permission before each answer. */
struct gate {
    struct wake open;
    struct wake reached;
    atomic_bool wide_open;
    atomic_uint runs;
    const struct gate *other; /* NULL: none */
    unsigned runs_of_other;   /* at the first run of this one */
};

static void gate_run(void *network, const float *columns, uint64_t position, float *probabilities)
{
    struct gate *gate = network;
    (void)columns;
    (void)position;
    if (atomic_fetch_add(&gate->runs, 1) == 0 && gate->other != NULL)
        gate->runs_of_other = atomic_load(&gate->other->runs);
    wake_signal(&gate->reached);
    while (!atomic_load(&gate->wide_open))
        wake_wait_ms(&gate->open, LONG_MS);
    for (size_t i = 0; i < model_label_count(model); i++)
        probabilities[i] = 0.5f;
}

static void gate_free(void *network)
{
    (void)network;
}

struct stage {
    struct gate gate;
    struct queue *columns;
    struct backlog backlog;
    struct queue *results;
    struct health health;
    struct recognizer_pool *pool;
    struct recognizer *recognizer;
    uint64_t next; /* column */
};

static struct recognizer_pool *new_pool(double hop_s, unsigned sources)
{
    const struct recognizer_pool_config config = {
        .model = model, .hop_s = hop_s, .threads = 1, .sources = sources};
    struct recognizer_pool *pool = recognizer_pool_new(&config, NULL);
    assert_non_null(pool);
    return pool;
}

static void open_stage_in(struct stage *stage, struct recognizer_pool *pool, size_t columns,
                          size_t results)
{
    *stage = (struct stage){.columns = queue_new(sizeof(struct column), columns),
                            .results = queue_new(sizeof(struct result), results)};
    wake_init(&stage->gate.open);
    wake_init(&stage->gate.reached);
    health_init(&stage->health, 1);
    stage->pool = pool;
    struct inference inference = {
        .network = &stage->gate, .run = gate_run, .free = gate_free, .kernel = "gate"};
    const struct recognizer_config config = {
        .pool = pool,
        .recognition = recognition_new(model, recognizer_pool_hop_s(pool), &inference, NULL),
        .columns = stage->columns,
        .backlog = &stage->backlog,
        .results = stage->results,
        .health = &stage->health,
    };
    stage->recognizer = recognizer_new(&config, NULL);
    assert_non_null(stage->recognizer);
}

static void open_stage(struct stage *stage, size_t columns, size_t results, double hop_s)
{
    open_stage_in(stage, new_pool(hop_s, 1), columns, results);
}

/* Without the pool. */
static void leave_stage(struct stage *stage)
{
    recognizer_free(stage->recognizer);
    queue_free(stage->columns);
    queue_free(stage->results);
    wake_destroy(&stage->gate.open);
    wake_destroy(&stage->gate.reached);
}

static void close_stage(struct stage *stage)
{
    leave_stage(stage);
    recognizer_pool_free(stage->pool);
}

static void push(struct stage *stage, size_t count, bool inserted)
{
    for (size_t i = 0; i < count; i++, stage->next++) {
        const struct column column = {
            .index = stage->next, .end_frame = 480 * stage->next, .inserted = inserted};
        backlog_push(&stage->backlog, &column);
        assert_true(queue_push(stage->columns, &column));
    }
    queue_wake(stage->columns);
}

static void push_columns(struct stage *stage, size_t count)
{
    push(stage, count, false);
}

static void open_gate(struct stage *stage)
{
    atomic_store(&stage->gate.wide_open, true);
    wake_signal(&stage->gate.open);
}

/* Hops of 10 columns; the network works on the first one until the gate is opened. */
static void open_held_stage(struct stage *stage)
{
    open_stage(stage, 512, 64, 0.1);
    assert_int_equal(recognizer_pool_start(stage->pool, NULL), TUTTI_OK);
    push_columns(stage, 10);
    assert_true(wake_wait_ms(&stage->gate.reached, LONG_MS));
}

/* The next result is that of a hop of 10 columns. */
static void expect_hop(struct stage *stage, uint64_t hop)
{
    struct result result;
    assert_true(queue_pop(stage->results, &result));
    assert_int_equal(result.end_frame, 480 * (hop * 10 + 9));
}

static void makes_every_result_when_it_keeps_up(void **state)
{
    (void)state;
    struct stage stage;
    struct result result;
    open_stage(&stage, 64, 16, 0.05);
    open_gate(&stage);
    assert_int_equal(recognizer_pool_start(stage.pool, NULL), TUTTI_OK);
    for (uint64_t hop = 1; hop <= 100; hop++) {
        push_columns(&stage, 5);
        while (!queue_pop(stage.results, &result))
            queue_wait(stage.results, LONG_MS);
        assert_int_equal(result.end_frame, 480 * (hop * 5 - 1));
    }
    queue_end(stage.columns);
    recognizer_join(stage.recognizer);
    assert_true(queue_done(stage.results));
    assert_int_equal(recognizer_skipped_hops(stage.recognizer), 0);
    assert_true(atomic_load(&stage.health.last_ns[HEALTH_RECOGNIZER]) > 0);
    close_stage(&stage);
}

/* While the network works on the first hop, 4 s of sound come. What is older than 1.5 s is skipped
 * when it goes on; the results that are made have their true times. */
static void skips_what_is_too_old(void **state)
{
    (void)state;
    struct stage stage;
    open_held_stage(&stage);
    push_columns(&stage, 400);
    queue_end(stage.columns);
    open_gate(&stage);
    recognizer_join(stage.recognizer);
    const uint64_t skipped = recognizer_skipped_hops(stage.recognizer);
    /* 151 columns may be waiting, from column 259 on: the hops that end with 19, 29 ... 249 go. */
    assert_int_equal(skipped, 24);
    expect_hop(&stage, 0);
    for (uint64_t hop = 1 + skipped; hop <= 40; hop++) {
        expect_hop(&stage, hop);
    }
    assert_true(queue_done(stage.results));
    close_stage(&stage);
}

/* While the network works on the first hop, 2.9 s of silence come in the place of lost sound, and
 * what was heard just before it is not taken yet: nobody is too slow. */
static void is_not_behind_for_want_of_sound(void **state)
{
    (void)state;
    struct stage stage;
    open_held_stage(&stage);
    push_columns(&stage, 20);
    push(&stage, 290, true);
    push_columns(&stage, 9); /* less than a hop: nothing has to give way */
    queue_end(stage.columns);
    open_gate(&stage);
    recognizer_join(stage.recognizer);
    assert_int_equal(recognizer_skipped_hops(stage.recognizer), 0);
    for (uint64_t hop = 0; hop < 32; hop++) {
        expect_hop(&stage, hop);
    }
    assert_true(queue_done(stage.results));
    close_stage(&stage);
}

/* Two looks at a window of silence that nobody has taken yet, and at as much sound. */
static void silence_does_not_stretch_the_hop(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 512, 64, 0.1);
    push(&stage, 290, true);
    recognizer_pool_look_at(stage.pool, 1);
    recognizer_pool_look_at(stage.pool, 2);
    assert_int_equal(recognizer_pool_stretch(stage.pool), 1);
    push_columns(&stage, 200);
    recognizer_pool_look_at(stage.pool, 3);
    recognizer_pool_look_at(stage.pool, 4);
    assert_int_equal(recognizer_pool_stretch(stage.pool), 2);
    close_stage(&stage);
}

/* A hop that was heard waits behind the silence: the silence's hops are left out and not counted.
 * With the queue almost full of it, what is heard later is still not behind. */
static void silence_gives_way_to_sound(void **state)
{
    (void)state;
    struct stage stage;
    open_held_stage(&stage);
    push(&stage, 300, true);
    push_columns(&stage, 150);
    queue_end(stage.columns);
    open_gate(&stage);
    recognizer_join(stage.recognizer);
    assert_int_equal(recognizer_skipped_hops(stage.recognizer), 0);
    expect_hop(&stage, 0);
    for (uint64_t hop = 31; hop < 46; hop++) {
        expect_hop(&stage, hop);
    }
    assert_true(queue_done(stage.results));
    close_stage(&stage);
}

/* A publisher that takes nothing costs results, which are counted, but never makes it wait; what
 * was lost meanwhile, and that it clipped, is told by the next result. */
static void does_not_wait_for_the_publisher(void **state)
{
    (void)state;
    struct stage stage;
    struct result result;
    open_stage(&stage, 512, 4, 0.1);
    open_gate(&stage);
    assert_int_equal(recognizer_pool_start(stage.pool, NULL), TUTTI_OK);
    for (; stage.next < 100; stage.next++) {
        const struct column column = {.index = stage.next,
                                      .end_frame = 480 * stage.next,
                                      .lost_frames = stage.next == 72 ? 1000 : 0,
                                      .clipped = stage.next == 55};
        assert_true(queue_push(stage.columns, &column));
    }
    queue_wake(stage.columns);
    while (recognizer_skipped_hops(stage.recognizer) < 6)
        queue_wait(stage.results, 1);
    assert_int_equal(queue_count(stage.results), 4);
    while (queue_pop(stage.results, &result)) {
        assert_int_equal(result.lost_frames, 0);
        assert_int_equal(result.clipped, 0);
    }
    push_columns(&stage, 10);
    queue_end(stage.columns);
    recognizer_join(stage.recognizer);
    assert_true(queue_pop(stage.results, &result));
    assert_int_equal(result.end_frame, 480 * 109);
    assert_int_equal(result.lost_frames, 1000);
    assert_int_equal(result.clipped, 1);
    assert_int_equal(recognizer_skipped_hops(stage.recognizer), 6);
    close_stage(&stage);
}

/* Late at two looks: the hop is stretched, and every second result left out, without being counted
 * as skipped; and of two sources each leaves out another. */
static void leaves_out_hops_where_the_hop_is_stretched(void **state)
{
    (void)state;
    struct recognizer_pool *pool = new_pool(0.05, 2);
    struct stage stage[2];
    for (int i = 0; i < 2; i++) {
        open_stage_in(&stage[i], pool, 128, 64);
        open_gate(&stage[i]);
        push_columns(&stage[i], 100); /* 1 s; nobody takes them yet */
    }
    assert_int_equal(recognizer_pool_stretch(pool), 1);
    recognizer_pool_look_at(pool, 1);
    assert_int_equal(recognizer_pool_stretch(pool), 1);
    recognizer_pool_look_at(pool, 2);
    assert_int_equal(recognizer_pool_stretch(pool), 2);
    assert_true(recognizer_pool_longest_hop_s(pool) > 0.099);
    assert_int_equal(recognizer_pool_start(pool, NULL), TUTTI_OK);
    for (int i = 0; i < 2; i++) {
        queue_end(stage[i].columns);
        recognizer_join(stage[i].recognizer);
        assert_int_equal(recognizer_skipped_hops(stage[i].recognizer), 0);
        struct result result;
        for (uint64_t hop = i == 0 ? 2 : 1; hop <= 20; hop += 2) {
            assert_true(queue_pop(stage[i].results, &result));
            assert_int_equal(result.end_frame, 480 * (hop * 5 - 1));
        }
        assert_true(queue_done(stage[i].results));
    }
    leave_stage(&stage[0]);
    leave_stage(&stage[1]);
    recognizer_pool_free(pool);
}

/* One source has 1 s of sound waiting when the other gets its first hop: that one has the next
 * turn.
 */
static void a_source_that_is_behind_does_not_hold_up_another(void **state)
{
    (void)state;
    struct recognizer_pool *pool = new_pool(0.1, 2);
    struct stage behind;
    struct stage fresh;
    open_stage_in(&behind, pool, 128, 64);
    open_stage_in(&fresh, pool, 128, 64);
    fresh.gate.other = &behind.gate;
    open_gate(&fresh);
    push_columns(&behind, 100);
    assert_int_equal(recognizer_pool_start(pool, NULL), TUTTI_OK);
    assert_true(wake_wait_ms(&behind.gate.reached, LONG_MS));
    push_columns(&fresh, 10);
    queue_end(fresh.columns);
    queue_end(behind.columns);
    open_gate(&behind);
    recognizer_join(fresh.recognizer);
    recognizer_join(behind.recognizer);
    assert_int_equal(fresh.gate.runs_of_other, 1);
    assert_int_equal(queue_count(fresh.results), 1);
    assert_int_equal(queue_count(behind.results), 10);
    leave_stage(&behind);
    leave_stage(&fresh);
    recognizer_pool_free(pool);
}

static void ends_without_having_heard_anything(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 64, 4, 0.1);
    assert_int_equal(recognizer_pool_start(stage.pool, NULL), TUTTI_OK);
    queue_end(stage.columns);
    recognizer_join(stage.recognizer);
    assert_true(queue_done(stage.results));
    close_stage(&stage);
    recognizer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_every_result_when_it_keeps_up),
        cmocka_unit_test(skips_what_is_too_old),
        cmocka_unit_test(is_not_behind_for_want_of_sound),
        cmocka_unit_test(silence_does_not_stretch_the_hop),
        cmocka_unit_test(silence_gives_way_to_sound),
        cmocka_unit_test(does_not_wait_for_the_publisher),
        cmocka_unit_test(leaves_out_hops_where_the_hop_is_stretched),
        cmocka_unit_test(a_source_that_is_behind_does_not_hold_up_another),
        cmocka_unit_test(ends_without_having_heard_anything),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
