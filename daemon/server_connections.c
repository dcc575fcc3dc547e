/* server_connections.c - who is connected, from where, and for how long.
 *
 * libmicrohttpd only knows a limit on idling: a client that sends a byte now and
 * then would keep its place for ever. So each connection has a deadline, which the
 * ticker enforces by shutting the socket down; libmicrohttpd then closes it. And when
 * places run short, whoever has waited longest with its request makes room: else a
 * crowd of idle connections, even from this machine, would keep everybody out. */
#include "daemon/clock.h"
#include "daemon/server_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define REQUEST_LIMIT_NS (10 * CLOCK_NS_PER_S)
#define ANSWER_LIMIT_NS (30 * CLOCK_NS_PER_S)
#define SEND_BUFFER_SIZE 16384 /* or the kernel queues minutes of events for one who sleeps */
#define PLACES_TO_SPARE 32     /* of CONNECTION_RESERVE: below it, room is made */
#define PER_ADDRESS_RESERVE 8  /* connections beside the streams */

struct connection {
    struct connection *next;
    struct connection **link; /* what points here */
    int fd;                   /* open as long as this is in the list */
    struct sockaddr_storage address;
    uint64_t deadline_ns; /* 0: none */
    bool requesting;      /* has sent no complete request yet, or none since the last answer */
    size_t body_size;     /* of the present request; the handlers' thread alone */
};

static struct connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

enum MHD_Result connection_accept(void *context, const struct sockaddr *address, socklen_t length)
{
    struct server *server = context;
    (void)length;
    unsigned count = 0;
    pthread_mutex_lock(&server->mutex);
    for (const struct connection *c = server->connections; c != NULL; c = c->next) {
        count += listen_address_same_client((const struct sockaddr *)&c->address, address);
    }
    pthread_mutex_unlock(&server->mutex);
    return client_limit_allows(&server->client_limit, address, count, PER_ADDRESS_RESERVE) ? MHD_YES
                                                                                           : MHD_NO;
}

static void end(struct connection *connection)
{
    connection->deadline_ns = 0;
    connection->requesting = false;
    (void)shutdown(connection->fd, SHUT_RDWR);
}

/* Ends the connection that has waited longest with its request, if places run short. Call with the
 * mutex held. */
static void make_room(struct server *server)
{
    struct connection *oldest = NULL;
    if (server->connection_count + PLACES_TO_SPARE <= server->max_clients + CONNECTION_RESERVE) {
        return;
    }
    for (struct connection *c = server->connections; c != NULL; c = c->next) {
        if (c->requesting && (oldest == NULL || c->deadline_ns < oldest->deadline_ns)) {
            oldest = c;
        }
    }
    if (oldest != NULL) {
        end(oldest);
    }
}

static void opened(struct server *server, struct MHD_Connection *mhd, void **context)
{
    const union MHD_ConnectionInfo *socket_info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *address_info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL || socket_info == NULL || address_info == NULL) {
        free(connection); /* its requests will be refused */
        return;
    }
    int size = SEND_BUFFER_SIZE;
    connection->fd = socket_info->connect_fd;
    (void)setsockopt(connection->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    const struct sockaddr *address = address_info->client_addr;
    listen_address_copy(&connection->address, address);
    connection->deadline_ns = clock_monotonic_ns() + REQUEST_LIMIT_NS;
    connection->requesting = true;
    *context = connection;

    pthread_mutex_lock(&server->mutex);
    make_room(server);
    connection->next = server->connections;
    connection->link = &server->connections;
    if (connection->next != NULL) {
        connection->next->link = &connection->next;
    }
    server->connections = connection;
    server->connection_count++;
    pthread_mutex_unlock(&server->mutex);
}

/* libmicrohttpd calls this before it closes the socket. */
static void closed(struct server *server, struct connection *connection)
{
    pthread_mutex_lock(&server->mutex);
    *connection->link = connection->next;
    if (connection->next != NULL) {
        connection->next->link = connection->link;
    }
    server->connection_count--;
    pthread_mutex_unlock(&server->mutex);
    free(connection);
}

void connection_notify(void *server, struct MHD_Connection *mhd, void **context,
                       enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        opened(server, mhd, context);
    } else if (*context != NULL) {
        closed(server, *context);
        *context = NULL;
    }
}

static void set_deadline(struct server *server, struct MHD_Connection *mhd, uint64_t deadline_ns,
                         bool requesting)
{
    struct connection *connection = connection_of(mhd);
    if (connection != NULL) {
        connection->body_size = 0;
        pthread_mutex_lock(&server->mutex);
        connection->deadline_ns = deadline_ns;
        connection->requesting = requesting;
        pthread_mutex_unlock(&server->mutex);
    }
}

void connection_answering(struct server *server, struct MHD_Connection *connection, bool stream)
{
    set_deadline(server, connection, stream ? 0 : clock_monotonic_ns() + ANSWER_LIMIT_NS, false);
}

void connection_listening(struct server *server, struct MHD_Connection *connection)
{
    set_deadline(server, connection, clock_monotonic_ns() + REQUEST_LIMIT_NS, true);
}

bool connection_take_body(struct MHD_Connection *mhd, size_t bytes)
{
    struct connection *connection = connection_of(mhd);
    if (connection == NULL || bytes > MAX_BODY_SIZE - connection->body_size) {
        return false;
    }
    connection->body_size += bytes;
    return true;
}

bool connections_scarce(const struct server *server)
{
    return server->connection_count + 8 > server->max_clients + CONNECTION_RESERVE;
}

void connections_check(struct server *server, uint64_t now_ns)
{
    for (struct connection *c = server->connections; c != NULL; c = c->next) {
        if (c->deadline_ns != 0 && now_ns > c->deadline_ns) {
            end(c);
        }
    }
}
