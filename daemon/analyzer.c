#include "daemon/analyzer.h"

#include "daemon/capture.h"
#include "daemon/feature_stream.h"
#include "daemon/recognition.h"
#include "dsp/convert.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define READ_FRAMES 1024
/* Pieces are long enough for the columns that two of them share, up to a window, to matter little,
 * and short enough for the threads to end at about the same time, and for memory. */
#define PIECE_S 30.0
#define PIECE_HOPS_MAX 256

struct analyzer {
    /* What reads. */
    const struct analysis_config *config;
    struct sound_file *file;
    struct convert_format format; /* of what libsndfile reads */
    int channel;
    float *interleaved; /* [READ_FRAMES][channels] */
    float mono[READ_FRAMES];
    struct feature_stream *stream;
    uint64_t frames_fed;
    uint64_t frames_read;
    bool is_repeated; /* shorter than a window */
    bool ended;
    struct tutti_error read_error; /* status TUTTI_OK: none */

    /* What cuts. */
    double hop_s;
    size_t bands;
    size_t before_columns; /* what a hop's window reaches back to */
    size_t piece_columns;  /* without those before */
    struct hearing_piece *filling;
    struct hearing_piece *first; /* that are full, the oldest first */
    struct hearing_piece *last;
    size_t pieces_read;

    /* What takes. */
    struct analysis *analysis;
    size_t pieces_taken;
    struct tutti_error take_error; /* status TUTTI_OK: none */

    atomic_bool stopped; /* by what takes: more need not be read */
};

static bool out_of_memory(const char *name, struct tutti_error *error)
{
    tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the analysis of %s", name);
    return false;
}

/* ---- cutting ---- */

static void append_full(struct analyzer *analyzer, struct hearing_piece *piece)
{
    if (analyzer->first == NULL)
        analyzer->first = piece;
    else
        analyzer->last->next = piece;
    analyzer->last = piece;
}

static bool begin_piece(struct analyzer *analyzer, const struct hearing_piece *previous)
{
    analyzer->filling =
        hearing_piece_new(analyzer->before_columns + analyzer->piece_columns, analyzer->bands);
    if (analyzer->filling == NULL)
        return false;
    analyzer->filling->hop_s = analyzer->hop_s;
    if (previous != NULL)
        hearing_piece_continue(analyzer->filling, previous, analyzer->before_columns);
    return true;
}

static void take_column(void *context, const struct column *column)
{
    struct analyzer *analyzer = context;
    struct hearing_piece *piece = analyzer->filling;
    if (piece == NULL) /* memory was short */
        return;
    hearing_piece_add(piece, column);
    if (piece->columns - piece->before < analyzer->piece_columns)
        return;
    append_full(analyzer, piece);
    if (!begin_piece(analyzer, piece))
        out_of_memory(analyzer->analysis->name, &analyzer->read_error);
}

static struct hearing_piece *next_full(struct analyzer *analyzer)
{
    struct hearing_piece *piece = analyzer->first;
    if (piece != NULL) {
        analyzer->first = piece->next;
        piece->next = NULL;
        analyzer->pieces_read++;
    }
    return piece;
}

/* ---- reading ---- */

static void feed(struct analyzer *analyzer, const float *mono, size_t frames)
{
    struct capture_block block = {0};
    for (size_t done = 0; done < frames; done += block.frames) {
        size_t n = frames - done < CAPTURE_BLOCK_FRAMES ? frames - done : CAPTURE_BLOCK_FRAMES;
        block.first_frame = analyzer->frames_fed;
        block.frames = (uint32_t)n;
        memcpy(block.samples, mono + done, n * sizeof *mono);
        feature_stream_feed(analyzer->stream, &block);
        analyzer->frames_fed += n;
    }
}

/* Reads up to `frames` (at most READ_FRAMES) into mono; 0 at the end. */
static size_t read_mono(struct analyzer *analyzer, float *mono, size_t frames)
{
    size_t n = sound_file_read(analyzer->file, analyzer->interleaved, frames);
    convert_to_mono(&analyzer->format, analyzer->channel, analyzer->interleaved, n, mono);
    analyzer->frames_read += n;
    return n;
}

