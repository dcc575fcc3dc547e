/* queue.h - a ring of messages (dsp/ring.h) whose reader can sleep and whose writer
 * can say that no more will come. Between any two of Tutti's threads there is one.
 *
 * Threads: one writer [writer] and one reader [reader], as for the ring. Everything
 * but the waits is real-time safe. Memory only in queue_new().
 */
#ifndef TUTTI_DAEMON_QUEUE_H
#define TUTTI_DAEMON_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue; /* opaque */

/* A queue of `capacity` messages (a power of two) of message_size bytes; NULL if out of ring.h's
 * ranges or memory is short. */
struct queue *queue_new(size_t message_size, size_t capacity);

/* NULL is fine. Neither thread may be using it any more. */
void queue_free(struct queue *queue);

/* For a reader that does not sleep in queue_wait(), because it reads several queues: whoever wakes
 * it, or ends the queue, calls woken(context) instead. Before any thread uses the queue. */
void queue_on_wake(struct queue *queue, void (*woken)(void *context), void *context);

/* [writer] Copies a message in without waking the reader; false if the queue is full. */
bool queue_push(struct queue *queue, const void *message);

/* Wakes the reader; any thread. */
void queue_wake(struct queue *queue);

/* [writer] Sleeps until there is room for `messages` (or the queue is empty, if it is smaller than
 * that) or timeout_ms passed; false on timeout. */
bool queue_wait_for_room(struct queue *queue, size_t messages, unsigned timeout_ms);

/* [writer, or any thread once the writer has stopped] No more will come; wakes the reader. */
void queue_end(struct queue *queue);

/* [reader] Sleeps until a message is there, the end was reached, the reader was woken, or
 * timeout_ms passed. It may return early for nothing. */
void queue_wait(struct queue *queue, unsigned timeout_ms);

/* [reader] The same, but messages that are there do not count: for a reader that is only woken when
 * it is worth it. */
void queue_wait_for_wake(struct queue *queue, unsigned timeout_ms);

/* [reader] The oldest message, to be read in place until queue_read_end(); NULL if there is none.
 */
const void *queue_read_begin(struct queue *queue);
void queue_read_end(struct queue *queue);

/* [reader] Copies the oldest message out; false if there is none. */
bool queue_pop(struct queue *queue, void *message);

/* True once queue_end() was called and everything was read. Any thread. */
bool queue_done(const struct queue *queue);

/* Messages waiting, and how many fit. Any thread. */
size_t queue_count(const struct queue *queue);
size_t queue_capacity(const struct queue *queue);

#endif
