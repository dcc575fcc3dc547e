/* test_server.c - daemon/server.h: what is refused and what is served. */
#include "tests/support/http_client.h"
#include "tests/support/server_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned port_of(void **state)
{
    return ((struct server_fixture *)*state)->port;
}

static void expect_error(struct http_reply *reply, int status)
{
    if (reply->status != status) {
        fail_msg("status %d instead of %d: %s", reply->status, status,
                 reply->body != NULL ? reply->body : "no answer");
    }
    assert_true(http_has_header(reply, "Content-Type: application/json"));
    assert_int_equal(strncmp(reply->body, "{\"error\":\"", 10), 0);
    assert_int_equal(strcmp(reply->body + reply->size - 3, "\"}\n"), 0);
    http_reply_free(reply);
}

/* ---- starting ---- */

static void expect_no_start(const char *listen, const char *hosts, unsigned clients,
                            const char *sentence)
{
    struct pipeline *pipeline = fake_pipeline_new("main");
    struct tutti_error error = {.text = ""};
    const struct server_config config = {
        .listen = listen, .allowed_hosts = hosts, .max_clients = clients};
    assert_null(server_new(&config, &pipeline, 1, &error));
    if (strstr(error.text, sentence) == NULL) {
        fail_msg("'%s' does not say '%s'", error.text, sentence);
    }
    fake_pipeline_free(pipeline);
}

static void test_wrong_configurations(void **state)
{
    char used[32];
    (void)snprintf(used, sizeof used, "127.0.0.1:%u", port_of(state));
    expect_no_start("hall", NULL, 10, "'hall' is not an address to listen on");
    expect_no_start("127.0.0.1:99999", NULL, 10, "is not an address to listen on");
    expect_no_start("192.0.2.1:0", NULL, 10, "no such address");
    expect_no_start(used, NULL, 10, "in use");
    expect_no_start("127.0.0.1:0", "a/b", 10, "'a/b' is not the name of a host");
    expect_no_start("127.0.0.1:0", NULL, 0, "max_clients");
    expect_no_start("127.0.0.1:0", NULL, 10001, "max_clients");
    server_free(NULL);
}

/* ---- what is not HTTP, or not for us ---- */

static void test_garbage(void **state)
{
    const char *const garbage[] = {
        "\r\n\r\n\r\n",
        "hello\r\n\r\n",
        "GET\r\n\r\n",
        "\x16\x03\x01\x02\x01\x01\xFC\x03\x03\r\n\r\n", /* the start of TLS */
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        int fd = http_connect(port_of(state), 0);
        assert_true(fd >= 0);
        (void)http_send(fd, garbage[i]);
        (void)shutdown(fd, SHUT_WR);
        struct http_reply reply = http_read_reply(fd);
        if (reply.status != 0 && (reply.status < 400 || reply.status > 505)) {
            fail_msg("garbage %zu was answered with %d", i, reply.status);
        }
        http_reply_free(&reply);
        (void)close(fd);
    }
    struct http_reply reply = http_get(port_of(state), "/healthz"); /* still there */
    expect_status(&reply, 200);
}

static void test_header_limits(void **state)
{
    static char line[100000];
    char lines[20 * 1024] = "";
    memset(line, 'a', sizeof line - 1);
    /* API.md says "some 7 kB" of one line. */
    static const int sizes[] = {7000, 10000, 99000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *headers = NULL;
        assert_true(asprintf(&headers, "Cookie: %.*s\r\n", sizes[i], line) > 0);
        struct http_reply reply = http_request(port_of(state), "GET", "/healthz", headers);
        if (i == 0)
            assert_int_equal(reply.status, 200);
        else /* 0: it has hung up before all was sent */
            assert_true(reply.status == 431 || reply.status == 0);
        http_reply_free(&reply);
        free(headers);
    }
    for (int i = 0; i < 12; i++)
        assert_true(snprintf(lines + strlen(lines), 1024, "X-Long: %.990s\r\n", line) < 1024);
    struct http_reply reply = http_request(port_of(state), "GET", "/healthz", lines);
    expect_status(&reply, 200);
    for (int i = 12; i < 18; i++) /* "some 13 kB" of all */
        assert_true(snprintf(lines + strlen(lines), 1024, "X-Long: %.990s\r\n", line) < 1024);
    reply = http_request(port_of(state), "GET", "/healthz", lines);
    assert_true(reply.status == 431 || reply.status == 0);
    http_reply_free(&reply);
    line[0] = '/';
    reply = http_request(port_of(state), "GET", line, "");
    assert_true(reply.status == 414 || reply.status == 431 || reply.status == 0);
    http_reply_free(&reply);
}

