/* timeline.c - see timeline.h. Here is what the publisher does; readers: timeline_read.c. */
#include "daemon/timeline.h"

#include "daemon/api_json.h"
#include "daemon/clock.h"
#include "daemon/timeline_private.h"
#include "dsp/level.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MIN_EVENTS 64
#define ESCAPED 6 /* bytes that one byte of a string takes at most in JSON */

/* ---- making one ---- */

static bool within(double value, double low, double high)
{
    return value >= low && value <= high;
}

/* Copies names, thresholds and places of the enabled labels. */
static bool copy_labels(struct timeline *timeline, const struct timeline_config *config)
{
    for (size_t i = 0; i < config->labels; i++) {
        if (config->enabled != NULL && !config->enabled[i]) {
            continue;
        }
        char *name = strdup(config->label[i]);
        if (name == NULL) {
            return false;
        }
        timeline->index_of[i] = timeline->labels;
        timeline->source_of[timeline->labels] = i;
        timeline->threshold[timeline->labels] = config->threshold[i];
        timeline->label[timeline->labels++] = name;
    }
    return true;
}

/* The longest event is hello or a frame in which every label is present, or a status. */
static size_t max_event_size(const struct timeline *timeline)
{
    size_t size = 512 + ESCAPED * (strlen(timeline->model_name) + strlen(timeline->version));
    for (size_t i = 0; i < timeline->labels; i++) {
        size += ESCAPED * strlen(timeline->label[i]) + sizeof "\"\"," + sizeof "0.123,";
    }
    size_t status = 512 + ESCAPED * (sizeof(struct timeline_status));
    return size > status ? size : status;
}

static bool make_parts(struct timeline *timeline, const struct timeline_config *config,
                       size_t history_frames)
{
    const struct presence_config presence = {.labels = config->labels,
                                             .threshold = config->threshold,
                                             .enabled = config->enabled,
                                             .rate_hz = config->rate_hz,
                                             .hop_s = config->hop_s,
                                             .window_s = config->window_s,
                                             .smoothing_s = config->smoothing_s};
    timeline->presence = presence_new(&presence);
    timeline->events = calloc(2 * config->labels, sizeof *timeline->events);
    timeline->model_name = strdup(config->model_name);
    timeline->version = strdup(config->version);
    if (timeline->model_name == NULL || timeline->version == NULL ||
        !copy_labels(timeline, config)) {
        return false;
    }
    timeline->max_event_size = max_event_size(timeline);
    timeline->text = malloc(timeline->max_event_size);
    timeline->cues = calloc(TIMELINE_CUES, sizeof *timeline->cues);
    const size_t least = LOG_MIN_EVENTS * timeline->max_event_size;
    const size_t wanted = config->log_bytes > 0 ? config->log_bytes : TIMELINE_LOG_BYTES;
    timeline->log =
        event_log_new(wanted > least ? wanted : least, (uint64_t)(clock_wall_s() * 1000));
    timeline->history = history_new(timeline->labels, history_frames);
    return timeline->presence != NULL && timeline->events != NULL && timeline->text != NULL &&
           timeline->cues != NULL && timeline->log != NULL && timeline->history != NULL;
}

static bool config_is_valid(const struct timeline_config *config, struct tutti_error *error)
{
    if (config->labels == 0 || config->labels > MAX_LABELS || config->label == NULL ||
        config->threshold == NULL || config->model_name == NULL || config->version == NULL ||
        !within(config->rate_hz, 1000, 384000) || !within(config->hop_s, 0.01, 60) ||
        !within(config->window_s, 0.01, 60) || !within(config->smoothing_s, 0, 30) ||
        !within(config->keep_h, 0.01, 168)) {
        tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "timeline: a setting is out of range");
        return false;
    }
    size_t enabled = 0;
    for (size_t i = 0; i < config->labels; i++) {
        if (config->label[i] == NULL || strlen(config->label[i]) >= 64 ||
            !(config->threshold[i] > 0 && config->threshold[i] < 1)) {
            tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                            "timeline: label %zu has no proper name or threshold", i);
            return false;
        }
        enabled += config->enabled == NULL || config->enabled[i];
    }
    if (enabled == 0) {
        tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "timeline: no label is enabled");
        return false;
    }
    size_t bytes = history_bytes(enabled, (size_t)ceil(config->keep_h * 3600 / config->hop_s));
    if (bytes > TIMELINE_MAX_HISTORY_BYTES) {
        tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                        "%g hours of history at a hop of %g s take %zu MiB, more than the %zu MiB "
                        "allowed: keep less, or use a longer hop",
                        config->keep_h, config->hop_s, bytes >> 20,
                        TIMELINE_MAX_HISTORY_BYTES >> 20);
        return false;
    }
    return true;
}

