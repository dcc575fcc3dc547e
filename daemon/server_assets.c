/* server_assets.c - the page and its files, as they were embedded at build time. A
 * browser may keep them, but asks each time whether they are still the same. */
#include "daemon/embedded.h"
#include "daemon/server_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct embedded_file web_files[];
extern const size_t web_files_count;

#define INDEX "index.html"
#define TAG_SIZE 24 /* quotes, 16 digits, 0 byte */

struct asset {
    const struct embedded_file *file;
    const char *content_type;
    char tag[TAG_SIZE];
};

struct assets {
    size_t count;
    struct asset asset[];
};

static const char *content_type_of(const char *name)
{
    static const struct {
        const char *ending;
        const char *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".webmanifest", "application/manifest+json"},
        {".txt", "text/plain; charset=utf-8"},
    };
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending != NULL && i < sizeof types / sizeof *types; i++) {
        if (strcmp(ending, types[i].ending) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

/* FNV-1a (draft-eastlake-fnv): it only has to differ when the file does. */
static uint64_t hash(const unsigned char *data, size_t size)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) {
        value = (value ^ data[i]) * UINT64_C(0x100000001b3);
    }
    return value;
}

struct assets *assets_new(void)
{
    struct assets *assets = calloc(1, sizeof *assets + web_files_count * sizeof *assets->asset);
    if (assets == NULL) {
        return NULL;
    }
    assets->count = web_files_count;
    for (size_t i = 0; i < assets->count; i++) {
        struct asset *asset = &assets->asset[i];
        asset->file = &web_files[i];
        asset->content_type = content_type_of(asset->file->name);
        (void)snprintf(asset->tag, sizeof asset->tag, "\"%016" PRIx64 "\"",
                       hash(asset->file->data, asset->file->size));
    }
    return assets;
}

void assets_free(struct assets *assets)
{
    free(assets);
}

static const struct asset *find(const struct assets *assets, const char *path)
{
    const char *name = strcmp(path, "/") == 0 ? INDEX : path + 1;
    for (size_t i = 0; path[0] == '/' && i < assets->count; i++) {
        if (strcmp(assets->asset[i].file->name, name) == 0) {
            return &assets->asset[i];
        }
    }
    return NULL;
}

bool assets_known(const struct assets *assets, const char *path)
{
    return find(assets, path) != NULL;
}

/* Whether a tag is in the list of an If-None-Match header, or the list is "*". Weak tags compare
 * equal here (RFC 9110, 13.1.2). */
static bool matches(const char *list, const char *tag)
{
    return list != NULL && (strcmp(list, "*") == 0 || strstr(list, tag) != NULL);
}

bool assets_handle(const struct request *request, const char *path, enum MHD_Result *result)
{
    const struct asset *asset = find(request->server->assets, path);
    if (asset == NULL) {
        return false;
    }
    bool unchanged = matches(MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                         MHD_HTTP_HEADER_IF_NONE_MATCH),
                             asset->tag);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        unchanged ? 0 : asset->file->size, (void *)(uintptr_t)asset->file->data,
        MHD_RESPMEM_PERSISTENT);
    if (response != NULL) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, asset->tag);
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    }
    *result = reply_send(request, unchanged ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response,
                         unchanged ? NULL : asset->content_type);
    return true;
}
