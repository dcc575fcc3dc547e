#include "daemon/analyzer.h"

#include "daemon/batch.h"
#include "daemon/capture.h"
#include "daemon/feature_stream.h"
#include "daemon/presence.h"
#include "daemon/recognition.h"
#include "dsp/convert.h"
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

#include <cmocka.h>

/* The tiny model has a window of 23 columns of 10 ms and 3 labels. */
enum { LABELS = 3, FRAMES_MAX = 1024, SOUNDS_MAX = 32, JOBS_MAX = 3, PIECE_HOPS = 4 };
#define WINDOW_S 0.23
#define HOP_S 0.05
#define PIECE_S (PIECE_HOPS * HOP_S)

/* What an analysis gave. */
struct outcome {
    size_t frames;
    double t_s[FRAMES_MAX];
    float probability[FRAMES_MAX][LABELS];
    struct analysis *analysis; /* NULL: it failed */
    struct tutti_error error;
};

/* A sound at work. */
struct item {
    struct analysis_config config;
    struct sound_file *file;
    struct analyzer *analyzer;
    struct outcome *outcome;
    size_t frames_max; /* after which the frame callback fails */
};

static struct model *model;
static const float threshold[LABELS] = {0.3f, 0.3f, 0.3f};
static const struct analysis_config plain = {.hop_s = HOP_S, .threshold = threshold};

static int set_up(void **state)
{
    (void)state;
    model = tiny_model_open();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_close(model);
    return 0;
}

/* Writes a sound in which noise, a climbing tone and silence take turns, and returns its path, to
 * be freed. */
static char *write_sound(const char *name, int format, size_t frames, unsigned rate_hz,
                         unsigned channels)
{
    float *samples = calloc(frames * channels, sizeof *samples);
    uint32_t random = 1;
    for (size_t i = 0; i < frames; i++) {
        double t = (double)i / rate_hz;
        unsigned part = (unsigned)(t / 0.31) % 4;
        for (unsigned c = 0; c < channels; c++) {
            random = random * 1664525u + 1013904223u;
            float noise = (float)(random >> 8) / 16777216.0f - 0.5f;
            float tone = (float)(0.4 * sin(6.28 * (200 + 400 * t) * t));
            samples[i * channels + c] = part == 0 ? noise : part < 3 ? tone : 0.0f;
        }
    }
    const char *path = sound_file_write(name, format, rate_hz, channels, samples, frames);
    free(samples);
    return strdup(path);
}

/* ---- analyzing in threads ---- */

struct task {
    char *const *path;
    const struct analysis_config *config;
    size_t frames_max;
    struct outcome *outcome;
    struct hearing *hearing[JOBS_MAX];
};

static enum tutti_status take_frame(void *context, const struct analysis *analysis, double t_s,
                                    const float *probability, struct tutti_error *error)
{
    const struct item *item = context;
    struct outcome *outcome = item->outcome;
    if (analysis->frames >= item->frames_max || analysis->frames != outcome->frames)
        return tutti_error_set(error, TUTTI_ERROR_IO, "there is no room for a frame");
    outcome->t_s[outcome->frames] = t_s;
    memcpy(outcome->probability[outcome->frames++], probability, sizeof *outcome->probability);
    return TUTTI_OK;
}

static void *begin(void *context, size_t index)
{
    struct task *task = context;
    struct item *item = calloc(1, sizeof *item);
    item->config = *task->config;
    item->config.frame = take_frame;
    item->config.context = item;
    item->outcome = &task->outcome[index];
    item->frames_max = task->frames_max;
    item->file = sound_file_open(task->path[index], &item->outcome->error);
    if (item->file != NULL)
        item->analyzer =
            analyzer_new(model, &item->config, item->file, "a sound", &item->outcome->error);
    return item;
}

static void *read_piece(void *context, void *place)
{
    (void)context;
    const struct item *item = place;
    return item->analyzer != NULL ? analyzer_read(item->analyzer) : NULL;
}

static void hear(void *context, unsigned worker, void *place, void *piece)
{
    (void)place;
    hearing_hear(((struct task *)context)->hearing[worker], piece);
}

static void take(void *context, void *place, void *piece)
{
    (void)context;
    analyzer_take(((struct item *)place)->analyzer, piece);
}

