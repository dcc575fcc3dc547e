/* presence.c - see presence.h */
#include "daemon/presence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The network hears an instrument at a small share of the window, wherever that lies. Measured with
 * the model tutti-20 on 63 entries and 49 exits of recorded instruments, alone and beside another
 * one, windows of 3 s: a rise passes 10% of its height 0.08 windows after the entry (middle half of
 * the cases: within 0.13), a fall 10% of it 0.87 windows after the exit (within 0.17). Higher
 * fractions scatter more; lower ones drown where another instrument is taken for this one. */
const struct presence_tuning presence_default_tuning = {
    .off_ratio = 0.6f,
    .off_hold_s = 0.5,
    .rise_fraction = 0.1f,
    .rise_lag = 0.08,
    .fall_fraction = 0.1f,
    .fall_lag = 0.86,
};

#define SMOOTHING_REACH 3.0 /* time constants after which a smoothed step is over: e^-3 = 5% */

#define UNKNOWN UINT64_MAX

struct label_state {
    float threshold;
    bool enabled;
    bool falling;          /* smoothed probability is below the lower level ... */
    uint64_t falling_from; /* ... since this frame */
    uint64_t last_change;  /* frame of the last event */
    uint64_t exit_frame;   /* as the time steps of the newest windows show it, or UNKNOWN */
    double sum;            /* of the probabilities while present and not falling */
    uint64_t count;
};

struct presence {
    size_t labels;
    struct presence_tuning tuning;
    double rate_hz;
    double smoothing_s;
    uint64_t hop_frames;
    uint64_t window_frames;
    uint64_t hold_frames;
    uint64_t reach_frames; /* how far an event can lie behind its notice */

    struct label_state *label; /* [labels] */
    float *smoothed;           /* [labels] */
    bool *present;             /* [labels] */

    /* The last results, at number % capacity. */
    size_t capacity;
    uint64_t taken; /* number of the next result */
    uint64_t known; /* number of the first result after the last long loss */
    uint64_t *end_frame;
    float *probability; /* [labels][capacity] */
};

static bool within(double value, double low, double high)
{
    return value >= low && value <= high;
}

static bool config_is_valid(const struct presence_config *config,
                            const struct presence_tuning *tuning)
{
    if (config->labels == 0 || config->labels > MAX_LABELS || config->threshold == NULL) {
        return false;
    }
    for (size_t i = 0; i < config->labels; i++) {
        if (!(config->threshold[i] > 0 && config->threshold[i] < 1)) {
            return false;
        }
    }
    return within(config->rate_hz, 1000, 384000) && within(config->hop_s, 0.01, 60) &&
           within(config->window_s, 0.01, 60) && within(config->smoothing_s, 0, 30) &&
           within((double)tuning->off_ratio, 0, 1) && within(tuning->off_hold_s, 0, 10) &&
           tuning->rise_fraction > 0 && tuning->rise_fraction < 1 && tuning->fall_fraction > 0 &&
           tuning->fall_fraction < 1 && within(tuning->rise_lag, 0, 1) &&
           within(tuning->fall_lag, 0, 1);
}

static void set_times(struct presence *presence, const struct presence_config *config)
{
    double rate = config->rate_hz;
    double reach_s = config->window_s + presence->tuning.off_hold_s +
                     SMOOTHING_REACH * config->smoothing_s + config->hop_s;
    presence->rate_hz = rate;
    presence->smoothing_s = config->smoothing_s;
    presence->hop_frames = (uint64_t)llround(config->hop_s * rate);
    presence->window_frames = (uint64_t)llround(config->window_s * rate);
    presence->hold_frames = (uint64_t)llround(presence->tuning.off_hold_s * rate);
    presence->reach_frames = (uint64_t)llround(reach_s * rate);
    presence->capacity = (size_t)ceil(reach_s / config->hop_s) + 2;
}

struct presence *presence_new(const struct presence_config *config)
{
    const struct presence_tuning *tuning =
        config->tuning != NULL ? config->tuning : &presence_default_tuning;
    if (!config_is_valid(config, tuning)) {
        return NULL;
    }
    struct presence *presence = calloc(1, sizeof *presence);
    if (presence == NULL) {
        return NULL;
    }
    presence->labels = config->labels;
    presence->tuning = *tuning;
    set_times(presence, config);
    presence->label = calloc(config->labels, sizeof *presence->label);
    presence->smoothed = calloc(config->labels, sizeof *presence->smoothed);
    presence->present = calloc(config->labels, sizeof *presence->present);
    presence->end_frame = calloc(presence->capacity, sizeof *presence->end_frame);
    presence->probability =
        calloc(presence->capacity * config->labels, sizeof *presence->probability);
    if (presence->label == NULL || presence->smoothed == NULL || presence->present == NULL ||
        presence->end_frame == NULL || presence->probability == NULL) {
        presence_free(presence);
        return NULL;
    }
    for (size_t i = 0; i < config->labels; i++) {
        presence->label[i].threshold = config->threshold[i];
        presence->label[i].exit_frame = UNKNOWN;
        presence->label[i].enabled = config->enabled == NULL || config->enabled[i];
    }
    return presence;
}