static void test_hosts(void **state)
{
    unsigned port = port_of(state);
    struct http_reply reply =
        http_exchange(port, "GET /api/v1/info HTTP/1.1\r\nHost: evil.example\r\n"
                            "Connection: close\r\n\r\n");
    expect_error(&reply, 403);
    reply = http_exchange(port, "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n"
                                "Connection: close\r\n\r\n");
    expect_status(&reply, 400);
    reply = http_exchange(port, "GET /healthz HTTP/1.0\r\n\r\n");
    expect_error(&reply, 400);
    reply = http_exchange(port, "GET /healthz HTTP/1.1\r\nHost: [::1]:80\r\n"
                                "Connection: close\r\n\r\n");
    expect_status(&reply, 200);
}

static void test_origins(void **state)
{
    unsigned port = port_of(state);
    struct http_reply reply =
        http_request(port, "GET", "/api/v1/stream", "Origin: https://evil.example\r\n");
    expect_error(&reply, 403);
    reply = http_request(port, "GET", "/api/v1/info", "Origin: null\r\n");
    expect_error(&reply, 403);
    reply = http_request(port, "GET", "/api/v1/info", "Origin: http://localhost\r\n");
    assert_null(http_header(&reply, "Access-Control-Allow-Origin"));
    expect_status(&reply, 200);
    reply = http_request(port, "GET", "/api/v1/info",
                         "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n");
    expect_error(&reply, 403);
    reply = http_request(port, "GET", "/",
                         "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n");
    expect_status(&reply, 200);
}

static void test_paths(void **state)
{
    const char *const unknown[] = {
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/./index.html",
        "/index.html/",
        "/index.html%00",
        "/api/v1",
        "/api/v1/info/",
        "/API/v1/info",
        "/api/v1/info%00x",
        "*",
        "/web/app.js",
    };
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        struct http_reply reply = http_get(port_of(state), unknown[i]);
        expect_error(&reply, 404);
    }
}

static void test_methods(void **state)
{
    const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "NONSENSE", "get"};
    const char *const paths[] = {"/", "/app.js", "/api/v1/info", "/api/v1/stream", "/healthz"};
    for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
        for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
            struct http_reply reply = http_request(port_of(state), methods[m], paths[p], "");
            assert_true(http_has_header(&reply, "Allow: GET, HEAD"));
            expect_error(&reply, 405);
        }
    }
}

static void test_bodies(void **state)
{
    unsigned port = port_of(state);
    struct http_reply reply =
        http_request(port, "POST", "/api/v1/info", "Content-Length: 5\r\n\r\nhello");
    expect_error(&reply, 405); /* read, then refused */
    reply = http_request(port, "GET", "/healthz", "Content-Length: 5\r\n\r\nhello");
    expect_status(&reply, 200);
    reply = http_request(port, "POST", "/", "Content-Length: 65537\r\n");
    expect_error(&reply, 413);

    char *request = NULL; /* chunks without end */
    static char chunk[40001];
    memset(chunk, 'x', sizeof chunk - 1);
    assert_true(asprintf(&request,
                         "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                         "\r\n9c40\r\n%s\r\n9c40\r\n%s\r\n",
                         chunk, chunk) > 0);
    reply = http_exchange(port, request);
    assert_true(reply.status == 0 || reply.status == 413);
    http_reply_free(&reply);
    free(request);
}

static void test_queries(void **state)
{
    const char *const malformed[] = {
        "/api/v1/history?from=x",
        "/api/v1/history?from=",
        "/api/v1/history?from",
        "/api/v1/history?from=nan",
        "/api/v1/history?to=inf",
        "/api/v1/history?from=1e999",
        "/api/v1/history?from=1e10",
        "/api/v1/history?from=5&to=4",
        "/api/v1/history?step=0",
        "/api/v1/history?step=-1",
        "/api/v1/history?from=1&from=2",
        "/api/v1/history?fron=1",
        "/api/v1/history?from=0&to=1e8&step=0.001",
        "/api/v1/history?from=0x10",
        "/api/v1/history?from=1%00",
        "/api/v1/history?from=1,5",
        "/api/v1/info?x=1",
        "/api/v1/now?x=1",
        "/api/v1/cues?format=mp3",
        "/api/v1/cues?format=",
        "/api/v1/cues?formal=csv",
        "/api/v1/stream?last_event_id=x",
        "/api/v1/stream?last_event_id=-1",
        "/api/v1/stream?from=1",
    };
    fake_pipeline_add(((struct server_fixture *)*state)->pipeline, 0, 0, 0);
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct http_reply reply = http_get(port_of(state), malformed[i]);
        if (reply.status != 400) {
            fail_msg("%s was answered with %d", malformed[i], reply.status);
        }
        expect_error(&reply, 400);
    }
    struct http_reply reply =
        http_request(port_of(state), "GET", "/api/v1/stream", "Last-Event-ID: \xFFgarbage\r\n");
    expect_error(&reply, 400);
}

