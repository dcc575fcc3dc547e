#include "daemon/feature_stream.h"

#include "daemon/clock.h"
#include "tests/dsp/allocations.h"
#include "tests/support/sounds.h"
#include "tests/support/tiny_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The tiny model: 32 kHz, hop 320 (10 ms), window of 23 columns (230 ms). */
enum { MODEL_RATE_HZ = 32000, HOP_FRAMES = 320, WINDOW_COLUMNS = 23, MAX_COLUMNS = 1000 };

static struct model *model;

static int open_model(void **state)
{
    (void)state;
    model = tiny_model_open();
    assert_int_equal(model_frontend(model)->rate_hz, MODEL_RATE_HZ);
    assert_int_equal(model_frontend(model)->hop_frames, HOP_FRAMES);
    assert_int_equal(model_frontend(model)->columns, WINDOW_COLUMNS);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    model_close(model);
    return 0;
}

struct columns {
    size_t count;
    struct column column[MAX_COLUMNS];
};

static void keep(void *context, const struct column *column)
{
    struct columns *columns = context;
    assert_in_range(columns->count, 0, MAX_COLUMNS - 1);
    columns->column[columns->count++] = *column;
}

static struct columns *new_columns(void)
{
    struct columns *columns = calloc(1, sizeof *columns);
    assert_non_null(columns);
    return columns;
}

static struct feature_stream *new_stream(unsigned rate_hz, struct columns *columns)
{
    struct tutti_error error = {.text = ""};
    struct feature_stream *stream = feature_stream_new(model, rate_hz, keep, columns, &error);
    assert_string_equal(error.text, "");
    assert_non_null(stream);
    return stream;
}

/* Feeds samples as the sound from first_frame on, in blocks of block_frames. */
static void feed(struct feature_stream *stream, const float *samples, uint64_t first_frame,
                 size_t frames, size_t block_frames)
{
    for (size_t done = 0; done < frames;) {
        struct capture_block block = {.first_frame = first_frame + done};
        block.frames = (uint32_t)(frames - done < block_frames ? frames - done : block_frames);
        memcpy(block.samples, samples + done, block.frames * sizeof *samples);
        feature_stream_feed(stream, &block);
        done += block.frames;
    }
}

static float *noise(size_t frames)
{
    float *samples = malloc(frames * sizeof *samples);
    uint32_t state = 1;
    for (size_t i = 0; i < frames; i++) {
        state = state * 1664525u + 1013904223u; /* Numerical Recipes' generator */
        samples[i] = (float)(state >> 8) / 16777216.0f - 0.5f;
    }
    return samples;
}

static void refuses_rates_out_of_range(void **state)
{
    (void)state;
    struct tutti_error error = {.text = ""};
    assert_null(feature_stream_new(model, 7999, keep, NULL, &error));
    assert_true(error.status != TUTTI_OK && error.text[0] != '\0');
    assert_null(feature_stream_new(model, 384001, keep, NULL, NULL));
    assert_null(feature_stream_new(model, 0, keep, NULL, NULL));
    feature_stream_free(NULL);
}

static void says_which_front_end_the_model_wants(void **state)
{
    (void)state;
    const struct frontend_config config = feature_stream_frontend(model);
    assert_int_equal(config.rate_hz, MODEL_RATE_HZ);
    assert_int_equal(config.hop_frames, HOP_FRAMES);
    assert_int_equal(config.mel_bands, 18);
    assert_int_equal(frontend_config_check(&config, NULL), TUTTI_OK);
}

struct reference {
    size_t columns;
    size_t bands;
    const struct columns *heard;
};

static void compare(void *context, uint64_t index, const float *bands)
{
    struct reference *reference = context;
    assert_int_equal(index, reference->columns++);
    assert_in_range(index, 0, reference->heard->count - 1);
    assert_memory_equal(bands, reference->heard->column[index].bands,
                        reference->bands * sizeof *bands);
}

/* At the model's own rate the columns are the front end's, bit for bit. */
static void is_the_front_end_at_the_models_rate(void **state)
{
    (void)state;
    enum { FRAMES = 10000 };
    struct columns *columns = new_columns();
    struct feature_stream *stream = new_stream(MODEL_RATE_HZ, columns);
    float *samples = noise(FRAMES);
    feed(stream, samples, 0, FRAMES, CAPTURE_BLOCK_FRAMES);
    feature_stream_finish(stream);
    const struct frontend_config config = feature_stream_frontend(model);
    struct frontend *frontend = frontend_new(&config, NULL);
    struct reference reference = {.bands = config.mel_bands, .heard = columns};
    frontend_feed(frontend, samples, FRAMES, compare, &reference);
    frontend_finish(frontend, compare, &reference);
    assert_int_equal(columns->count, reference.columns);
    assert_int_equal(columns->count, frontend_config_columns(&config, FRAMES));
    frontend_free(frontend);
    feature_stream_free(stream);
    free(samples);
    free(columns);
}