void presence_free(struct presence *presence)
{
    if (presence != NULL) {
        free(presence->label);
        free(presence->smoothed);
        free(presence->present);
        free(presence->end_frame);
        free(presence->probability);
        free(presence);
    }
}

const float *presence_probability(const struct presence *presence)
{
    return presence->smoothed;
}

const bool *presence_present(const struct presence *presence)
{
    return presence->present;
}

float presence_leave_threshold(const struct presence *presence, size_t label)
{
    return presence->label[label].threshold * presence->tuning.off_ratio;
}

/* ---- tracing back ---- */

static uint64_t frame_at(const struct presence *presence, uint64_t number)
{
    return presence->end_frame[number % presence->capacity];
}

static float *probability_at(const struct presence *presence, size_t label, uint64_t number)
{
    return &presence->probability[label * presence->capacity + number % presence->capacity];
}

/* The number of the oldest result that an event noticed now can come from. */
static uint64_t oldest_in_reach(const struct presence *presence)
{
    uint64_t newest = presence->taken - 1;
    uint64_t oldest = newest;
    while (oldest > presence->known && newest - (oldest - 1) < presence->capacity &&
           frame_at(presence, newest) - frame_at(presence, oldest - 1) <= presence->reach_frames) {
        oldest--;
    }
    return oldest;
}

/* The probability that is a fraction of the way from the lowest to the highest in reach. */
static float level_in_reach(const struct presence *presence, size_t label, uint64_t oldest,
                            float fraction)
{
    float low = 1;
    float high = 0;
    for (uint64_t i = oldest; i < presence->taken; i++) {
        low = fminf(low, *probability_at(presence, label, i));
        high = fmaxf(high, *probability_at(presence, label, i));
    }
    if (oldest == presence->known) {
        low = 0; /* what came before the first result counts as silence */
    }
    return low + fraction * (high - low);
}

/* The first result of the last run of results on one side of level (at or above it, or below it).
 * Runs on the other side are part of it if shorter than the hold and not at the end in reach.
 * The newest result belongs to the run in any case. */
static uint64_t run_start(const struct presence *presence, size_t label, uint64_t oldest,
                          float level, bool above)
{
    uint64_t start = presence->taken - 1;
    uint64_t candidate = start;
    while (candidate > oldest) {
        candidate--;
        if ((*probability_at(presence, label, candidate) >= level) == above) {
            start = candidate;
        } else if (frame_at(presence, start) - frame_at(presence, candidate) >=
                   presence->hold_frames) {
            break;
        }
    }
    return start;
}

/* The frame at which the probability crossed level, between result number - 1 and number. */
static double crossing(const struct presence *presence, size_t label, uint64_t oldest,
                       uint64_t number, float level)
{
    double after = (double)frame_at(presence, number);
    float p_after = *probability_at(presence, label, number);
    double before = after - (double)presence->hop_frames;
    float p_before = 0;
    if (number > oldest) {
        before = (double)frame_at(presence, number - 1);
        p_before = *probability_at(presence, label, number - 1);
    } else if (number != presence->known) {
        return after; /* the crossing is out of reach */
    }
    double share = p_after != p_before ? (double)((level - p_before) / (p_after - p_before)) : 1;
    return before + fmin(fmax(share, 0), 1) * (after - before);
}

/* From how the probabilities of windows rose or fell. */
static double traced_frame(const struct presence *presence, size_t label, bool onset,
                           uint64_t oldest)
{
    const struct presence_tuning *tuning = &presence->tuning;
    float fraction = onset ? tuning->rise_fraction : tuning->fall_fraction;
    float level = level_in_reach(presence, label, oldest, fraction);
    uint64_t start = run_start(presence, label, oldest, level, onset);
    double lag = (onset ? tuning->rise_lag : tuning->fall_lag) * (double)presence->window_frames;
    return crossing(presence, label, oldest, start, level) - lag;
}

static uint64_t trace_back(const struct presence *presence, size_t label, bool onset)
{
    const struct label_state *state = &presence->label[label];
    uint64_t oldest = oldest_in_reach(presence);
    double frame = !onset && state->exit_frame != UNKNOWN
                       ? (double)state->exit_frame
                       : traced_frame(presence, label, onset, oldest);
    double earliest = (double)state->last_change;
    if (!onset) {
        /* What flickers up is gone sooner than the network forgets what really sounded. It was
         * there all the same: no stay is shorter than what can be told apart. */
        earliest = fmin(earliest + (double)presence->hop_frames,
                        (double)frame_at(presence, presence->taken - 1));
    }
    if (oldest == presence->known) {
        /* not before the sound began, or came back after a loss */
        earliest =
            fmax(earliest, (double)frame_at(presence, oldest) - (double)presence->hop_frames);
    }
    return (uint64_t)llround(fmax(frame, earliest));
}

