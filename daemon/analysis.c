#include "daemon/analysis.h"

#include "daemon/capture.h"
#include "daemon/feature_stream.h"
#include "daemon/presence.h"
#include "daemon/recognition.h"
#include "dsp/convert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define READ_FRAMES 1024
#define FIRST_FRAMES 256 /* of the result, before it grows */
#define FIRST_CUES 64
#define WINDOW_MAX_S 60.0

/* What is at work while a file is analyzed. */
struct run {
    const struct analysis_config *config;
    struct sound_file *file;
    const char *name;
    struct tutti_error *error;
    struct analysis *analysis; /* being made */

    struct convert_format format; /* of what libsndfile reads */
    int channel;
    float *interleaved; /* [READ_FRAMES][channels] */
    float mono[READ_FRAMES];
    uint64_t frames_fed;
    uint64_t frames_read;
    size_t window_frames; /* of the model's window, at the file's rate */
    size_t window_columns;
    bool is_short; /* shorter than the window, and therefore repeated */

    size_t model_labels;
    size_t *label; /* [labels] index into the model's labels */
    struct feature_stream *stream;
    struct recognition *recognition;
    struct presence *presence;
    struct presence_event *events; /* [2 * labels of the model] */
    struct result result;
    double *sum; /* [labels] of the probabilities of whole windows */
    size_t whole_windows;
    size_t frames_room;
    size_t cues_room;
    bool out_of_memory;
};

/* ---- the result ---- */

/* Makes *array of elements of `size` bytes hold at least count + 1 of them. */
static bool make_room(void *array, size_t *room, size_t count, size_t first, size_t size)
{
    void *old;
    memcpy(&old, array, sizeof old);
    if (old != NULL && count < *room)
        return true;
    size_t wanted = old == NULL ? first : 2 * *room;
    void *grown = wanted <= SIZE_MAX / size ? realloc(old, wanted * size) : NULL;
    if (grown == NULL)
        return false;
    memcpy(array, &grown, sizeof grown);
    *room = wanted;
    return true;
}

static double seconds(const struct run *run, uint64_t frames)
{
    return (double)frames / run->format.rate_hz;
}

static bool add_cue(struct run *run, const struct presence_event *event, const char *label)
{
    struct analysis *analysis = run->analysis;
    if (!make_room(&analysis->cue, &run->cues_room, analysis->cues, FIRST_CUES,
                   sizeof *analysis->cue))
        return false;
    analysis->cue[analysis->cues++] = (struct cue){
        .label = label,
        .on_s = seconds(run, event->frame),
        .off_s = -1,
        .confidence = event->confidence,
    };
    return true;
}

static void end_cue(struct run *run, const struct presence_event *event, const char *label)
{
    for (size_t i = run->analysis->cues; i-- > 0;) {
        struct cue *cue = &run->analysis->cue[i];
        if (cue->label == label) {
            cue->off_s = seconds(run, event->frame);
            cue->confidence = event->confidence; /* of the whole stay rather than of its start */
            return;
        }
    }
}

static void take_events(struct run *run, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        const struct presence_event *event = &run->events[k];
        size_t i = 0;
        while (run->label[i] != event->label)
            i++;
        run->analysis->instrument[i].present = true;
        if (event->change == PRESENCE_OFFSET)
            end_cue(run, event, run->analysis->label[i]);
        else if (!add_cue(run, event, run->analysis->label[i]))
            run->out_of_memory = true;
    }
}

static void add_frame(struct run *run)
{
    struct analysis *analysis = run->analysis;
    size_t room = run->frames_room;
    if (!make_room(&analysis->t, &room, analysis->frames, FIRST_FRAMES, sizeof(double)) ||
        !make_room(&analysis->probability, &run->frames_room, analysis->frames, FIRST_FRAMES,
                   analysis->labels * sizeof(float))) {
        run->out_of_memory = true;
        return;
    }
    analysis->t[analysis->frames] = seconds(run, run->result.end_frame);
    const float *smoothed = presence_probability(run->presence);
    for (size_t i = 0; i < analysis->labels; i++)
        analysis->probability[analysis->frames * analysis->labels + i] = smoothed[run->label[i]];
    analysis->frames++;
}

