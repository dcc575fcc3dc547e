/* presence.h - from probabilities to "the saxophone came in at 0:41": smoothing,
 * hysteresis, and where in time an entry or exit really was.
 *
 * A window of 3 s rises slowly to an entry. An instrument is present once its
 * smoothed probability reaches the label's threshold, and absent once it has
 * fallen below a lower one for a while; the time that is reported is traced back
 * to where the probability began to rise, and is therefore earlier than the
 * moment of notice. Used by the timeline and by `tutti analyze` alike.
 *
 * Threads: one tracker belongs to one thread. Memory only in presence_new().
 */
#ifndef TUTTI_DAEMON_PRESENCE_H
#define TUTTI_DAEMON_PRESENCE_H

#include "daemon/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct presence_config {
    size_t labels;          /* 1 ... MAX_LABELS */
    const float *threshold; /* [labels], 0 ... 1 exclusive; copied */
    const bool *enabled;    /* [labels]; a disabled label is never present; NULL: all. Copied */
    unsigned rate_hz;       /* of the frame counts */
    double hop_s;           /* between results */
    double window_s;        /* the model's */
    double smoothing_s;     /* 0 ... 30: time constant; 0: none */
};

enum presence_change { PRESENCE_ONSET, PRESENCE_OFFSET };

struct presence_event {
    enum presence_change change;
    size_t label;
    uint64_t frame;   /* when it came in or left, not when that was noticed */
    float confidence; /* 0 ... 1: onset: the smoothed probability at notice; offset: the mean
                         probability while it was present */
};

struct presence; /* opaque */

struct presence *presence_new(const struct presence_config *config);
void presence_free(struct presence *presence);

/* Takes a result; writes up to 2 x labels events into events and returns their number. Events of
 * one label alternate and their times do not decrease. Real-time safe. */
size_t presence_take(struct presence *presence, const struct result *result,
                     struct presence_event *events);

/* The sound is over: an offset for each label still present. */
size_t presence_finish(struct presence *presence, uint64_t end_frame,
                       struct presence_event *events);

/* Smoothed probabilities [labels] and who is present [labels] after the last result. */
const float *presence_probability(const struct presence *presence);
const bool *presence_present(const struct presence *presence);

#endif
