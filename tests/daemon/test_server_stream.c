/* test_server_stream.c - daemon/server.h: the stream of events. */
#include "tests/support/http_client.h"
#include "tests/support/server_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t id_of(const struct http_event *event)
{
    assert_true(event->id[0] != '\0');
    return strtoull(event->id, NULL, 10);
}

static void test_headers(void **state)
{
    struct server_fixture *fixture = *state;
    struct http_stream *stream = http_stream_open(fixture->port, "", "", 0);
    const char *const lines[] = {"Content-Type: text/event-stream\r\n",
                                 "Cache-Control: no-store\r\n", "X-Accel-Buffering: no\r\n"};
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(strstr(http_stream_head(stream), lines[i]));
    }
    http_stream_close(stream);
}

/* hello and status come first, without id; then the newest event, then each new one. */
static void test_what_a_new_client_gets(void **state)
{
    struct server_fixture *fixture = *state;
    fake_pipeline_set_source(fixture->pipeline, "Line In", SOURCE_RUNNING, false);
    for (int i = 0; i < 10; i++) {
        fake_pipeline_add(fixture->pipeline, 0, 0, 0);
    }
    uint64_t newest = timeline_last_id(pipeline_timeline(fixture->pipeline));
    struct http_stream *stream = http_stream_open(fixture->port, "", "", 0);
    struct http_event event;
    assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
    assert_string_equal(event.name, "hello");
    assert_string_equal(event.id, "");
    assert_int_equal(http_stream_retry_ms(stream), 2000);
    assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
    assert_string_equal(event.name, "status");
    assert_string_equal(event.id, "");
    assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
    assert_string_equal(event.name, "frame");
    assert_int_equal(id_of(&event), newest);
    fake_pipeline_add(fixture->pipeline, 0.9f, 0, 0);
    assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
    assert_string_equal(event.name, "frame");
    assert_int_equal(id_of(&event), newest + 1);
    assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
    assert_string_equal(event.name, "onset");
    assert_int_equal(id_of(&event), newest + 2);
    http_stream_close(stream);
}

static void test_before_the_first_event(void **state)
{
    struct server_fixture *fixture = *state;
    struct http_stream *stream = http_stream_open(fixture->port, "", "", 0);
    struct http_event event;
    assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
    assert_string_equal(event.name, "hello");
    assert_false(http_stream_next(stream, &event, 100));
    fake_pipeline_add(fixture->pipeline, 0, 0, 0);
    assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
    assert_string_equal(event.name, "frame");
    http_stream_close(stream);
}

/* A client that comes back after breaks of all lengths has had each event once. */
static void test_replay(void **state)
{
    struct server_fixture *fixture = *state;
    struct http_event event;
    uint64_t last = timeline_last_id(pipeline_timeline(fixture->pipeline));
    const uint64_t first = last;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < round * round; i++) { /* while nobody listens */
            fake_pipeline_add(fixture->pipeline, i % 16 < 8 ? 0.9f : 0, 0, 0);
        }
        char header[64] = "";
        char query[64] = "";
        (void)snprintf(round % 2 ? query : header, 64,
                       round % 2 ? "?last_event_id=%llu" : "Last-Event-ID: %llu\r\n",
                       (unsigned long long)last);
        struct http_stream *stream = http_stream_open(fixture->port, query, header, 0);
        http_stream_expect(stream, &event, "hello");
        for (int i = 0; i < 3; i++) { /* and while it does */
            fake_pipeline_add(fixture->pipeline, 0, 0, 0);
        }
        uint64_t newest = timeline_last_id(pipeline_timeline(fixture->pipeline));
        while (last < newest) {
            assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
            assert_int_equal(id_of(&event), last + 1);
            last++;
        }
        assert_false(http_stream_next(stream, &event, 20));
        http_stream_close(stream);
    }
    assert_true(last - first > 2000);
}

/* A header, which the browser sends after a break, counts more than the query that a page has
 * once put into its address. */
static void test_the_header_wins(void **state)
{
    struct server_fixture *fixture = *state;
    uint64_t first = timeline_last_id(pipeline_timeline(fixture->pipeline)) + 1;
    for (int i = 0; i < 10; i++) {
        fake_pipeline_add(fixture->pipeline, 0, 0, 0);
    }
    char header[64], query[64];
    (void)snprintf(header, sizeof header, "Last-Event-ID: %llu\r\n", (unsigned long long)first + 5);
    (void)snprintf(query, sizeof query, "?last_event_id=%llu", (unsigned long long)first + 1);
    struct http_stream *stream = http_stream_open(fixture->port, query, header, 0);
    struct http_event event;
    http_stream_expect(stream, &event, "frame");
    assert_int_equal(id_of(&event), first + 6);
    http_stream_close(stream);
}

