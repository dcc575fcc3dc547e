#include "daemon/pipeline.h"

#include "tests/dsp/allocations.h"
#include "tests/support/pause.h"
#include "tests/support/sounds.h"
#include "tests/support/tiny_model.h"

#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { RATE_HZ = 48000 };

static struct model *model; /* columns of 10 ms, window of 23, labels low, middle, high */
static float threshold[MODEL_LABELS_MAX];

static int open_model(void **state)
{
    (void)state;
    model = tiny_model_open();
    for (size_t i = 0; i < model_label_count(model); i++)
        threshold[i] = model_entry_threshold(model, i);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    model_close(model);
    return 0;
}

static struct pipeline_config config_for(const char *input)
{
    return (struct pipeline_config){
        .name = "hall",
        .source = {.input = input, .channel = CAPTURE_MIX_ALL, .stdin_format = "f32le:48000:1"},
        .smoothing_s = 0.0,
        .keep_h = 0.1,
        .threshold = threshold,
    };
}

/* "file:" and the path of `frames` frames of a tone. */
static const char *tone_input(const char *name, int format, size_t frames)
{
    static char input[512];
    float *samples = malloc(frames * sizeof *samples);
    sound_sine(samples, frames, 1, RATE_HZ, 440.0, 0.25f);
    snprintf(input, sizeof input, "file:%s",
             sound_file_write(name, format, RATE_HZ, 1, samples, frames));
    free(samples);
    return input;
}

static struct recognizer_pool *new_pool(double hop_s)
{
    const struct recognizer_pool_config config = {
        .model = model, .hop_s = hop_s, .threads = 2, .sources = 2};
    struct recognizer_pool *made = recognizer_pool_new(&config, NULL);
    assert_non_null(made);
    assert_int_equal(recognizer_pool_start(made, NULL), TUTTI_OK);
    return made;
}

static struct recognizer_pool *pool; /* hop 0.1 s */

static int start_pool(void **state)
{
    (void)state;
    pool = new_pool(0.1);
    return 0;
}

static int stop_pool(void **state)
{
    (void)state;
    recognizer_pool_free(pool);
    return 0;
}

static struct pipeline *new_pipeline(const struct pipeline_config *config)
{
    struct tutti_error error = {.text = ""};
    struct pipeline *pipeline = pipeline_new(pool, config, &error);
    assert_string_equal(error.text, "");
    assert_non_null(pipeline);
    return pipeline;
}

static void refuses_what_its_parts_refuse(void **state)
{
    (void)state;
    struct tutti_error error = {.text = ""};
    struct pipeline_config config = config_for("file:/no/such/file.wav");
    assert_null(pipeline_new(pool, &config, &error));
    assert_non_null(strstr(error.text, "/no/such/file.wav"));
    assert_null(pipeline_new(pool, &config, NULL));
    config = config_for("demo");
    config.keep_h = -1.0;
    assert_null(pipeline_new(pool, &config, &error));
    config = config_for("demo");
    struct pipeline *two[] = {new_pipeline(&config), new_pipeline(&config)};
    assert_null(pipeline_new(pool, &config, &error)); /* the pool is for two */
    assert_non_null(strstr(error.text, "more sources"));
    pipeline_free(two[0]);
    pipeline_free(two[1]);
    pipeline_free(NULL);
}

static void is_idle_until_it_is_started(void **state)
{
    (void)state;
    const struct pipeline_config config = config_for("demo");
    struct pipeline *pipeline = new_pipeline(&config);
    struct timeline_frame frame;
    const struct pipeline_status status = pipeline_status(pipeline);
    assert_string_equal(pipeline_name(pipeline), "hall");
    assert_string_equal(status.source_name, "demo");
    assert_string_equal(status.source_kind, "demo");
    assert_int_equal(status.state, SOURCE_OPEN);
    assert_false(status.stalled);
    assert_int_equal(status.frames, 0);
    assert_int_equal(status.hop_stretch, 1);
    assert_true(fabs(status.hop_s - 0.1) < 1e-9 && fabs(status.window_s - 0.23) < 1e-9);
    assert_false(pipeline_done(pipeline));
    assert_false(timeline_now(pipeline_timeline(pipeline), &frame));
    assert_ptr_equal(pipeline_model(pipeline), model);
    pipeline_free(pipeline);
}

