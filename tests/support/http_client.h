/* http_client.h - HTTP as the tests need it: raw bytes out, what comes back taken
 * apart strictly. Every function ends within its time limit; what goes wrong fails
 * the test (cmocka), so that callers need not check.
 */
#ifndef TUTTI_TESTS_HTTP_CLIENT_H
#define TUTTI_TESTS_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_LIMIT_MS 20000

/* A connection to 127.0.0.1, or -1 with errno. receive_size: of the socket's buffer, 0: default. */
int http_connect(unsigned port, int receive_size);

/* Sends all of text; false if the other side has closed. */
bool http_send(int fd, const char *text);

struct http_reply {
    int status;  /* 0: the connection was closed without an answer */
    char *head;  /* status line and headers */
    char *body;  /* with a 0 byte behind it; chunks are put together */
    size_t size; /* of body */
};

/* Reads one answer up to the end of the connection. */
struct http_reply http_read_reply(int fd);
void http_reply_free(struct http_reply *reply);

/* Whether head has this line, such as "Cache-Control: no-store". */
bool http_has_header(const struct http_reply *reply, const char *line);
/* The value of a header, in memory that the next call overwrites; NULL if there is none. */
const char *http_header(const struct http_reply *reply, const char *name);

/* Sends bytes as they are on a connection of their own, and reads the answer. */
struct http_reply http_exchange(unsigned port, const char *request);
/* METHOD PATH with Host: localhost and these further header lines ("" or "A: b\r\n"). */
struct http_reply http_request(unsigned port, const char *method, const char *path,
                               const char *headers);
struct http_reply http_get(unsigned port, const char *path);

/* ---- streams ---- */

struct http_stream; /* opaque */

struct http_event {
    char id[32];   /* "" if the event had none */
    char name[16]; /* "" if it had none */
    char *data;    /* lives until the next call */
};

/* GETs /api/v1/stream with these further header lines; the answer has to be 200. */
struct http_stream *http_stream_open(unsigned port, const char *query, const char *headers,
                                     int receive_size);
/* The same for the path of a stream, with its query. */
struct http_stream *http_stream_open_path(unsigned port, const char *path, const char *headers,
                                          int receive_size);
/* The next event, in *event; false if the stream has ended, or, with a limit other than
 * HTTP_LIMIT_MS, if nothing came for so long. With HTTP_LIMIT_MS that fails the test. */
bool http_stream_next(struct http_stream *stream, struct http_event *event, int limit_ms);
/* Reads on to the next event of a name. */
void http_stream_expect(struct http_stream *stream, struct http_event *event, const char *name);
/* Comment lines seen so far, and the last "retry:". */
unsigned http_stream_comments(const struct http_stream *stream);
unsigned http_stream_retry_ms(const struct http_stream *stream);
const char *http_stream_head(const struct http_stream *stream);
void http_stream_close(struct http_stream *stream);

#endif