/* ---- results ---- */

static void emit(struct presence *presence, size_t label, uint64_t frame, bool onset,
                 struct presence_event *event)
{
    struct label_state *state = &presence->label[label];
    float confidence = presence->smoothed[label];
    if (onset) {
        state->sum = 0;
        state->count = 0;
    } else {
        confidence = state->count > 0 ? (float)(state->sum / (double)state->count) : confidence;
    }
    *event = (struct presence_event){.change = onset ? PRESENCE_ONSET : PRESENCE_OFFSET,
                                     .label = label,
                                     .frame = frame,
                                     .confidence = confidence};
    presence->present[label] = onset;
    state->exit_frame = UNKNOWN;
    state->last_change = frame;
    state->falling = false;
}

/* What was remembered says nothing any more. */
static void begin_afresh(struct presence *presence)
{
    memset(presence->smoothed, 0, presence->labels * sizeof *presence->smoothed);
    presence->known = presence->taken;
}

/* What was present ends with the last result. */
static size_t forget(struct presence *presence, struct presence_event *events)
{
    size_t count = 0;
    for (size_t label = 0; label < presence->labels; label++) {
        if (presence->present[label]) {
            uint64_t end = frame_at(presence, presence->taken - 1);
            emit(presence, label, end, false, &events[count++]);
        }
    }
    begin_afresh(presence);
    return count;
}

static void remember(struct presence *presence, const struct result *result)
{
    uint64_t number = presence->taken++;
    uint64_t passed = presence->hop_frames;
    uint64_t end_frame = result->end_frame;
    if (number > 0) {
        uint64_t last = frame_at(presence, number - 1);
        end_frame = end_frame > last ? end_frame : last;
        if (number > presence->known) { /* or else what has passed was not heard */
            passed = end_frame - last;
        }
    }
    presence->end_frame[number % presence->capacity] = end_frame;
    double follow = 1;
    if (presence->smoothing_s > 0) {
        follow = -expm1(-(double)passed / presence->rate_hz / presence->smoothing_s);
    }
    for (size_t label = 0; label < presence->labels; label++) {
        float probability = result->probability[label];
        probability = isnan(probability) ? 0 : fminf(fmaxf(probability, 0), 1);
        *probability_at(presence, label, number) = probability;
        presence->smoothed[label] += (float)follow * (probability - presence->smoothed[label]);
    }
}

/* Keeps where the newest windows see a label stop. A stop that is close to the end of the window
 * may be a rest that is not over. */
static void locate(struct presence *presence, const struct result *result)
{
    for (size_t label = 0; label < presence->labels; label++) {
        struct label_state *state = &presence->label[label];
        const double exit_s = (double)result->exit_s[label];
        const double frame = (double)result->end_frame - exit_s * presence->rate_hz;
        if (exit_s >= presence->tuning.off_hold_s)
            state->exit_frame = frame > 0 ? (uint64_t)llround(frame) : 0;
        else if (exit_s <= 0 && result->probability[label] >= state->threshold)
            state->exit_frame = UNKNOWN; /* it sounds to the end */
    }
}

/* Whether a label that is present has left: below the lower level for long enough. */
static bool has_left(struct presence *presence, size_t label)
{
    struct label_state *state = &presence->label[label];
    uint64_t now = frame_at(presence, presence->taken - 1);
    if (presence->smoothed[label] >= presence_leave_threshold(presence, label)) {
        state->falling = false;
        state->sum += (double)*probability_at(presence, label, presence->taken - 1);
        state->count++;
        return false;
    }
    if (!state->falling) {
        state->falling = true;
        state->falling_from = now;
    }
    return now - state->falling_from >= presence->hold_frames;
}

size_t presence_take(struct presence *presence, const struct result *result,
                     struct presence_event *events)
{
    size_t count = 0;
    if (presence->taken > 0 && result->afresh != 0) {
        count = forget(presence, events);
    }
    remember(presence, result);
    if (result->located != 0)
        locate(presence, result);
    for (size_t label = 0; label < presence->labels; label++) {
        const struct label_state *state = &presence->label[label];
        bool onset = !presence->present[label] && state->enabled &&
                     presence->smoothed[label] >= state->threshold;
        if (onset || (presence->present[label] && has_left(presence, label))) {
            emit(presence, label, trace_back(presence, label, onset), onset, &events[count++]);
        }
    }
    return count;
}

size_t presence_finish(struct presence *presence, uint64_t end_frame, struct presence_event *events)
{
    size_t count = 0;
    for (size_t label = 0; label < presence->labels; label++) {
        const struct label_state *state = &presence->label[label];
        if (presence->present[label]) {
            uint64_t frame = state->falling ? trace_back(presence, label, false) : end_frame;
            frame = frame > state->last_change ? frame : state->last_change;
            emit(presence, label, frame, false, &events[count++]);
        }
    }
    begin_afresh(presence);
    return count;
}
