/* http_client.c - see http_client.h */
#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

int http_connect(unsigned port, int receive_size)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (receive_size > 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_size, sizeof receive_size);
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int reason = errno;
        (void)close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

bool http_send(int fd, const char *text)
{
    size_t size = strlen(text);
    while (size > 0) {
        ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        text += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* Appends what comes next to bytes; 0 at the end, -1 when nothing came in time. */
static ssize_t receive(int fd, char **bytes, size_t *size, int limit_ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (poll(&ready, 1, limit_ms) <= 0) {
        return -1;
    }
    *bytes = realloc(*bytes, *size + 65536);
    assert_non_null(*bytes);
    ssize_t got = recv(fd, *bytes + *size, 65535, 0);
    got = got < 0 ? 0 : got; /* reset: an end like any other */
    *size += (size_t)got;
    (*bytes)[*size] = '\0';
    return got;
}

/* Puts chunks together in place; every byte has to be as RFC 9112, 7.1 says, up to the last
 * chunk. */
static size_t join_chunks(char *body, size_t size)
{
    size_t in = 0;
    size_t out = 0;
    for (;;) {
        char *end;
        size_t chunk = strtoul(body + in, &end, 16);
        assert_true(end > body + in && end[0] == '\r' && end[1] == '\n');
        in = (size_t)(end - body) + 2;
        assert_true(in + chunk + 2 <= size);
        memmove(body + out, body + in, chunk);
        in += chunk;
        out += chunk;
        assert_true(body[in] == '\r' && body[in + 1] == '\n');
        in += 2;
        if (chunk == 0) {
            assert_int_equal(in, size);
            body[out] = '\0';
            return out;
        }
    }
}

static bool is_chunked(const char *head)
{
    return strcasestr(head, "\r\nTransfer-Encoding: chunked\r\n") != NULL;
}

struct http_reply http_read_reply(int fd)
{
    struct http_reply reply = {.status = 0};
    char *bytes = NULL;
    size_t size = 0;
    ssize_t got;
    while ((got = receive(fd, &bytes, &size, HTTP_LIMIT_MS)) > 0) {
    }
    if (got < 0) {
        fail_msg("no answer within %d ms", HTTP_LIMIT_MS);
    }
    if (size == 0) {
        free(bytes);
        return reply;
    }
    char *blank = strstr(bytes, "\r\n\r\n");
    assert_non_null(blank);
    assert_int_equal(sscanf(bytes, "HTTP/1.1 %3d ", &reply.status), 1);
    blank[2] = '\0'; /* head ends with the \r\n of its last line */
    reply.head = strdup(bytes);
    reply.size = size - (size_t)(blank + 4 - bytes);
    reply.body = malloc(reply.size + 1);
    assert_true(reply.head != NULL && reply.body != NULL);
    memcpy(reply.body, blank + 4, reply.size);
    reply.body[reply.size] = '\0';
    if (is_chunked(reply.head) && reply.size > 0) {
        reply.size = join_chunks(reply.body, reply.size);
    }
    free(bytes);
    return reply;
}

void http_reply_free(struct http_reply *reply)
{
    free(reply->head);
    free(reply->body);
    *reply = (struct http_reply){.status = 0};
}

const char *http_header(const struct http_reply *reply, const char *name)
{
    static char value[512];
    const char *line = reply->head != NULL ? strstr(reply->head, "\r\n") : NULL;
    for (; line != NULL; line = strstr(line + 2, "\r\n")) {
        size_t length = strlen(name);
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') {
            const char *begin = line + 2 + length + 1;
            begin += strspn(begin, " ");
            (void)snprintf(value, sizeof value, "%.*s", (int)strcspn(begin, "\r"), begin);
            return value;
        }
    }
    return NULL;
}

bool http_has_header(const struct http_reply *reply, const char *line)
{
    char name[64];
    assert_int_equal(sscanf(line, "%63[^:]", name), 1);
    const char *value = http_header(reply, name);
    const char *expected = line + strlen(name) + 1;
    return value != NULL && strcmp(value, expected + strspn(expected, " ")) == 0;
}

struct http_reply http_exchange(unsigned port, const char *request)
{
    int fd = http_connect(port, 0);
    assert_true(fd >= 0);
    (void)http_send(fd, request);
    struct http_reply reply = http_read_reply(fd);
    (void)close(fd);
    return reply;
}

struct http_reply http_request(unsigned port, const char *method, const char *path,
                               const char *headers)
{
    char *request = NULL;
    assert_true(asprintf(&request,
                         "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method,
                         path, headers) > 0);
    struct http_reply reply = http_exchange(port, request);
    free(request);
    return reply;
}

struct http_reply http_get(unsigned port, const char *path)
{
    return http_request(port, "GET", path, "");
}

/* ---- streams ---- */

struct http_stream {
    int fd;
    char *head;
    bool ended;
    unsigned comments;
    unsigned retry_ms;
    char *raw; /* received, chunks not yet taken apart */
    size_t raw_size;
    size_t chunk_left; /* bytes of the present chunk that are still to come */
    bool in_chunk;     /* the \r\n behind the present chunk is still to come */
    char *text;        /* events, from the next one on */
    size_t text_size;
    char *data; /* of the event given out last */
};

/* Moves whole pieces of chunks from raw to text. */
static void take_chunks(struct http_stream *stream)
{
    size_t at = 0;
    while (!stream->ended) {
        if (stream->chunk_left > 0) {
            size_t part = stream->raw_size - at;
            part = part < stream->chunk_left ? part : stream->chunk_left;
            if (part == 0) {
                break;
            }
            stream->text = realloc(stream->text, stream->text_size + part + 1);
            assert_non_null(stream->text);
            memcpy(stream->text + stream->text_size, stream->raw + at, part);
            stream->text_size += part;
            stream->text[stream->text_size] = '\0';
            stream->chunk_left -= part;
            at += part;
        } else if (stream->in_chunk) {
            if (stream->raw_size - at < 2) {
                break;
            }
            assert_memory_equal(stream->raw + at, "\r\n", 2);
            stream->in_chunk = false;
            at += 2;
        } else {
            char *end = memmem(stream->raw + at, stream->raw_size - at, "\r\n", 2);
            if (end == NULL) {
                break;
            }
            stream->chunk_left = strtoul(stream->raw + at, NULL, 16);
            stream->in_chunk = true;
            stream->ended = stream->chunk_left == 0;
            at = (size_t)(end - stream->raw) + 2;
        }
    }
    stream->raw_size -= at;
    memmove(stream->raw, stream->raw + at, stream->raw_size + 1);
}

struct http_stream *http_stream_open(unsigned port, const char *query, const char *headers,
                                     int receive_size)
{
    char path[256];
    (void)snprintf(path, sizeof path, "/api/v1/stream%s", query);
    return http_stream_open_path(port, path, headers, receive_size);
}

struct http_stream *http_stream_open_path(unsigned port, const char *path, const char *headers,
                                          int receive_size)
{
    char request[512];
    struct http_stream *stream = calloc(1, sizeof *stream);
    assert_non_null(stream);
    stream->fd = http_connect(port, receive_size);
    assert_true(stream->fd >= 0);
    (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path,
                   headers);
    assert_true(http_send(stream->fd, request));
    char *blank = NULL;
    while (blank == NULL) {
        assert_true(receive(stream->fd, &stream->raw, &stream->raw_size, HTTP_LIMIT_MS) > 0);
        blank = strstr(stream->raw, "\r\n\r\n");
    }
    size_t length = (size_t)(blank + 4 - stream->raw);
    stream->head = strndup(stream->raw, length - 2);
    if (strncmp(stream->head, "HTTP/1.1 200 ", 13) != 0 || !is_chunked(stream->head)) {
        fail_msg("no stream: %s", stream->raw);
    }
    stream->raw_size -= length;
    memmove(stream->raw, stream->raw + length, stream->raw_size + 1);
    take_chunks(stream);
    return stream;
}

/* Takes the lines of one block, which ends with an empty line; true if it is an event. */
static bool take_block(struct http_stream *stream, struct http_event *event, char *block)
{
    bool is_event = false;
    *event = (struct http_event){.id = ""};
    free(stream->data);
    stream->data = NULL;
    for (char *rest = block, *line; (line = strsep(&rest, "\n")) != NULL;) {
        if (strncmp(line, "id: ", 4) == 0) {
            (void)snprintf(event->id, sizeof event->id, "%s", line + 4);
        } else if (strncmp(line, "event: ", 7) == 0) {
            (void)snprintf(event->name, sizeof event->name, "%s", line + 7);
        } else if (strncmp(line, "data: ", 6) == 0) {
            assert_null(stream->data);
            stream->data = strdup(line + 6);
            is_event = true;
        } else if (strncmp(line, "retry: ", 7) == 0) {
            stream->retry_ms = (unsigned)strtoul(line + 7, NULL, 10);
        } else if (line[0] == ':') {
            stream->comments++;
        } else {
            fail_msg("a line that is none of the stream's: '%s'", line);
        }
    }
    event->data = stream->data;
    return is_event;
}

bool http_stream_next(struct http_stream *stream, struct http_event *event, int limit_ms)
{
    for (;;) {
        char *end =
            stream->text_size > 0 ? memmem(stream->text, stream->text_size, "\n\n", 2) : NULL;
        if (end != NULL) {
            *end = '\0';
            bool is_event = take_block(stream, event, stream->text);
            size_t used = (size_t)(end + 2 - stream->text);
            stream->text_size -= used;
            memmove(stream->text, stream->text + used, stream->text_size + 1);
            if (is_event) {
                return true;
            }
            continue;
        }
        if (stream->ended) {
            assert_int_equal(stream->text_size, 0);
            return false;
        }
        ssize_t got = receive(stream->fd, &stream->raw, &stream->raw_size, limit_ms);
        if (got < 0 && limit_ms == HTTP_LIMIT_MS) {
            fail_msg("no event within %d ms", HTTP_LIMIT_MS);
        }
        if (got <= 0) {
            return false;
        }
        take_chunks(stream);
    }
}

void http_stream_expect(struct http_stream *stream, struct http_event *event, const char *name)
{
    do {
        if (!http_stream_next(stream, event, HTTP_LIMIT_MS)) {
            fail_msg("the stream ended before '%s'", name);
        }
    } while (strcmp(event->name, name) != 0);
}

unsigned http_stream_comments(const struct http_stream *stream)
{
    return stream->comments;
}

unsigned http_stream_retry_ms(const struct http_stream *stream)
{
    return stream->retry_ms;
}

const char *http_stream_head(const struct http_stream *stream)
{
    return stream->head;
}

void http_stream_close(struct http_stream *stream)
{
    (void)close(stream->fd);
    free(stream->head);
    free(stream->raw);
    free(stream->text);
    free(stream->data);
    free(stream);
}
