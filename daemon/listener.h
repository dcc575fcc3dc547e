/* listener.h - the thread between the capture queue and the recognizer: makes
 * columns of what was captured and passes them on.
 *
 * If the queue of columns is full it waits: the loss then happens in the capture
 * queue, where it is counted exactly and stays a gap in time. It wakes ten times a
 * second, and in time for the end of a hop; it wakes the recognizer once a hop.
 */
#ifndef TUTTI_DAEMON_LISTENER_H
#define TUTTI_DAEMON_LISTENER_H

#include "common/status.h"
#include "daemon/capture.h"
#include "daemon/health.h"
#include "daemon/queue.h"
#include "nn/model.h"

struct listener; /* opaque */

struct listener_config {
    const struct model *model; /* needed only during listener_new() */
    struct capture *capture;   /* read by the listener's thread */
    struct queue *columns;     /* of struct column; written by it */
    size_t hop_columns;        /* after how many columns the recognizer has something to do */
    struct health *health;
};

/* Takes all memory; no thread yet. NULL with *error filled. */
struct listener *listener_new(const struct listener_config *config, struct tutti_error *error);

/* Starts the thread. It ends, and ends the queue of columns, when the capture queue has ended. */
enum tutti_status listener_start(struct listener *listener, struct tutti_error *error);

/* Waits for the thread's end; nothing if it was not started. */
void listener_join(struct listener *listener);

/* After listener_join(); NULL is fine. */
void listener_free(struct listener *listener);

#endif