/* Until the first whole window the windows with silence before the sound stand in. */
static void add_to_means(struct run *run, uint64_t column_index)
{
    bool whole = column_index + 1 >= run->window_columns;
    if (!whole && run->whole_windows > 0)
        return;
    struct analysis *analysis = run->analysis;
    if (whole && run->whole_windows++ == 0) {
        memset(run->sum, 0, analysis->labels * sizeof *run->sum);
        for (size_t i = 0; i < analysis->labels; i++)
            analysis->instrument[i].max = 0;
    }
    for (size_t i = 0; i < analysis->labels; i++) {
        float p = run->result.probability[run->label[i]];
        run->sum[i] += (double)p;
        analysis->instrument[i].max = fmaxf(analysis->instrument[i].max, p);
    }
}

static void take_column(void *context, const struct column *column)
{
    struct run *run = context;
    if (run->out_of_memory || !recognition_take(run->recognition, column, &run->result))
        return;
    take_events(run, presence_take(run->presence, &run->result, run->events));
    add_frame(run);
    add_to_means(run, column->index);
}

static int compare_cues(const void *a, const void *b)
{
    const struct cue *one = a;
    const struct cue *two = b;
    if (one->on_s < two->on_s || one->on_s > two->on_s)
        return one->on_s < two->on_s ? -1 : 1;
    return one->label < two->label ? -1 : one->label > two->label ? 1 : 0;
}

static void complete(struct run *run)
{
    struct analysis *analysis = run->analysis;
    take_events(run, presence_finish(run->presence, run->frames_fed, run->events));
    analysis->duration_s = seconds(run, run->frames_read);
    size_t windows = run->whole_windows > 0 ? run->whole_windows : analysis->frames;
    for (size_t i = 0; i < analysis->labels && windows > 0; i++)
        analysis->instrument[i].mean = (float)(run->sum[i] / (double)windows);
    for (size_t k = 0; k < analysis->frames; k++)
        analysis->t[k] =
            run->is_short ? analysis->duration_s : fmin(analysis->t[k], analysis->duration_s);
    for (size_t k = 0; k < analysis->cues; k++) {
        struct cue *cue = &analysis->cue[k];
        /* In a sound that was repeated a place within it means nothing. */
        cue->on_s = run->is_short ? 0 : fmin(cue->on_s, analysis->duration_s);
        cue->off_s = run->is_short ? analysis->duration_s : fmin(cue->off_s, analysis->duration_s);
    }
    if (analysis->cues > 0)
        qsort(analysis->cue, analysis->cues, sizeof *analysis->cue, compare_cues);
}

/* ---- the sound ---- */

static void feed(struct run *run, const float *mono, size_t frames)
{
    struct capture_block block = {0};
    for (size_t done = 0; done < frames; done += block.frames) {
        size_t n = frames - done < CAPTURE_BLOCK_FRAMES ? frames - done : CAPTURE_BLOCK_FRAMES;
        block.first_frame = run->frames_fed;
        block.frames = (uint32_t)n;
        memcpy(block.samples, mono + done, n * sizeof *mono);
        feature_stream_feed(run->stream, &block);
        run->frames_fed += n;
    }
}

/* Reads up to `frames` (at most READ_FRAMES) into mono; 0 at the end. */
static size_t read_mono(struct run *run, float *mono, size_t frames)
{
    size_t n = sound_file_read(run->file, run->interleaved, frames);
    convert_to_mono(&run->format, run->channel, run->interleaved, n, mono);
    run->frames_read += n;
    return n;
}

