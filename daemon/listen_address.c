/* listen_address.c - see listen_address.h */
#include "daemon/listen_address.h"

#include "daemon/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 128

static enum tutti_status malformed(const char *text, struct tutti_error *error)
{
    return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                           "'%s' is not an address to listen on: it should look like "
                           "127.0.0.1:8808, [::1]:8808 or 0.0.0.0:8808",
                           text);
}

enum tutti_status listen_address_parse(const char *text, struct listen_address *address,
                                       struct tutti_error *error)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    char host[INET6_ADDRSTRLEN + 2];
    if (colon == NULL || colon == text || (size_t)(colon - text) >= sizeof host ||
        !number_parse_unsigned(colon + 1, 65535, &port)) {
        return malformed(text, error);
    }
    size_t length = (size_t)(colon - text);
    memcpy(host, text, length);
    host[length] = '\0';
    *address = (struct listen_address){.length = 0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address->socket_address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->socket_address;
    if (host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        address->length = sizeof *v6;
        return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1 ? TUTTI_OK
                                                                  : malformed(text, error);
    }
    const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    address->length = sizeof *v4;
    return inet_pton(AF_INET, numeric, &v4->sin_addr) == 1 ? TUTTI_OK : malformed(text, error);
}

static void explain(const char *text, int reason, struct tutti_error *error)
{
    const char *sentence = strerror(reason);
    if (reason == EADDRINUSE) {
        sentence = "the port is in use by another program, perhaps by another tuttid";
    } else if (reason == EADDRNOTAVAIL) {
        sentence = "this machine has no such address";
    } else if (reason == EACCES) {
        sentence = "ports below 1024 are for privileged programs";
    }
    tutti_error_set(error, TUTTI_ERROR_IO, "cannot listen on %s: %s", text, sentence);
}

int listen_address_open(const char *text, struct listen_address *address, struct tutti_error *error)
{
    struct sockaddr *socket_address = (struct sockaddr *)&address->socket_address;
    int one = 1;
    int zero = 0;
    int fd = socket(socket_address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        explain(text, errno, error);
        return -1;
    }
    /* So that a restart need not wait for the connections of the run before to fade out. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (socket_address->sa_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    }
    address->length = socket_address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                            : sizeof(struct sockaddr_in);
    if (bind(fd, socket_address, address->length) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, socket_address, &address->length) != 0) {
        explain(text, errno, error);
        (void)close(fd);
        return -1;
    }
    return fd;
}

unsigned listen_address_port(const struct listen_address *address)
{
    /* The port is at the same place in both. */
    return ntohs(((const struct sockaddr_in *)&address->socket_address)->sin_port);
}

void listen_address_copy(struct sockaddr_storage *to, const struct sockaddr *from)
{
    bool v6 = from->sa_family == AF_INET6;
    memset(to, 0, sizeof *to);
    memcpy(to, from, v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
}

/* The address as IPv6, with IPv4 mapped into it (RFC 4291, 2.5.5.2). */
static struct in6_addr as_v6(const struct sockaddr *address)
{
    struct in6_addr mapped = {.s6_addr = {[10] = 0xFF, [11] = 0xFF}};
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        return v6.sin6_addr;
    }
    struct sockaddr_in v4;
    memcpy(&v4, address, sizeof v4);
    memcpy(&mapped.s6_addr[12], &v4.sin_addr, 4);
    return mapped;
}

bool listen_address_is_loopback(const struct sockaddr *address)
{
    struct in6_addr v6 = as_v6(address);
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

bool listen_address_is_wildcard(const struct sockaddr *address)
{
    static const uint8_t nothing[4] = {0};
    struct in6_addr v6 = as_v6(address);
    return IN6_IS_ADDR_UNSPECIFIED(&v6) ||
           (IN6_IS_ADDR_V4MAPPED(&v6) && memcmp(&v6.s6_addr[12], nothing, 4) == 0);
}

bool listen_address_same_host(const struct sockaddr *a, const struct sockaddr *b)
{
    struct in6_addr first = as_v6(a);
    struct in6_addr second = as_v6(b);
    return IN6_ARE_ADDR_EQUAL(&first, &second);
}

bool listen_address_same_client(const struct sockaddr *a, const struct sockaddr *b)
{
    struct in6_addr first = as_v6(a);
    struct in6_addr second = as_v6(b);
    bool v4 = IN6_IS_ADDR_V4MAPPED(&first) || IN6_IS_ADDR_V4MAPPED(&second);
    return memcmp(&first, &second, v4 || IN6_IS_ADDR_LOOPBACK(&first) ? 16 : 8) == 0;
}