struct timeline *timeline_new(const struct timeline_config *config, struct tutti_error *error)
{
    if (!config_is_valid(config, error)) {
        return NULL;
    }
    struct timeline *timeline = calloc(1, sizeof *timeline);
    if (timeline == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "timeline: out of memory");
        return NULL;
    }
    pthread_mutex_init(&timeline->mutex, NULL);
    timeline->rate_hz = config->rate_hz;
    timeline->hop_s = config->hop_s;
    timeline->window_s = config->window_s;
    timeline->smoothing_s = config->smoothing_s;
    timeline->changed = config->changed;
    timeline->context = config->context;
    wall_clock_init(&timeline->clock, config->rate_hz);
    if (!make_parts(timeline, config, (size_t)ceil(config->keep_h * 3600 / config->hop_s))) {
        timeline_free(timeline);
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "timeline: out of memory");
        return NULL;
    }
    return timeline;
}

void timeline_free(struct timeline *timeline)
{
    if (timeline == NULL) {
        return;
    }
    presence_free(timeline->presence);
    event_log_free(timeline->log);
    history_free(timeline->history);
    for (size_t i = 0; i < timeline->labels; i++) {
        free(timeline->label[i]);
    }
    free(timeline->model_name);
    free(timeline->version);
    free(timeline->events);
    free(timeline->text);
    free(timeline->cues);
    pthread_mutex_destroy(&timeline->mutex);
    free(timeline);
}

/* ---- publishing ----
 *
 * Text is made outside the mutex: only this thread adds to the log, so the id that an event will
 * get is known beforehand. */

static void begin_event(struct timeline *timeline, struct json_writer *writer, const char *name)
{
    json_writer_init(writer, timeline->text, timeline->max_event_size);
    api_event_begin(writer, event_log_next_id(timeline->log), name);
}

/* Call with the mutex held. */
static void log_event(struct timeline *timeline, struct json_writer *writer)
{
    api_event_end(writer);
    if (!writer->overflow) {
        event_log_add(timeline->log, writer->text, writer->length);
    }
}

static double seconds(const struct timeline *timeline, uint64_t frames)
{
    return wall_clock_seconds(frames, timeline->rate_hz);
}

/* The clock was set: what was noted by the wrong one is put right, as the entries of a machine
 * without a battery before it has asked for the time. */
static void correct_cues(struct timeline *timeline, double by_s)
{
    const uint64_t held = timeline->cue_count < TIMELINE_CUES ? timeline->cue_count : TIMELINE_CUES;
    pthread_mutex_lock(&timeline->mutex);
    for (uint64_t i = 0; i < held; i++)
        timeline->cues[i].on_time += by_s;
    pthread_mutex_unlock(&timeline->mutex);
}

static void observe_time(struct timeline *timeline, const struct result *result)
{
    const uint64_t now_ns = clock_monotonic_ns();
    const uint64_t slept_ns = clock_boot_ns() - now_ns;
    const int64_t age_ns = (int64_t)(now_ns - result->captured_ns);
    const double jump_s = wall_clock_observe(&timeline->clock, result->end_frame,
                                             clock_wall_s() - (double)age_ns * 1e-9);
    const double set_s = jump_s - (double)(int64_t)(slept_ns - timeline->slept_ns) * 1e-9;
    timeline->slept_ns = slept_ns;
    /* Where it jumped because the machine slept, the old times are right. */
    if (jump_s != 0 && fabs(set_s) > WALL_CLOCK_STEP_S)
        correct_cues(timeline, set_s);
}

static float level_or_floor(float level_dbfs)
{
    return level_dbfs >= LEVEL_FLOOR_DBFS ? fminf(level_dbfs, 200) : LEVEL_FLOOR_DBFS;
}

static void add_frame(struct timeline *timeline, const struct result *result)
{
    struct timeline_frame *frame = &timeline->next;
    frame->sequence = event_log_next_id(timeline->log);
    frame->t = seconds(timeline, result->end_frame);
    frame->time = wall_clock_time(&timeline->clock, result->end_frame);
    frame->heard_ns = result->captured_ns;
    frame->level_dbfs = level_or_floor(result->level_dbfs);
    frame->peak_dbfs = level_or_floor(result->peak_dbfs);
    frame->clipped = result->clipped != 0;
    const float *probability = presence_probability(timeline->presence);
    const bool *present = presence_present(timeline->presence);
    for (size_t i = 0; i < timeline->labels; i++) {
        frame->probability[i] = probability[timeline->source_of[i]];
        frame->present[i] = present[timeline->source_of[i]];
    }
    struct json_writer writer;
    begin_event(timeline, &writer, "frame");
    api_write_frame(&writer, frame, timeline_label_names(timeline), timeline->labels);

    pthread_mutex_lock(&timeline->mutex);
    timeline->latest = *frame;
    timeline->latest_known = true;
    history_add(timeline->history, result->end_frame, frame->level_dbfs, frame->probability);
    log_event(timeline, &writer);
    pthread_mutex_unlock(&timeline->mutex);
}