static void is_the_same_for_blocks_of_any_size(void **state)
{
    (void)state;
    enum { FRAMES = 30000 };
    const size_t sizes[] = {1, 7, 100, 255};
    float *samples = noise(FRAMES);
    struct columns *whole = new_columns();
    struct feature_stream *stream = new_stream(44100, whole);
    feed(stream, samples, 0, FRAMES, CAPTURE_BLOCK_FRAMES);
    feature_stream_finish(stream);
    feature_stream_free(stream);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct columns *cut = new_columns();
        stream = new_stream(44100, cut);
        feed(stream, samples, 0, FRAMES, sizes[i]);
        feature_stream_finish(stream);
        assert_int_equal(cut->count, whole->count);
        for (size_t k = 0; k < cut->count; k++) {
            assert_int_equal(cut->column[k].end_frame, whole->column[k].end_frame);
            assert_memory_equal(cut->column[k].bands, whole->column[k].bands, 18 * sizeof(float));
        }
        feature_stream_free(stream);
        free(cut);
    }
    free(whole);
    free(samples);
}

/* A column every 10 ms, whatever the rate, and its time is a hop after its centre. */
static void columns_have_their_place_in_time(void **state)
{
    (void)state;
    const unsigned rates[] = {8000, 22050, 32000, 44100, 48000, 96000};
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        const unsigned rate_hz = rates[r];
        struct columns *columns = new_columns();
        struct feature_stream *stream = new_stream(rate_hz, columns);
        float *samples = noise(rate_hz);
        feed(stream, samples, 0, rate_hz, CAPTURE_BLOCK_FRAMES);
        const size_t before = columns->count;
        assert_in_range(before, 90, 99); /* less than 100 ms wait for more */
        feature_stream_finish(stream);
        assert_int_equal(columns->count, 100);
        for (size_t k = 0; k < columns->count; k++) {
            const struct column *column = &columns->column[k];
            assert_int_equal(column->index, k);
            assert_int_equal(column->end_frame, (k + 1) * rate_hz / 100);
            assert_int_equal(column->lost_frames, 0);
        }
        feature_stream_free(stream);
        free(samples);
        free(columns);
    }
}

/* Each block arrives at the moment at which its last frame sounds. */
static void feed_live(struct feature_stream *stream, unsigned rate_hz, uint64_t first_frame,
                      size_t frames, uint32_t block_frames)
{
    struct capture_block block = {.first_frame = first_frame, .frames = block_frames};
    for (; block.first_frame < first_frame + frames; block.first_frame += block_frames) {
        block.captured_ns =
            CLOCK_NS_PER_S * 1000 + clock_frames_to_ns(block.first_frame + block_frames, rate_hz);
        feature_stream_feed(stream, &block);
    }
}

/* However long the column waited for more, and whatever the block that brought it: its time of
 * capture is that of its end, also where sound was lost, little or much. */
static void columns_have_their_time_of_capture(void **state)
{
    (void)state;
    const unsigned rates[] = {8000, 32000, 44100, 48000, 96000};
    for (size_t r = 0; r < 3 * sizeof rates / sizeof rates[0]; r++) {
        const unsigned rate_hz = rates[r / 3];
        const uint64_t lost[] = {0, rate_hz / 10, 1000 * rate_hz};
        struct columns *columns = new_columns();
        struct feature_stream *stream = new_stream(rate_hz, columns);
        feed_live(stream, rate_hz, 0, rate_hz / 2, 100);
        feed_live(stream, rate_hz, rate_hz + lost[r % 3], rate_hz / 2, 100);
        assert_in_range(columns->count, 80, 200);
        for (size_t k = 0; k < columns->count; k++) {
            const struct column *column = &columns->column[k];
            const uint64_t expected_ns =
                CLOCK_NS_PER_S * 1000 + clock_frames_to_ns(column->end_frame, rate_hz);
            assert_in_range(column->captured_ns, expected_ns - 1, expected_ns + 1);
        }
        feature_stream_free(stream);
        free(columns);
    }
}

/* Analyzing a file there is none. */
static void a_file_has_no_time_of_capture(void **state)
{
    (void)state;
    struct columns *columns = new_columns();
    struct feature_stream *stream = new_stream(48000, columns);
    float *samples = noise(9600);
    feed(stream, samples, 0, 9600, 256);
    feature_stream_finish(stream);
    for (size_t k = 0; k < columns->count; k++)
        assert_int_equal(columns->column[k].captured_ns, 0);
    feature_stream_free(stream);
    free(columns);
    free(samples);
}

