#include "daemon/analysis.h"
#include "daemon/analyzer.h"
#include "daemon/hearing.h"
#include "daemon/messages.h"
#include "tests/support/tiny_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The tiny model has a window of 23 columns of 10 ms with 18 bands, and 3 labels. What it hears is
 * replaced by something that can be foretold: label 0 is the share of the window's columns that
 * are loud, label 1 the opposite, label 2 always 0.9. */
enum { COLUMNS = 23, BANDS = 18, LABELS = 3, RATE_HZ = 32000, FRAMES_MAX = 256 };
#define WINDOW_S 0.23
#define LOUD_BAND 0.0f /* log-mel after scaling: digital silence is at -1.4 */

struct ear {
    unsigned runs;
    unsigned freed;
};

static void run_ear(void *network, const float *columns, uint64_t position, float *probabilities)
{
    struct ear *ear = network;
    (void)position;
    unsigned loud = 0;
    for (int c = 0; c < COLUMNS; c++) {
        float largest = columns[(ptrdiff_t)c * BANDS];
        for (int b = 1; b < BANDS; b++)
            largest = fmaxf(largest, columns[(ptrdiff_t)c * BANDS + b]);
        loud += largest > LOUD_BAND;
    }
    probabilities[0] = (float)loud / COLUMNS;
    probabilities[1] = 1 - probabilities[0];
    probabilities[2] = 0.9f;
    ear->runs++;
}

static void free_ear(void *network)
{
    struct ear *ear = network;
    ear->freed++;
}

struct fixture {
    struct model *model;
    struct ear ear;
    struct inference inference;
    struct tutti_error error;
    float threshold[LABELS];
    struct analysis_config config;
    bool (*progress)(double *last, double done);
    double last;
    unsigned char *wav;
    struct sound_file *file;
    struct analysis *analysis;
    double t[FRAMES_MAX];
    float probability[FRAMES_MAX * LABELS]; /* [frames][labels of the analysis] */
};

static enum tutti_status take_frame(void *context, const struct analysis *analysis, double t_s,
                                    const float *probability, struct tutti_error *error)
{
    struct fixture *f = context;
    (void)error;
    assert_true(analysis->frames < FRAMES_MAX);
    f->t[analysis->frames] = t_s;
    memcpy(f->probability + analysis->frames * analysis->labels, probability,
           analysis->labels * sizeof *probability);
    return TUTTI_OK;
}

static bool take_progress(void *context, double done)
{
    struct fixture *f = context;
    return f->progress == NULL || f->progress(&f->last, done);
}

static enum tutti_status open_ear(void *context, struct inference *inference,
                                  struct tutti_error *error)
{
    struct fixture *f = context;
    (void)error;
    *inference = f->inference;
    return TUTTI_OK;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->model = tiny_model_open();
    f->inference =
        (struct inference){.network = &f->ear, .run = run_ear, .free = free_ear, .kernel = "ear"};
    for (int i = 0; i < LABELS; i++)
        f->threshold[i] = 0.5f;
    f->config = (struct analysis_config){.hop_s = 0.05,
                                         .threshold = f->threshold,
                                         .frame = take_frame,
                                         .progress = take_progress,
                                         .context = f};
    *state = f;
    return f->model != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    analysis_free(f->analysis);
    sound_file_close(f->file);
    free(f->wav);
    model_close(f->model);
    free(f);
    return 0;
}