/* Whether reading ended because the sound did. */
static bool ended_well(struct analyzer *analyzer, const char *name, struct tutti_error *error)
{
    if (sound_file_failed(analyzer->file))
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "the sound file %s is damaged after %.2f s",
                        name, (double)analyzer->frames_read / analyzer->format.rate_hz);
    else if (analyzer->frames_read == 0)
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "there is no sound in the file %s", name);
    else
        return true;
    return false;
}

/* Reads the first window's worth into first[frames], and repeats what there is if there is not that
 * much. */
static void read_first_window(struct analyzer *analyzer, float *first, size_t frames)
{
    size_t count = 0;
    while (count < frames) {
        size_t wanted = frames - count;
        size_t n = read_mono(analyzer, first + count, wanted < READ_FRAMES ? wanted : READ_FRAMES);
        if (n == 0)
            break;
        count += n;
    }
    analyzer->is_repeated = count < frames;
    for (size_t i = count; count > 0 && i < frames; i++)
        first[i] = first[i - count];
}

static void end_reading(struct analyzer *analyzer)
{
    feature_stream_finish(analyzer->stream);
    struct hearing_piece *piece = analyzer->filling;
    if (piece != NULL && piece->columns > piece->before) {
        append_full(analyzer, piece);
        analyzer->filling = NULL;
    }
    analyzer->ended = analyzer->read_error.status == TUTTI_OK &&
                      ended_well(analyzer, analyzer->analysis->name, &analyzer->read_error);
}

struct hearing_piece *analyzer_read(struct analyzer *analyzer)
{
    while (!atomic_load(&analyzer->stopped) && analyzer->read_error.status == TUTTI_OK) {
        struct hearing_piece *piece = next_full(analyzer);
        if (piece != NULL || analyzer->ended)
            return piece;
        size_t n = analyzer->is_repeated ? 0 : read_mono(analyzer, analyzer->mono, READ_FRAMES);
        if (n > 0)
            feed(analyzer, analyzer->mono, n);
        else
            end_reading(analyzer);
    }
    return NULL;
}

/* ---- taking ---- */

static enum tutti_status take_results(struct analyzer *analyzer, const struct hearing_piece *piece,
                                      struct tutti_error *error)
{
    if (piece->error.status != TUTTI_OK)
        return tutti_error_set(error, piece->error.status, "%s", piece->error.text);
    enum tutti_status status = TUTTI_OK;
    for (size_t i = 0; i < piece->hops && status == TUTTI_OK; i++)
        status = analysis_take(analyzer->analysis, &piece->result[i], error);
    return status;
}

void analyzer_take(struct analyzer *analyzer, struct hearing_piece *piece)
{
    analyzer->pieces_taken++;
    if (analyzer->take_error.status == TUTTI_OK &&
        take_results(analyzer, piece, &analyzer->take_error) != TUTTI_OK)
        atomic_store(&analyzer->stopped, true);
    hearing_piece_free(piece);
}

/* ---- beginning and end ---- */

static void set_piece_size(struct analyzer *analyzer, const struct model *model, size_t hop_columns)
{
    size_t hops = analyzer->config->piece_hops;
    if (hops == 0) {
        double fitting = floor(PIECE_S / feature_stream_column_s(model) / (double)hop_columns);
        hops = (size_t)fmin(fmax(fitting, 1), PIECE_HOPS_MAX);
    }
    analyzer->piece_columns = hops * hop_columns;
    analyzer->before_columns = model_frontend(model)->columns - hop_columns;
    analyzer->bands = model_frontend(model)->mel_bands;
}

