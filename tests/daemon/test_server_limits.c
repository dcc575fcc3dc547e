/* test_server_limits.c - daemon/server.h: what is limited, and several clients at once. */
#include "tests/support/http_client.h"
#include "tests/support/server_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A client that sends its request byte by byte, for ever, loses its place. */
static void test_slow_requests_are_ended(void **state)
{
    unsigned port = ((struct server_fixture *)*state)->port;
    int fd = http_connect(port, 0);
    assert_true(fd >= 0);
    assert_true(http_send(fd, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "));
    int seconds = 0;
    while (http_send(fd, "a") && seconds < 60) {
        (void)sleep(1);
        seconds++;
        struct http_reply reply = http_get(port, "/healthz"); /* others are served */
        expect_status(&reply, 200);
    }
    if (seconds >= 60) {
        fail_msg("a request may take for ever");
    }
    (void)close(fd);
}

static void test_too_many_clients(void **state)
{
    (void)state;
    enum { CLIENTS = 600, ALLOWED = 500 };
    struct server_fixture fixture;
    server_fixture_start(&fixture, ALLOWED, 0);
    fake_pipeline_add(fixture.pipeline, 0, 0, 0);
    static int fd[CLIENTS];
    const char *const request = "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (size_t i = 0; i < CLIENTS; i++) {
        fd[i] = http_connect(fixture.port, 0);
        assert_true(fd[i] >= 0);
        assert_true(http_send(fd[i], request));
    }
    size_t streams = 0;
    size_t refused = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        char text[4096] = "";
        ssize_t got = read(fd[i], text, sizeof text - 1); /* waits: each one is answered */
        assert_true(got > 0);
        streams += strncmp(text, "HTTP/1.1 200 ", 13) == 0;
        refused += strncmp(text, "HTTP/1.1 503 ", 13) == 0;
        if (strncmp(text, "HTTP/1.1 503 ", 13) == 0) {
            assert_non_null(strstr(text, "Retry-After: "));
            assert_non_null(strstr(text, "{\"error\":\"too many clients\"}\n"));
        }
    }
    assert_int_equal(streams, ALLOWED);
    assert_int_equal(refused, CLIENTS - ALLOWED);
    struct http_reply reply = http_get(fixture.port, "/healthz"); /* that is still answered */
    expect_status(&reply, 200);
    reply = http_get(fixture.port, "/metrics");
    assert_non_null(strstr(reply.body, "\ntutti_refused_streams_total 100\n"));
    expect_status(&reply, 200);
    for (size_t i = 0; i < CLIENTS; i++) {
        (void)close(fd[i]);
    }
    /* Their places are free again once the next event could not be sent to them. */
    int status = 503;
    for (int attempt = 0; attempt < 1000 && status != 200; attempt++) {
        fake_pipeline_add(fixture.pipeline, 0, 0, 0);
        (void)usleep(10000);
        int one = http_connect(fixture.port, 0);
        char text[16] = "";
        assert_true(http_send(one, request));
        assert_true(read(one, text, sizeof text - 1) > 0);
        status = atoi(text + 9);
        (void)close(one);
    }
    assert_int_equal(status, 200);
    server_fixture_stop(&fixture);
}

static void test_too_many_clients_from_one_address(void **state)
{
    (void)state;
    struct server_fixture fixture;
    server_fixture_start(&fixture, 100, 3);
    struct http_stream *streams[3];
    for (size_t i = 0; i < 3; i++) {
        streams[i] = http_stream_open(fixture.port, "", "", 0);
    }
    struct http_reply reply = http_get(fixture.port, "/api/v1/stream");
    expect_status(&reply, 503);
    int idle[8];
    for (size_t i = 0; i < 8; i++) { /* eight more connections are allowed, with those three */
        idle[i] = http_connect(fixture.port, 0);
        assert_true(http_send(idle[i], "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        char text[32] = "";
        assert_true(read(idle[i], text, sizeof text - 1) > 0);
        assert_memory_equal(text, "HTTP/1.1 200 ", 13);
    }
    reply = http_get(fixture.port, "/healthz");
    assert_int_equal(reply.status, 0); /* closed at once */
    http_reply_free(&reply);
    for (size_t i = 0; i < 8; i++) {
        (void)close(idle[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        http_stream_close(streams[i]);
    }
    server_fixture_stop(&fixture);
}

/* A crowd that says nothing keeps nobody out: who has waited longest makes room for who comes. */
static void test_idle_connections_make_room(void **state)
{
    (void)state;
    enum { IDLE = 90, PLACES = 10 + 64 };
    struct server_fixture fixture;
    server_fixture_start(&fixture, 10, 0);
    struct http_stream *stream = http_stream_open(fixture.port, "", "", 0);
    int idle[IDLE];
    for (size_t i = 0; i < IDLE; i++) {
        idle[i] = http_connect(fixture.port, 0);
        assert_true(idle[i] >= 0);
    }
    struct http_reply reply = http_get(fixture.port, "/healthz");
    expect_status(&reply, 200);
    char byte;
    assert_int_equal(read(idle[0], &byte, 1), 0); /* closed */
    /* Their time is not up: the newest are still there, and are served. */
    for (size_t i = IDLE - PLACES / 4; i < IDLE; i++) {
        assert_int_equal(recv(idle[i], &byte, 1, MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
    }
    assert_true(http_send(idle[IDLE - 1], "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_int_equal(read(idle[IDLE - 1], &byte, 1), 1);
    struct http_event event;
    fake_pipeline_add(fixture.pipeline, 0, 0, 0); /* and so is the stream */
    http_stream_expect(stream, &event, "frame");
    for (size_t i = 0; i < IDLE; i++) {
        (void)close(idle[i]);
    }
    http_stream_close(stream);
    server_fixture_stop(&fixture);
}

/* ---- several at once ---- */

static void *ask_often(void *argument)
{
    const char *const paths[] = {"/api/v1/now", "/api/v1/history?from=-60", "/api/v1/cues",
                                 "/api/v1/info", "/app.js"};
    unsigned port = *(unsigned *)argument;
    for (int i = 0; i < 200; i++) {
        struct http_reply reply = http_get(port, paths[i % 5]);
        bool fine = reply.status == 200;
        http_reply_free(&reply);
        if (!fine) {
            return argument;
        }
    }
    return NULL;
}

static void test_requests_while_results_come(void **state)
{
    struct server_fixture *fixture = *state;
    pthread_t threads[4];
    fake_pipeline_add(fixture->pipeline, 0, 0, 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &fixture->port), 0);
    }
    for (int i = 0; i < 2000; i++) {
        fake_pipeline_add(fixture->pipeline, (float)(i % 20) / 20, 0, 1);
        (void)usleep(100);
    }
    for (size_t i = 0; i < 4; i++) {
        void *failure;
        assert_int_equal(pthread_join(threads[i], &failure), 0);
        assert_null(failure);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_slow_requests_are_ended),
        cmocka_unit_test(test_too_many_clients),
        cmocka_unit_test(test_too_many_clients_from_one_address),
        cmocka_unit_test(test_idle_connections_make_room),
        WITH_SERVER(test_requests_while_results_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
