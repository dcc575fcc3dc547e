/* test_timeline.c - daemon/timeline.h: what is published. Reading it: test_timeline_read.c. */
#include "daemon/timeline.h"

#include "daemon/clock.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/support/timeline_fixture.h"

/* The next event after *last_id as JSON, its name in name[16]; NULL if there is none. */
static cJSON *next_event(struct timeline *timeline, uint64_t *last_id, char *name)
{
    size_t size = timeline_max_event_size(timeline);
    char *text = malloc(size + 1);
    assert_non_null(text);
    uint64_t id = *last_id;
    uint64_t dropped;
    size_t length = timeline_read_events(timeline, &id, &dropped, text, size);
    text[length] = '\0';
    if (length == 0) {
        free(text);
        return NULL;
    }
    assert_int_equal(dropped, 0);
    unsigned long long first;
    int data_at = 0;
    assert_int_equal(sscanf(text, "id: %llu\nevent: %15[a-z]\ndata: %n", &first, name, &data_at),
                     2);
    assert_true(data_at > 0);
    char *end = strchr(text + data_at, '\n');
    assert_int_equal(end[1], '\n');
    *end = '\0';
    cJSON *data = cJSON_ParseWithOpts(text + data_at, NULL, true);
    assert_non_null(data);
    *last_id = first;
    free(text);
    return data;
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static void expect_event(struct timeline *timeline, uint64_t *last_id, const char *expected)
{
    char name[16];
    cJSON *data = next_event(timeline, last_id, name);
    assert_non_null(data);
    assert_string_equal(name, expected);
    cJSON_Delete(data);
}

/* ---- */

static void test_wrong_arguments(void **state)
{
    (void)state;
    const float bad_threshold[] = {0.5f, 1, 0.5f};
    const char *const bad_label[] = {"a", NULL, "c"};
    const bool none[] = {false, false, false};
    struct timeline_config bad[12];
    for (size_t i = 0; i < 12; i++) {
        bad[i] = good_config();
    }
    bad[0].labels = 0;
    bad[1].labels = MAX_LABELS + 1;
    bad[2].label = NULL;
    bad[3].label = bad_label;
    bad[4].threshold = bad_threshold;
    bad[5].model_name = NULL;
    bad[6].rate_hz = 0;
    bad[7].hop_s = NAN;
    bad[8].window_s = 0;
    bad[9].smoothing_s = 31;
    bad[10].keep_h = 169;
    bad[11].enabled = none;
    for (size_t i = 0; i < 12; i++) {
        struct tutti_error error = {.status = TUTTI_OK};
        assert_null(timeline_new(&bad[i], &error));
        assert_int_equal(error.status, TUTTI_ERROR_ARGUMENT);
    }
    timeline_free(NULL);
}

static void test_too_much_history_is_refused(void **state)
{
    (void)state;
    struct timeline_config config = good_config();
    config.keep_h = 168;
    config.hop_s = 0.01;
    struct tutti_error error;
    assert_null(timeline_new(&config, &error));
    assert_non_null(strstr(error.text, "168 hours"));
    assert_non_null(strstr(error.text, "512 MiB"));
}

static void test_before_the_first_result(void **state)
{
    (void)state;
    struct timeline *timeline = new_timeline();
    struct timeline_frame frame;
    struct timeline_step step;
    char text[256];
    uint64_t last = 0;
    uint64_t dropped;
    assert_false(timeline_now(timeline, &frame));
    assert_false(timeline_history_step(timeline, 0, 1e9, &step));
    assert_int_equal(timeline_cues(timeline, NULL, 0), 0);
    assert_int_equal(timeline_read_events(timeline, &last, &dropped, text, sizeof text), 0);
    assert_int_equal(last, timeline_last_id(timeline));
    assert_string_equal(timeline_status(timeline).state, "");
    timeline_finish(timeline);
    assert_int_equal(last, timeline_last_id(timeline));
    timeline_free(timeline);
}

static void test_ids_are_larger_than_those_of_earlier_runs(void **state)
{
    (void)state;
    uint64_t before_ms = (uint64_t)time(NULL) * 1000;
    struct timeline *timeline = new_timeline();
    assert_true(timeline_last_id(timeline) + 1 >= before_ms);
    assert_true(timeline_last_id(timeline) < before_ms + 3600 * 1000);
    timeline_free(timeline);
}

static void test_a_frame(void **state)
{
    (void)state;
    struct timeline *timeline = new_timeline();
    uint64_t first = timeline_last_id(timeline) + 1;
    double before = (double)time(NULL);
    add(timeline, 8, 0.1f, 0.75f, 0.2f);
    assert_int_equal(timeline_last_id(timeline), first + 1); /* the frame and an onset */
    struct timeline_frame frame;
    assert_true(timeline_now(timeline, &frame));
    assert_int_equal(frame.sequence, first);
    assert_true(frame.t == 2);
    assert_true(frame.time >= before && frame.time < before + 3600);
    assert_true(frame.level_dbfs == -20 && frame.peak_dbfs == -10 && !frame.clipped);
    assert_true(frame.probability[1] == 0.75f);
    assert_true(!frame.present[0] && frame.present[1] && !frame.present[2]);

    uint64_t last = 0;
    char name[16];
    cJSON *data = next_event(timeline, &last, name);
    assert_string_equal(name, "frame");
    assert_int_equal(last, first);
    assert_true(number(data, "seq") == (double)first);
    assert_true(number(data, "t") == 2);
    const cJSON *on = cJSON_GetObjectItemCaseSensitive(data, "on");
    assert_int_equal(cJSON_GetArraySize(on), 1);
    assert_string_equal(cJSON_GetArrayItem(on, 0)->valuestring, "flute");
    cJSON_Delete(data);
    expect_event(timeline, &last, "onset");
    assert_null(next_event(timeline, &last, name));
    timeline_free(timeline);
}

static void test_time_of_capture(void **state)
{
    (void)state;
    struct timeline *timeline = new_timeline();
    struct timespec monotonic, wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    struct result result = result_at(4, 0, 0, 0);
    /* captured 10 s ago */
    result.captured_ns =
        (uint64_t)(monotonic.tv_sec - 10) * 1000000000u + (uint64_t)monotonic.tv_nsec;
    timeline_add(timeline, &result);
    struct timeline_frame frame;
    assert_true(timeline_now(timeline, &frame));
    const double earliest = (double)wall.tv_sec - 10 + (double)wall.tv_nsec * 1e-9;
    clock_gettime(CLOCK_REALTIME, &wall);
    const double latest = (double)wall.tv_sec - 10 + (double)wall.tv_nsec * 1e-9;
    assert_true(frame.time > earliest - 0.01 && frame.time < latest + 0.01);
    timeline_free(timeline);
}

static void test_what_is_not_a_number_stays_outside(void **state)
{
    (void)state;
    struct timeline *timeline = new_timeline();
    struct result result = result_at(1, NAN, INFINITY, -INFINITY);
    result.level_dbfs = NAN;
    result.peak_dbfs = -INFINITY;
    timeline_add(timeline, &result);
    uint64_t last = 0;
    char name[16];
    cJSON *data = next_event(timeline, &last, name);
    const cJSON *p = cJSON_GetObjectItemCaseSensitive(data, "p");
    for (int i = 0; i < 3; i++) {
        assert_true(cJSON_IsNumber(cJSON_GetArrayItem(p, i)));
        assert_true(cJSON_GetArrayItem(p, i)->valuedouble == (i == 1 ? 1 : 0));
    }
    assert_true(number(data, "level_dbfs") == -120);
    assert_true(number(data, "peak_dbfs") == -120);
    cJSON_Delete(data);
    timeline_free(timeline);
}

static void test_entries_exits_and_cues(void **state)
{
    (void)state;
    struct timeline *timeline = new_timeline();
    for (uint64_t i = 1; i <= 100; i++) {
        add(timeline, i, i >= 20 && i < 60 ? 0.9f : 0.05f, 0, i >= 80 ? 0.9f : 0);
    }
    struct timeline_cue cues[8];
    assert_int_equal(timeline_cues(timeline, cues, 0), 2);
    assert_int_equal(timeline_cues(timeline, cues, 8), 2);
    assert_int_equal(cues[0].label, 0);
    assert_true(cues[0].on_s > 4 && cues[0].on_s < 5);
    assert_true(cues[0].off_s > 12 && cues[0].off_s < 15);
    assert_true(fabsf(cues[0].confidence - 0.9f) < 0.01f);
    assert_int_equal(cues[1].label, 2);
    assert_true(cues[1].off_s < 0);
    struct timeline_frame frame;
    assert_true(timeline_now(timeline, &frame));
    assert_true(fabs(cues[1].on_time - (frame.time - (frame.t - cues[1].on_s))) < 0.001);

    uint64_t before = timeline_last_id(timeline);
    timeline_finish(timeline);
    assert_int_equal(timeline_cues(timeline, cues, 8), 2);
    assert_true(cues[1].off_s == 25);
    expect_event(timeline, &before, "offset");
    assert_true(timeline_now(timeline, &frame));
    assert_true(frame.t == 25 && !frame.present[2]);

    add(timeline, 101, 0, 0, 0.9f); /* the sound was not over, it paused */
    assert_int_equal(timeline_cues(timeline, cues, 8), 3);
    assert_true(cues[2].label == 2 && cues[2].off_s < 0);
    assert_true(timeline_now(timeline, &frame));
    assert_true(frame.present[2]);
    timeline_free(timeline);
}

/* As that of a machine without a battery, when it has learnt the time. */
static void test_a_clock_that_is_set_corrects_the_past(void **state)
{
    (void)state;
    struct timeline *timeline = new_timeline();
    const uint64_t slow_ns = 10 * CLOCK_NS_PER_S;
    for (uint64_t i = 1; i <= 40; i++) {
        struct result result = result_at(i, i >= 10 ? 0.9f : 0, 0, 0);
        result.captured_ns -= slow_ns; /* as if the clock were slow by that */
        timeline_add(timeline, &result);
    }
    struct timeline_cue cue;
    assert_int_equal(timeline_cues(timeline, &cue, 1), 1);
    const double before = cue.on_time;
    add(timeline, 41, 0.9f, 0, 0);
    assert_int_equal(timeline_cues(timeline, &cue, 1), 1);
    assert_true(fabs(cue.on_time - before - 10) < 0.1);
    struct timeline_frame frame;
    assert_true(timeline_now(timeline, &frame));
    assert_true(fabs(cue.on_time - (frame.time - (frame.t - cue.on_s))) < 0.1);
    timeline_free(timeline);
}

/* More cues than are held, while one instrument sounds all the time. */
static void test_the_oldest_cues_make_room(void **state)
{
    (void)state;
    struct timeline *timeline = new_timeline();
    uint64_t i = 0;
    for (int n = 0; n < 5000; n++) {
        add(timeline, ++i, 0.9f, 0.9f, 0);
        for (int k = 0; k < 4; k++) {
            add(timeline, ++i, 0.9f, 0, 0);
        }
    }
    timeline_finish(timeline);
    struct timeline_cue *cues = calloc(5000, sizeof *cues);
    size_t count = timeline_cues(timeline, cues, 5000);
    assert_int_equal(count, 4096);
    for (size_t k = 0; k < count; k++) {
        assert_int_equal(cues[k].label, 1); /* the cello's was the oldest */
        assert_true(cues[k].off_s >= cues[k].on_s);
        assert_true(k == 0 || cues[k].on_s >= cues[k - 1].on_s);
    }
    free(cues);
    timeline_free(timeline);
}

static void test_disabled_labels_are_left_out(void **state)
{
    (void)state;
    const bool enabled[] = {true, false, true};
    struct timeline_config config = good_config();
    config.enabled = enabled;
    struct timeline *timeline = timeline_new(&config, NULL);
    assert_int_equal(timeline_labels(timeline), 2);
    assert_string_equal(timeline_label(timeline, 1), "piano");
    assert_true(timeline_threshold(timeline, 1) == 0.6f);
    add(timeline, 1, 0.1f, 0.9f, 0.7f);
    struct timeline_frame frame;
    assert_true(timeline_now(timeline, &frame));
    assert_true(frame.probability[1] == 0.7f);
    assert_true(!frame.present[0] && frame.present[1]);
    struct timeline_cue cue;
    assert_int_equal(timeline_cues(timeline, &cue, 1), 1);
    assert_int_equal(cue.label, 1);
    char hello[512];
    assert_true(timeline_hello(timeline, hello, sizeof hello) > 0);
    assert_null(strstr(hello, "flute"));
    timeline_free(timeline);
}

static void test_a_loss_is_a_gap(void **state)
{
    (void)state;
    struct timeline *timeline = new_timeline();
    add(timeline, 1, 0, 0, 0);
    uint64_t last = timeline_last_id(timeline);
    struct result result = result_at(8, 0, 0, 0);
    result.lost_frames = 6 * HOP_FRAMES;
    timeline_add(timeline, &result);
    char name[16];
    cJSON *data = next_event(timeline, &last, name);
    assert_string_equal(name, "gap");
    assert_true(number(data, "lost_s") == 1.5);
    assert_true(number(data, "t") == 2);
    cJSON_Delete(data);
    expect_event(timeline, &last, "frame");
    timeline_free(timeline);
}

static void test_status_is_logged_when_it_changes(void **state)
{
    (void)state;
    struct timeline *timeline = new_timeline();
    uint64_t last = timeline_last_id(timeline);
    struct timeline_status status = {.source = "USB \"Mic\"\n", .state = "running", .lag_ms = 5};
    timeline_set_status(timeline, &status);
    status.lag_ms = NAN;
    timeline_set_status(timeline, &status);
    assert_int_equal(timeline_last_id(timeline), last + 1);
    assert_true(timeline_status(timeline).lag_ms == 0);
    char name[16];
    cJSON *data = next_event(timeline, &last, name);
    assert_string_equal(name, "status");
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(data, "source")->valuestring,
                        "USB \"Mic\"\n");
    cJSON_Delete(data);
    status.overruns = 1;
    timeline_set_status(timeline, &status);
    expect_event(timeline, &last, "status");
    memset(status.source, '\x01', sizeof status.source); /* longest text, no 0 byte */
    timeline_set_status(timeline, &status);
    expect_event(timeline, &last, "status");
    timeline_free(timeline);
}

