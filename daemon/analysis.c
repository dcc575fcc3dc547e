#include "daemon/analysis.h"

#include "daemon/feature_stream.h"
#include "daemon/presence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CUES 64 /* room for so many, before it grows */

struct analysis_state {
    const struct analysis_config *config;
    struct analysis_sound sound; /* its name is the analysis's */
    size_t model_labels;
    size_t window_columns;
    size_t hop_columns;
    size_t *label; /* [labels] index into the model's labels */
    struct presence *presence;
    struct presence_event *events; /* [2 * labels of the model] */
    float *smoothed;               /* [labels] of the newest frame */
    double *sum;                   /* [labels] of the probabilities of whole windows */
    size_t whole_windows;
    uint64_t reported_frame; /* as far as progress() was told */
    size_t cues_room;
};

static enum tutti_status out_of_memory(const char *name, struct tutti_error *error)
{
    return tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the analysis of %s", name);
}

static double seconds(const struct analysis *analysis, uint64_t frames)
{
    return (double)frames / analysis->rate_hz;
}

/* ---- cues ---- */

static bool make_room_for_a_cue(struct analysis *analysis)
{
    struct analysis_state *state = analysis->state;
    if (analysis->cues < state->cues_room)
        return true;
    size_t wanted = state->cues_room == 0 ? FIRST_CUES : 2 * state->cues_room;
    struct cue *grown = NULL;
    if (wanted <= SIZE_MAX / sizeof *grown)
        grown = realloc(analysis->cue, wanted * sizeof *grown);
    if (grown == NULL)
        return false;
    analysis->cue = grown;
    state->cues_room = wanted;
    return true;
}

static bool add_cue(struct analysis *analysis, const struct presence_event *event,
                    const char *label)
{
    if (!make_room_for_a_cue(analysis))
        return false;
    analysis->cue[analysis->cues++] = (struct cue){
        .label = label,
        .on_s = seconds(analysis, event->frame),
        .off_s = -1,
        .confidence = event->confidence,
    };
    return true;
}

static void end_cue(struct analysis *analysis, const struct presence_event *event,
                    const char *label)
{
    for (size_t i = analysis->cues; i-- > 0;) {
        struct cue *cue = &analysis->cue[i];
        if (cue->label == label) {
            cue->off_s = seconds(analysis, event->frame);
            cue->confidence = event->confidence; /* of the whole stay rather than of its start */
            return;
        }
    }
}

/* False if memory is short. */
static bool take_events(struct analysis *analysis, size_t count)
{
    const struct analysis_state *state = analysis->state;
    for (size_t k = 0; k < count; k++) {
        const struct presence_event *event = &state->events[k];
        size_t i = 0;
        while (state->label[i] != event->label)
            i++;
        analysis->instrument[i].present = true;
        if (event->change == PRESENCE_OFFSET)
            end_cue(analysis, event, analysis->label[i]);
        else if (!add_cue(analysis, event, analysis->label[i]))
            return false;
    }
    return true;
}

static int compare_cues(const void *a, const void *b)
{
    const struct cue *one = a;
    const struct cue *two = b;
    if (one->on_s < two->on_s || one->on_s > two->on_s)
        return one->on_s < two->on_s ? -1 : 1;
    return one->label < two->label ? -1 : one->label > two->label ? 1 : 0;
}

/* ---- results ---- */

static enum tutti_status pass_on_frame(struct analysis *analysis, const struct result *result,
                                       struct tutti_error *error)
{
    const struct analysis_state *state = analysis->state;
    const float *probability = presence_probability(state->presence);
    enum tutti_status status = TUTTI_OK;
    for (size_t i = 0; i < analysis->labels; i++)
        state->smoothed[i] = probability[state->label[i]];
    /* In a sound that was repeated a place within it means nothing. */
    uint64_t end = state->sound.is_repeated ? state->sound.frames : result->end_frame;
    if (state->config->frame != NULL)
        status = state->config->frame(state->config->context, analysis, seconds(analysis, end),
                                      state->smoothed, error);
    analysis->frames++;
    return status;
}

/* Until the first whole window the windows with silence before the sound stand in. */
static void add_to_means(struct analysis *analysis, const struct result *result)
{
    struct analysis_state *state = analysis->state;
    bool whole = (uint64_t)analysis->frames * state->hop_columns >= state->window_columns;
    if (!whole && state->whole_windows > 0)
        return;
    if (whole && state->whole_windows++ == 0) {
        memset(state->sum, 0, analysis->labels * sizeof *state->sum);
        for (size_t i = 0; i < analysis->labels; i++)
            analysis->instrument[i].max = 0;
    }
    for (size_t i = 0; i < analysis->labels; i++) {
        float p = result->probability[state->label[i]];
        state->sum[i] += (double)p;
        analysis->instrument[i].max = fmaxf(analysis->instrument[i].max, p);
    }
}

static enum tutti_status report(struct analysis *analysis, uint64_t frame,
                                struct tutti_error *error)
{
    struct analysis_state *state = analysis->state;
    const struct analysis_config *config = state->config;
    if (config->progress == NULL || frame - state->reported_frame < analysis->rate_hz)
        return TUTTI_OK;
    state->reported_frame = frame;
    double stated = (double)state->sound.frames;
    if (config->progress(config->context, stated > 0 ? fmin((double)frame / stated, 1) : 0))
        return TUTTI_OK;
    return tutti_error_set(error, TUTTI_ERROR_IO, "the analysis of %s was given up",
                           analysis->name);
}

