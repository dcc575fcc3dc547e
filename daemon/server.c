/* server.c - starting, stopping, and who answers what. */
#include "daemon/server.h"

#include "daemon/clock.h"
#include "daemon/file_limit.h"
#include "daemon/origin_list.h"
#include "daemon/server_private.h"
#include "daemon/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define POOL_SIZE 16384 /* of a connection: its request with headers, and its buffers */
#define TICK_MS 1000
#define OTHER_FILES 64 /* that the program has open beside connections */
#define FILES_PER_SOURCE 4
#define STOP_LIMIT_MS 500 /* for streams to take their end */
#define LARGEST_CLIENTS 10000

#define API SERVER_API
#define SOURCES SERVER_SOURCES

struct route {
    const char *path;
    handler *handle;
};

static const struct route routes[] = {
    {API "sources", handle_sources},
    {API SOURCES, handle_sources},
    {"/healthz", handle_health},
    {"/metrics", handle_metrics},
};

/* Behind API for the first source, behind API SOURCES "NAME/" for any. */
static const struct route source_routes[] = {
    {"info", handle_info},       {"now", handle_now},   {"stream", handle_stream},
    {"history", handle_history}, {"cues", handle_cues},
};
#define SOURCE_ROUTES (sizeof source_routes / sizeof *source_routes)

const char *server_resource(size_t index)
{
    return index < SOURCE_ROUTES ? source_routes[index].path : NULL;
}

static handler *find_route(const struct route *table, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(path, table[i].path) == 0)
            return table[i].handle;
    }
    return NULL;
}

static struct pipeline *find_source(const struct server *server, const char *name, size_t length)
{
    for (size_t i = 0; i < server->pipeline_count; i++) {
        const char *candidate = pipeline_name(server->pipelines[i]);
        if (strlen(candidate) == length && memcmp(candidate, name, length) == 0)
            return server->pipelines[i];
    }
    return NULL;
}

/* What is at a path, and of which source; NULL: nothing. *unknown becomes the name of a source
 * that does not exist, of that length, if the path has one. */
static handler *find_handler(struct request *request, const char *path, const char **unknown,
                             size_t *unknown_length)
{
    handler *handle = find_route(routes, sizeof routes / sizeof *routes, path);
    if (handle != NULL || strncmp(path, API, strlen(API)) != 0)
        return handle;
    const char *rest = path + strlen(API);
    if (strncmp(rest, SOURCES, strlen(SOURCES)) == 0) {
        const char *name = rest + strlen(SOURCES);
        const size_t length = strcspn(name, "/");
        request->pipeline = find_source(request->server, name, length);
        if (request->pipeline == NULL) {
            *unknown = name;
            *unknown_length = length;
            return NULL;
        }
        request->timeline = pipeline_timeline(request->pipeline);
        rest = name + length + (name[length] == '/');
        if (*rest == '\0') {
            return handle_source;
        }
    }
    return find_route(source_routes, SOURCE_ROUTES, rest);
}

/* ---- requests ---- */

struct header_count {
    const char *name;
    unsigned count;
};

static enum MHD_Result count_header(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct header_count *header = context;
    (void)kind;
    (void)value;
    header->count += strcasecmp(name, header->name) == 0;
    return MHD_YES;
}

static const char *header_of(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* Whether the request is for us and from a page of ours, or from no page. Browsers say what
 * kind of request it is (W3C Fetch Metadata); a cross-site link to our page is fine. */
static bool is_allowed(struct request *request, const char *path, enum MHD_Result *result)
{
    const char *host = header_of(request, MHD_HTTP_HEADER_HOST);
    const char *origin = header_of(request, MHD_HTTP_HEADER_ORIGIN);
    const char *site = header_of(request, "Sec-Fetch-Site");
    const char *mode = header_of(request, "Sec-Fetch-Mode");
    struct header_count hosts = {.name = MHD_HTTP_HEADER_HOST};
    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_header, &hosts);
    if (hosts.count != 1 || host == NULL) {
        *result = reply_error(request, MHD_HTTP_BAD_REQUEST, "the request needs one Host header");
    } else if (!host_check_allows(request->server->hosts, host)) {
        *result = reply_error(request, MHD_HTTP_FORBIDDEN,
                              "host '%.64s' is not served here; the setting allowed_hosts names "
                              "those that are",
                              host);
    } else if (origin != NULL && strncmp(path, API, strlen(API)) == 0 &&
               origin_list_has(request->server->origins, origin)) {
        request->origin = origin;
        return true;
    } else if ((origin != NULL && !host_check_same_origin(origin, host)) ||
               (site != NULL && strcmp(site, "cross-site") == 0 &&
                (mode == NULL || strcmp(mode, "navigate") != 0))) {
        *result = reply_error(request, MHD_HTTP_FORBIDDEN,
                              "requests from pages of other origins are not answered, except "
                              "those to the API from origins that the setting allowed_origins "
                              "names");
    } else {
        return true;
    }
    return false;
}

