/* early_end.h - lets signals end a program that is still starting.
 *
 * The daemon blocks its signals before it makes threads and looks for them once all is open. Until
 * then it may wait for an audio system that never answers, on the thread that would look. Meanwhile
 * a thread of this module does, and ends the process at once: there is nothing yet to be lost.
 *
 * Threads: begin and finish from one.
 */
#ifndef TUTTI_DAEMON_EARLY_END_H
#define TUTTI_DAEMON_EARLY_END_H

#include "daemon/log.h"

#include <signal.h>

struct early_end; /* opaque */

/* From now on each of these signals, which are blocked, ends the process with exit status 0, after
 * a line in the log, which outlives this. NULL if there is no memory or no thread for it: then they
 * wait, as they would without. */
struct early_end *early_end_begin(const sigset_t *signals, struct log *log);

/* From now on they wait for who looks for them. NULL is fine. */
void early_end_finish(struct early_end *early_end);

#endif
