/* server.h - the HTTP server: the page, the API, and the stream of events.
 *
 * It runs threads of its own (libmicrohttpd) and only reads: timelines, health
 * and counters. Nothing a client does can slow the recognition.
 *
 * Threads: new, free from one thread; server_wake() from any (the publisher).
 *
 *   GET /                         the page and its files (web/)
 *   GET /metrics                  counters for Prometheus (text format 0.0.4)
 *   GET /healthz                  200, or 503 and which stage of which source is late
 *   GET /api/v1/sources           the sources: name, input, kind, rate_hz, state, path
 *   GET /api/v1/sources/NAME      one of them, with links to what it has
 *
 * and for the first source:
 *
 *   GET /api/v1/info              what listens to what, with which model
 *   GET /api/v1/now               the latest frame; 503 before the first
 *   GET /api/v1/stream            server-sent events; Last-Event-ID or ?last_event_id= replays
 *   GET /api/v1/history           ?from=&to=&step= in s; negative: back from the newest frame
 *   GET /api/v1/cues              ?format=json|csv|audacity|cue
 *
 * The same for any source is at /api/v1/sources/NAME/info, .../now, and so on.
 *
 * Errors are {"error": "a sentence"}: 400 a malformed request or query, 403 a Host that is
 * not ours or an Origin that may not read along, 404, 405 (with Allow), 413 a body of more than
 * 64 KiB (a shorter one is read and ignored; a longer one of no stated length closes the
 * connection), 503 too many clients (with Retry-After). What is malformed or too long as HTTP is
 * answered by libmicrohttpd itself, in HTML (400, 414, 431), and what is not HTTP at all not even
 * that: the connection is closed.
 *
 * Limits: when nearly all places for connections are taken, those that have waited longest with
 * their request are closed; a connection has 10 s for a request and 30 s to take its answer,
 * streams apart; a request line with headers at most some 15 kB; a stream that is more than
 * STREAM_MAX_BACKLOG events behind is told so ("lagged") and goes on with the newest.
 */
#ifndef TUTTI_DAEMON_SERVER_H
#define TUTTI_DAEMON_SERVER_H

#include "common/status.h"
#include "daemon/pipeline.h"

#include <stddef.h>

#define STREAM_MAX_BACKLOG 256 /* events; a minute at the default hop */
#define STREAM_HEARTBEAT_S 15
#define HISTORY_MAX_STEPS 10000

struct server_config {
    const char *listen;          /* "127.0.0.1:8808", "[::1]:8808", "0.0.0.0:8808", port 0: any */
    const char *allowed_hosts;   /* extra names accepted in Host, see host_check.h; NULL: none */
    const char *allowed_origins; /* whose pages may read the API, see origin_list.h; NULL: none but
                                    our own */
    unsigned max_clients;        /* streams at once, 1 ... 10,000 */
    unsigned max_clients_per_address; /* 0: a quarter of max_clients, at least 8, and no limit for
                                         loopback addresses, behind which a proxy may stand */
};

struct server; /* opaque */

/* Makes sure that so many clients and sources can have their files open: raises the soft limit of
 * the system if it has to be, and says what is too much for the hard one. server_new() does it as
 * well; who opens sources before that calls it first, so that they do not fail for want of files.
 */
enum tutti_status server_check_files(unsigned max_clients, size_t sources,
                                     struct tutti_error *error);

/* Starts listening, for count (1 ... MAX_SOURCES) pipelines, whose names are different; the
 * first one is also at the plain paths. Fails with a sentence when the address is malformed, in use
 * or not ours, or as server_check_files(). The pipelines must outlive the server; the array is
 * copied. */
struct server *server_new(const struct server_config *config, struct pipeline *const *pipelines,
                          size_t count, struct tutti_error *error);

/* The port listened on. */
unsigned server_port(const struct server *server);

/* How many streams were one too many since the server began. Any thread. */
uint64_t server_refused_streams(struct server *server);

/* There are new events: resumes the streams that wait. Real-time safe. */
void server_wake(struct server *server);

/* Ends all streams and stops; returns within about 2 s. NULL is fine. */
void server_free(struct server *server);

#endif
