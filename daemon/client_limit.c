#include "daemon/client_limit.h"

#include "daemon/listen_address.h"

#define LEAST_PLACES 8

struct client_limit client_limit_of(unsigned clients, unsigned per_client)
{
    if (per_client > 0)
        return (struct client_limit){.places = per_client, .loopback = true};
    const unsigned quarter = clients / 4;
    return (struct client_limit){.places = quarter > LEAST_PLACES ? quarter : LEAST_PLACES};
}

bool client_limit_allows(const struct client_limit *limit, const struct sockaddr *address,
                         unsigned taken, unsigned reserve)
{
    if (!limit->loopback && listen_address_is_loopback(address))
        return true;
    return taken < reserve || taken - reserve < limit->places;
}
