/* listen_address.h - from "127.0.0.1:8808" to a socket that listens there.
 *
 * Apart from the server so that everything that goes wrong with an address has
 * its own sentence. No state; any thread.
 */
#ifndef TUTTI_DAEMON_LISTEN_ADDRESS_H
#define TUTTI_DAEMON_LISTEN_ADDRESS_H

#include "common/status.h"

#include <stdbool.h>
#include <sys/socket.h>

struct listen_address {
    struct sockaddr_storage socket_address; /* AF_INET or AF_INET6 */
    socklen_t length;
};

/* Reads ADDRESS:PORT, where ADDRESS is a numeric IPv4 address, an IPv6 address in brackets, or
 * "localhost" (127.0.0.1), and PORT is 0 to 65535. */
enum tutti_status listen_address_parse(const char *text, struct listen_address *address,
                                       struct tutti_error *error);

/* A non-blocking socket that listens on the address, to be closed by the caller, or -1 with *error.
 * "[::]" takes IPv4 as well. text: the address as written, for the message. On success *address is
 * what is really listened on: port 0 has become the port that the system chose. */
int listen_address_open(const char *text, struct listen_address *address,
                        struct tutti_error *error);

unsigned listen_address_port(const struct listen_address *address);

/* Copies an IPv4 or IPv6 address. */
void listen_address_copy(struct sockaddr_storage *to, const struct sockaddr *from);

/* Whether it is a loopback address (127.0.0.0/8, ::1, and the former mapped into IPv6). */
bool listen_address_is_loopback(const struct sockaddr *address);

/* Whether it is "all addresses of this machine". */
bool listen_address_is_wildcard(const struct sockaddr *address);

/* Whether two addresses are of the same host: the same but for the port. */
bool listen_address_same_host(const struct sockaddr *a, const struct sockaddr *b);

/* Whether two addresses count as one client where clients are limited: the same host, or of one
 * IPv6 network of 64 bits, in which a single machine has as many addresses as it likes (RFC 4291,
 * 2.5.1; RFC 8981). */
bool listen_address_same_client(const struct sockaddr *a, const struct sockaddr *b);

#endif