static void finish(void *context, size_t index, void *place)
{
    (void)context;
    (void)index;
    struct item *item = place;
    if (item->analyzer != NULL)
        item->outcome->analysis = analyzer_finish(item->analyzer, &item->outcome->error);
    sound_file_close(item->file);
    free(item);
}

static enum tutti_status open_int8(void *context, struct inference *inference,
                                   struct tutti_error *error)
{
    (void)context;
    return inference_open_int8(model, NULL, inference, error);
}

/* The outcomes are to be freed with free_outcomes(). */
static struct outcome *analyze(char *const *path, size_t count,
                               const struct analysis_config *config, size_t frames_max,
                               unsigned jobs)
{
    struct tutti_error error;
    struct task task = {.path = path, .config = config, .frames_max = frames_max};
    task.outcome = calloc(count, sizeof *task.outcome);
    for (size_t i = 0; i < jobs; i++)
        task.hearing[i] = hearing_new(model, open_int8, NULL);
    const struct batch_work work = {.context = &task,
                                    .begin = begin,
                                    .read = read_piece,
                                    .work = hear,
                                    .take = take,
                                    .finish = finish};
    assert_int_equal(batch_run(&work, count, jobs, &error), TUTTI_OK);
    for (size_t i = 0; i < jobs; i++)
        hearing_free(task.hearing[i]);
    return task.outcome;
}

static void free_outcomes(struct outcome *outcome, size_t count)
{
    for (size_t i = 0; i < count; i++)
        analysis_free(outcome[i].analysis);
    free(outcome);
}

static void expect_same(const struct outcome *outcome, const struct outcome *expected)
{
    const struct analysis *one = outcome->analysis;
    const struct analysis *other = expected->analysis;
    if (one == NULL)
        fail_msg("%s", outcome->error.text);
    assert_int_equal(outcome->frames, expected->frames);
    assert_memory_equal(outcome->t_s, expected->t_s, sizeof outcome->t_s);
    assert_memory_equal(outcome->probability, expected->probability, sizeof outcome->probability);
    assert_true(one->duration_s == other->duration_s);
    assert_int_equal(one->cues, other->cues);
    for (size_t i = 0; i < one->cues; i++) {
        assert_string_equal(one->cue[i].label, other->cue[i].label);
        assert_true(one->cue[i].on_s == other->cue[i].on_s);
        assert_true(one->cue[i].off_s == other->cue[i].off_s);
        assert_true(one->cue[i].confidence == other->cue[i].confidence);
    }
    for (size_t i = 0; i < LABELS; i++) {
        assert_true(one->instrument[i].mean == other->instrument[i].mean);
        assert_true(one->instrument[i].max == other->instrument[i].max);
        assert_int_equal(one->instrument[i].present, other->instrument[i].present);
    }
}

/* ---- the same, all in a row ---- */

struct row {
    struct recognition *recognition;
    struct presence *presence;
    struct outcome *outcome;
    unsigned rate_hz;
    struct result result;
};

static void take_column(void *context, const struct column *column)
{
    struct row *row = context;
    struct presence_event events[2 * LABELS];
    struct outcome *outcome = row->outcome;
    if (!recognition_take(row->recognition, column, &row->result))
        return;
    presence_take(row->presence, &row->result, events);
    outcome->t_s[outcome->frames] = (double)row->result.end_frame / row->rate_hz;
    memcpy(outcome->probability[outcome->frames++], presence_probability(row->presence),
           sizeof *outcome->probability);
}

/* The frames of a sound that is not shorter than a window, as the daemon would hear it. */
static void hear_in_a_row(const char *path, double hop_s, struct outcome *outcome)
{
    float *interleaved = calloc(CAPTURE_BLOCK_FRAMES * 2, sizeof *interleaved);
    struct capture_block block = {0};
    struct inference inference;
    struct sound_file *file = sound_file_open(path, NULL);
    struct row row = {.outcome = outcome, .rate_hz = sound_file_rate_hz(file)};
    const struct convert_format format = {.sample = CONVERT_F32_NATIVE,
                                          .rate_hz = row.rate_hz,
                                          .channels = sound_file_channels(file)};
    assert_int_equal(inference_open_int8(model, NULL, &inference, NULL), TUTTI_OK);
    row.recognition = recognition_new(model, hop_s, &inference, NULL);
    row.presence =
        presence_new(&(struct presence_config){.labels = LABELS,
                                               .threshold = threshold,
                                               .rate_hz = row.rate_hz,
                                               .hop_s = recognition_hop_s(row.recognition),
                                               .window_s = WINDOW_S});
    struct feature_stream *stream = feature_stream_new(model, row.rate_hz, take_column, &row, NULL);
    size_t n;
    while ((n = sound_file_read(file, interleaved, CAPTURE_BLOCK_FRAMES)) > 0) {
        convert_to_mono(&format, CONVERT_MIX, interleaved, n, block.samples);
        block.frames = (uint32_t)n;
        feature_stream_feed(stream, &block);
        block.first_frame += n;
    }
    feature_stream_finish(stream);
    feature_stream_free(stream);
    presence_free(row.presence);
    recognition_free(row.recognition);
    sound_file_close(file);
    free(interleaved);
}