/* Makes what the first window's sound needs, which is read. */
static bool make_parts(struct analyzer *analyzer, const struct model *model, const char *name,
                       struct tutti_error *error)
{
    size_t hop_columns;
    const struct analysis_sound sound = {
        .name = name,
        .rate_hz = analyzer->format.rate_hz,
        .frames = analyzer->is_repeated ? analyzer->frames_read : sound_file_frames(analyzer->file),
        .is_repeated = analyzer->is_repeated,
    };
    analyzer->hop_s =
        analyzer->is_repeated ? feature_stream_window_s(model) : analyzer->config->hop_s;
    if (recognition_round_hop(model, analyzer->hop_s, &hop_columns, error) != TUTTI_OK)
        return false;
    set_piece_size(analyzer, model, hop_columns);
    analyzer->analysis = analysis_new(model, analyzer->config, &sound, hop_columns, error);
    if (analyzer->analysis == NULL)
        return false;
    analyzer->stream =
        feature_stream_new(model, analyzer->format.rate_hz, take_column, analyzer, error);
    if (analyzer->stream == NULL)
        return false;
    return begin_piece(analyzer, NULL) || out_of_memory(name, error);
}

static bool begin(struct analyzer *analyzer, const struct model *model, const char *name,
                  struct tutti_error *error)
{
    if (analysis_check_hop(model, analyzer->config->hop_s, error) != TUTTI_OK)
        return false;
    const double window_s = feature_stream_window_s(model);
    size_t frames = (size_t)ceil(window_s * analyzer->format.rate_hz);
    float *first = malloc(frames * sizeof *first);
    analyzer->interleaved =
        calloc((size_t)READ_FRAMES * analyzer->format.channels, sizeof *analyzer->interleaved);
    bool good = (first != NULL && analyzer->interleaved != NULL) || out_of_memory(name, error);
    if (good) {
        read_first_window(analyzer, first, frames);
        good = ended_well(analyzer, name, error) && make_parts(analyzer, model, name, error);
    }
    if (good)
        feed(analyzer, first, frames);
    free(first);
    return good;
}

static void free_analyzer(struct analyzer *analyzer)
{
    struct hearing_piece *piece;
    while ((piece = next_full(analyzer)) != NULL)
        hearing_piece_free(piece);
    hearing_piece_free(analyzer->filling);
    feature_stream_free(analyzer->stream);
    analysis_free(analyzer->analysis);
    free(analyzer->interleaved);
    free(analyzer);
}

struct analyzer *analyzer_new(const struct model *model, const struct analysis_config *config,
                              struct sound_file *file, const char *name, struct tutti_error *error)
{
    struct analyzer *analyzer = calloc(1, sizeof *analyzer);
    if (analyzer == NULL) {
        out_of_memory(name, error);
        return NULL;
    }
    analyzer->config = config;
    analyzer->file = file;
    analyzer->format = (struct convert_format){
        .sample = CONVERT_F32_NATIVE,
        .rate_hz = sound_file_rate_hz(file),
        .channels = sound_file_channels(file),
    };
    analyzer->channel = config->channels == 0 ? CONVERT_MIX : (int)config->channels - 1;
    if (convert_check_channel(analyzer->channel, analyzer->format.channels, name, error) ==
            TUTTI_OK &&
        begin(analyzer, model, name, error))
        return analyzer;
    free_analyzer(analyzer);
    return NULL;
}

/* The first failure, in the order of the sound. */
static enum tutti_status failure(const struct analyzer *analyzer, struct tutti_error *error)
{
    const struct tutti_error *failed =
        analyzer->take_error.status != TUTTI_OK ? &analyzer->take_error : &analyzer->read_error;
    if (failed->status != TUTTI_OK)
        return tutti_error_set(error, failed->status, "%s", failed->text);
    if (!analyzer->ended || analyzer->first != NULL ||
        analyzer->pieces_taken != analyzer->pieces_read)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "the analysis of %s is not complete",
                               analyzer->analysis->name);
    return TUTTI_OK;
}

struct analysis *analyzer_finish(struct analyzer *analyzer, struct tutti_error *error)
{
    struct analysis *analysis = NULL;
    if (failure(analyzer, error) == TUTTI_OK &&
        analysis_finish(analyzer->analysis, analyzer->frames_read, error) == TUTTI_OK) {
        analysis = analyzer->analysis;
        analyzer->analysis = NULL;
    }
    free_analyzer(analyzer);
    return analysis;
}