/* One page from elsewhere may read the API, all of it, and nothing but it. */
static void test_an_allowed_origin(void **state)
{
    const unsigned port = port_of(state);
    static const char from[] = "Origin: " SERVER_FIXTURE_ORIGIN "\r\nSec-Fetch-Site: cross-site\r\n"
                               "Sec-Fetch-Mode: cors\r\n";
    static const struct {
        const char *path;
        int status;
    } cases[] = {{"/api/v1/info", 200},    {"/api/v1/cues?format=csv", 200},
                 {"/api/v1/sources", 200}, {"/api/v1/history", 200},
                 {"/api/v1/now", 503},     {"/api/v1/nothing", 404}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_reply reply = http_request(port, "GET", cases[i].path, from);
        assert_string_equal(http_header(&reply, "Access-Control-Allow-Origin"),
                            SERVER_FIXTURE_ORIGIN);
        assert_true(http_has_header(&reply, "Vary: Origin"));
        assert_true(http_has_header(&reply, "Cross-Origin-Resource-Policy: cross-origin"));
        assert_null(http_header(&reply, "Access-Control-Allow-Credentials"));
        expect_status(&reply, cases[i].status);
    }
    struct http_reply stream = http_request(port, "HEAD", "/api/v1/stream", from);
    assert_string_equal(http_header(&stream, "Access-Control-Allow-Origin"), SERVER_FIXTURE_ORIGIN);
    expect_status(&stream, 200);
    static const char *const others[] = {"/", "/app.js", "/healthz", "/metrics"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct http_reply reply = http_request(port, "GET", others[i], from);
        assert_null(http_header(&reply, "Access-Control-Allow-Origin"));
        expect_error(&reply, 403);
    }
    static const char *const strangers[] = {
        "Origin: http://stage.local\r\n",
        "Origin: https://stage.local:3000\r\n",
        "Origin: http://stage.local:3000.evil.example\r\n",
        "Origin: null\r\n",
        "Origin: *\r\n",
        "Origin: http://evil.example\r\nOrigin: " SERVER_FIXTURE_ORIGIN "\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        struct http_reply reply = http_request(port, "GET", "/api/v1/info", strangers[i]);
        assert_null(http_header(&reply, "Access-Control-Allow-Origin"));
        expect_error(&reply, 403);
    }
    /* The Host is checked all the same, and nothing else than reading is allowed. */
    struct http_reply reply = http_request(
        port, "GET", "/api/v1/info", "Host: evil.example\r\nOrigin: " SERVER_FIXTURE_ORIGIN "\r\n");
    assert_true(reply.status == 400 || reply.status == 403);
    http_reply_free(&reply);
    reply = http_request(port, "POST", "/api/v1/info", from);
    expect_error(&reply, 405);
}

/* ---- what is served ---- */

static void test_every_answer_has_its_headers(void **state)
{
    const char *const paths[] = {"/", "/app.js", "/api/v1/info", "/healthz", "/nothing"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct http_reply reply = http_get(port_of(state), paths[i]);
        assert_true(http_has_header(&reply, "X-Content-Type-Options: nosniff"));
        assert_true(http_has_header(&reply, "Referrer-Policy: no-referrer"));
        assert_true(http_has_header(&reply, "Cross-Origin-Resource-Policy: same-origin"));
        assert_int_equal(
            strncmp(http_header(&reply, "Content-Security-Policy"), "default-src 'self';", 19), 0);
        assert_true(
            http_has_header(&reply, i < 2 ? "Cache-Control: no-cache" : "Cache-Control: no-store"));
        http_reply_free(&reply);
    }
}

static void test_the_page(void **state)
{
    unsigned port = port_of(state);
    struct http_reply page = http_get(port, "/");
    struct http_reply index = http_get(port, "/index.html");
    assert_int_equal(page.status, 200);
    assert_true(http_has_header(&page, "Content-Type: text/html; charset=utf-8"));
    assert_non_null(strstr(page.body, "<html"));
    assert_string_equal(page.body, index.body);
    http_reply_free(&index);

    const struct {
        const char *path;
        const char *type;
    } files[] = {{"/app.js", "Content-Type: text/javascript; charset=utf-8"},
                 {"/style.css", "Content-Type: text/css; charset=utf-8"},
                 {"/icon.svg", "Content-Type: image/svg+xml"}};
    for (size_t i = 0; i < 3; i++) {
        struct http_reply file = http_request(port, "GET", files[i].path, "");
        assert_int_equal(file.status, 200);
        assert_true(http_has_header(&file, files[i].type));
        assert_true(file.size > 0);
        http_reply_free(&file);
    }
    http_reply_free(&page);
}