/* ---- tests ---- */

/* Lengths around that of a window and of pieces, at all kinds of rates. */
static size_t write_sounds(char **path)
{
    static const double lengths_s[] = {
        0.1, WINDOW_S, PIECE_S, 2 * PIECE_S, 5 * PIECE_S, 5 * PIECE_S + HOP_S, 2.03};
    static const unsigned rates_hz[] = {8000, 44100, 48000};
    const int format = SF_FORMAT_WAV | SF_FORMAT_FLOAT;
    size_t count = 0;
    for (size_t i = 0; i < sizeof lengths_s / sizeof *lengths_s; i++) {
        unsigned rate_hz = rates_hz[i % 3];
        for (size_t more = 0; more < 3; more++) {
            char name[32];
            size_t frames = (size_t)ceil(lengths_s[i] * rate_hz) - 1 + more;
            snprintf(name, sizeof name, "sound%zu.wav", count);
            path[count++] = write_sound(name, format, frames, rate_hz, 1 + (unsigned)(i % 2));
        }
    }
    return count;
}

/* Nothing depends on the pieces, on the number of threads, and on what else is analyzed. */
static void gives_the_same_from_any_pieces_and_threads(void **state)
{
    (void)state;
    static const size_t piece_hops[] = {1, PIECE_HOPS, 0};
    static const double hops_s[] = {0.03, HOP_S, WINDOW_S};
    char *path[SOUNDS_MAX];
    size_t count = write_sounds(path);
    for (size_t h = 0; h < sizeof hops_s / sizeof *hops_s; h++) {
        struct analysis_config config = plain;
        config.hop_s = hops_s[h];
        config.smoothing_s = h == 1 ? 0.3 : 0;
        config.piece_hops = 1000000; /* all in one */
        struct outcome *whole = analyze(path, count, &config, FRAMES_MAX, 1);
        for (size_t p = 0; p < sizeof piece_hops / sizeof *piece_hops; p++) {
            for (unsigned jobs = 1; jobs <= JOBS_MAX; jobs++) {
                config.piece_hops = piece_hops[p];
                struct outcome *cut = analyze(path, count, &config, FRAMES_MAX, jobs);
                for (size_t i = 0; i < count; i++)
                    expect_same(&cut[i], &whole[i]);
                free_outcomes(cut, count);
            }
        }
        free_outcomes(whole, count);
    }
    for (size_t i = 0; i < count; i++)
        free(path[i]);
}

static void hears_what_the_daemon_hears(void **state)
{
    (void)state;
    static const double hops_s[] = {0.01, HOP_S, WINDOW_S};
    static const unsigned rates_hz[] = {8000, 32000, 44100, 48000};
    for (size_t r = 0; r < sizeof rates_hz / sizeof *rates_hz; r++) {
        char *path = write_sound("row.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 3 * rates_hz[r] + 77,
                                 rates_hz[r], 2);
        for (size_t h = 0; h < sizeof hops_s / sizeof *hops_s; h++) {
            struct analysis_config config = plain;
            config.hop_s = hops_s[h];
            config.piece_hops = 3;
            struct outcome *row = calloc(1, sizeof *row);
            hear_in_a_row(path, hops_s[h], row);
            struct outcome *cut = analyze(&path, 1, &config, FRAMES_MAX, 2);
            assert_non_null(cut->analysis);
            assert_int_equal(cut->frames, row->frames);
            assert_int_equal(cut->frames, cut->analysis->frames);
            assert_memory_equal(cut->t_s, row->t_s, sizeof row->t_s);
            assert_memory_equal(cut->probability, row->probability, sizeof row->probability);
            free_outcomes(cut, 1);
            free(row);
        }
        free(path);
    }
}