static void shows_a_click_where_it_is(void **state)
{
    (void)state;
    enum { FRAMES = 48000, CLICK = 24000 };
    struct columns *columns = new_columns();
    struct feature_stream *stream = new_stream(48000, columns);
    float *samples = calloc(FRAMES, sizeof *samples);
    samples[CLICK] = 1.0f;
    feed(stream, samples, 0, FRAMES, CAPTURE_BLOCK_FRAMES);
    feature_stream_finish(stream);
    size_t loudest = 0;
    for (size_t k = 0; k < columns->count; k++) {
        if (columns->column[k].bands[9] > columns->column[loudest].bands[9])
            loudest = k;
    }
    assert_int_equal(loudest, 50);
    feature_stream_free(stream);
    free(samples);
    free(columns);
}

/* A loss shorter than a window: as if silence had been captured. */
static void fills_a_short_gap_with_silence(void **state)
{
    (void)state;
    enum { BEFORE = 5000, GAP = 4000, AFTER = 5000, ALL = BEFORE + GAP + AFTER };
    float *samples = noise(ALL);
    memset(samples + BEFORE, 0, GAP * sizeof *samples);
    struct columns *whole = new_columns();
    struct feature_stream *stream = new_stream(48000, whole);
    feed(stream, samples, 0, ALL, 100);
    feature_stream_finish(stream);
    feature_stream_free(stream);
    struct columns *gap = new_columns();
    stream = new_stream(48000, gap);
    feed(stream, samples, 0, BEFORE, 100);
    const size_t first_after = gap->count;
    feed(stream, samples + BEFORE + GAP, BEFORE + GAP, AFTER, 100);
    feature_stream_finish(stream);
    assert_int_equal(gap->count, whole->count);
    for (size_t k = 0; k < gap->count; k++) {
        assert_int_equal(gap->column[k].index, k);
        assert_int_equal(gap->column[k].end_frame, whole->column[k].end_frame);
        assert_int_equal(gap->column[k].lost_frames, k == first_after ? GAP : 0);
        assert_int_equal(gap->column[k].inserted, gap->column[k].end_frame > BEFORE &&
                                                      gap->column[k].end_frame <= BEFORE + GAP);
        assert_int_equal(whole->column[k].inserted, 0);
        assert_memory_equal(gap->column[k].bands, whole->column[k].bands, 18 * sizeof(float));
    }
    feature_stream_free(stream);
    free(gap);
    free(whole);
    free(samples);
}

/* A loss longer than a window: what came before is finished, what follows is a new stream. */
static void starts_afresh_after_a_long_gap(void **state)
{
    (void)state;
    const uint64_t later = UINT64_C(48000) * 3600 * 24 * 365; /* a year */
    enum { FRAMES = 9600 };
    float *samples = noise(FRAMES);
    struct columns *columns = new_columns();
    struct feature_stream *stream = new_stream(48000, columns);
    feed(stream, samples, 0, FRAMES, 256);
    feed(stream, samples, later, FRAMES, 256);
    feature_stream_finish(stream);
    assert_int_equal(columns->count, 40);
    for (size_t k = 0; k < 20; k++) {
        const struct column *before = &columns->column[k];
        const struct column *after = &columns->column[20 + k];
        assert_int_equal(before->index, k);
        assert_int_equal(after->index, k);
        assert_int_equal(before->lost_frames, 0);
        assert_int_equal(after->lost_frames, k == 0 ? later - FRAMES : 0);
        assert_true(before->inserted == 0 && after->inserted == 0);
        assert_int_equal(after->end_frame, later + before->end_frame);
        for (size_t i = 0; i < 18; i++) /* the resampler cuts its work at other places: rounding */
            assert_true(fabsf(after->bands[i] - before->bands[i]) < 1e-4f);
    }
    feature_stream_free(stream);
    free(columns);
    free(samples);
}

/* One frame decides between the two. */
static void a_gap_of_one_window_is_still_filled(void **state)
{
    (void)state;
    enum { WINDOW_FRAMES = WINDOW_COLUMNS * 480 };
    for (uint64_t more = 0; more < 2; more++) {
        float *samples = noise(4800);
        struct columns *columns = new_columns();
        struct feature_stream *stream = new_stream(48000, columns);
        feed(stream, samples, 0, 4800, 256);
        feed(stream, samples, 4800 + WINDOW_FRAMES + more, 4800, 256);
        feature_stream_finish(stream);
        uint64_t restarts = 0;
        uint64_t lost = 0;
        for (size_t k = 1; k < columns->count; k++) {
            restarts += columns->column[k].index == 0;
            lost += columns->column[k].lost_frames;
        }
        assert_int_equal(restarts, more);
        assert_int_equal(lost, WINDOW_FRAMES + more);
        feature_stream_free(stream);
        free(columns);
        free(samples);
    }
}