static bool goes_on(struct run *run)
{
    if (run->config->progress == NULL)
        return true;
    double stated = (double)sound_file_frames(run->file);
    double done = stated > 0 ? fmin((double)run->frames_read / stated, 1) : 0;
    if (run->config->progress(run->config->context, done))
        return true;
    tutti_error_set(run->error, TUTTI_ERROR_IO, "the analysis of %s was given up", run->name);
    return false;
}

/* Whether reading ended because the sound did. */
static bool ended_well(struct run *run)
{
    if (sound_file_failed(run->file))
        tutti_error_set(run->error, TUTTI_ERROR_FORMAT, "the sound file %s is damaged after %.2f s",
                        run->name, seconds(run, run->frames_read));
    else if (run->frames_read == 0)
        tutti_error_set(run->error, TUTTI_ERROR_FORMAT, "there is no sound in the file %s",
                        run->name);
    else if (run->out_of_memory)
        tutti_error_set(run->error, TUTTI_ERROR_MEMORY, "out of memory for the analysis of %s",
                        run->name);
    else
        return true;
    return false;
}

/* Reads the first window's worth into first[window_frames], and repeats what there is if there is
 * not that much. */
static void read_first_window(struct run *run, float *first)
{
    size_t count = 0;
    while (count < run->window_frames) {
        size_t wanted = run->window_frames - count;
        size_t n = read_mono(run, first + count, wanted < READ_FRAMES ? wanted : READ_FRAMES);
        if (n == 0)
            break;
        count += n;
    }
    run->is_short = count < run->window_frames;
    for (size_t i = count; count > 0 && i < run->window_frames; i++)
        first[i] = first[i - count];
}

static bool hear(struct run *run, const float *first)
{
    feed(run, first, run->window_frames);
    uint64_t reported = run->frames_read;
    size_t n;
    while (!run->is_short && !run->out_of_memory &&
           (n = read_mono(run, run->mono, READ_FRAMES)) > 0) {
        feed(run, run->mono, n);
        if (run->frames_read - reported < run->format.rate_hz)
            continue;
        reported = run->frames_read;
        if (!goes_on(run))
            return false;
    }
    feature_stream_finish(run->stream);
    if (!ended_well(run))
        return false;
    complete(run);
    return ended_well(run);
}

/* ---- beginning and end ---- */

static bool out_of_memory(const struct run *run)
{
    tutti_error_set(run->error, TUTTI_ERROR_MEMORY, "out of memory for the analysis of %s",
                    run->name);
    return false;
}

static bool make_result(struct run *run, const struct model *model)
{
    struct analysis *analysis = run->analysis;
    run->label = calloc(run->model_labels, sizeof *run->label);
    run->sum = calloc(run->model_labels, sizeof *run->sum);
    run->events = calloc(2 * run->model_labels, sizeof *run->events);
    run->interleaved = calloc((size_t)READ_FRAMES * run->format.channels, sizeof(float));
    analysis->name = strdup(run->name);
    analysis->label = calloc(run->model_labels, sizeof *analysis->label);
    analysis->instrument = calloc(run->model_labels, sizeof *analysis->instrument);
    if (run->label == NULL || run->sum == NULL || run->events == NULL || run->interleaved == NULL ||
        analysis->name == NULL || analysis->label == NULL || analysis->instrument == NULL)
        return out_of_memory(run);
    for (size_t i = 0; i < run->model_labels; i++) {
        if (run->config->enabled != NULL && !run->config->enabled[i])
            continue;
        run->label[analysis->labels] = i;
        strcpy(analysis->label[analysis->labels++], model_label(model, i));
    }
    strcpy(analysis->model, model_name(model));
    analysis->window_s = feature_stream_window_s(model);
    run->window_columns = model_frontend(model)->columns;
    run->window_frames = (size_t)ceil(analysis->window_s * run->format.rate_hz);
    analysis->rate_hz = run->format.rate_hz;
    return true;
}

