#include "daemon/stream_address.h"

#include "daemon/settings.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_MAX (SETTINGS_NAME_SIZE - 1)

/* The parts of an address; each NULL or of curl's memory. */
struct parts {
    CURLU *url;
    char *scheme;
    char *host;
    char *port;
    char *path;
    char *query;
    char *whole;
};

static void free_parts(struct parts *parts)
{
    char *texts[] = {parts->scheme, parts->host,  parts->port,
                     parts->path,   parts->query, parts->whole};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        curl_free(texts[i]);
    curl_url_cleanup(parts->url);
}

/* Whether the scheme was written; the colon of "hall:8808" is none. */
static bool has_scheme(const char *text)
{
    const char *colon = strstr(text, "://");
    return colon != NULL && colon < text + strcspn(text, "/?#");
}

/* The value of source= in a query; "" if there is none. */
static void find_source(const char *query, char *name, size_t size)
{
    *name = '\0';
    while (query != NULL && *query != '\0') {
        const size_t length = strcspn(query, "&");
        if (strncmp(query, "source=", 7) == 0)
            snprintf(name, size, "%.*s", (int)(length - 7), query + 7);
        query += length + (query[length] == '&');
    }
}

static bool is_local(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

/* The parts of text; false if it is no address of HTTP. */
static bool take_apart(const char *text, struct parts *parts)
{
    char with_scheme[STREAM_ADDRESS_SIZE] = "http://";
    const bool whole = has_scheme(text);
    const size_t begin = whole ? 0 : strlen(with_scheme);
    const size_t length = strlen(text);
    if (length >= STREAM_ADDRESS_SIZE / 2)
        return false;
    memcpy(with_scheme + begin, text, length + 1);
    parts->url = curl_url();
    if (parts->url == NULL ||
        curl_url_set(parts->url, CURLUPART_URL, with_scheme, 0) != CURLUE_OK ||
        curl_url_get(parts->url, CURLUPART_SCHEME, &parts->scheme, 0) != CURLUE_OK ||
        curl_url_get(parts->url, CURLUPART_HOST, &parts->host, 0) != CURLUE_OK ||
        curl_url_get(parts->url, CURLUPART_PATH, &parts->path, 0) != CURLUE_OK)
        return false;
    (void)curl_url_get(parts->url, CURLUPART_QUERY, &parts->query, 0);
    const CURLUcode port = curl_url_get(parts->url, CURLUPART_PORT, &parts->port, 0);
    if (port != CURLUE_OK && !whole)
        (void)curl_url_set(parts->url, CURLUPART_PORT, STREAM_ADDRESS_PORT, 0);
    return strcmp(parts->scheme, "http") == 0 || strcmp(parts->scheme, "https") == 0;
}

/* The URL of a path below the address's own, with its user and password; false: out of memory. */
static bool write_url(struct parts *parts, const char *below, char *to)
{
    char path[STREAM_ADDRESS_SIZE];
    const size_t length = strlen(parts->path);
    const char *slash = length > 0 && parts->path[length - 1] == '/' ? "" : "/";
    snprintf(path, sizeof path, "%s%s%s", parts->path, slash, below);
    curl_free(parts->whole);
    parts->whole = NULL;
    if (curl_url_set(parts->url, CURLUPART_PATH, path, 0) != CURLUE_OK ||
        curl_url_get(parts->url, CURLUPART_URL, &parts->whole, 0) != CURLUE_OK)
        return false;
    return snprintf(to, STREAM_ADDRESS_SIZE, "%s", parts->whole) < STREAM_ADDRESS_SIZE;
}

static enum tutti_status write_urls(struct parts *parts, const char *source,
                                    struct stream_address *address, struct tutti_error *error)
{
    char api[64] = "api/v1/";
    char below[80];
    if (source != NULL && *source != '\0')
        snprintf(api, sizeof api, "api/v1/sources/%s/", source);
    (void)curl_url_set(parts->url, CURLUPART_QUERY, NULL, 0);
    (void)curl_url_set(parts->url, CURLUPART_FRAGMENT, NULL, 0);
    snprintf(below, sizeof below, "%sstream", api);
    bool done = write_url(parts, below, address->stream);
    snprintf(below, sizeof below, "%sinfo", api);
    done = done && write_url(parts, below, address->info);
    snprintf(below, sizeof below, "%scues", api);
    done = done && write_url(parts, below, address->cues);
    (void)curl_url_set(parts->url, CURLUPART_USER, NULL, 0);
    (void)curl_url_set(parts->url, CURLUPART_PASSWORD, NULL, 0);
    if (!done || !write_url(parts, "", address->shown))
        return tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
    address->local = is_local(parts->host);
    return TUTTI_OK;
}

enum tutti_status stream_address_parse(const char *text, const char *source,
                                       struct stream_address *address, struct tutti_error *error)
{
    char named[SOURCE_MAX + 2];
    struct parts parts = {.url = NULL};
    enum tutti_status status;
    if (!take_apart(text, &parts)) {
        status = tutti_error_set(
            error, TUTTI_ERROR_ARGUMENT,
            "'%.100s' is not the address of a daemon, such as " STREAM_ADDRESS_DEFAULT, text);
    } else {
        find_source(parts.query, named, sizeof named);
        const char *wanted = source != NULL ? source : named;
        if (!settings_is_source_name(wanted) && (source != NULL || *named != '\0'))
            status = tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                                     "'%.60s' is not the name of a source: 1 to %d letters, "
                                     "digits, '-' and '_'",
                                     wanted, SOURCE_MAX);
        else
            status = write_urls(&parts, wanted, address, error);
    }
    free_parts(&parts);
    return status;
}