/* An id of another run: everything that is held comes. */
static void test_ids_of_other_runs(void **state)
{
    struct server_fixture *fixture = *state;
    uint64_t first = timeline_last_id(pipeline_timeline(fixture->pipeline)) + 1;
    for (int i = 0; i < 10; i++) {
        fake_pipeline_add(fixture->pipeline, 0, 0, 0);
    }
    const char *const ids[] = {"0", "17", "18446744073709551614"};
    for (size_t i = 0; i < 3; i++) {
        char header[64];
        (void)snprintf(header, sizeof header, "Last-Event-ID: %s\r\n", ids[i]);
        struct http_stream *stream = http_stream_open(fixture->port, "", header, 0);
        struct http_event event;
        http_stream_expect(stream, &event, "frame");
        assert_int_equal(id_of(&event), first);
        http_stream_close(stream);
    }
}

/* After so long a break that the log has gone on, the client is told what it has missed. */
static void test_a_break_longer_than_the_log(void **state)
{
    struct server_fixture *fixture = *state;
    uint64_t first = timeline_last_id(pipeline_timeline(fixture->pipeline)) + 1;
    for (int i = 0; i < 20000; i++) {
        fake_pipeline_add(fixture->pipeline, 0, 0, 0);
    }
    char header[64];
    (void)snprintf(header, sizeof header, "Last-Event-ID: %llu\r\n", (unsigned long long)first);
    struct http_stream *stream = http_stream_open(fixture->port, "", header, 0);
    struct http_event event;
    http_stream_expect(stream, &event, "lagged");
    assert_string_equal(event.id, "");
    unsigned long long dropped;
    assert_int_equal(sscanf(event.data, "{\"dropped\":%llu}", &dropped), 1);
    assert_true(dropped > 10000);
    uint64_t expected = first + 1 + dropped;
    while (expected < first + 20000) {
        assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
        assert_int_equal(id_of(&event), expected++);
    }
    http_stream_close(stream);
}

/* One client does not read. It neither delays the other nor the publisher; when it reads again,
 * what it gets is: what the kernel had kept, how much was dropped, and then the present. */
static void test_a_slow_client(void **state)
{
    struct server_fixture *fixture = *state;
    struct http_stream *slow = http_stream_open(fixture->port, "", "", 4096);
    struct http_stream *quick = http_stream_open(fixture->port, "", "", 0);
    struct http_event event;
    fake_pipeline_add(fixture->pipeline, 0, 0, 0);
    http_stream_expect(slow, &event, "frame");
    uint64_t slow_last = id_of(&event);
    http_stream_expect(quick, &event, "frame");
    uint64_t quick_last = id_of(&event);
    for (int i = 0; i < 3000; i++) {
        fake_pipeline_add(fixture->pipeline, 0, 0, 0);
        assert_true(http_stream_next(quick, &event, HTTP_LIMIT_MS));
        assert_int_equal(id_of(&event), ++quick_last);
    }
    uint64_t skipped = 0;
    while (slow_last < quick_last) {
        assert_true(http_stream_next(slow, &event, HTTP_LIMIT_MS));
        if (strcmp(event.name, "lagged") == 0) {
            unsigned long long dropped;
            assert_int_equal(sscanf(event.data, "{\"dropped\":%llu}", &dropped), 1);
            skipped += dropped;
            slow_last += dropped;
        } else {
            assert_int_equal(id_of(&event), ++slow_last);
        }
    }
    assert_true(skipped > 2000); /* the kernel did not keep minutes of it */
    http_stream_close(slow);
    http_stream_close(quick);
}

/* An event longer than libmicrohttpd's buffers arrives whole: a status with a name all of whose
 * bytes are escaped. */
