/* event_parser.h - server-sent events out of the bytes of a stream (HTML standard, section 9.2,
 * "Server-sent events"), as a client reads them.
 *
 * Takes bytes in pieces of any size. Nothing that a server sends makes it take more memory than it
 * has from the start: an event that is too long, or has a 0 byte in its data, is left out whole and
 * counted. No I/O.
 *
 * A parser belongs to one thread.
 */
#ifndef TUTTI_DAEMON_EVENT_PARSER_H
#define TUTTI_DAEMON_EVENT_PARSER_H

#include <stddef.h>
#include <stdint.h>

#define EVENT_DATA_MAX 131071 /* bytes; a frame of 256 labels has some 20,000 */
#define EVENT_TYPE_MAX 31
#define EVENT_ID_MAX 63

struct event_parser; /* opaque */

/* Valid during the callback alone. Each text ends with a 0 byte and has no other. */
struct event {
    const char *type; /* "message" where the server gave none */
    const char *data; /* lines separated by '\n'; any bytes, not always UTF-8 */
    const char *id;   /* of this event or of the last one that had an id; "": none so far */
};

typedef void event_callback(void *context, const struct event *event);

/* NULL: out of memory. */
struct event_parser *event_parser_new(void);

/* NULL is fine. */
void event_parser_free(struct event_parser *parser);

/* Takes the next bytes of the stream, and calls back for each event that they complete. */
void event_parser_feed(struct event_parser *parser, const char *bytes, size_t size,
                       event_callback *callback, void *context);

/* A new stream begins, as after a break of the connection: what was begun is forgotten, the id of
 * the last event stays. */
void event_parser_restart(struct event_parser *parser);

/* The id to come back with: of the last event that was complete and had one. Printable ASCII, so
 * that it can stand in a header; other ids, and longer ones, are not taken. "": none. */
const char *event_parser_last_id(const struct event_parser *parser);
void event_parser_forget_id(struct event_parser *parser);

/* How long the server wants clients to wait before they come back, in ms; 0: it did not say. */
uint64_t event_parser_retry_ms(const struct event_parser *parser);

/* How many events were left out so far. */
uint64_t event_parser_left_out(const struct event_parser *parser);

#endif