static void test_unchanged_files_are_not_sent_again(void **state)
{
    unsigned port = port_of(state);
    struct http_reply reply = http_get(port, "/app.js");
    char header[128];
    (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", http_header(&reply, "ETag"));
    http_reply_free(&reply);
    reply = http_request(port, "GET", "/app.js", header);
    assert_int_equal(reply.size, 0);
    assert_non_null(http_header(&reply, "ETag"));
    expect_status(&reply, 304);
    reply = http_request(port, "GET", "/style.css", header); /* another file's tag */
    expect_status(&reply, 200);
    reply = http_request(port, "GET", "/app.js", "If-None-Match: \"0\"\r\n");
    expect_status(&reply, 200);
    (void)snprintf(header + strlen(header) - 2, 16, ", \"0\"\r\n");
    reply = http_request(port, "GET", "/app.js", header);
    expect_status(&reply, 304);
}

static void test_head(void **state)
{
    fake_pipeline_add(((struct server_fixture *)*state)->pipeline, 0, 0, 0);
    const char *const paths[] = {"/",
                                 "/app.js",
                                 "/api/v1/info",
                                 "/api/v1/now",
                                 "/api/v1/cues",
                                 "/api/v1/history",
                                 "/api/v1/stream",
                                 "/healthz"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct http_reply reply = http_request(port_of(state), "HEAD", paths[i], "");
        assert_non_null(http_header(&reply, "Content-Type"));
        assert_int_equal(reply.size, 0);
        expect_status(&reply, 200);
    }
    struct http_reply reply = http_request(port_of(state), "HEAD", "/nothing", "");
    expect_status(&reply, 404);
}

/* Several requests through one connection. */
static void test_connections_are_kept(void **state)
{
    struct http_reply reply =
        http_exchange(port_of(state), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                      "GET /nothing HTTP/1.1\r\nHost: localhost\r\n"
                                      "Connection: close\r\n\r\n");
    assert_int_equal(reply.status, 200);
    const char *second = strstr(reply.body, "HTTP/1.1 200 ");
    assert_non_null(second);
    assert_non_null(strstr(second + 1, "HTTP/1.1 404 "));
    http_reply_free(&reply);
}

static void test_a_long_history(void **state)
{
    struct server_fixture *fixture = *state;
    for (int i = 0; i < 5000; i++) { /* 1,250 s */
        fake_pipeline_add(fixture->pipeline, 0.25f, 0.5f, 1);
    }
    struct http_reply reply =
        http_get(fixture->port, "/api/v1/history?from=0&to=1250.125&step=0.25");
    assert_int_equal(reply.status, 200);
    assert_non_null(http_header(&reply, "Transfer-Encoding"));
    size_t steps = 0;
    for (const char *at = reply.body; (at = strstr(at, "\"t\":")) != NULL; at++) {
        steps++;
    }
    assert_int_equal(steps, 5000);
    assert_string_equal(reply.body + reply.size - 4, "}]}\n");
    http_reply_free(&reply);

    reply = http_exchange(fixture->port, "GET /api/v1/history?from=-10 HTTP/1.0\r\n"
                                         "Host: localhost\r\n\r\n"); /* knows no chunks */
    assert_null(http_header(&reply, "Transfer-Encoding"));
    assert_string_equal(reply.body + reply.size - 4, "}]}\n");
    expect_status(&reply, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_wrong_configurations),
        WITH_SERVER(test_garbage),
        WITH_SERVER(test_header_limits),
        WITH_SERVER(test_hosts),
        WITH_SERVER(test_origins),
        WITH_SERVER(test_an_allowed_origin),
        WITH_SERVER(test_paths),
        WITH_SERVER(test_methods),
        WITH_SERVER(test_bodies),
        WITH_SERVER(test_queries),
        WITH_SERVER(test_every_answer_has_its_headers),
        WITH_SERVER(test_the_page),
        WITH_SERVER(test_unchanged_files_are_not_sent_again),
        WITH_SERVER(test_head),
        WITH_SERVER(test_connections_are_kept),
        WITH_SERVER(test_a_long_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