static void test_long_events(void **state)
{
    struct server_fixture *fixture = *state;
    char name[256];
    memset(name, '\x01', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    fake_pipeline_set_source(fixture->pipeline, name, SOURCE_RUNNING, false);
    struct http_stream *stream = http_stream_open(fixture->port, "?last_event_id=0", "", 0);
    struct http_event event;
    for (int i = 0; i < 2; i++) { /* greeting, and replay */
        http_stream_expect(stream, &event, "status");
        assert_true(strlen(event.data) > 255 * 6);
        assert_int_equal(event.data[strlen(event.data) - 1], '}');
    }
    http_stream_close(stream);
}

static void test_http_1_0(void **state)
{
    struct server_fixture *fixture = *state;
    fake_pipeline_add(fixture->pipeline, 0, 0, 0);
    int fd = http_connect(fixture->port, 0);
    assert_true(http_send(fd, "GET /api/v1/stream HTTP/1.0\r\nHost: localhost\r\n\r\n"));
    char text[65536] = "";
    size_t size = 0;
    while (strstr(text, "event: frame\n") == NULL) {
        ssize_t got = read(fd, text + size, sizeof text - 1 - size);
        assert_true(got > 0);
        size += (size_t)got;
    }
    assert_null(strcasestr(text, "chunked"));
    assert_non_null(strstr(text, "\r\n\r\nretry: 2000\n\nevent: hello\ndata: {"));
    (void)close(fd);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void test_heartbeat(void **state)
{
    struct server_fixture *fixture = *state;
    struct http_stream *stream = http_stream_open(fixture->port, "", "", 0);
    struct http_event event;
    http_stream_expect(stream, &event, "hello");
    assert_false(http_stream_next(stream, &event, (STREAM_HEARTBEAT_S - 2) * 1000));
    assert_int_equal(http_stream_comments(stream), 0);
    double deadline_s = now_s() + 10;
    while (http_stream_comments(stream) == 0 && now_s() < deadline_s) {
        assert_false(http_stream_next(stream, &event, 100));
    }
    assert_int_equal(http_stream_comments(stream), 1);
    http_stream_close(stream);
}

/* The server ends while streams are open, waiting or not reading: they get what there still is, as
 * the news that the sound has ended, and then their end. */
static void test_stopping_with_open_streams(void **state)
{
    (void)state;
    enum { STREAMS = 50 };
    struct server_fixture *fixture;
    assert_int_equal(server_set_up((void **)&fixture), 0);
    struct http_stream *streams[STREAMS];
    struct http_event event;
    fake_pipeline_add(fixture->pipeline, 0, 0, 0);
    for (size_t i = 0; i < STREAMS; i++) {
        streams[i] = http_stream_open(fixture->port, "", "", i == 0 ? 4096 : 0);
        http_stream_expect(streams[i], &event, "frame");
    }
    for (int i = 0; i < 1000; i++) { /* the first one is full */
        fake_pipeline_add(fixture->pipeline, 0, 0, 0);
        for (size_t k = 1; k < STREAMS; k++) {
            http_stream_expect(streams[k], &event, "frame");
        }
    }
    fake_pipeline_add(fixture->pipeline, 0, 0, 0);
    assert_int_equal(server_tear_down((void **)&fixture), 0);
    for (size_t i = 1; i < STREAMS; i++) {
        http_stream_expect(streams[i], &event, "frame");
        assert_false(http_stream_next(streams[i], &event, HTTP_LIMIT_MS));
    }
    for (size_t i = 0; i < STREAMS; i++) {
        http_stream_close(streams[i]);
    }
}

static void test_stopping_with_open_connections(void **state)
{
    (void)state;
    struct server_fixture *fixture;
    assert_int_equal(server_set_up((void **)&fixture), 0);
    int silent = http_connect(fixture->port, 0);
    int half = http_connect(fixture->port, 0);
    assert_true(http_send(half, "GET / HTTP/1.1\r\nHo"));
    assert_int_equal(server_tear_down((void **)&fixture), 0);
    char byte;
    assert_true(read(silent, &byte, 1) <= 0);
    assert_true(read(half, &byte, 1) <= 0);
    (void)close(silent);
    (void)close(half);
}

/* Clients that come and go while events are made: no wake-up is lost, nothing is doubled. */
static void test_many_clients(void **state)
{
    enum { CLIENTS = 100, EVENTS = 200 };
    struct server_fixture *fixture = *state;
    struct http_stream *streams[CLIENTS];
    uint64_t last[CLIENTS];
    struct http_event event;
    fake_pipeline_add(fixture->pipeline, 0, 0, 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        streams[i] = http_stream_open(fixture->port, "", "", 0);
        http_stream_expect(streams[i], &event, "frame");
        last[i] = id_of(&event);
    }
    for (int n = 0; n < EVENTS; n++) {
        fake_pipeline_add(fixture->pipeline, 0, 0, 0);
        if (n % 10 == 0) {
            struct http_stream *visitor = http_stream_open(fixture->port, "", "", 0);
            http_stream_close(visitor);
        }
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        for (int n = 0; n < EVENTS; n++) {
            assert_true(http_stream_next(streams[i], &event, HTTP_LIMIT_MS));
            assert_int_equal(id_of(&event), ++last[i]);
        }
        assert_false(http_stream_next(streams[i], &event, 1));
        http_stream_close(streams[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_headers),
        WITH_SERVER(test_what_a_new_client_gets),
        WITH_SERVER(test_before_the_first_event),
        WITH_SERVER(test_replay),
        WITH_SERVER(test_the_header_wins),
        WITH_SERVER(test_ids_of_other_runs),
        WITH_SERVER(test_a_break_longer_than_the_log),
        WITH_SERVER(test_a_slow_client),
        WITH_SERVER(test_long_events),
        WITH_SERVER(test_http_1_0),
        WITH_SERVER(test_heartbeat),
        WITH_SERVER(test_many_clients),
        cmocka_unit_test(test_stopping_with_open_streams),
        cmocka_unit_test(test_stopping_with_open_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
