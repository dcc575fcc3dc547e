/* step_runs.h - when in a window a label stops sounding, from the probabilities of the
 * window's time steps.
 *
 * The probability of a whole window says for 3 s that an instrument is somewhere in it.
 * Its steps, a third of a second each, say where. The exit is where a straight line
 * between the last step that sounds and the next one crosses a fifth of the way from
 * the lowest to the highest step. (Entries could be found alike, but the rise of the
 * windows' probabilities tells them better: presence.h.)
 *
 * Threads: none of its own; a pure function. Real-time safe.
 */
#ifndef TUTTI_DAEMON_STEP_RUNS_H
#define TUTTI_DAEMON_STEP_RUNS_H

#include <stddef.h>

/* Below this probability in all of its steps a label is not taken to sound anywhere. */
#define STEP_RUNS_FLOOR 0.1f

/* Seconds before the window's end at which the label stopped sounding; 0: it sounds to the end;
 * NAN: it does not sound. probability: of the steps of one label, `stride` floats apart, oldest
 * first; steps >= 1. Step k is centred step_s * k after the first one; length_s: from the centre of
 * the first one to the window's end. */
float step_runs_exit_s(const float *probability, size_t stride, size_t steps, double step_s,
                       double length_s);

#endif
