/* client_limit.h - how many places one client may take, so that it leaves some to others.
 *
 * No state; any thread.
 */
#ifndef TUTTI_DAEMON_CLIENT_LIMIT_H
#define TUTTI_DAEMON_CLIENT_LIMIT_H

#include <stdbool.h>
#include <sys/socket.h>

struct client_limit {
    unsigned places; /* of one client, see listen_address_same_client() */
    bool loopback;   /* holds for this machine's own addresses, too */
};

/* The limit where all clients together may have `clients` places. per_client: what somebody has set
 * for each, this machine included; 0: a quarter of clients, and at least 8, for others alone. */
struct client_limit client_limit_of(unsigned clients, unsigned per_client);

/* Whether a client at that address that has `taken` places may take one more. reserve: so many
 * beside the limit. */
bool client_limit_allows(const struct client_limit *limit, const struct sockaddr *address,
                         unsigned taken, unsigned reserve);

#endif