static bool is_scarce(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    bool scarce = connections_scarce(server);
    pthread_mutex_unlock(&server->mutex);
    return scarce;
}

static enum MHD_Result answer(struct request *request, const char *method, const char *path)
{
    enum MHD_Result result = MHD_NO;
    const char *unknown = NULL;
    size_t length = 0;
    bool readable = request->head || strcmp(method, MHD_HTTP_METHOD_GET) == 0;
    if (is_scarce(request->server)) {
        return reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "too many clients");
    }
    if (!is_allowed(request, path, &result)) {
        return result;
    }
    handler *handle = find_handler(request, path, &unknown, &length);
    if (handle != NULL && readable) {
        return handle(request);
    }
    if (unknown != NULL) {
        return reply_error(request, MHD_HTTP_NOT_FOUND,
                           "there is no source '%.*s' here; " API "sources lists those there are",
                           length < 64 ? (int)length : 64, unknown);
    }
    if (!readable && (handle != NULL || assets_known(request->server->assets, path))) {
        return reply_error(request, MHD_HTTP_METHOD_NOT_ALLOWED,
                           "%s can only be read (GET or HEAD)", path);
    }
    if (assets_handle(request, path, &result)) {
        return result;
    }
    return reply_error(request, MHD_HTTP_NOT_FOUND, "there is nothing at %.128s", path);
}

/* Called when the headers are there, for each piece of a body, and at the end. An answer to the
 * first call ends the connection, so that is only for a body which is too large to be read. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *body, size_t *body_size, void **state)
{
    static const char begun; /* only its address counts */
    struct server *server = context;
    struct request request = {.server = server,
                              .connection = connection,
                              .head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0,
                              .pipeline = server->pipelines[0],
                              .timeline = pipeline_timeline(server->pipelines[0])};
    (void)version;
    (void)body;
    if (*state == NULL) {
        *state = (void *)(uintptr_t)&begun;
        const char *length = header_of(&request, MHD_HTTP_HEADER_CONTENT_LENGTH);
        if (length != NULL && strtoull(length, NULL, 10) > MAX_BODY_SIZE) {
            return reply_error(&request, MHD_HTTP_CONTENT_TOO_LARGE,
                               "a body of %.20s bytes is too large", length);
        }
        return MHD_YES;
    }
    if (*body_size > 0) {
        size_t size = *body_size;
        *body_size = 0;
        return connection_take_body(connection, size) ? MHD_YES : MHD_NO;
    }
    connection_answering(server, connection, false);
    return answer(&request, method, path);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)code;
    *state = NULL;
    connection_listening(context, connection);
}

/* As libmicrohttpd does it, but a 0 byte in a path or value may not cut it short. */
static size_t unescape(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    size_t length = MHD_http_unescape(text);
    for (size_t i = 0; i < length; i++) {
        text[i] = text[i] == '\0' ? '?' : text[i];
    }
    return length;
}

/* ---- the ticker ---- */

static void *tick(void *context)
{
    struct server *server = context;
    uint64_t next_check_ns = 0;
    for (bool quit = false; !quit;) {
        (void)wake_wait_ms(&server->wake, TICK_MS);
        uint64_t now_ns = clock_monotonic_ns();
        pthread_mutex_lock(&server->mutex);
        streams_resume(server, now_ns);
        if (now_ns >= next_check_ns) {
            connections_check(server, now_ns);
            next_check_ns = now_ns + TICK_MS * CLOCK_NS_PER_MS;
        }
        quit = server->quit;
        pthread_mutex_unlock(&server->mutex);
    }
    return NULL;
}

void server_wake(struct server *server)
{
    wake_signal(&server->wake);
}

/* ---- start ---- */

enum tutti_status server_check_files(unsigned max_clients, size_t sources,
                                     struct tutti_error *error)
{
    const size_t needed =
        max_clients + CONNECTION_RESERVE + OTHER_FILES + FILES_PER_SOURCE * sources;
    const size_t allowed = file_limit_raise(needed);
    if (allowed >= needed) {
        return TUTTI_OK;
    }
    return tutti_error_set(error, TUTTI_ERROR_IO,
                           "%zu source%s and up to %u clients (max_clients) need %zu open files, "
                           "but the system allows %zu: have fewer of them, or raise the limit "
                           "(ulimit -n, LimitNOFILE=)",
                           sources, sources == 1 ? "" : "s", max_clients, needed, allowed);
}