static void put(unsigned char *at, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

/* Opens interleaved float samples as a wav file in memory. */
static void open_sound(struct fixture *f, const float *samples, size_t frames, unsigned channels,
                       unsigned rate_hz)
{
    uint32_t size = (uint32_t)(frames * channels * sizeof(float));
    sound_file_close(f->file);
    free(f->wav);
    f->wav = malloc(44 + size);
    memcpy(f->wav, "RIFF....WAVEfmt ....", 20);
    put(f->wav + 4, 36 + size, 4);
    put(f->wav + 16, 16, 4);
    put(f->wav + 20, 3, 2); /* IEEE float */
    put(f->wav + 22, channels, 2);
    put(f->wav + 24, rate_hz, 4);
    put(f->wav + 28, rate_hz * channels * 4, 4);
    put(f->wav + 32, channels * 4, 2);
    put(f->wav + 34, 32, 2);
    memcpy(f->wav + 36, "data", 4);
    put(f->wav + 40, size, 4);
    memcpy(f->wav + 44, samples, size);
    f->file = sound_file_open_memory(f->wav, 44 + size, "a sound", &f->error);
    if (f->file == NULL)
        fail_msg("%s", f->error.text);
}

/* seconds of silence with noise from on_s to off_s, on one channel of several. */
static void open_noise(struct fixture *f, double seconds, double on_s, double off_s,
                       unsigned channels, unsigned loud_channel)
{
    size_t frames = (size_t)lround(seconds * RATE_HZ);
    float *samples = calloc(frames * channels + 1, sizeof *samples);
    uint32_t random = 1;
    for (size_t i = 0; i < frames; i++) {
        random = random * 1664525u + 1013904223u;
        double t = (double)i / RATE_HZ;
        if (t >= on_s && t < off_s)
            samples[i * channels + loud_channel] = (float)(random >> 8) / 8388608.0f - 1.0f;
    }
    open_sound(f, samples, frames, channels, RATE_HZ);
    free(samples);
}

static struct analysis *analyze(struct fixture *f)
{
    analysis_free(f->analysis);
    f->analysis = NULL;
    f->error.text[0] = '\0';
    struct hearing *hearing = hearing_new(f->model, open_ear, f);
    struct analyzer *analyzer = analyzer_new(f->model, &f->config, f->file, "a sound", &f->error);
    struct hearing_piece *piece;
    while (analyzer != NULL && (piece = analyzer_read(analyzer)) != NULL) {
        hearing_hear(hearing, piece);
        analyzer_take(analyzer, piece);
    }
    if (analyzer != NULL)
        f->analysis = analyzer_finish(analyzer, &f->error);
    hearing_free(hearing);
    return f->analysis;
}

static void refuses_numbers_out_of_range(void **state)
{
    struct fixture *f = *state;
    static const double wrong_hops[] = {0, -1, 0.001, 0.24, 100, NAN, INFINITY};
    for (size_t i = 0; i < sizeof wrong_hops / sizeof *wrong_hops; i++) {
        open_noise(f, 1, 0, 1, 1, 0);
        f->config.hop_s = wrong_hops[i];
        assert_null(analyze(f));
        assert_string_not_equal(f->error.text, "");
    }
    f->config.hop_s = 0.05;
    open_noise(f, 1, 0, 1, 1, 0);
    f->config.smoothing_s = 31;
    assert_null(analyze(f));
    f->config.smoothing_s = 0;
    open_noise(f, 1, 0, 1, 1, 0);
    f->threshold[1] = 1;
    assert_null(analyze(f));
    assert_int_equal(f->ear.runs, 0);
    assert_int_equal(analysis_check_hop(f->model, 0.23, NULL), TUTTI_OK);
    assert_int_equal(analysis_check_hop(f->model, 0.2301, &f->error), TUTTI_ERROR_ARGUMENT);
    assert_non_null(strstr(f->error.text, "longer than the model's window of 0.23 s"));
    analysis_free(NULL);
}

static bool give_up(double *last, double done)
{
    assert_true(done >= *last && done <= 1);
    *last = done;
    return done < 0.5;
}

static void can_be_given_up(void **state)
{
    struct fixture *f = *state;
    f->progress = give_up;
    open_noise(f, 10, 0, 10, 1, 0);
    assert_null(analyze(f));
    assert_true(f->last >= 0.5 && f->last < 0.65);
    assert_int_equal(f->ear.freed, 1);
    assert_string_equal(f->error.text, "the analysis of a sound was given up");
}

static void finds_an_entry_and_an_exit(void **state)
{
    struct fixture *f = *state;
    open_noise(f, 3, 1, 2, 1, 0);
    const struct analysis *a = analyze(f);
    assert_non_null(a);
    assert_string_equal(a->name, "a sound");
    assert_string_equal(a->model, "tiny");
    assert_int_equal(a->rate_hz, RATE_HZ);
    assert_true(fabs(a->duration_s - 3) < 1e-9);
    assert_true(fabs(a->window_s - WINDOW_S) < 1e-9);
    assert_true(fabs(a->hop_s - 0.05) < 1e-9);
    assert_int_equal(a->labels, LABELS);
    assert_string_equal(a->label[0], "low");
    assert_string_equal(a->label[1], "middle");
    assert_string_equal(a->label[2], "high");

    /* 300 columns give 60 hops of 5; a window ends a hop after its last centre. */
    assert_int_equal(a->frames, 60);
    for (size_t k = 0; k < a->frames; k++)
        assert_true(fabs(f->t[k] - (0.05 * (double)(k + 1))) < 1e-9);
    assert_true(f->probability[10 * LABELS] == 0); /* t = 0.55 */
    assert_true(f->probability[30 * LABELS] == 1); /* t = 1.55 */
    assert_true(f->probability[30 * LABELS + 1] == 0);
    assert_true(f->probability[30 * LABELS + 2] == 0.9f);
    assert_true(f->probability[50 * LABELS] == 0);

    assert_true(a->instrument[0].present && a->instrument[1].present && a->instrument[2].present);
    size_t lows = 0;
    for (size_t i = 0; i < a->cues; i++) {
        assert_true(a->cue[i].off_s >= a->cue[i].on_s && a->cue[i].off_s <= 3);
        assert_true(i == 0 || a->cue[i].on_s >= a->cue[i - 1].on_s);
        if (strcmp(a->cue[i].label, "low") != 0)
            continue;
        lows++;
        assert_true(fabs(a->cue[i].on_s - 1) < WINDOW_S);
        assert_true(fabs(a->cue[i].off_s - 2) < WINDOW_S);
        assert_true(a->cue[i].confidence > 0.5f && a->cue[i].confidence <= 1);
    }
    assert_int_equal(lows, 1);
    assert_int_equal(f->ear.freed, 1);
    /* Silence is not shown to the network: only windows (0.23 s) that hold a column whose level, of
     * the last 0.4 s, comes from the sound between 1 and 2 s. */
    assert_int_equal(f->ear.runs, 32);
}

/* mean and max leave out the windows that reach back before the sound. */
static void means_are_of_whole_windows(void **state)
{
    struct fixture *f = *state;
    open_noise(f, 1, 0, 1, 1, 0);
    const struct analysis *a = analyze(f);
    assert_non_null(a);
    assert_true(f->probability[0] < 0.3f); /* 5 columns of 23 */
    assert_true(a->instrument[0].mean == 1 && a->instrument[0].max == 1);
    assert_true(a->instrument[1].mean == 0 && a->instrument[1].max == 0);
    assert_true(fabsf(a->instrument[2].mean - 0.9f) < 1e-6f);

    f->config.smoothing_s = 10;
    open_noise(f, 1, 0, 1, 1, 0);
    a = analyze(f);
    assert_true(a->instrument[0].mean == 1); /* smoothing is for the frames and cues */
    assert_true(f->probability[(a->frames - 1) * LABELS] < 0.5f);
}

static void repeats_what_is_shorter_than_a_window(void **state)
{
    struct fixture *f = *state;
    static const double seconds[] = {0.229, 0.1, 0.02};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        open_noise(f, seconds[i], 0, 1, 1, 0);
        const struct analysis *a = analyze(f);
        assert_non_null(a);
        assert_int_equal(a->frames, 1);
        assert_true(fabs(a->duration_s - seconds[i]) < 1.0 / RATE_HZ);
        assert_true(f->t[0] == a->duration_s);
        assert_true(f->probability[0] == 1);
        assert_true(a->instrument[0].mean == 1);
        assert_true(a->instrument[0].present && !a->instrument[1].present);
        assert_int_equal(a->cues, 2);
        assert_true(a->cue[0].on_s == 0 && a->cue[0].off_s == a->duration_s);
    }
    /* One sample, and exactly a window. */
    open_sound(f, &(float){0.5f}, 1, 1, RATE_HZ);
    assert_non_null(analyze(f));
    assert_int_equal(f->analysis->frames, 1);
    open_noise(f, WINDOW_S, 0, 1, 1, 0);
    assert_non_null(analyze(f));
    assert_int_equal(f->analysis->frames, 4);
}

