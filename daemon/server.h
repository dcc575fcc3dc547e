/* server.h - the HTTP server: the page, the API, and the stream of events.
 *
 * It runs threads of its own (libmicrohttpd) and only reads: timelines, health
 * and counters. Nothing a client does can slow the recognition.
 *
 * Threads: new, free from one thread; server_wake() from any (the publisher).
 */
#ifndef TUTTI_DAEMON_SERVER_H
#define TUTTI_DAEMON_SERVER_H

#include "common/status.h"
#include "daemon/pipeline.h"

struct server_config {
    const char *listen;        /* "127.0.0.1:8808", "[::1]:8808", "0.0.0.0:8808", port 0: any */
    const char *allowed_hosts; /* extra names accepted in Host, separated by commas or spaces; "*":
                                  any. localhost, loopback addresses and the address listened on are
                                  always accepted */
    unsigned max_clients;      /* 1 ... 10,000 */
};

struct server; /* opaque */

/* Starts listening. Fails with a sentence when the address is malformed, in use or not ours.
 * The pipeline must outlive the server. */
struct server *server_new(const struct server_config *config, struct pipeline *pipeline,
                          struct tutti_error *error);

/* The port listened on. */
unsigned server_port(const struct server *server);

/* There are new events: resumes the streams that wait. Never blocks for long. */
void server_wake(struct server *server);

/* Ends all streams and stops; returns within about 2 s. NULL is fine. */
void server_free(struct server *server);

#endif