/* Takes over *inference. */
static bool make_hearing(struct run *run, const struct model *model, struct inference *inference)
{
    struct analysis *analysis = run->analysis;
    double hop_s = run->is_short ? analysis->window_s : run->config->hop_s;
    run->recognition = recognition_new(model, hop_s, inference, run->error);
    if (run->recognition == NULL)
        return false;
    analysis->hop_s = recognition_hop_s(run->recognition);
    run->stream = feature_stream_new(model, run->format.rate_hz, take_column, run, run->error);
    if (run->stream == NULL)
        return false;
    run->presence = presence_new(&(struct presence_config){
        .labels = run->model_labels,
        .threshold = run->config->threshold,
        .enabled = run->config->enabled,
        .rate_hz = run->format.rate_hz,
        .hop_s = analysis->hop_s,
        .window_s = analysis->window_s,
        .smoothing_s = run->is_short ? 0 : run->config->smoothing_s, /* of one result */
    });
    if (run->presence != NULL)
        return true;
    tutti_error_set(run->error, TUTTI_ERROR_ARGUMENT,
                    "out of memory, or a threshold or the smoothing is out of range");
    return false;
}

enum tutti_status analysis_check_hop(const struct model *model, double hop_s,
                                     struct tutti_error *error)
{
    double window_s = feature_stream_window_s(model);
    if (window_s > WINDOW_MAX_S)
        return tutti_error_set(error, TUTTI_ERROR_UNSUPPORTED,
                               "the model's window of %g s is longer than %g s", window_s,
                               WINDOW_MAX_S);
    if (hop_s > window_s)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "the hop of %g s is longer than the model's window of %g s: what "
                               "lies between would go unheard",
                               hop_s, window_s);
    return TUTTI_OK;
}

/* Takes over *inference. */
static bool analyze(struct run *run, const struct model *model, struct inference *inference)
{
    float *first = NULL;
    bool good = analysis_check_hop(model, run->config->hop_s, run->error) == TUTTI_OK &&
                make_result(run, model);
    if (good) {
        first = malloc(run->window_frames * sizeof *first);
        good = first != NULL || out_of_memory(run);
    }
    if (good) {
        read_first_window(run, first);
        good = ended_well(run);
    }
    if (good)
        good = make_hearing(run, model, inference) && hear(run, first);
    else
        inference->free(inference->network);
    free(first);
    return good;
}

struct analysis *analysis_run(const struct model *model, const struct analysis_config *config,
                              struct sound_file *file, const char *name,
                              struct inference *inference, struct tutti_error *error)
{
    struct run *run = calloc(1, sizeof *run);
    struct analysis *analysis = calloc(1, sizeof *analysis);
    bool good = false;
    if (run != NULL && analysis != NULL) {
        run->config = config;
        run->file = file;
        run->name = name;
        run->error = error;
        run->analysis = analysis;
        run->format = (struct convert_format){
            .sample = CONVERT_F32_NATIVE,
            .rate_hz = sound_file_rate_hz(file),
            .channels = sound_file_channels(file),
        };
        run->channel = config->channels == 0 ? CONVERT_MIX : (int)config->channels - 1;
        run->model_labels = model_label_count(model);
        good = analyze(run, model, inference);
        feature_stream_free(run->stream);
        recognition_free(run->recognition);
        presence_free(run->presence);
        free(run->interleaved);
        free(run->label);
        free(run->events);
        free(run->sum);
    } else {
        inference->free(inference->network);
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the analysis of %s", name);
    }
    free(run);
    if (good)
        return analysis;
    analysis_free(analysis);
    return NULL;
}

void analysis_free(struct analysis *analysis)
{
    if (analysis == NULL)
        return;
    free(analysis->name);
    free(analysis->label);
    free(analysis->instrument);
    free(analysis->t);
    free(analysis->probability);
    free(analysis->cue);
    free(analysis);
}