static void takes_the_channel_that_is_wanted(void **state)
{
    struct fixture *f = *state;
    static const struct {
        unsigned channels;
        bool loud;
    } cases[] = {{0, true}, {1, false}, {2, true}, {3, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->config.channels = cases[i].channels;
        open_noise(f, 1, 0, 1, 3, 1);
        assert_non_null(analyze(f));
        assert_true((f->analysis->instrument[0].max > 0.5f) == cases[i].loud);
    }
    f->config.channels = 4; /* which daemons refuse, too */
    open_noise(f, 1, 0, 1, 3, 1);
    assert_null(analyze(f));
    assert_string_equal(f->error.text, "channel 4 was asked for, but a sound has 3 channels");
}

static void leaves_out_disabled_labels(void **state)
{
    struct fixture *f = *state;
    const bool enabled[LABELS] = {true, false, true};
    f->config.enabled = enabled;
    open_noise(f, 1, 0, 1, 1, 0);
    const struct analysis *a = analyze(f);
    assert_non_null(a);
    assert_int_equal(a->labels, 2);
    assert_string_equal(a->label[1], "high");
    assert_true(f->probability[(a->frames - 1) * 2 + 1] == 0.9f);
    assert_true(a->instrument[1].max == 0.9f);
    for (size_t i = 0; i < a->cues; i++)
        assert_string_not_equal(a->cue[i].label, "middle");
}

static void survives_samples_that_are_no_numbers(void **state)
{
    struct fixture *f = *state;
    static float samples[RATE_HZ];
    for (size_t i = 0; i < RATE_HZ; i++)
        samples[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY;
    open_sound(f, samples, RATE_HZ, 1, RATE_HZ);
    const struct analysis *a = analyze(f);
    assert_non_null(a);
    for (size_t i = 0; i < a->frames * a->labels; i++)
        assert_true(isfinite(f->probability[i]));
}

/* Any rate: what is heard keeps its place in time. */
static void works_at_any_rate(void **state)
{
    struct fixture *f = *state;
    static const unsigned rates[] = {8000, 11025, 44100, 96000, 384000};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        size_t frames = rates[i];
        float *samples = calloc(frames, sizeof *samples);
        for (size_t k = frames / 2; k < frames; k++)
            samples[k] = k * 2000 / rates[i] % 2 == 0 ? 0.8f : -0.8f; /* 1 kHz */
        open_sound(f, samples, frames, 1, rates[i]);
        free(samples);
        const struct analysis *a = analyze(f);
        assert_non_null(a);
        assert_true(a->duration_s == 1);
        assert_int_equal(a->frames, 20);
        bool found = false;
        for (size_t k = 0; k < a->cues; k++) {
            if (strcmp(a->cue[k].label, "low") == 0)
                found = fabs(a->cue[k].on_s - 0.5) < WINDOW_S && a->cue[k].off_s > 0.9;
        }
        assert_true(found);
    }
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(refuses_numbers_out_of_range),
        TEST(can_be_given_up),
        TEST(finds_an_entry_and_an_exit),
        TEST(means_are_of_whole_windows),
        TEST(repeats_what_is_shorter_than_a_window),
        TEST(takes_the_channel_that_is_wanted),
        TEST(leaves_out_disabled_labels),
        TEST(survives_samples_that_are_no_numbers),
        TEST(works_at_any_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
