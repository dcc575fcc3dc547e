/* event_log.h - the last events as the stream sends them, numbered, in a fixed
 * amount of memory.
 *
 * Ids increase by one with every event. When the memory is full, the oldest
 * events make room. A reader asks for what comes after the id it knows, and is
 * told how many events it has missed.
 *
 * Not thread-safe: the timeline's mutex guards it. Memory only in event_log_new();
 * all of it is touched there, so that the log does not grow later.
 */
#ifndef TUTTI_DAEMON_EVENT_LOG_H
#define TUTTI_DAEMON_EVENT_LOG_H

#include <stddef.h>
#include <stdint.h>

struct event_log; /* opaque */

/* A log of size bytes of text (64 to 2^30) whose first event will have first_id
 * (at least 1). NULL if out of range or memory is short. */
struct event_log *event_log_new(size_t size, uint64_t first_id);
void event_log_free(struct event_log *log);

/* The id that the next event will get. */
uint64_t event_log_next_id(const struct event_log *log);

/* Appends a complete event of length bytes. One of 0 bytes or longer than the whole log is not
 * taken. O(1), but for the events that make room. */
void event_log_add(struct event_log *log, const char *text, size_t length);

/* Copies as many whole events with ids above *last_id as fit into size bytes of text, oldest
 * first, and advances *last_id to the last one copied; returns the bytes. An id that is not of
 * this log (above its newest, or below the one before its first) counts as the one before the
 * oldest event held. *dropped becomes the number of events between *last_id and the first one
 * copied that are no longer held: nobody can have missed events of a log that is not theirs. */
size_t event_log_read(const struct event_log *log, uint64_t *last_id, uint64_t *dropped, char *text,
                      size_t size);

#endif
