#include "daemon/origin_list.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS ", \t\r\n"
#define ORIGIN_SIZE 300 /* a host has at most 255 characters */
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."

struct scheme {
    const char *begin;
    unsigned long port; /* if none is written */
};

static const struct scheme schemes[] = {{"http://", 80}, {"https://", 443}};

/* The length of the host at text; 0: it is none. */
static size_t host_length(const char *text)
{
    if (*text != '[')
        return strspn(text, NAME_CHARACTERS);
    char address[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    const size_t length = strcspn(text + 1, "]");
    if (text[1 + length] != ']' || length >= sizeof address)
        return 0;
    memcpy(address, text + 1, length);
    address[length] = '\0';
    return inet_pton(AF_INET6, address, bytes) == 1 ? length + 2 : 0;
}

/* What is wrong with an entry; NULL: nothing. */
static const char *fault_of(const char *entry)
{
    const struct scheme *scheme = NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (strncasecmp(entry, schemes[i].begin, strlen(schemes[i].begin)) == 0)
            scheme = &schemes[i];
    }
    if (strcmp(entry, "*") == 0)
        return "any page could read along; name those that may";
    if (scheme == NULL)
        return "an origin begins with http:// or https://";
    const char *host = entry + strlen(scheme->begin);
    const size_t length = host_length(host);
    if (length == 0)
        return "there is no host in it";
    const char *rest = host + length;
    if (*rest == '\0')
        return NULL;
    if (*rest != ':')
        return "an origin ends after the host, or after :PORT, without a path";
    const size_t digits = strspn(rest + 1, "0123456789");
    const unsigned long port = digits <= 5 ? strtoul(rest + 1, NULL, 10) : 0;
    if (digits == 0 || rest[1 + digits] != '\0' || rest[1] == '0' || port == 0 || port > 65535)
        return "that is no port";
    return port == scheme->port ? "browsers leave out this port; so does the list" : NULL;
}

/* Copies the next entry of a list and moves *list behind it; false: there is none. One that is too
 * long is cut, which makes it different from every origin. */
static bool next_entry(const char **list, char entry[ORIGIN_SIZE])
{
    *list += strspn(*list, SEPARATORS);
    const size_t length = strcspn(*list, SEPARATORS);
    const size_t kept = length < ORIGIN_SIZE ? length : ORIGIN_SIZE - 1;
    memcpy(entry, *list, kept);
    entry[kept] = '\0';
    *list += length;
    return length > 0;
}

enum tutti_status origin_list_check(const char *list, struct tutti_error *error)
{
    char entry[ORIGIN_SIZE];
    while (next_entry(&list, entry)) {
        const char *fault = fault_of(entry);
        if (fault == NULL && strlen(entry) == ORIGIN_SIZE - 1)
            fault = "it is too long";
        if (fault != NULL)
            return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "'%.64s': %s", entry, fault);
    }
    return TUTTI_OK;
}

bool origin_list_has(const char *list, const char *origin)
{
    char entry[ORIGIN_SIZE];
    while (next_entry(&list, entry)) {
        if (strcasecmp(entry, origin) == 0)
            return true;
    }
    return false;
}