static void test_a_log_with_the_longest_labels(void **state)
{
    (void)state;
    static char names[MAX_LABELS][64];
    const char *name[MAX_LABELS];
    float threshold[MAX_LABELS];
    for (size_t i = 0; i < MAX_LABELS; i++) {
        memset(names[i], '\x02', 63); /* six bytes each in JSON */
        name[i] = names[i];
        threshold[i] = 0.5f;
    }
    struct timeline_config config = good_config();
    config.labels = MAX_LABELS;
    config.label = name;
    config.threshold = threshold;
    struct timeline *timeline = timeline_new(&config, NULL);
    size_t size = timeline_max_event_size(timeline);
    assert_true(size <= TIMELINE_MAX_EVENT_SIZE);
    struct result result = {.end_frame = UINT64_C(1) << 50, .captured_ns = 1};
    for (size_t i = 0; i < MAX_LABELS; i++) {
        result.probability[i] = 0.987654f;
    }
    uint64_t last = timeline_last_id(timeline);
    timeline_add(timeline, &result);
    assert_int_equal(timeline_last_id(timeline), last + 1 + MAX_LABELS);
    expect_event(timeline, &last, "frame");
    char *text = malloc(size);
    assert_true(timeline_hello(timeline, text, size) > 0);
    free(text);
    timeline_free(timeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_arguments),
        cmocka_unit_test(test_too_much_history_is_refused),
        cmocka_unit_test(test_before_the_first_result),
        cmocka_unit_test(test_ids_are_larger_than_those_of_earlier_runs),
        cmocka_unit_test(test_a_frame),
        cmocka_unit_test(test_time_of_capture),
        cmocka_unit_test(test_what_is_not_a_number_stays_outside),
        cmocka_unit_test(test_entries_exits_and_cues),
        cmocka_unit_test(test_a_clock_that_is_set_corrects_the_past),
        cmocka_unit_test(test_the_oldest_cues_make_room),
        cmocka_unit_test(test_disabled_labels_are_left_out),
        cmocka_unit_test(test_a_loss_is_a_gap),
        cmocka_unit_test(test_status_is_logged_when_it_changes),
        cmocka_unit_test(test_a_log_with_the_longest_labels),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