enum tutti_status analysis_take(struct analysis *analysis, const struct result *result,
                                struct tutti_error *error)
{
    struct analysis_state *state = analysis->state;
    size_t events = presence_take(state->presence, result, state->events);
    if (!take_events(analysis, events))
        return out_of_memory(analysis->name, error);
    enum tutti_status status = pass_on_frame(analysis, result, error);
    if (status != TUTTI_OK)
        return status;
    add_to_means(analysis, result);
    return report(analysis, result->end_frame, error);
}

enum tutti_status analysis_finish(struct analysis *analysis, uint64_t frames,
                                  struct tutti_error *error)
{
    const struct analysis_state *state = analysis->state;
    bool is_repeated = state->sound.is_repeated;
    uint64_t heard = is_repeated ? (uint64_t)ceil(analysis->window_s * analysis->rate_hz) : frames;
    if (!take_events(analysis, presence_finish(state->presence, heard, state->events)))
        return out_of_memory(analysis->name, error);
    analysis->duration_s = seconds(analysis, frames);
    size_t windows = state->whole_windows > 0 ? state->whole_windows : analysis->frames;
    for (size_t i = 0; i < analysis->labels && windows > 0; i++)
        analysis->instrument[i].mean = (float)(state->sum[i] / (double)windows);
    for (size_t k = 0; k < analysis->cues; k++) {
        struct cue *cue = &analysis->cue[k];
        cue->on_s = is_repeated ? 0 : fmin(cue->on_s, analysis->duration_s);
        cue->off_s = is_repeated ? analysis->duration_s : fmin(cue->off_s, analysis->duration_s);
    }
    if (analysis->cues > 0)
        qsort(analysis->cue, analysis->cues, sizeof *analysis->cue, compare_cues);
    return TUTTI_OK;
}

/* ---- beginning and end ---- */

enum tutti_status analysis_check_hop(const struct model *model, double hop_s,
                                     struct tutti_error *error)
{
    const enum tutti_status status = feature_stream_check(model, error);
    if (status != TUTTI_OK)
        return status;
    double window_s = feature_stream_window_s(model);
    if (hop_s > window_s)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "the hop of %g s is longer than the model's window of %g s: what "
                               "lies between would go unheard",
                               hop_s, window_s);
    return TUTTI_OK;
}

static bool take_memory(struct analysis *analysis, const char *name, size_t labels)
{
    struct analysis_state *state = calloc(1, sizeof *state);
    analysis->state = state;
    if (state == NULL)
        return false;
    state->label = calloc(labels, sizeof *state->label);
    state->sum = calloc(labels, sizeof *state->sum);
    state->smoothed = calloc(labels, sizeof *state->smoothed);
    state->events = calloc(2 * labels, sizeof *state->events);
    analysis->name = strdup(name);
    analysis->label = calloc(labels, sizeof *analysis->label);
    analysis->instrument = calloc(labels, sizeof *analysis->instrument);
    return state->label != NULL && state->sum != NULL && state->smoothed != NULL &&
           state->events != NULL && analysis->name != NULL && analysis->label != NULL &&
           analysis->instrument != NULL;
}

static void describe(struct analysis *analysis, const struct model *model, size_t hop_columns)
{
    struct analysis_state *state = analysis->state;
    for (size_t i = 0; i < state->model_labels; i++) {
        if (state->config->enabled != NULL && !state->config->enabled[i])
            continue;
        state->label[analysis->labels] = i;
        strcpy(analysis->label[analysis->labels++], model_label(model, i));
    }
    strcpy(analysis->model, model_name(model));
    analysis->window_s = feature_stream_window_s(model);
    analysis->hop_s = (double)hop_columns * feature_stream_column_s(model);
    analysis->rate_hz = state->sound.rate_hz;
    state->window_columns = model_frontend(model)->columns;
    state->hop_columns = hop_columns;
}

static enum tutti_status make_presence(struct analysis *analysis, struct tutti_error *error)
{
    struct analysis_state *state = analysis->state;
    state->presence = presence_new(&(struct presence_config){
        .labels = state->model_labels,
        .threshold = state->config->threshold,
        .enabled = state->config->enabled,
        .rate_hz = analysis->rate_hz,
        .hop_s = analysis->hop_s,
        .window_s = analysis->window_s,
        /* none of one result */
        .smoothing_s = state->sound.is_repeated ? 0 : state->config->smoothing_s,
    });
    if (state->presence != NULL)
        return TUTTI_OK;
    return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                           "out of memory, or a threshold or the smoothing is out of range");
}

struct analysis *analysis_new(const struct model *model, const struct analysis_config *config,
                              const struct analysis_sound *sound, size_t hop_columns,
                              struct tutti_error *error)
{
    struct analysis *analysis = calloc(1, sizeof *analysis);
    size_t labels = model_label_count(model);
    if (analysis == NULL || !take_memory(analysis, sound->name, labels)) {
        out_of_memory(sound->name, error);
        analysis_free(analysis);
        return NULL;
    }
    analysis->state->config = config;
    analysis->state->sound = *sound;
    analysis->state->model_labels = labels;
    describe(analysis, model, hop_columns);
    if (make_presence(analysis, error) == TUTTI_OK)
        return analysis;
    analysis_free(analysis);
    return NULL;
}

void analysis_free(struct analysis *analysis)
{
    if (analysis == NULL)
        return;
    if (analysis->state != NULL) {
        presence_free(analysis->state->presence);
        free(analysis->state->label);
        free(analysis->state->sum);
        free(analysis->state->smoothed);
        free(analysis->state->events);
        free(analysis->state);
    }
    free(analysis->name);
    free(analysis->label);
    free(analysis->instrument);
    free(analysis->cue);
    free(analysis);
}
