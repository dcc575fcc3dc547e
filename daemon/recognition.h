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

struct recognition; /* opaque */

/* hop_s 0.01 ... 60 is rounded to whole columns, at least one. Takes over *inference (also when it
 * fails). */
struct recognition *recognition_new(const struct model *model, double hop_s,
                                    struct inference *inference, struct tutti_error *error);
void recognition_free(struct recognition *recognition);

/* Takes a column; true if a hop is complete, then *result is filled. The first hop is complete
 * hop_s after the first column; until a whole window has been heard, what is missing counts as
 * silence. Real-time safe. */
bool recognition_take(struct recognition *recognition, const struct column *column,
                      struct result *result);

double recognition_hop_s(const struct recognition *recognition); /* as rounded */
double recognition_window_s(const struct recognition *recognition);
const char *recognition_kernel(const struct recognition *recognition);

#endif
