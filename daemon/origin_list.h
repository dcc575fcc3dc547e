/* origin_list.h - pages of which other origins (RFC 6454) may read the API: the setting
 * allowed_origins.
 *
 * An origin is a scheme, a host and a port, as browsers send it in the header Origin: in
 * "http://stage.local:3000" nothing may be left out but the port that the scheme has anyhow,
 * which has to be. There is no "any": then every page that somebody in the network looks at
 * could read along.
 *
 * No state; any thread.
 */
#ifndef TUTTI_DAEMON_ORIGIN_LIST_H
#define TUTTI_DAEMON_ORIGIN_LIST_H

#include "common/status.h"

#include <stdbool.h>

/* Whether a text is a list of origins, separated by commas or white space; if not, *error (may be
 * NULL) says which entry is wrong, and why. */
enum tutti_status origin_list_check(const char *list, struct tutti_error *error);

/* Whether an origin is in a list that was checked. Case does not matter. */
bool origin_list_has(const char *list, const char *origin);

#endif
