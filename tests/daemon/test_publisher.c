#include "daemon/publisher.h"

#include "daemon/clock.h"
#include "tests/support/pause.h"
#include "tests/support/tiny_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const float threshold[2] = {0.5f, 0.5f};
static const char *const label[2] = {"cello", "piano"};

/* The demo as a source that is not started unless a test does so. */
struct stage {
    struct source *source;
    struct capture *capture;
    struct queue *results;
    struct timeline *timeline;
    struct health health;
    struct publisher *publisher;
};

static void open_stage_in(struct stage *stage, const struct recognizer_pool *pool)
{
    const struct source_config source = {.input = "demo", .channel = CAPTURE_MIX_ALL};
    *stage = (struct stage){.source = source_open(&source, NULL),
                            .results = queue_new(sizeof(struct result), 16)};
    assert_non_null(stage->source);
    stage->capture = capture_new(source_rate_hz(stage->source), 100);
    const struct timeline_config timeline = {
        .labels = 2,
        .label = label,
        .threshold = threshold,
        .model_name = "none",
        .version = "0",
        .rate_hz = source_rate_hz(stage->source),
        .hop_s = 0.25,
        .window_s = 3.0,
        .keep_h = 0.1,
    };
    stage->timeline = timeline_new(&timeline, NULL);
    assert_non_null(stage->timeline);
    health_init(&stage->health, clock_monotonic_ns());
    const struct publisher_config publisher = {
        .source = stage->source,
        .capture = stage->capture,
        .pool = pool,
        .results = stage->results,
        .timeline = stage->timeline,
        .window_s = 0.1,
        .health = &stage->health,
    };
    stage->publisher = publisher_new(&publisher, NULL);
    assert_non_null(stage->publisher);
}

static void open_stage(struct stage *stage)
{
    open_stage_in(stage, NULL);
}

static void close_stage(struct stage *stage)
{
    source_stop(stage->source);
    queue_end(stage->results);
    publisher_join(stage->publisher);
    publisher_free(stage->publisher);
    timeline_free(stage->timeline);
    queue_free(stage->results);
    source_close(stage->source);
    capture_free(stage->capture);
}

static void publishes_everything_and_finishes(void **state)
{
    (void)state;
    struct stage stage;
    struct timeline_frame frame;
    open_stage(&stage);
    assert_false(publisher_done(stage.publisher));
    assert_true(publisher_lag_ms(stage.publisher) == 0.0);
    assert_int_equal(publisher_start(stage.publisher, NULL), TUTTI_OK);
    const unsigned rate_hz = source_rate_hz(stage.source);
    for (uint64_t i = 1; i <= 8; i++) {
        const struct result result = {.end_frame = i * rate_hz / 4,
                                      .captured_ns = clock_monotonic_ns() - 5000000,
                                      .probability = {0.9f, 0.1f}};
        assert_true(queue_push(stage.results, &result));
        queue_wake(stage.results);
    }
    queue_end(stage.results);
    publisher_join(stage.publisher);
    assert_true(publisher_done(stage.publisher));
    assert_true(timeline_now(stage.timeline, &frame));
    assert_true(fabs(frame.t - 2.0) < 1e-6);
    assert_true(publisher_lag_ms(stage.publisher) >= 5.0);
    assert_true(atomic_load(&stage.health.last_ns[HEALTH_PUBLISHER]) > 0);
    struct timeline_cue cue;
    assert_int_equal(timeline_cues(stage.timeline, &cue, 1), 1);
    assert_true(cue.off_s >= 0.0); /* the timeline was finished: nothing sounds any more */
    close_stage(&stage);
    publisher_free(NULL);
}

static void wait_for_state(struct stage *stage, const char *wanted)
{
    while (strcmp(timeline_status(stage->timeline).state, wanted) != 0)
        pause_ms(10); /* would run into the time limit */
}

/* The demo runs on while its queue is emptied, however long it takes us to see that. */
static void wait_until_running(struct stage *stage)
{
    struct capture_block block;
    while (strcmp(timeline_status(stage->timeline).state, "running") != 0) {
        while (capture_read(stage->capture, &block))
            ;
        pause_ms(10);
    }
}

