/* server_stream.c - the stream of events (HTML standard, 9.2 "Server-sent events").
 *
 * A stream takes events from the timeline's log whenever its socket has room, and
 * is suspended when there are none. No wake-up is lost: the stream looks at the log
 * and marks itself as waiting while it holds the mutex, the ticker looks at the log
 * and at the mark while it holds the same one. */
#include "daemon/api_json.h"
#include "daemon/clock.h"
#include "daemon/number.h"
#include "daemon/server_private.h"

#include <stdlib.h>
#include <string.h>

#define STREAM_IDLE_LIMIT_S 60 /* for a client whose socket has had no room for so long */
#define RETRY_MS 2000
#define BLOCK_SIZE 1024
#define HEARTBEAT ":\n\n"
#define LAGGED_SIZE 128

struct stream {
    struct stream *next;
    struct stream **link; /* what points here */
    struct server *server;
    struct timeline *timeline;
    struct MHD_Connection *connection;
    struct sockaddr_storage address;
    bool waiting;   /* suspended */
    bool caught_up; /* has had all there was, so what piles up now is its own delay */
    uint64_t last_id;
    uint64_t heartbeat_ns;
    size_t size; /* of text */
    size_t length;
    size_t sent;
    char text[]; /* taken from the log, but not yet by libmicrohttpd */
};

static void append_lagged(struct stream *stream, uint64_t dropped)
{
    struct json_writer writer;
    json_writer_init(&writer, stream->text + stream->length, stream->size - stream->length);
    api_event_begin(&writer, 0, "lagged");
    api_write_lagged(&writer, dropped);
    api_event_end(&writer);
    stream->length += writer.length;
}

/* Takes what is new into stream->text; call with the mutex held. */
static void take_events(struct stream *stream, uint64_t now_ns)
{
    struct timeline *timeline = stream->timeline;
    uint64_t newest = timeline_last_id(timeline);
    uint64_t dropped = 0;
    stream->length = stream->sent = 0;
    if (stream->caught_up && newest - stream->last_id > STREAM_MAX_BACKLOG) {
        dropped = newest - 1 - stream->last_id;
        stream->last_id = newest - 1;
    }
    /* What falls out of the log is told first, although it is known only afterwards. */
    char *events = stream->text + LAGGED_SIZE;
    uint64_t overwritten;
    size_t length = timeline_read_events(timeline, &stream->last_id, &overwritten, events,
                                         stream->size - LAGGED_SIZE);
    if (dropped + overwritten > 0) {
        append_lagged(stream, dropped + overwritten);
    }
    memmove(stream->text + stream->length, events, length);
    stream->length += length;
    stream->caught_up = stream->caught_up || length == 0;
    if (stream->length == 0 && now_ns >= stream->heartbeat_ns) {
        memcpy(stream->text, HEARTBEAT, strlen(HEARTBEAT));
        stream->length = strlen(HEARTBEAT);
        stream->heartbeat_ns = now_ns + STREAM_HEARTBEAT_S * CLOCK_NS_PER_S;
    }
}

static ssize_t read_stream(void *context, uint64_t position, char *buffer, size_t size)
{
    struct stream *stream = context;
    (void)position;
    if (stream->sent == stream->length) {
        pthread_mutex_lock(&stream->server->mutex);
        bool stopping = stream->server->stopping;
        take_events(stream, clock_monotonic_ns());
        if (!stopping && stream->length == 0) {
            stream->waiting = true;
            MHD_suspend_connection(stream->connection);
        }
        pthread_mutex_unlock(&stream->server->mutex);
        if (stopping && stream->length == 0) {
            return MHD_CONTENT_READER_END_OF_STREAM;
        }
    }
    size_t rest = stream->length - stream->sent;
    size_t part = rest < size ? rest : size;
    memcpy(buffer, stream->text + stream->sent, part);
    stream->sent += part;
    return (ssize_t)part;
}

void streams_resume(struct server *server, uint64_t now_ns)
{
    for (struct stream *stream = server->streams; stream != NULL; stream = stream->next) {
        if (stream->waiting &&
            (server->stopping || stream->last_id != timeline_last_id(stream->timeline) ||
             now_ns >= stream->heartbeat_ns)) {
            stream->waiting = false;
            MHD_resume_connection(stream->connection);
        }
    }
}

static void free_stream(void *context)
{
    struct stream *stream = context;
    struct server *server = stream->server;
    pthread_mutex_lock(&server->mutex);
    *stream->link = stream->next;
    if (stream->next != NULL) {
        stream->next->link = stream->link;
    }
    server->stream_count--;
    pthread_mutex_unlock(&server->mutex);
    free(stream);
}

