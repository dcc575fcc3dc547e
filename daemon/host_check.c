/* host_check.c - see host_check.h */
#include "daemon/host_check.h"

#include "daemon/listen_address.h"
#include "daemon/number.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_SIZE 256 /* a DNS name has at most 253 characters (RFC 1035) */
#define SEPARATORS ", \t\r\n"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]"

struct host_check {
    struct sockaddr_storage listened_on;
    bool wildcard;
    bool any;
    char own_name[NAME_SIZE]; /* "": unknown */
    char *allowed;            /* names with a 0 byte after each, and one more at the end */
};

/* The host of "HOST" or "HOST:PORT" without brackets and without a last dot; false if malformed. */
static bool host_of(const char *text, char host[NAME_SIZE], bool *bracketed)
{
    *bracketed = text[0] == '[';
    const char *begin = *bracketed ? text + 1 : text;
    const char *end = *bracketed ? strchr(begin, ']') : begin + strcspn(begin, ":");
    if (end == NULL || end == begin || (size_t)(end - begin) >= NAME_SIZE) {
        return false;
    }
    const char *rest = *bracketed ? end + 1 : end;
    uint64_t port;
    if (*rest != '\0' && (*rest != ':' || !number_parse_unsigned(rest + 1, 65535, &port))) {
        return false;
    }
    size_t length = (size_t)(end - begin);
    memcpy(host, begin, length);
    host[length] = '\0';
    if (length > 1 && host[length - 1] == '.') {
        host[length - 1] = '\0';
    }
    return strspn(host, NAME_CHARACTERS) == strlen(host);
}

/* The numeric address that host is, if it is one. */
static bool numeric(const char *host, bool bracketed, struct sockaddr_storage *address)
{
    *address = (struct sockaddr_storage){.ss_family = bracketed ? AF_INET6 : AF_INET};
    void *place = bracketed ? (void *)&((struct sockaddr_in6 *)address)->sin6_addr
                            : (void *)&((struct sockaddr_in *)address)->sin_addr;
    return inet_pton(address->ss_family, host, place) == 1;
}

/* Copies the names of the settings; numeric IPv6 addresses lose their brackets. */
static enum tutti_status copy_allowed(struct host_check *check, const char *allowed,
                                      struct tutti_error *error)
{
    check->allowed = calloc(strlen(allowed) + 2, 1);
    if (check->allowed == NULL) {
        return tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
    }
    char *end = check->allowed;
    for (const char *text = allowed; *(text += strspn(text, SEPARATORS)) != '\0';) {
        size_t length = strcspn(text, SEPARATORS);
        if (length == 1 && *text == '*') {
            check->any = true;
        } else if (length >= NAME_SIZE || strspn(text, NAME_CHARACTERS) < length) {
            return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                                   "allowed_hosts: '%.*s' is not the name of a host",
                                   (int)(length < NAME_SIZE ? length : NAME_SIZE), text);
        } else {
            size_t bracket = *text == '[' && text[length - 1] == ']' && length > 2;
            memcpy(end, text + bracket, length - 2 * bracket);
            end += length - 2 * bracket + 1;
        }
        text += length;
    }
    return TUTTI_OK;
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
    char host[NAME_SIZE];
    bool bracketed;
    if (check->any) {
        return true;
    }
    if (!host_of(host_header, host, &bracketed)) {
        return false;
    }
    for (const char *name = check->allowed; *name != '\0'; name += strlen(name) + 1) {
        if (strcasecmp(name, host) == 0) {
            return true;
        }
    }
    struct sockaddr_storage address;
    if (numeric(host, bracketed, &address)) {
        const struct sockaddr *given = (const struct sockaddr *)&address;
        const struct sockaddr *ours = (const struct sockaddr *)&check->listened_on;
        return check->wildcard || listen_address_is_loopback(given) ||
               listen_address_same_host(given, ours);
    }
    return !bracketed &&
           (strcasecmp(host, "localhost") == 0 || (check->wildcard && is_own_name(check, host)));
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
