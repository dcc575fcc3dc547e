/* presence.h - from probabilities to "the saxophone came in at 0:41": smoothing,
 * hysteresis, and where in time an entry or exit really was.
 *
 * A window of 3 s rises slowly to an entry. An instrument is present once its
 * smoothed probability reaches the label's threshold, and absent once it has
 * stayed below a lower one for a while; the time that is reported is traced back
 * to where the probability began to rise or fall, and is therefore earlier than
 * the moment of notice. Used by the timeline and by `tutti analyze` alike.
 *
 * How it traces back. Of an instrument that enters at time e, the window that ends
 * at t has heard the share (t - e) / window. Its probability leaves the floor at
 * some small share and saturates at a larger one, which ones depends on the model,
 * hardly on the hop. So the tracker finds the time at which the unsmoothed
 * probability last crossed a given fraction of its rise, between two results by
 * linear interpolation, and subtracts that share of a window. Exits likewise, but
 * never less than a hop after the entry: a probability that is up for a moment would
 * otherwise be traced back to before it.
 *
 * A model that scores the time steps of its window says itself where an instrument leaves
 * (struct result, located). That is used for exits: of 210 parts of rendered scores 43% ended
 * within 0.75 s of the truth, 34% when traced back. Entries are traced back all the same, which
 * was better (61% of all within 0.75 s, 52%): the rise of the windows' probabilities shows what
 * begins softly.
 *
 * Threads: one tracker belongs to one thread. Memory only in presence_new().
 */
#ifndef TUTTI_DAEMON_PRESENCE_H
#define TUTTI_DAEMON_PRESENCE_H

#include "daemon/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers that depend on how a model's probabilities rise and fall. */
struct presence_tuning {
    float off_ratio;     /* 0 ... 1: an exit needs a smoothed probability below threshold times
                            this ... */
    double off_hold_s;   /* 0 ... 10: ... for as long as this. Breaks shorter than this are bridged
                            when tracing back, too */
    float rise_fraction; /* 0 ... 1 exclusive: of the way from the floor to the peak */
    double rise_lag;     /* 0 ... 1: windows between an entry and that crossing */
    float fall_fraction; /* 0 ... 1 exclusive: of the way from the floor to the peak */
    double fall_lag;     /* 0 ... 1: windows between an exit and that crossing */
};
extern const struct presence_tuning presence_default_tuning;

struct presence_config {
    size_t labels;          /* 1 ... MAX_LABELS */
    const float *threshold; /* [labels], 0 ... 1 exclusive; copied */
    const bool *enabled;    /* [labels]; a disabled label is never present; NULL: all. Copied */
    unsigned rate_hz;       /* of the frame counts, 1,000 ... 384,000 */
    double hop_s;           /* between results, 0.01 ... 60 */
    double window_s;        /* the model's, 0.01 ... 60 */
    double smoothing_s;     /* 0 ... 30: time constant; 0: none */
    const struct presence_tuning *tuning; /* NULL: presence_default_tuning. Copied */
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

/* NULL if a number is out of range or memory is short. */
struct presence *presence_new(const struct presence_config *config);
void presence_free(struct presence *presence);

/* Takes a result; writes up to 2 x labels events into events and returns their number. Events of
 * one label alternate, beginning with an onset, and their times do not decrease. Where the stream
 * began afresh (result->afresh, after a loss longer than a window) nothing is known any more: what
 * was present ends with the last result before it. A probability that is not a number counts as 0.
 * Real-time safe. */
size_t presence_take(struct presence *presence, const struct result *result,
                     struct presence_event *events);

/* The sound is over, or pauses: up to labels events, an offset for each label still present. A
 * result that comes later begins afresh, as after a long loss. */
size_t presence_finish(struct presence *presence, uint64_t end_frame,
                       struct presence_event *events);

/* Smoothed probabilities [labels], 0 ... 1, and who is present [labels] after the last result. */
const float *presence_probability(const struct presence *presence);
const bool *presence_present(const struct presence *presence);

/* The smoothed probability below which a present label begins to leave. */
float presence_leave_threshold(const struct presence *presence, size_t label);

#endif