static void count_changes(void *context)
{
    ++*(atomic_uint *)context;
}

struct frames {
    size_t count;
    double last_t;
};

static void count_frames(void *context, const struct timeline_step *step)
{
    struct frames *frames = context;
    frames->count += step->frames;
    frames->last_t = step->t;
}

/* A file, from its first sample to the end of the timeline. */
static void carries_a_file_to_the_timeline(void **state)
{
    (void)state;
    const struct pipeline_config config =
        config_for(tone_input("whole.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, RATE_HZ * 5 / 4));
    struct pipeline *pipeline = new_pipeline(&config);
    struct timeline *timeline = pipeline_timeline(pipeline);
    struct tutti_error error;
    atomic_uint changes = 0;
    pipeline_on_change(pipeline, count_changes, &changes);
    assert_int_equal(pipeline_start(pipeline, &error), TUTTI_OK);
    assert_int_equal(pipeline_start(pipeline, &error), TUTTI_ERROR_ARGUMENT);
    while (!pipeline_done(pipeline))
        pause_ms(20);
    struct frames frames = {0};
    timeline_history(timeline, 0.0, 100.0, 0.1, 1000, count_frames, &frames);
    assert_int_equal(frames.count, 12); /* 125 columns, a hop every 10 */
    struct timeline_frame frame;
    assert_true(timeline_now(timeline, &frame));
    assert_true(fabs(frame.t - 1.2) < 1e-9);
    assert_true(fabsf(frame.level_dbfs + 12.04f) < 0.1f);
    assert_true(atomic_load(&changes) >= 12);
    const struct pipeline_status status = pipeline_status(pipeline);
    assert_int_equal(status.state, SOURCE_ENDED);
    assert_int_equal(status.frames, RATE_HZ * 5 / 4);
    assert_int_equal(status.lost_frames, 0);
    assert_int_equal(status.skipped_hops, 0);
    assert_true(status.lag_ms > 0.0);
    assert_true(status.started > 1.5e9);
    assert_string_equal(timeline_status(timeline).state, "ended");
    assert_string_equal(timeline_status(timeline).source, "whole.wav");
    pipeline_stop(pipeline);
    pipeline_stop(pipeline);
    assert_true(timeline_now(timeline, &frame)); /* still there to be read */
    pipeline_free(pipeline);
}

/* Everything stops cleanly at any moment; the sanitizers look for what is left behind. */
static void stops_at_any_moment(void **state)
{
    (void)state;
    struct pipeline_config config =
        config_for(tone_input("loop.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 10000));
    config.source.repeat = true;
    recognizer_pool_free(pool);
    pool = new_pool(0.01);
    for (long ms = 0; ms < 120; ms = ms * 2 + 1) {
        struct pipeline *pipeline = new_pipeline(&config);
        assert_int_equal(pipeline_start(pipeline, NULL), TUTTI_OK);
        pause_ms(ms);
        assert_false(pipeline_done(pipeline));
        pipeline_stop(pipeline);
        assert_true(pipeline_done(pipeline));
        assert_string_equal(timeline_status(pipeline_timeline(pipeline)).state, "ended");
        pipeline_free(pipeline);
    }
    struct pipeline *pipeline = new_pipeline(&config);
    assert_int_equal(pipeline_start(pipeline, NULL), TUTTI_OK);
    pipeline_free(pipeline); /* without a stop */
}

static void two_pipelines_share_a_model(void **state)
{
    (void)state;
    struct pipeline_config config =
        config_for(tone_input("shared.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, RATE_HZ / 2));
    struct pipeline *one = new_pipeline(&config);
    config.source.input = "demo";
    struct pipeline *other = new_pipeline(&config);
    assert_int_equal(pipeline_start(one, NULL), TUTTI_OK);
    assert_int_equal(pipeline_start(other, NULL), TUTTI_OK);
    while (!pipeline_done(one))
        pause_ms(20);
    struct timeline_frame frame;
    assert_true(timeline_now(pipeline_timeline(one), &frame));
    assert_true(fabs(frame.t - 0.5) < 1e-9);
    while (!timeline_now(pipeline_timeline(other), &frame))
        pause_ms(20);
    pipeline_free(one);
    pipeline_free(other);
}

static void write_sound(int descriptor)
{
    static float sound[2400];
    assert_int_equal(write(descriptor, sound, sizeof sound), sizeof sound);
}

/* Whether all is well with a pipeline that has published something. */
static bool is_well(struct pipeline *pipeline)
{
    struct timeline_frame frame;
    struct timeline *timeline = pipeline_timeline(pipeline);
    return timeline_now(timeline, &frame) && pipeline_health(pipeline).healthy &&
           !pipeline_status(pipeline).stalled &&
           strcmp(timeline_status(timeline).state, "running") == 0;
}

/* A pipe that falls silent without being closed. */
static void health_turns_bad_when_the_source_stalls(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    const struct pipeline_config config = config_for("-");
    struct pipeline *pipeline = new_pipeline(&config);
    struct timeline *timeline = pipeline_timeline(pipeline);
    assert_int_equal(pipeline_start(pipeline, NULL), TUTTI_OK);
    while (!is_well(pipeline)) {
        write_sound(ends[1]);
        pause_ms(20);
    }
    struct health_report report;
    do { /* the listener may have been silent for a moment longer */
        pause_ms(20);
        report = pipeline_health(pipeline);
    } while (report.healthy || report.late != HEALTH_CAPTURE);
    assert_true(report.late_s > 1.0);
    assert_true(pipeline_status(pipeline).stalled);
    assert_int_equal(pipeline_status(pipeline).state, SOURCE_RUNNING);
    while (strcmp(timeline_status(timeline).state, "stalled") != 0)
        pause_ms(20);
    while (!is_well(pipeline)) {
        write_sound(ends[1]);
        pause_ms(20);
    }
    close(ends[1]);
    while (!pipeline_done(pipeline))
        pause_ms(20);
    assert_string_equal(timeline_status(timeline).state, "ended");
    pipeline_free(pipeline);
}

/* After the start no thread takes memory, whatever the format of the file. */
static void takes_no_memory_while_it_runs(void **state)
{
    (void)state;
    const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
                           SF_FORMAT_OGG | SF_FORMAT_OPUS};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct pipeline_config config = config_for(tone_input("memory", formats[i], RATE_HZ * 10));
        struct pipeline *pipeline = new_pipeline(&config);
        struct timeline *timeline = pipeline_timeline(pipeline);
        assert_int_equal(pipeline_start(pipeline, NULL), TUTTI_OK);
        struct timeline_frame frame = {.t = 0.0};
        while (!timeline_now(timeline, &frame) || frame.t < 1.0)
            pause_ms(20);
        const unsigned long before = allocations();
        const double from = frame.t;
        while (!timeline_now(timeline, &frame) || frame.t < from + 1.5)
            pause_ms(20);
        assert_int_equal(allocations(), before);
        pipeline_free(pipeline);
    }
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, start_pool, stop_pool)
    const struct CMUnitTest tests[] = {
        TEST(refuses_what_its_parts_refuse),  TEST(is_idle_until_it_is_started),
        TEST(carries_a_file_to_the_timeline), TEST(stops_at_any_moment),
        TEST(two_pipelines_share_a_model),    TEST(health_turns_bad_when_the_source_stalls),
        TEST(takes_no_memory_while_it_runs),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