static void add_gap(struct timeline *timeline, const struct result *result)
{
    struct json_writer writer;
    begin_event(timeline, &writer, "gap");
    api_write_gap(&writer, seconds(timeline, result->end_frame),
                  seconds(timeline, result->lost_frames));
    pthread_mutex_lock(&timeline->mutex);
    log_event(timeline, &writer);
    pthread_mutex_unlock(&timeline->mutex);
}

/* Call with the mutex held. */
static void note_cue(struct timeline *timeline, const struct presence_event *event, size_t label,
                     double time)
{
    double t = seconds(timeline, event->frame);
    if (event->change == PRESENCE_ONSET) {
        timeline->open_cue[label] = timeline->cue_count;
        timeline->cues[timeline->cue_count++ % TIMELINE_CUES] =
            (struct timeline_cue){.label = label,
                                  .on_s = t,
                                  .off_s = -1,
                                  .on_time = time,
                                  .confidence = event->confidence};
    } else if (timeline->cue_count - timeline->open_cue[label] <= TIMELINE_CUES) {
        struct timeline_cue *cue = &timeline->cues[timeline->open_cue[label] % TIMELINE_CUES];
        cue->off_s = t;
        cue->confidence = event->confidence;
    }
}

static void add_changes(struct timeline *timeline, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct presence_event *event = &timeline->events[i];
        size_t label = timeline->index_of[event->label];
        double time = wall_clock_time(&timeline->clock, event->frame);
        struct json_writer writer;
        begin_event(timeline, &writer, event->change == PRESENCE_ONSET ? "onset" : "offset");
        api_write_change(&writer, timeline->label[label], seconds(timeline, event->frame), time,
                         (double)event->confidence);
        pthread_mutex_lock(&timeline->mutex);
        note_cue(timeline, event, label, time);
        log_event(timeline, &writer);
        pthread_mutex_unlock(&timeline->mutex);
    }
}

static void tell(const struct timeline *timeline)
{
    if (timeline->changed != NULL) {
        timeline->changed(timeline->context);
    }
}

void timeline_add(struct timeline *timeline, const struct result *result)
{
    observe_time(timeline, result);
    timeline->end_frame = result->end_frame;
    size_t changes = presence_take(timeline->presence, result, timeline->events);
    if (result->lost_frames > 0) {
        add_gap(timeline, result);
    }
    add_frame(timeline, result);
    add_changes(timeline, changes);
    tell(timeline);
}

void timeline_finish(struct timeline *timeline)
{
    size_t changes = presence_finish(timeline->presence, timeline->end_frame, timeline->events);
    pthread_mutex_lock(&timeline->mutex);
    memset(timeline->latest.present, 0, sizeof timeline->latest.present);
    pthread_mutex_unlock(&timeline->mutex);
    if (changes > 0) {
        add_changes(timeline, changes);
        tell(timeline);
    }
}

static bool same_status(const struct timeline_status *a, const struct timeline_status *b)
{
    return strcmp(a->source, b->source) == 0 && strcmp(a->state, b->state) == 0 &&
           a->overruns == b->overruns && a->hop_stretch == b->hop_stretch;
}

void timeline_set_status(struct timeline *timeline, const struct timeline_status *status)
{
    struct timeline_status next = *status;
    next.source[sizeof next.source - 1] = '\0';
    next.state[sizeof next.state - 1] = '\0';
    next.lag_ms = isfinite(next.lag_ms) ? next.lag_ms : 0;
    bool log = !same_status(&timeline->status, &next); /* only this thread writes it */
    struct json_writer writer;
    if (log) {
        begin_event(timeline, &writer, "status");
        api_write_status(&writer, &next);
    }
    pthread_mutex_lock(&timeline->mutex);
    timeline->status = next;
    if (log) {
        log_event(timeline, &writer);
    }
    pthread_mutex_unlock(&timeline->mutex);
    if (log) {
        tell(timeline);
    }
}