/* Without any result the state of the source gets into the timeline, and its overruns do. */
static void reports_the_source_without_results(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);
    assert_int_equal(publisher_start(stage.publisher, NULL), TUTTI_OK);
    assert_int_equal(source_start(stage.source, stage.capture, NULL), TUTTI_OK);
    wait_until_running(&stage);
    assert_string_equal(timeline_status(stage.timeline).source, "demo");
    /* Nobody reads the capture queue: the demo waits for room, and no more samples come. */
    wait_for_state(&stage, "stalled");
    assert_true(publisher_stalled(stage.publisher));
    wait_until_running(&stage);
    source_stop(stage.source);
    assert_false(publisher_stalled(stage.publisher));
    capture_skip(stage.capture, 100);
    while (timeline_status(stage.timeline).overruns != 1)
        pause_ms(10);
    /* It has ended for the timeline only when the last result is there. */
    assert_string_equal(timeline_status(stage.timeline).state, "running");
    queue_end(stage.results);
    wait_for_state(&stage, "ended");
    close_stage(&stage);
}

static void push_result(struct stage *stage, uint64_t end_frame)
{
    const struct result result = {
        .end_frame = end_frame, .captured_ns = clock_monotonic_ns(), .probability = {0.9f}};
    assert_true(queue_push(stage->results, &result));
    queue_wake(stage->results);
}

static void wait_for_cues(struct stage *stage, struct timeline_cue *cues, size_t wanted)
{
    while (timeline_cues(stage->timeline, cues, wanted) < wanted)
        pause_ms(5);
}

/* Something plays, and no sound comes any more: it ends where the sound did, once. With the next
 * result it plays anew. */
static void ends_what_played_when_no_sound_comes(void **state)
{
    (void)state;
    struct stage stage;
    struct timeline_cue cues[2];
    struct timeline_frame frame;
    open_stage(&stage);
    const unsigned rate_hz = source_rate_hz(stage.source);
    push_result(&stage, rate_hz);
    assert_int_equal(publisher_start(stage.publisher, NULL), TUTTI_OK);
    wait_for_cues(&stage, cues, 1);
    assert_true(cues[0].off_s < 0);
    /* Nobody reads the capture queue: the demo waits for room, and no more samples come. */
    assert_int_equal(source_start(stage.source, stage.capture, NULL), TUTTI_OK);
    while (cues[0].off_s < 0) { /* would run into the time limit */
        pause_ms(5);
        timeline_cues(stage.timeline, cues, 1);
    }
    assert_true(publisher_stalled(stage.publisher));
    assert_true(fabs(cues[0].off_s - 1) < 1e-6);
    assert_true(timeline_now(stage.timeline, &frame));
    assert_true(fabs(frame.t - 1) < 1e-6 && !frame.present[0]);
    push_result(&stage, 2 * rate_hz);
    wait_for_cues(&stage, cues, 2);
    while (cues[1].off_s < 0) {
        pause_ms(5);
        timeline_cues(stage.timeline, cues, 2);
    }
    assert_true(fabs(cues[1].off_s - 2) < 1e-6);
    close_stage(&stage);
}

static enum fair_pool_next no_turn(void *context, unsigned thread)
{
    (void)context;
    (void)thread;
    return FAIR_POOL_OVER;
}

/* Two looks at a source that is late: the hop is stretched, which a status event tells. */
static void reports_that_the_hop_is_stretched(void **state)
{
    (void)state;
    struct stage stage;
    struct model *model = tiny_model_open();
    const struct recognizer_pool_config config = {.model = model, .hop_s = 0.25, .sources = 1};
    struct recognizer_pool *pool = recognizer_pool_new(&config, NULL);
    struct recognizer_seat *seat = recognizer_pool_enter(pool, no_turn, NULL);
    open_stage_in(&stage, pool);
    assert_int_equal(publisher_start(stage.publisher, NULL), TUTTI_OK);
    while (timeline_status(stage.timeline).state[0] == '\0')
        pause_ms(5);
    assert_int_equal(timeline_status(stage.timeline).hop_stretch, 1);
    const uint64_t last_id = timeline_last_id(stage.timeline);
    atomic_store(&seat->waiting, 500);
    recognizer_pool_look_at(pool, 1);
    recognizer_pool_look_at(pool, 2);
    while (timeline_status(stage.timeline).hop_stretch != 2)
        pause_ms(5);
    while (timeline_last_id(stage.timeline) == last_id)
        pause_ms(5);
    close_stage(&stage);
    recognizer_pool_leave(seat);
    recognizer_pool_free(pool);
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(publishes_everything_and_finishes),
        cmocka_unit_test(ends_what_played_when_no_sound_comes),
        cmocka_unit_test(reports_that_the_hop_is_stretched),
        cmocka_unit_test(reports_the_source_without_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
