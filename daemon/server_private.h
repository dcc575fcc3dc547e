/* server_private.h - what the parts of the server share. For server*.c alone.
 *
 *   server.c               start, stop, routing
 *   server_connections.c   who is connected, for how long
 *   server_reply.c         answers and their headers
 *   server_query.c         query strings
 *   server_api.c           info, now, cues
 *   server_daemon.c        sources, healthz, metrics: what is of all sources
 *   server_history.c       history
 *   server_stream.c        the stream of events
 *   server_assets.c        the page
 *
 * libmicrohttpd runs one thread that calls all handlers. A second one, the ticker,
 * resumes streams that wait and ends connections that take too long. What both
 * touch is guarded by server->mutex; the order of locks is server->mutex, then
 * libmicrohttpd's or the timeline's.
 */
#ifndef TUTTI_DAEMON_SERVER_PRIVATE_H
#define TUTTI_DAEMON_SERVER_PRIVATE_H

#include "daemon/client_limit.h"
#include "daemon/host_check.h"
#include "daemon/json_writer.h"
#include "daemon/listen_address.h"
#include "daemon/server.h"
#include "daemon/wake.h"

#include <microhttpd.h>
#include <pthread.h>

struct connection;
struct stream;

struct server {
    /* Constant after server_new(). */
    struct pipeline *pipelines[MAX_SOURCES];
    size_t pipeline_count;
    struct listen_address address;
    struct host_check *hosts;
    char *origins; /* origin_list.h */
    struct assets *assets;
    unsigned max_clients;
    struct client_limit client_limit; /* of streams */
    uint64_t started_boot_ns;
    struct MHD_Daemon *daemon;
    pthread_t ticker;
    struct wake wake;

    pthread_mutex_t mutex;
    bool stopping; /* no stream waits any more, all end */
    bool quit;     /* the ticker ends */
    struct connection *connections;
    unsigned connection_count;
    struct stream *streams;
    unsigned stream_count;
    uint64_t refused_streams; /* one too many, since the server began */
};

struct request {
    struct server *server;
    struct MHD_Connection *connection;
    bool head;          /* HEAD instead of GET */
    const char *origin; /* of a page from elsewhere that may read the answer; NULL: none such */
    /* The source that the path means; the first, where it means none. */
    struct pipeline *pipeline;
    struct timeline *timeline;
};

/* ---- server_connections.c ---- */

#define CONNECTION_RESERVE 64 /* connections beyond max_clients, for all that is no stream */

/* Callbacks of libmicrohttpd. */
enum MHD_Result connection_accept(void *server, const struct sockaddr *address, socklen_t length);
void connection_notify(void *server, struct MHD_Connection *connection, void **context,
                       enum MHD_ConnectionNotificationCode code);

/* A request is complete: its answer has so long. A stream's has no limit of its own. */
void connection_answering(struct server *server, struct MHD_Connection *connection, bool stream);
/* The answer was sent: the next request may come. */
void connection_listening(struct server *server, struct MHD_Connection *connection);

/* Counts bytes of a request's body, which nobody asked for; false when it is too much. */
#define MAX_BODY_SIZE 65536
bool connection_take_body(struct MHD_Connection *connection, size_t bytes);

/* Whether the places for connections are nearly used up. Call with the mutex held. */
bool connections_scarce(const struct server *server);

/* Ends the connections that are late. Call with the mutex held. */
void connections_check(struct server *server, uint64_t now_ns);

/* ---- server_reply.c ---- */

/* Sends a response with the headers that all have, and frees it. response NULL: out of memory. */
enum MHD_Result reply_send(const struct request *request, unsigned status,
                           struct MHD_Response *response, const char *content_type);
/* A JSON text, which gets a newline at its end and is copied. */
enum MHD_Result reply_json(const struct request *request, unsigned status,
                           struct json_writer *writer);
enum MHD_Result reply_error(const struct request *request, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- server_query.c ---- */

struct query_parameter {
    const char *name;
    const char *value; /* filled: NULL if it is not in the query */
};
/* Finds the parameters of a query. False, with a sentence in error, if it has one that is not
 * expected, one without value, or one twice. */
bool query_read(const struct request *request, struct query_parameter *parameters, size_t count,
                struct tutti_error *error);

/* ---- handlers ---- */

typedef enum MHD_Result handler(const struct request *request);
handler handle_info;
handler handle_now;
handler handle_cues;
handler handle_history;
handler handle_stream;
handler handle_sources;
handler handle_source;
handler handle_health;
handler handle_metrics;

/* ---- server.c ---- */

#define SERVER_API "/api/v1/"
#define SERVER_SOURCES "sources/"

/* The names of what each source has below its path, such as "now"; NULL behind the last. */
const char *server_resource(size_t index);

/* ---- server_api.c ---- */

/* The source's state as people see it; the same words as in status events. */
const char *source_state_name(const struct pipeline_status *status);

/* "name" (of the section), "input" (what is listened to), "kind", "rate_hz", "state". */
void write_source_fields(struct json_writer *writer, const struct pipeline *pipeline,
                         const struct pipeline_status *status);

/* A number with three decimals. */
void write_number(struct json_writer *writer, const char *key, double value);

/* ---- server_stream.c ---- */

/* Resumes the streams for which there is something. Call with the mutex held. */
void streams_resume(struct server *server, uint64_t now_ns);

/* ---- server_assets.c ---- */

struct assets *assets_new(void);
void assets_free(struct assets *assets);
/* Whether the page has a file at path, "/" being its index. */
bool assets_known(const struct assets *assets, const char *path);
/* Answers with it. False if there is none. */
bool assets_handle(const struct request *request, const char *path, enum MHD_Result *result);

#endif
