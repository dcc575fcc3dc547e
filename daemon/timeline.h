/* timeline.h - what was heard when: the latest frame, the history, the entries
 * and exits, and the log of events that clients replay.
 *
 * The publisher adds results; readers get copies. A slow reader can lose events
 * (and is told so), but can never slow the publisher for longer than a copy takes.
 *
 * Threads: timeline_add(), timeline_set_status() and timeline_finish() from the
 * publisher; everything else from any thread (a mutex inside, held for copies
 * alone). The recognizer never touches a timeline. Memory only in timeline_new();
 * the size does not grow.
 */
#ifndef TUTTI_DAEMON_TIMELINE_H
#define TUTTI_DAEMON_TIMELINE_H

#include "common/status.h"
#include "daemon/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timeline; /* opaque */

struct timeline_config {
    size_t labels;
    const char *const *label; /* [labels] names; copied */
    const float *threshold;   /* [labels] */
    const bool *enabled;      /* [labels]; disabled labels are left out everywhere; NULL: all */
    const char *model_name;
    const char *version;
    unsigned rate_hz; /* of the source */
    double hop_s;
    double window_s;
    double smoothing_s;
    size_t log_bytes; /* of text of events, for replay; 0: TIMELINE_LOG_BYTES; at least 64 of the
                         longest event */
    double keep_h; /* how much history to keep, 0.01 ... 168; TIMELINE_MAX_HISTORY_BYTES at most */
    /* Called after events were logged, outside the mutex, on the publisher's thread. May be NULL.
     */
    void (*changed)(void *context);
    void *context;
};

#define TIMELINE_LOG_BYTES ((size_t)1 << 20) /* four frames a second of 20 labels: 13 minutes */
#define TIMELINE_MAX_HISTORY_BYTES ((size_t)512 << 20)

/* NULL with a sentence in *error when a number is out of range, the history would
 * be too large (8 + 2 + labels bytes per frame), or memory is short. */
struct timeline *timeline_new(const struct timeline_config *config, struct tutti_error *error);
void timeline_free(struct timeline *timeline);

/* Adds a result of live sound (captured_ns is not 0): logs a gap event if frames were lost, the
 * frame event, and onset and offset events where due. What is not a number counts as silence. */
void timeline_add(struct timeline *timeline, const struct result *result);

struct timeline_status {
    char source[256];
    char state[32]; /* "running", "stalled", "ended", "lost" */
    uint64_t overruns;
    unsigned hop_stretch; /* results come every so many hops; 1, or more on a slow machine */
    double lag_ms;        /* from the arrival of the sound at the end of a hop (after a device's own
                             buffer) to its result in the timeline */
};

/* Logs a status event, if anything but lag differs from the last one. */
void timeline_set_status(struct timeline *timeline, const struct timeline_status *status);

/* The sound is over, or has paused for so long that nobody knows what sounds: offsets for what
 * still sounds, with the last result at the latest; in the latest frame nothing is present any
 * more. A result that comes later begins afresh. */
void timeline_finish(struct timeline *timeline);

/* ---- reading ---- */

struct timeline_frame {
    uint64_t sequence; /* id of its event */
    double t;          /* end of the window, s since the source's first sample */
    double time;       /* the same as wall-clock time, s since 1970 UTC */
    uint64_t heard_ns; /* the same by CLOCK_MONOTONIC: result.captured_ns */
    float level_dbfs;
    float peak_dbfs;
    bool clipped;
    float probability[MAX_LABELS]; /* enabled labels, in order, smoothed as configured */
    bool present[MAX_LABELS];      /* in the latest frame: not after timeline_finish() */
};

/* Number and names of the enabled labels; constant. */
size_t timeline_labels(const struct timeline *timeline);
const char *timeline_label(const struct timeline *timeline, size_t index);
const char *const *timeline_label_names(const struct timeline *timeline); /* all of them */
float timeline_threshold(const struct timeline *timeline, size_t index);
float timeline_leave_threshold(const struct timeline *timeline, size_t index); /* see presence.h */
double timeline_smoothing_s(const struct timeline *timeline);
const char *timeline_version(const struct timeline *timeline);

/* The latest frame; false if there is none yet. */
bool timeline_now(struct timeline *timeline, struct timeline_frame *frame);

/* The status last set; all zeros before. */
struct timeline_status timeline_status(struct timeline *timeline);

/* One step of history: the mean of the probabilities of the frames with from <= t < to. */
struct timeline_step {
    double t; /* start of the step, s */
    size_t frames;
    float level_dbfs; /* largest in the step */
    float probability[MAX_LABELS];
};

/* The step of history [from_s, to_s), both since the source's first sample; false if no frame held
 * lies in it. Probabilities are kept in steps of 1/255. */
bool timeline_history_step(struct timeline *timeline, double from_s, double to_s,
                           struct timeline_step *step);

/* Walks over [from_s, to_s) in steps of step_s (> 0), calling visit for each step that has frames;
 * at most max_steps. The mutex is released between steps. Returns the number visited. */
size_t timeline_history(struct timeline *timeline, double from_s, double to_s, double step_s,
                        size_t max_steps,
                        void (*visit)(void *context, const struct timeline_step *step),
                        void *context);

struct timeline_cue {
    size_t label; /* index among the enabled ones */
    double on_s;
    double off_s; /* < 0: still sounding */
    double on_time;
    float confidence;
};
/* Up to capacity cues, oldest first; returns how many are held (at most 4,096, oldest dropped). */
size_t timeline_cues(struct timeline *timeline, struct timeline_cue *cues, size_t capacity);

/* ---- the event log, as the stream sends it ---- */

/* Ids count up by one per event. The first one is the time of day in ms at which the timeline was
 * made, so that the ids of an earlier run of the daemon are smaller than all of this one's. */

/* Copies complete events ("id: N\nevent: NAME\ndata: JSON\n\n") with an id above *last_id into text
 * (at most size bytes), advances *last_id to the last one copied, and returns the bytes. If events
 * between *last_id and the oldest one held were dropped, *dropped is set to their number (else 0).
 * A *last_id that is not of this run counts as the one before the oldest event held.
 * 0 bytes: nothing newer, if size is at least timeline_max_event_size(). */
size_t timeline_read_events(struct timeline *timeline, uint64_t *last_id, uint64_t *dropped,
                            char *text, size_t size);

/* No event of this timeline, hello included, is longer, and none of any timeline is longer than
 * TIMELINE_MAX_EVENT_SIZE. */
#define TIMELINE_MAX_EVENT_SIZE 131072
size_t timeline_max_event_size(const struct timeline *timeline);

/* The id of the newest event; before the first, the number before its id. */
uint64_t timeline_last_id(struct timeline *timeline);

/* The hello event (without id), as a client gets it first; returns its length, at most size - 1. */
size_t timeline_hello(struct timeline *timeline, char *text, size_t size);

#endif
