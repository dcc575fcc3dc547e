/* publisher.h - the thread that puts results into the timeline, measures how late
 * they are, and tells the timeline what state the source is in.
 *
 * What played when the sound broke off is not known to play for ever: once the source has
 * been stalled or lost for longer than a window, and no result came for as long, it ends
 * where the sound did.
 *
 * It is the only one that writes to the timeline, and the last in the path: when it
 * has ended, everything that was heard is published.
 */
#ifndef TUTTI_DAEMON_PUBLISHER_H
#define TUTTI_DAEMON_PUBLISHER_H

#include "common/status.h"
#include "daemon/capture.h"
#include "daemon/health.h"
#include "daemon/queue.h"
#include "daemon/recognizer_pool.h"
#include "daemon/source.h"
#include "daemon/timeline.h"

#include <stdbool.h>

#define PUBLISHER_STALL_S 1.0       /* no samples for so long: stalled */
#define PUBLISHER_START_GRACE_S 3.0 /* the same before the first sample */

struct publisher; /* opaque */

struct publisher_config {
    const struct source *source;        /* asked for its state */
    const struct capture *capture;      /* asked for its counters */
    const struct recognizer_pool *pool; /* asked whether the hop is stretched; NULL: it never is */
    struct queue *results;              /* of struct result; read by the thread */
    struct timeline *timeline;          /* written by it */
    double window_s;                    /* of the model */
    struct health *health;
};

/* Takes all memory; no thread yet. NULL with *error filled. */
struct publisher *publisher_new(const struct publisher_config *config, struct tutti_error *error);

/* Starts the thread. When the queue of results has ended it finishes the timeline and ends. */
enum tutti_status publisher_start(struct publisher *publisher, struct tutti_error *error);

/* Waits for the thread's end; nothing if it was not started. */
void publisher_join(struct publisher *publisher);

/* After publisher_join(); NULL is fine. */
void publisher_free(struct publisher *publisher);

/* The rest: any thread, any time. */

/* Running, but no samples have come for PUBLISHER_STALL_S. Judged now, not by the thread. */
bool publisher_stalled(const struct publisher *publisher);

/* Of the newest result: from the arrival of the sound at its end (result.captured_ns) to the
 * timeline; 0 before the first. */
double publisher_lag_ms(const struct publisher *publisher);

/* True once everything is in the timeline and no more will come. */
bool publisher_done(const struct publisher *publisher);

#endif
