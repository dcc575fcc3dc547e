/* recognizer.h - what makes the results of one source: it takes its columns, runs the
 * network once a hop, and passes the results on. It has no thread of its own, but its
 * turns in a pool (recognizer_pool.h); in them it never allocates, locks, logs or waits.
 *
 * A machine that is too slow for the hop must not lag further and further behind. The
 * pool stretches the hop for all sources; until that helps, hops are skipped when more
 * than RECOGNIZER_BEHIND_S of captured sound is waiting, and so they are while nobody takes
 * the results. They are counted, what was lost in them is told by the next result, and the
 * results that are made keep their true times.
 *
 * Silence in the place of lost sound is no work that a machine could be too slow for. Its
 * columns do not count as waiting, and its hops give way, uncounted, to a hop that was
 * heard since.
 */
#ifndef TUTTI_DAEMON_RECOGNIZER_H
#define TUTTI_DAEMON_RECOGNIZER_H

#include "common/status.h"
#include "daemon/backlog.h"
#include "daemon/health.h"
#include "daemon/queue.h"
#include "daemon/recognition.h"
#include "daemon/recognizer_pool.h"

#include <stdint.h>

#define RECOGNIZER_BEHIND_S 1.5

struct recognizer; /* opaque */

struct recognizer_config {
    struct recognizer_pool *pool;    /* must outlive the recognizer */
    struct recognition *recognition; /* used in turns alone; taken over, also on failure; its hop is
                                        the pool's */
    struct inference_share *share;   /* given the network of the thread before each turn; NULL: the
                                        recognition has a network of its own */
    struct queue *columns;   /* of struct column; read in turns, and whoever wakes its reader calls
                                for one */
    struct backlog *backlog; /* of that queue; told what is taken out of it */
    struct queue *results;   /* of struct result; written in turns */
    struct health *health;
};

/* Takes all memory. NULL with *error filled: too many sources for the pool, or out of memory. */
struct recognizer *recognizer_new(const struct recognizer_config *config,
                                  struct tutti_error *error);

/* Waits until the queue of columns has ended, all that was in it was taken, and the queue of
 * results was ended. The pool must run. Twice is as good as once. */
void recognizer_join(struct recognizer *recognizer);

/* After recognizer_join(), or if nothing was ever put into the queue of columns. NULL is fine. */
void recognizer_free(struct recognizer *recognizer);

/* Hops without a result so far, because the recognizer was behind or the publisher did not take
 * results; neither those that a stretched hop leaves out nor those of silence in the place of lost
 * sound. Any thread. */
uint64_t recognizer_skipped_hops(const struct recognizer *recognizer);

#endif
