/* host_check.c - see host_check.h */
#include "daemon/host_check.h"

#include "daemon/listen_address.h"
#include "daemon/number.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_SIZE 256 /* a DNS name has at most 253 characters (RFC 1035) */
#define SEPARATORS ", \t\r\n"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"

struct host_check {
    struct sockaddr_storage listened_on;
    bool wildcard;
    bool any;
    char own_name[NAME_SIZE]; /* "": unknown */
    char *allowed;            /* names with a 0 byte after each, and one more at the end */
};

/* A name, or a numeric address as inet_ntop(3) writes it. */
struct host {
    char text[NAME_SIZE];
    bool v6; /* numeric, in brackets */
    bool port;
};

/* The host of "HOST" or "HOST:PORT" without brackets and without a last dot; false if malformed. */
static bool host_of(const char *text, struct host *host)
{
    host->v6 = text[0] == '[';
    const char *begin = host->v6 ? text + 1 : text;
    const char *end = host->v6 ? strchr(begin, ']') : begin + strcspn(begin, ":");
    if (end == NULL || end == begin || (size_t)(end - begin) >= NAME_SIZE) {
        return false;
    }
    const char *rest = host->v6 ? end + 1 : end;
    uint64_t port;
    host->port = *rest == ':';
    if (*rest != '\0' && (*rest != ':' || !number_parse_unsigned(rest + 1, 65535, &port))) {
        return false;
    }
    size_t length = (size_t)(end - begin);
    memcpy(host->text, begin, length);
    host->text[length] = '\0';
    if (host->v6) {
        struct in6_addr address;
        return inet_pton(AF_INET6, host->text, &address) == 1 &&
               inet_ntop(AF_INET6, &address, host->text, NAME_SIZE) != NULL;
    }
    if (host->text[length - 1] == '.') {
        host->text[--length] = '\0';
    }
    return length > 0 && strspn(host->text, NAME_CHARACTERS) == length;
}

/* The numeric address that host is, if it is one. */
static bool numeric(const struct host *host, struct sockaddr_storage *address)
{
    *address = (struct sockaddr_storage){.ss_family = host->v6 ? AF_INET6 : AF_INET};
    void *place = host->v6 ? (void *)&((struct sockaddr_in6 *)address)->sin6_addr
                           : (void *)&((struct sockaddr_in *)address)->sin_addr;
    return inet_pton(address->ss_family, host->text, place) == 1;
}

/* One entry of the settings, as host_of() gives a header's; brackets may be missing. */
static enum tutti_status read_entry(const char *text, size_t length, struct host *host,
                                    struct tutti_error *error)
{
    char entry[NAME_SIZE + 2];
    struct in6_addr address;
    int shown = (int)(length < NAME_SIZE ? length : NAME_SIZE);
    if (length < NAME_SIZE) {
        (void)snprintf(entry, sizeof entry, "%.*s", shown, text);
        if (inet_pton(AF_INET6, entry, &address) == 1) {
            (void)snprintf(entry, sizeof entry, "[%.*s]", shown, text);
        }
    }
    if (length >= NAME_SIZE || !host_of(entry, host)) {
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "'%.*s' is not the name of a host",
                               shown, text);
    }
    if (host->port) {
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "'%.*s': a name without port, please; any port is allowed", shown,
                               text);
    }
    return TUTTI_OK;
}

/* Reads the names of the settings, each with a 0 byte after it, into names (NULL: only checks), and
 * whether '*' is among them. */
static enum tutti_status read_allowed(const char *allowed, char *names, bool *any,
                                      struct tutti_error *error)
{
    for (const char *text = allowed; *(text += strspn(text, SEPARATORS)) != '\0';) {
        size_t length = strcspn(text, SEPARATORS);
        struct host host = {.text = ""};
        if (length == 1 && *text == '*') {
            *any = true;
        } else if (read_entry(text, length, &host, error) != TUTTI_OK) {
            return TUTTI_ERROR_ARGUMENT;
        } else if (names != NULL) {
            names = stpcpy(names, host.text) + 1;
        }
        text += length;
    }
    return TUTTI_OK;
}

enum tutti_status host_check_names(const char *allowed, struct tutti_error *error)
{
    bool any = false;
    return read_allowed(allowed, NULL, &any, error);
}

static enum tutti_status copy_allowed(struct host_check *check, const char *allowed,
                                      struct tutti_error *error)
{
    /* Names do not grow, but an address can when inet_ntop(3) writes it anew. An entry and what
     * separates it from the next have two bytes at least. */
    check->allowed = calloc(strlen(allowed) / 2 + 2, INET6_ADDRSTRLEN);
    if (check->allowed == NULL) {
        return tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
    }
    return read_allowed(allowed, check->allowed, &check->any, error);
}

struct host_check *host_check_new(const struct sockaddr *listened_on, const char *allowed,
                                  const char *own_name, struct tutti_error *error)
{
    struct host_check *check = calloc(1, sizeof *check);
    if (check == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    listen_address_copy(&check->listened_on, listened_on);
    check->wildcard = listen_address_is_wildcard(listened_on);
    if (own_name != NULL && strlen(own_name) < NAME_SIZE) {
        memcpy(check->own_name, own_name, strlen(own_name));
    }
    if (copy_allowed(check, allowed != NULL ? allowed : "", error) != TUTTI_OK) {
        host_check_free(check);
        return NULL;
    }
    return check;
}

void host_check_free(struct host_check *check)
{
    if (check != NULL) {
        free(check->allowed);
        free(check);
    }
}

/* NAME or NAME.local, where only the first label of the machine's name counts for the latter. */
static bool is_own_name(const struct host_check *check, const char *host)
{
    const char *own = check->own_name;
    if (own[0] == '\0') {
        return false;
    }
    size_t label = strcspn(own, ".");
    return strcasecmp(host, own) == 0 ||
           (strncasecmp(host, own, label) == 0 &&
            (host[label] == '\0' || strcasecmp(host + label, ".local") == 0));
}

bool host_check_allows(const struct host_check *check, const char *host_header)
{
    struct host host;
    if (check->any) {
        return true;
    }
    if (!host_of(host_header, &host)) {
        return false;
    }
    for (const char *name = check->allowed; *name != '\0'; name += strlen(name) + 1) {
        if (strcasecmp(name, host.text) == 0) {
            return true;
        }
    }
    struct sockaddr_storage address;
    if (numeric(&host, &address)) {
        const struct sockaddr *given = (const struct sockaddr *)&address;
        const struct sockaddr *ours = (const struct sockaddr *)&check->listened_on;
        return check->wildcard || listen_address_is_loopback(given) ||
               listen_address_same_host(given, ours);
    }
    return strcasecmp(host.text, "localhost") == 0 ||
           (check->wildcard && is_own_name(check, host.text));
}

bool host_check_same_origin(const char *origin, const char *host)
{
    const char *rest = NULL;
    if (strncasecmp(origin, "http://", 7) == 0) {
        rest = origin + 7;
    } else if (strncasecmp(origin, "https://", 8) == 0) {
        rest = origin + 8;
    }
    return rest != NULL && strcasecmp(rest, host) == 0;
}