static void counts_what_was_lost_before_the_first_block(void **state)
{
    (void)state;
    float *samples = noise(4800);
    struct columns *columns = new_columns();
    struct feature_stream *stream = new_stream(48000, columns);
    feed(stream, samples, 1000000, 4800, 256);
    feature_stream_finish(stream);
    assert_int_equal(columns->count, 10);
    assert_int_equal(columns->column[0].index, 0);
    assert_int_equal(columns->column[0].lost_frames, 1000000);
    assert_int_equal(columns->column[0].end_frame, 1000480);
    feature_stream_free(stream);
    free(columns);
    free(samples);
}

static void ignores_what_it_was_fed_before(void **state)
{
    (void)state;
    float *samples = noise(9600);
    struct columns *once = new_columns();
    struct columns *twice = new_columns();
    struct feature_stream *stream = new_stream(48000, once);
    feed(stream, samples, 0, 9600, 256);
    feature_stream_finish(stream);
    feature_stream_free(stream);
    stream = new_stream(48000, twice);
    feed(stream, samples, 0, 5000, 256);
    feed(stream, samples, 0, 5000, 256);
    feed(stream, samples + 4900, 4900, 4700, 256);
    feed(stream, samples, 0, 0, 256);
    feature_stream_finish(stream);
    assert_int_equal(twice->count, once->count);
    for (size_t k = 0; k < once->count; k++)
        assert_memory_equal(twice->column[k].bands, once->column[k].bands, 18 * sizeof(float));
    feature_stream_free(stream);
    free(once);
    free(twice);
    free(samples);
}

static void tells_level_and_clipping(void **state)
{
    (void)state;
    enum { FRAMES = 48000 };
    struct columns *columns = new_columns();
    struct feature_stream *stream = new_stream(48000, columns);
    float *samples = malloc(FRAMES * sizeof *samples);
    sound_sine(samples, FRAMES, 1, 48000, 1000.0, 0.5f);
    for (size_t i = 24000; i < 24010; i++)
        samples[i] = 1.0f;
    feed(stream, samples, 0, FRAMES, 256);
    const struct column *last = &columns->column[columns->count - 1];
    assert_true(fabsf(last->level_dbfs + 6.02f) < 0.05f);
    unsigned clipped = 0;
    for (size_t k = 0; k < columns->count; k++) {
        clipped += columns->column[k].clipped;
        if (columns->column[k].clipped) /* the meter hears it before the column is complete */
            assert_in_range(k, 45, 50);
    }
    assert_int_equal(clipped, 1);
    feed(stream, samples, 48000 * 100, 256, 256); /* after a gap there is silence before it */
    feature_stream_finish(stream);
    last = &columns->column[columns->count - 1];
    assert_true(last->level_dbfs < -15.0f);
    feature_stream_free(stream);
    free(samples);
    free(columns);
}

static void takes_no_memory_but_in_new(void **state)
{
    (void)state;
    float *samples = noise(48000);
    struct columns *columns = new_columns();
    struct feature_stream *stream = new_stream(44100, columns);
    const unsigned long before = allocations();
    feed(stream, samples, 0, 48000, 256);
    feed(stream, samples, 50000, 48000, 256);
    feed(stream, samples, 90000000, 48000, 256);
    feature_stream_finish(stream);
    assert_int_equal(allocations(), before);
    assert_true(columns->count > 300);
    feature_stream_free(stream);
    free(samples);
    free(columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_rates_out_of_range),
        cmocka_unit_test(says_which_front_end_the_model_wants),
        cmocka_unit_test(is_the_front_end_at_the_models_rate),
        cmocka_unit_test(is_the_same_for_blocks_of_any_size),
        cmocka_unit_test(columns_have_their_place_in_time),
        cmocka_unit_test(columns_have_their_time_of_capture),
        cmocka_unit_test(a_file_has_no_time_of_capture),
        cmocka_unit_test(shows_a_click_where_it_is),
        cmocka_unit_test(fills_a_short_gap_with_silence),
        cmocka_unit_test(starts_afresh_after_a_long_gap),
        cmocka_unit_test(a_gap_of_one_window_is_still_filled),
        cmocka_unit_test(counts_what_was_lost_before_the_first_block),
        cmocka_unit_test(ignores_what_it_was_fed_before),
        cmocka_unit_test(tells_level_and_clipping),
        cmocka_unit_test(takes_no_memory_but_in_new),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
