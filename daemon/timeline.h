/* timeline.h - what was heard when: the latest frame, the history, the entries
 * and exits, and the log of events that clients replay.
 *
 * The publisher adds results; readers get copies. A slow reader can lose events
 * (and is told so), but can never slow the publisher for longer than a copy takes.
 *
 * Threads: timeline_add(), timeline_status() and timeline_finish() from the
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
    double keep_h; /* how much history to keep, 0.01 ... 168 */
    /* Called after events were logged, outside the mutex, on the publisher's thread. May be NULL.
     */
    void (*changed)(void *context);
    void *context;
};

struct timeline *timeline_new(const struct timeline_config *config, struct tutti_error *error);
void timeline_free(struct timeline *timeline);

/* Adds a result: logs a frame event, and onset, offset and gap events where due. */
void timeline_add(struct timeline *timeline, const struct result *result);

/* Logs a status event, if anything but lag differs from the last one. */
struct timeline_status {
    char source[256];
    char state[32]; /* "running", "stalled", "ended", "lost" */
    uint64_t overruns;
    double lag_ms; /* from the end of a hop to its result in the timeline */
};
void timeline_set_status(struct timeline *timeline, const struct timeline_status *status);

/* The sound is over: offsets for what still sounds. */
void timeline_finish(struct timeline *timeline);

/* ---- reading ---- */

struct timeline_frame {
    uint64_t sequence; /* of its event */
    double t;          /* end of the window, s since the source's first sample */
    double time;       /* the same as wall-clock time, s since 1970 UTC */
    float level_dbfs;
    float peak_dbfs;
    bool clipped;
    float probability[MAX_LABELS]; /* enabled labels, in order, smoothed as configured */
    bool present[MAX_LABELS];
};

/* Number and names of the enabled labels; constant. */
size_t timeline_labels(const struct timeline *timeline);
const char *timeline_label(const struct timeline *timeline, size_t index);

/* The latest frame; false if there is none yet. */
bool timeline_now(struct timeline *timeline, struct timeline_frame *frame);

struct timeline_status timeline_status(struct timeline *timeline);

/* One step of history: the mean of the probabilities of the frames with from <= t < to. */
struct timeline_step {
    double t; /* start of the step, s */
    size_t frames;
    float level_dbfs; /* largest in the step */
    float probability[MAX_LABELS];
};
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

/* Copies complete events ("id: …\nevent: …\ndata: …\n\n") with an id above *last_id into text (at
 * most size bytes), advances *last_id to the last one copied, and returns the bytes. If events
 * between *last_id and the oldest one held were dropped, *dropped is set to their number (else 0).
 * 0 bytes: nothing newer. size must be at least TIMELINE_MAX_EVENT_SIZE. */
#define TIMELINE_MAX_EVENT_SIZE 16384
size_t timeline_read_events(struct timeline *timeline, uint64_t *last_id, uint64_t *dropped,
                            char *text, size_t size);

/* The id of the newest event, 0 if none. A client's id above it comes from an earlier run of the
 * daemon: start it at the oldest one held. */
uint64_t timeline_last_id(struct timeline *timeline);

/* The hello event (without id), as a client gets it first; returns its length, at most size - 1. */
size_t timeline_hello(struct timeline *timeline, char *text, size_t size);

#endif
