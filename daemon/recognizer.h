/* recognizer.h - the thread that runs the network once a hop and passes the results
 * on. Its loop never allocates, locks, logs, or waits for anything but columns.
 *
 * A machine that is too slow for the hop must not lag further and further behind:
 * when more than RECOGNIZER_BEHIND_S of columns are waiting, hops are skipped; so
 * they are while nobody takes the results. They are counted, what was lost in them is
 * told by the next result, and the results that are made keep their true times.
 */
#ifndef TUTTI_DAEMON_RECOGNIZER_H
#define TUTTI_DAEMON_RECOGNIZER_H

#include "common/status.h"
#include "daemon/health.h"
#include "daemon/queue.h"
#include "daemon/recognition.h"

#include <stdint.h>

#define RECOGNIZER_BEHIND_S 1.5

struct recognizer; /* opaque */

struct recognizer_config {
    struct recognition *recognition; /* used by the thread alone; taken over, also on failure */
    struct queue *columns;           /* of struct column; read by the thread */
    struct queue *results;           /* of struct result; written by it */
    struct health *health;
};

/* Takes all memory; no thread yet. NULL with *error filled. */
struct recognizer *recognizer_new(const struct recognizer_config *config,
                                  struct tutti_error *error);

/* Starts the thread. It ends, and ends the queue of results, when the queue of columns has ended.
 */
enum tutti_status recognizer_start(struct recognizer *recognizer, struct tutti_error *error);

/* Waits for the thread's end; nothing if it was not started. */
void recognizer_join(struct recognizer *recognizer);

/* After recognizer_join(); NULL is fine. */
void recognizer_free(struct recognizer *recognizer);

/* Hops without a result so far, because the recognizer was behind or the publisher did not take
 * results. Any thread. */
uint64_t recognizer_skipped_hops(const struct recognizer *recognizer);

#endif
