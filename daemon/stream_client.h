/* stream_client.h - the connection to a daemon's stream of events, which never gives up once it has
 * been made: after a break it comes back after pauses that grow, and names the last event that it
 * has seen, so that the daemon replays what was missed.
 *
 * By libcurl: proxies as the environment names them (http_proxy, no_proxy, ...; none for this
 * machine itself), TLS, redirects. One thread; stream_client_turn() is to be called again and
 * again.
 */
#ifndef TUTTI_DAEMON_STREAM_CLIENT_H
#define TUTTI_DAEMON_STREAM_CLIENT_H

#include "common/status.h"
#include "daemon/event_parser.h"
#include "daemon/stream_address.h"

#include <stddef.h>

#define STREAM_CLIENT_ANSWER_S 10  /* the longest wait for an answer */
#define STREAM_CLIENT_SILENCE_S 40 /* without a byte: the daemon sends one every 15 s */
#define STREAM_CLIENT_FIRST_PAUSE_MS 1000
#define STREAM_CLIENT_LONGEST_PAUSE_MS 15000

struct stream_client; /* opaque */

enum stream_link {
    STREAM_CONNECTING, /* for the first time */
    STREAM_CONNECTED,
    STREAM_BROKEN,  /* and will be made again */
    STREAM_REFUSED, /* the first connection could not be made; nothing more will happen */
};

/* What can be asked beside the stream. */
enum stream_question { STREAM_INFO, STREAM_CUES };
#define STREAM_QUESTIONS 2

/* Called by stream_client_turn() alone. */
struct stream_client_callbacks {
    event_callback *event;
    /* What was asked for with stream_client_ask(). json: the answer; NULL: there is none. */
    void (*answer)(void *context, enum stream_question question, const char *json);
    /* The state has changed, or what is wrong. reason: without control characters; "": none. */
    void (*link)(void *context, enum stream_link link, const char *reason);
    void *context;
};

/* Copies the address. NULL with *error: out of memory, or no libcurl that can do it. */
struct stream_client *stream_client_new(const struct stream_address *address,
                                        const struct stream_client_callbacks *callbacks,
                                        struct tutti_error *error);

/* NULL is fine. */
void stream_client_free(struct stream_client *client);

/* Does what there is to do, and waits for something to do for at most limit_ms, or until one of the
 * `count` descriptors can be read. */
void stream_client_turn(struct stream_client *client, const int *descriptors, size_t count,
                        int limit_ms);

/* Asks for `info` or `cues`, once more if it was asked before: an answer that is still on its way
 * then is not told. The answer, or that there is none, comes within STREAM_CLIENT_ANSWER_S, or
 * twice that if another one was on its way. */
void stream_client_ask(struct stream_client *client, enum stream_question question);

/* How many failures there were since the last connection. */
unsigned stream_client_failures(const struct stream_client *client);

#endif