static enum tutti_status start_http(struct server *server, int fd, struct tutti_error *error)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* its thread inherits this */
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, connection_accept, server,
        on_request, server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_CONNECTION,
        connection_notify, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)POOL_SIZE, MHD_OPTION_CONNECTION_LIMIT, server->max_clients + CONNECTION_RESERVE,
        MHD_OPTION_CONNECTION_TIMEOUT, 10u, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    int reason = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (server->daemon == NULL) {
        (void)close(fd);
        return tutti_error_set(error, TUTTI_ERROR_IO, "the HTTP server does not start: %s",
                               strerror(reason));
    }
    return TUTTI_OK;
}

static enum tutti_status set_up(struct server *server, const struct server_config *config,
                                struct tutti_error *error)
{
    char own_name[256] = "";
    if (config->max_clients == 0 || config->max_clients > LARGEST_CLIENTS) {
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "max_clients is %u, but has to be 1 to %d", config->max_clients,
                               LARGEST_CLIENTS);
    }
    server->client_limit = client_limit_of(config->max_clients, config->max_clients_per_address);
    server->max_clients = config->max_clients;
    server->started_boot_ns = clock_boot_ns();
    (void)gethostname(own_name, sizeof own_name - 1);
    const struct sockaddr *address = (const struct sockaddr *)&server->address.socket_address;
    enum tutti_status status = listen_address_parse(config->listen, &server->address, error);
    if (status == TUTTI_OK) {
        status = server_check_files(config->max_clients, server->pipeline_count, error);
    }
    if (status != TUTTI_OK) {
        return status;
    }
    server->hosts = host_check_new(address, config->allowed_hosts, own_name, error);
    if (server->hosts == NULL) {
        return TUTTI_ERROR_ARGUMENT;
    }
    const char *origins = config->allowed_origins != NULL ? config->allowed_origins : "";
    if (origin_list_check(origins, error) != TUTTI_OK) {
        return TUTTI_ERROR_ARGUMENT;
    }
    server->origins = strdup(origins);
    server->assets = assets_new();
    return server->origins != NULL && server->assets != NULL
               ? TUTTI_OK
               : tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
}

static enum tutti_status start(struct server *server, const struct server_config *config,
                               struct tutti_error *error)
{
    enum tutti_status status = set_up(server, config, error);
    if (status != TUTTI_OK) {
        return status;
    }
    int fd = listen_address_open(config->listen, &server->address, error);
    if (fd < 0) {
        return TUTTI_ERROR_IO;
    }
    status = start_http(server, fd, error);
    if (status != TUTTI_OK) {
        return status;
    }
    return thread_start(&server->ticker, "http-ticker", tick, server, error);
}

static void release(struct server *server)
{
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon);
    }
    host_check_free(server->hosts);
    free(server->origins);
    assets_free(server->assets);
    wake_destroy(&server->wake);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

struct server *server_new(const struct server_config *config, struct pipeline *const *pipelines,
                          size_t count, struct tutti_error *error)
{
    if (count < 1 || count > MAX_SOURCES) {
        tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "there are %zu sources to serve", count);
        return NULL;
    }
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&server->mutex, NULL);
    wake_init(&server->wake);
    memcpy(server->pipelines, pipelines, count * sizeof *pipelines);
    server->pipeline_count = count;
    if (start(server, config, error) != TUTTI_OK) {
        release(server);
        return NULL;
    }
    return server;
}

unsigned server_port(const struct server *server)
{
    return listen_address_port(&server->address);
}

/* ---- stop ---- */

/* Waits until the streams have taken their end. One whose client does not read never will:
 * libmicrohttpd closes that one. None waits (is suspended) any more, which libmicrohttpd asks for.
 */
static void end_streams(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    server->stopping = true;
    unsigned left = server->stream_count;
    pthread_mutex_unlock(&server->mutex);
    server_wake(server);
    for (int waited_ms = 0; left > 0 && waited_ms < STOP_LIMIT_MS; waited_ms += 5) {
        (void)usleep(5000);
        pthread_mutex_lock(&server->mutex);
        left = server->stream_count;
        pthread_mutex_unlock(&server->mutex);
    }
}

void server_free(struct server *server)
{
    if (server == NULL) {
        return;
    }
    end_streams(server);
    pthread_mutex_lock(&server->mutex);
    server->quit = true;
    pthread_mutex_unlock(&server->mutex);
    server_wake(server);
    (void)pthread_join(server->ticker, NULL);
    release(server);
}
