/* step_runs.h - where in a window a label sounds: from the probabilities of a window's
 * time steps to the entry and the exit of the last stretch in which it is heard.
 *
 * The probability of a whole window says for 3 s that an instrument is somewhere in it.
 * Its steps, a third of a second each, say where. A stretch is a run of steps above
 * half of the way from the lowest to the highest step; its ends are where a straight
 * line between two steps crosses that level. Gaps of one step are bridged: a rest.
 *
 * Threads: none of its own; pure functions. Real-time safe.
 */
#ifndef TUTTI_DAEMON_STEP_RUNS_H
#define TUTTI_DAEMON_STEP_RUNS_H

#include <stddef.h>

/* Below this probability in all of its steps a label is not taken to sound anywhere. */
#define STEP_RUNS_FLOOR 0.1f

struct step_run {
    float entry_s; /* seconds before the window's end at which the last stretch began; INFINITY: it
                      began before the window; NAN: there is none */
    float exit_s;  /* seconds before the window's end at which it ended; 0: it goes on to the end;
                      NAN: there is none */
};

/* probability: of the steps of one label, `stride` floats apart, oldest first; steps >= 1. Step k
 * is centred step_s * k after the window's beginning; window_s is the window's length. */
struct step_run step_runs_last(const float *probability, size_t stride, size_t steps, double step_s,
                               double window_s);

#endif
