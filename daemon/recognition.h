/* recognition.h - from columns to probabilities: keeps the window, runs the
 * network once per hop. The recognizer's work without the thread, so that a live
 * source and `tutti analyze` go the same way.
 *
 * Threads: one recognition belongs to one thread. Memory only in recognition_new().
 */
#ifndef TUTTI_DAEMON_RECOGNITION_H
#define TUTTI_DAEMON_RECOGNITION_H

#include "common/status.h"
#include "daemon/inference.h"
#include "daemon/messages.h"
#include "nn/model.h"

#include <stdbool.h>
#include <stddef.h>

/* A window whose level nowhere reaches this is silence: no instrument, and the network is not
 * asked. Far below what a hall's noise or a microphone's own gives, so that only a muted input, a
 * digital pause, or a line without a signal is meant; models are trained down to -60 dBFS RMS. */
#define RECOGNITION_AUDIBLE_DBFS -75.0f

#define RECOGNITION_MIN_HOP_S 0.01
#define RECOGNITION_MAX_HOP_S 60.0

struct recognition; /* opaque */

/* How many whole columns a hop of hop_s is, at least one. TUTTI_ERROR_ARGUMENT with *error filled
 * (may be NULL) if it is not 0.01 ... 60. Any thread. */
enum tutti_status recognition_round_hop(const struct model *model, double hop_s, size_t *columns,
                                        struct tutti_error *error);

/* hop_s is rounded as by recognition_round_hop(). Takes over *inference (also when it fails). The
 * model is needed only during this call. NULL with *error filled (may be NULL). */
struct recognition *recognition_new(const struct model *model, double hop_s,
                                    struct inference *inference, struct tutti_error *error);
void recognition_free(struct recognition *recognition);

/* Whether a hop of so many columns is complete with this one: they are counted by their index, and
 * therefore from where the stream began. Any thread. */
bool recognition_hop_complete(const struct column *column, size_t hop_columns);

/* Takes a column; true if a hop is complete with it, then the network was run and *result is
 * filled. Until a whole window has been heard (since column 0), what is missing counts as silence.
 * Where nothing in the window is audible all probabilities are 0. Real-time safe. */
bool recognition_take(struct recognition *recognition, const struct column *column,
                      struct result *result);

/* As recognition_take(), but where a hop is complete the network is not run and there is no result:
 * for a recognizer that has fallen behind. What was lost and whether it clipped goes into the next
 * result. True if a hop was skipped. Real-time safe, and quick. */
bool recognition_skip(struct recognition *recognition, const struct column *column);

double recognition_hop_s(const struct recognition *recognition); /* as rounded */
size_t recognition_hop_columns(const struct recognition *recognition);
double recognition_window_s(const struct recognition *recognition);
const char *recognition_kernel(const struct recognition *recognition);

#endif
