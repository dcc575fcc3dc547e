/* listener.h - the thread between the capture queue and the recognizer: makes
 * columns of what was captured and passes them on.
 *
 * If the queue of columns is full it waits: the loss then happens in the capture
 * queue, where it is counted exactly and stays a gap in time. It wakes for every
 * tenth of a second of sound, and for each block that may complete a hop; it wakes
 * the recognizer once a hop.
 */
#ifndef TUTTI_DAEMON_LISTENER_H
#define TUTTI_DAEMON_LISTENER_H

#include "common/status.h"
#include "daemon/backlog.h"
#include "daemon/capture.h"
#include "daemon/health.h"
#include "daemon/queue.h"
#include "nn/model.h"

struct listener; /* opaque */

struct listener_config {
    const struct model *model; /* needed only during listener_new() */
    struct capture *capture;   /* read by the listener's thread */
    struct queue *columns;     /* of struct column; written by it */
    struct backlog *backlog;   /* of that queue; told what is put into it */
    size_t hop_columns;        /* after how many columns the recognizer has something to do */
    struct health *health;
};

/* When the listener wakes. */
struct listener_pace {
    size_t hop_columns;
    uint64_t column_frames; /* a column's share of the sound, rounded down */
    uint64_t gather_frames; /* so many wait at most */
    uint64_t columns;       /* index of the newest column + 1; 0: none came yet */
    uint64_t column_frame;  /* what had been heard when it came */
};

struct listener_pace listener_pace(const struct model *model, unsigned rate_hz, size_t hop_columns);

/* A column came when the sound before the frame `heard` had been heard. A resampler hands columns
 * out in bursts, so it may have been ready no sooner. */
void listener_pace_column(struct listener_pace *pace, const struct column *column, uint64_t heard);

/* The frame to wait for (capture_wait()) when the sound before `heard` was heard: the block with
 * which a hop can be complete at the soonest ends at it or later. */
uint64_t listener_next_frame(const struct listener_pace *pace, uint64_t heard);

/* Takes all memory; no thread yet. NULL with *error filled. */
struct listener *listener_new(const struct listener_config *config, struct tutti_error *error);

/* Starts the thread. It ends, and ends the queue of columns, when the capture queue has ended. */
enum tutti_status listener_start(struct listener *listener, struct tutti_error *error);

/* Waits for the thread's end; nothing if it was not started. */
void listener_join(struct listener *listener);

/* After listener_join(); NULL is fine. */
void listener_free(struct listener *listener);

#endif
