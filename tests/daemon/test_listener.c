#include "daemon/listener.h"

#include "daemon/messages.h"
#include "tests/support/tiny_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RATE_HZ = 48000, LONG_MS = 3600000 /* beyond the time limit */ };

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

struct stage {
    struct capture *capture;
    struct queue *columns;
    struct health health;
    struct listener *listener;
};

static void open_stage(struct stage *stage, size_t columns, size_t hop_columns)
{
    *stage = (struct stage){.capture = capture_new(RATE_HZ, 3000),
                            .columns = queue_new(sizeof(struct column), columns)};
    health_init(&stage->health, 1);
    const struct listener_config config = {
        .model = model,
        .capture = stage->capture,
        .columns = stage->columns,
        .hop_columns = hop_columns,
        .health = &stage->health,
    };
    stage->listener = listener_new(&config, NULL);
    assert_non_null(stage->listener);
}

static void close_stage(struct stage *stage)
{
    listener_join(stage->listener);
    listener_free(stage->listener);
    queue_free(stage->columns);
    capture_free(stage->capture);
}

static void write_sound(struct stage *stage, size_t frames)
{
    float *samples = calloc(frames, sizeof *samples);
    capture_write(stage->capture, samples, frames, 1, CAPTURE_MIX_ALL, 1.0f);
    free(samples);
}

/* A queue far too short: the listener waits for its reader, and nothing is lost or out of order. */
static void waits_for_a_slow_recognizer(void **state)
{
    (void)state;
    struct stage stage;
    struct column column;
    open_stage(&stage, 8, 25);
    write_sound(&stage, 2 * RATE_HZ);
    capture_end(stage.capture);
    assert_int_equal(listener_start(stage.listener, NULL), TUTTI_OK);
    uint64_t expected = 0;
    while (!queue_done(stage.columns)) {
        queue_wait(stage.columns, LONG_MS);
        while (queue_pop(stage.columns, &column)) {
            assert_int_equal(column.index, expected++);
            assert_int_equal(column.lost_frames, 0);
        }
    }
    assert_int_equal(expected, 200);
    assert_true(atomic_load(&stage.health.last_ns[HEALTH_LISTENER]) > 0);
    close_stage(&stage);
}

/* With a hop longer than the queue the recognizer has to be woken before the hop is complete. */
static void wakes_the_recognizer_before_the_queue_is_full(void **state)
{
    (void)state;
    struct stage stage;
    struct column column;
    open_stage(&stage, 8, 6000);
    assert_int_equal(listener_start(stage.listener, NULL), TUTTI_OK);
    write_sound(&stage, RATE_HZ / 10); /* 10 columns, less those that wait for more */
    queue_wait(stage.columns, LONG_MS);
    while (queue_count(stage.columns) < 4)
        queue_wait(stage.columns, 1);
    assert_true(queue_pop(stage.columns, &column));
    assert_int_equal(column.index, 0);
    while (queue_pop(stage.columns, &column))
        ;
    capture_end(stage.capture);
    while (!queue_done(stage.columns)) {
        queue_wait(stage.columns, LONG_MS);
        while (queue_pop(stage.columns, &column))
            ;
    }
    close_stage(&stage);
}

static void ends_without_having_heard_anything(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, 8, 25);
    assert_int_equal(listener_start(stage.listener, NULL), TUTTI_OK);
    capture_end(stage.capture);
    listener_join(stage.listener);
    assert_true(queue_done(stage.columns));
    close_stage(&stage);
    open_stage(&stage, 8, 25); /* and without having been started */
    close_stage(&stage);
    listener_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_a_slow_recognizer),
        cmocka_unit_test(wakes_the_recognizer_before_the_queue_is_full),
        cmocka_unit_test(ends_without_having_heard_anything),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