/* Enters the stream into the list; NULL, or why it is one too many. */
static const char *admit(struct stream *stream)
{
    struct server *server = stream->server;
    const struct sockaddr *address = (const struct sockaddr *)&stream->address;
    const char *refusal = NULL;
    unsigned same = 0;
    pthread_mutex_lock(&server->mutex);
    for (const struct stream *s = server->streams; s != NULL; s = s->next) {
        same += listen_address_same_client((const struct sockaddr *)&s->address, address);
    }
    if (server->stopping) {
        refusal = "the server is stopping";
    } else if (server->stream_count >= server->max_clients) {
        refusal = "too many clients";
    } else if (!client_limit_allows(&server->client_limit, address, same, 0)) {
        refusal = "too many clients from your address";
    } else {
        stream->next = server->streams;
        stream->link = &server->streams;
        if (stream->next != NULL) {
            stream->next->link = &stream->next;
        }
        server->streams = stream;
        server->stream_count++;
    }
    server->refused_streams += refusal != NULL && !server->stopping;
    pthread_mutex_unlock(&server->mutex);
    return refusal;
}

uint64_t server_refused_streams(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    const uint64_t refused = server->refused_streams;
    pthread_mutex_unlock(&server->mutex);
    return refused;
}

/* What every client gets first: how soon to come back, hello, and the present status. */
static void write_greeting(struct stream *stream)
{
    struct timeline *timeline = stream->timeline;
    const struct timeline_status status = timeline_status(timeline);
    struct json_writer writer;
    json_writer_init(&writer, stream->text, stream->size);
    json_write_raw(&writer, "retry: ");
    json_write_integer(&writer, RETRY_MS);
    json_write_raw(&writer, "\n\n");
    writer.length +=
        timeline_hello(timeline, stream->text + writer.length, stream->size - writer.length);
    if (status.state[0] != '\0') {
        api_event_begin(&writer, 0, "status");
        api_write_status(&writer, &status);
        api_event_end(&writer);
    }
    stream->length = writer.length;
}

/* The id after which to begin: the client's, or such that the newest event is the first. */
static bool read_last_id(const struct request *request, uint64_t *last_id, bool *given,
                         struct tutti_error *error)
{
    struct query_parameter query[] = {{.name = "last_event_id"}};
    if (!query_read(request, query, 1, error)) {
        return false;
    }
    const char *text =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Last-Event-ID");
    text = text != NULL ? text : query[0].value;
    *given = text != NULL;
    *last_id = timeline_last_id(request->timeline) - 1;
    if (text != NULL && !number_parse_unsigned(text, UINT64_MAX - 1, last_id)) {
        tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "'%.32s' is not the id of an event", text);
        return false;
    }
    return true;
}

static struct stream *new_stream(const struct request *request)
{
    size_t size = 2 * timeline_max_event_size(request->timeline) + LAGGED_SIZE;
    struct stream *stream = malloc(sizeof *stream + size);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (stream == NULL || info == NULL) {
        free(stream);
        return NULL;
    }
    *stream =
        (struct stream){.server = request->server,
                        .timeline = request->timeline,
                        .connection = request->connection,
                        .heartbeat_ns = clock_monotonic_ns() + STREAM_HEARTBEAT_S * CLOCK_NS_PER_S,
                        .size = size};
    listen_address_copy(&stream->address, info->client_addr);
    return stream;
}

static enum MHD_Result send_stream(const struct request *request, struct MHD_Response *response)
{
    if (response != NULL) {
        (void)MHD_add_response_header(response, "X-Accel-Buffering", "no");
    }
    return reply_send(request, MHD_HTTP_OK, response, "text/event-stream");
}

enum MHD_Result handle_stream(const struct request *request)
{
    uint64_t last_id;
    bool given;
    struct tutti_error error;
    if (!read_last_id(request, &last_id, &given, &error)) {
        return reply_error(request, MHD_HTTP_BAD_REQUEST, "%s", error.text);
    }
    if (request->head) {
        char nothing[1] = "";
        return send_stream(request,
                           MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT));
    }
    struct stream *stream = new_stream(request);
    if (stream == NULL) {
        return MHD_NO;
    }
    stream->last_id = last_id;
    write_greeting(stream);
    const char *refusal = admit(stream);
    if (refusal != NULL) {
        free(stream);
        return reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "%s", refusal);
    }
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_stream, stream, free_stream);
    if (response == NULL) {
        free_stream(stream);
        return MHD_NO;
    }
    connection_answering(request->server, request->connection, true);
    (void)MHD_set_connection_option(request->connection, MHD_CONNECTION_OPTION_TIMEOUT,
                                    STREAM_IDLE_LIMIT_S);
    return send_stream(request, response);
}
