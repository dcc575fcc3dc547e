#include "daemon/listener.h"

#include "daemon/feature_stream.h"
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
    struct backlog backlog;
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
        .backlog = &stage->backlog,
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
    write_sound(&stage, RATE_HZ / 5); /* more than it lets wait, and than the queue takes */
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

/* Half a second of sound, a tenth of which was lost: the silence in its place is marked and does
 * not count as waiting; each column that is taken out counts no longer. */
static void counts_what_was_captured(void **state)
{
    (void)state;
    struct stage stage;
    struct column column;
    size_t inserted = 0;
    open_stage(&stage, 64, 25);
    write_sound(&stage, RATE_HZ / 5);
    capture_skip(stage.capture, RATE_HZ / 10);
    write_sound(&stage, RATE_HZ / 5);
    capture_end(stage.capture);
    assert_int_equal(listener_start(stage.listener, NULL), TUTTI_OK);
    listener_join(stage.listener);
    assert_int_equal(queue_count(stage.columns), 50);
    assert_int_equal(backlog_captured(&stage.backlog, stage.columns), 40);
    for (size_t taken = 1; queue_pop(stage.columns, &column); taken++) {
        backlog_pop(&stage.backlog, column.inserted != 0);
        inserted += column.inserted;
        assert_int_equal(backlog_captured(&stage.backlog, stage.columns), 40 - (taken - inserted));
    }
    assert_int_equal(inserted, 10);
    close_stage(&stage);
}

/* --- when it wakes ------------------------------------------------------------------- */

static void note_column(void *context, const struct column *column)
{
    *(struct column *)context = *column;
}

/* Hears some seconds block by block, and beside that only as often as the listener wakes: each hop
 * is complete with the same block. Returns how many blocks woke it, of how many. */
static void check_pace(unsigned rate_hz, size_t hop_columns, int *woken, int *blocks)
{
    struct column each = {0}, some = {0};
    struct feature_stream *eager = feature_stream_new(model, rate_hz, note_column, &each, NULL);
    struct feature_stream *lazy = feature_stream_new(model, rate_hz, note_column, &some, NULL);
    struct listener_pace pace = listener_pace(model, rate_hz, hop_columns);
    struct capture_block block = {.frames = CAPTURE_BLOCK_FRAMES};
    uint64_t heard = 0, end = 0;
    assert_true(eager != NULL && lazy != NULL);
    *woken = *blocks = 0;
    while (end < 8 * (uint64_t)rate_hz) {
        block.first_frame = end;
        end += block.frames;
        feature_stream_feed(eager, &block);
        (*blocks)++;
        if (end >= listener_next_frame(&pace, heard)) {
            (*woken)++;
            while (heard < end) {
                const uint64_t before = some.end_frame;
                block.first_frame = heard;
                heard += block.frames;
                feature_stream_feed(lazy, &block);
                if (some.end_frame != before)
                    listener_pace_column(&pace, &some, heard);
            }
        }
        assert_int_equal((some.index + 1) / hop_columns, (each.index + 1) / hop_columns);
    }
    feature_stream_free(eager);
    feature_stream_free(lazy);
}

static void wakes_for_every_hop_at_once(void **state)
{
    (void)state;
    static const unsigned rates_hz[] = {8000, 16000, 32000, 44100, 48000, 96000, 192000};
    static const size_t hops[] = {1, 2, 7, 10, 25, 50, 300};
    int woken, blocks;
    for (size_t rate = 0; rate < sizeof rates_hz / sizeof *rates_hz; rate++) {
        for (size_t hop = 0; hop < sizeof hops / sizeof *hops; hop++)
            check_pace(rates_hz[rate], hops[hop], &woken, &blocks);
    }
    check_pace(48000, 25, &woken, &blocks);
    assert_in_range(woken, 8 * 10, blocks / 4);
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
        cmocka_unit_test(counts_what_was_captured),
        cmocka_unit_test(wakes_for_every_hop_at_once),
        cmocka_unit_test(ends_without_having_heard_anything),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
