/* host_check.h - whether a request is meant for us, by its Host and Origin.
 *
 * A web page anywhere can make a browser in the hall's network send requests to
 * us. It cannot read our answers (we send CORS headers only to the origins of the
 * setting allowed_origins, origin_list.h), unless its name server
 * makes its own name point to our address ("DNS rebinding"): then only the Host
 * header tells. Numeric addresses cannot be rebound.
 *
 * Accepted in Host: localhost; loopback addresses; the address listened on; any
 * numeric address and the machine's own name (also with ".local") where all
 * addresses are listened on; and the names that the settings allow. The port may be
 * any, because of forwarded ports.
 *
 * Immutable after host_check_new(); any thread.
 */
#ifndef TUTTI_DAEMON_HOST_CHECK_H
#define TUTTI_DAEMON_HOST_CHECK_H

#include "common/status.h"

#include <stdbool.h>
#include <sys/socket.h>

struct host_check; /* opaque */

/* Whether a list of names can be `allowed` below; if not, *error says which entry is wrong. */
enum tutti_status host_check_names(const char *allowed, struct tutti_error *error);

/* allowed: extra names or numeric addresses, with or without a last dot, IPv6 with or without
 * brackets, but without port, separated by commas or white space; "*" allows any; NULL: none.
 * own_name: the machine's name, NULL or "": unknown. */
struct host_check *host_check_new(const struct sockaddr *listened_on, const char *allowed,
                                  const char *own_name, struct tutti_error *error);
void host_check_free(struct host_check *check);

/* Whether the value of a Host header is acceptable. */
bool host_check_allows(const struct host_check *check, const char *host);

/* Whether the value of an Origin header is the origin that Host stands for: "http://" or "https://"
 * followed by the same text. */
bool host_check_same_origin(const char *origin, const char *host);

#endif