/* Makes the second half of a file be something else. */
static void damage(const char *path)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fseek(file, size / 2, SEEK_SET);
    for (long i = size / 2; i < size; i++)
        fputc((int)(i * 7919 % 256), file);
    fclose(file);
}

/* Frames may have been passed on, but the result says that the file is not whole; the others are
 * there. */
static void tells_of_a_file_that_is_damaged_in_the_middle(void **state)
{
    (void)state;
    char *path[3];
    struct analysis_config config = plain;
    config.piece_hops = PIECE_HOPS;
    for (size_t i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "flac%zu.flac", i);
        path[i] =
            write_sound(name, SF_FORMAT_FLAC | SF_FORMAT_PCM_16, (size_t)10 * 44100, 44100, 2);
    }
    damage(path[1]);
    for (unsigned jobs = 1; jobs <= JOBS_MAX; jobs++) {
        struct outcome *outcome = analyze(path, 3, &config, FRAMES_MAX, jobs);
        expect_same(&outcome[2], &outcome[0]);
        assert_null(outcome[1].analysis);
        assert_int_equal(outcome[1].error.status, TUTTI_ERROR_FORMAT);
        assert_non_null(strstr(outcome[1].error.text, "the sound file a sound is damaged after "));
        free_outcomes(outcome, 3);
    }
    for (size_t i = 0; i < 3; i++)
        free(path[i]);
}

static void ends_where_a_frame_cannot_be_taken(void **state)
{
    (void)state;
    char *path = write_sound("long.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 48000 * 20, 48000, 1);
    struct analysis_config config = plain;
    config.piece_hops = PIECE_HOPS;
    for (unsigned jobs = 1; jobs <= JOBS_MAX; jobs++) {
        struct outcome *outcome = analyze(&path, 1, &config, 10, jobs);
        assert_null(outcome->analysis);
        assert_int_equal(outcome->frames, 10);
        assert_string_equal(outcome->error.text, "there is no room for a frame");
        free_outcomes(outcome, 1);
    }
    free(path);
}

static enum tutti_status open_nothing(void *context, struct inference *inference,
                                      struct tutti_error *error)
{
    (void)context;
    (void)inference;
    return tutti_error_set(error, TUTTI_ERROR_MEMORY, "there is no network");
}

/* A piece that could not be heard, and pieces that nobody asked for. */
static void is_not_complete_without_every_piece(void **state)
{
    (void)state;
    struct tutti_error error;
    char *path = write_sound("two.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 48000, 48000, 1);
    struct sound_file *file = sound_file_open(path, NULL);
    struct hearing *deaf = hearing_new(model, open_nothing, NULL);
    struct analysis_config config = plain;
    config.piece_hops = PIECE_HOPS;
    struct analyzer *analyzer = analyzer_new(model, &config, file, "two", &error);
    assert_null(analyzer_finish(analyzer, &error));
    assert_string_equal(error.text, "the analysis of two is not complete");

    sound_file_rewind(file);
    analyzer = analyzer_new(model, &config, file, "two", &error);
    struct hearing_piece *piece = analyzer_read(analyzer);
    assert_non_null(piece);
    hearing_hear(deaf, piece);
    analyzer_take(analyzer, piece);
    assert_null(analyzer_read(analyzer));
    assert_null(analyzer_finish(analyzer, &error));
    assert_int_equal(error.status, TUTTI_ERROR_MEMORY);
    assert_string_equal(error.text, "there is no network");

    sound_file_rewind(file);
    analyzer = analyzer_new(model, &config, file, "two", NULL);
    while ((piece = analyzer_read(analyzer)) != NULL)
        hearing_piece_free(piece);
    assert_null(analyzer_finish(analyzer, NULL));
    hearing_free(deaf);
    sound_file_close(file);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_same_from_any_pieces_and_threads),
        cmocka_unit_test(hears_what_the_daemon_hears),
        cmocka_unit_test(tells_of_a_file_that_is_damaged_in_the_middle),
        cmocka_unit_test(ends_where_a_frame_cannot_be_taken),
        cmocka_unit_test(is_not_complete_without_every_piece),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
