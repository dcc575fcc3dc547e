/* server_reply.c - answers, and the headers that all of them have. */
#include "daemon/server_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *value;
} common_headers[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Content-Security-Policy",
     "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"},
    {"Referrer-Policy", "no-referrer"},
};

static bool add_default(struct MHD_Response *response, const char *name, const char *value)
{
    return MHD_get_response_header(response, name) != NULL ||
           MHD_add_response_header(response, name, value) == MHD_YES;
}

/* Who may read it: ours, or the one page from elsewhere that asked and may (Fetch standard, "CORS
 * protocol"). */
static bool add_origin(const struct request *request, struct MHD_Response *response)
{
    if (request->origin == NULL) {
        return add_default(response, "Cross-Origin-Resource-Policy", "same-origin");
    }
    return add_default(response, "Cross-Origin-Resource-Policy", "cross-origin") &&
           add_default(response, "Access-Control-Allow-Origin", request->origin) &&
           add_default(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ORIGIN);
}

enum MHD_Result reply_send(const struct request *request, unsigned status,
                           struct MHD_Response *response, const char *content_type)
{
    if (response == NULL) {
        return MHD_NO;
    }
    bool complete =
        content_type == NULL || add_default(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    complete = complete && add_default(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    for (size_t i = 0; i < sizeof common_headers / sizeof *common_headers; i++) {
        complete =
            complete && add_default(response, common_headers[i].name, common_headers[i].value);
    }
    complete = complete && add_origin(request, response);
    enum MHD_Result result =
        complete ? MHD_queue_response(request->connection, status, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result reply_json(const struct request *request, unsigned status,
                           struct json_writer *writer)
{
    json_write_raw(writer, "\n"); /* for those who read it in a terminal */
    if (writer->overflow) {
        return reply_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "the answer is too long");
    }
    return reply_send(
        request, status,
        MHD_create_response_from_buffer(writer->length, writer->text, MHD_RESPMEM_MUST_COPY),
        "application/json");
}

enum MHD_Result reply_error(const struct request *request, unsigned status, const char *format, ...)
{
    char sentence[512];
    char text[4096]; /* each byte of the sentence takes six at most */
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof text);
    json_write_object_begin(&writer);
    json_write_key(&writer, "error");
    json_write_string(&writer, sentence);
    json_write_object_end(&writer);
    json_write_raw(&writer, "\n");
    struct MHD_Response *response =
        MHD_create_response_from_buffer(writer.length, writer.text, MHD_RESPMEM_MUST_COPY);
    if (response != NULL && status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    } else if (response != NULL && status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "2");
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    return reply_send(request, status, response, "application/json");
}
