/* test_server_sources.c - the API of several sources, and /metrics. */
#include "tests/support/http_client.h"
#include "tests/support/server_fixture.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static cJSON *get_json(void **state, const char *path, int status)
{
    struct http_reply reply = http_get(((struct server_fixture *)*state)->port, path);
    if (reply.status != status)
        fail_msg("%s: status %d instead of %d", path, reply.status, status);
    cJSON *json = cJSON_ParseWithOpts(reply.body, NULL, true);
    assert_non_null(json);
    http_reply_free(&reply);
    return json;
}

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_true(cJSON_IsString(item));
    return item->valuestring;
}

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static void check_source(const cJSON *source, const char *name, const char *input,
                         const char *state, const char *path)
{
    assert_string_equal(text_of(source, "name"), name);
    assert_string_equal(text_of(source, "input"), input);
    assert_string_equal(text_of(source, "kind"), "device");
    assert_int_equal(number_of(source, "rate_hz"), FAKE_RATE_HZ);
    assert_string_equal(text_of(source, "state"), state);
    assert_string_equal(text_of(source, "path"), path);
}

static void test_the_list(void **state)
{
    struct server_fixture *fixture = *state;
    fake_pipeline_set_source(fixture->other, "x", SOURCE_RUNNING, true);
    const char *const paths[] = {"/api/v1/sources", "/api/v1/sources/"};
    for (size_t i = 0; i < 2; i++) {
        cJSON *json = get_json(state, paths[i], 200);
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "sources");
        assert_int_equal(cJSON_GetArraySize(list), 2);
        const cJSON *first = cJSON_GetArrayItem(list, 0);
        assert_int_equal(cJSON_GetArraySize(first), 6);
        check_source(first, "main", "Line \"In\"", "running", "/api/v1/sources/main/");
        check_source(cJSON_GetArrayItem(list, 1), "Hall-2", "x", "stalled",
                     "/api/v1/sources/Hall-2/");
        cJSON_Delete(json);
    }
}

/* What a source's own path gives leads to all that there is of it. */
static void test_one_source(void **state)
{
    struct server_fixture *fixture = *state;
    fake_pipeline_set_source(fixture->other, "x", SOURCE_LOST, false);
    fake_pipeline_add(fixture->other, 0, 0, 0);
    const char *const paths[] = {"/api/v1/sources/Hall-2", "/api/v1/sources/Hall-2/"};
    for (size_t i = 0; i < 2; i++) {
        cJSON *source = get_json(state, paths[i], 200);
        assert_int_equal(cJSON_GetArraySize(source), 7);
        check_source(source, "Hall-2", "x", "lost", "/api/v1/sources/Hall-2/");
        const cJSON *links = cJSON_GetObjectItemCaseSensitive(source, "links");
        assert_int_equal(cJSON_GetArraySize(links), 5);
        assert_string_equal(text_of(links, "stream"), "/api/v1/sources/Hall-2/stream");
        const char *const names[] = {"info", "now", "history", "cues"};
        for (size_t k = 0; k < 4; k++)
            cJSON_Delete(get_json(state, text_of(links, names[k]), 200));
        cJSON_Delete(source);
    }
    cJSON_Delete(get_json(state, "/api/v1/sources/Hall-2?x=1", 400));
}

/* The longest input, all of it escaped. */
static void test_a_source_with_a_hostile_input(void **state)
{
    struct server_fixture *fixture = *state;
    char input[256];
    memset(input, 1, sizeof input - 1);
    input[sizeof input - 1] = '\0';
    fake_pipeline_set_source(fixture->pipeline, input, SOURCE_RUNNING, false);
    fake_pipeline_set_source(fixture->other, input, SOURCE_RUNNING, false);
    cJSON *source = get_json(state, "/api/v1/sources/main", 200);
    assert_string_equal(text_of(source, "input"), input);
    assert_non_null(cJSON_GetObjectItemCaseSensitive(source, "links"));
    cJSON_Delete(source);
    cJSON_Delete(get_json(state, "/api/v1/sources", 200));
    cJSON_Delete(get_json(state, "/api/v1/info", 200));
}

/* Each source answers for itself; the plain paths are the first one's. */
static void test_each_has_its_own_paths(void **state)
{
    struct server_fixture *fixture = *state;
    for (int i = 0; i < 20; i++)
        fake_pipeline_add(fixture->pipeline, 0.75f, 0, 0);
    for (int i = 0; i < 40; i++)
        fake_pipeline_add(fixture->other, 0, 0.875f, 0);
    const struct {
        const char *prefix;
        double t;
        int label;
        const char *name;
    } cases[] = {{"/api/v1/", 5, 0, "cello"},
                 {"/api/v1/sources/main/", 5, 0, "cello"},
                 {"/api/v1/sources/Hall-2/", 10, 1, "flute"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%snow", cases[i].prefix);
        cJSON *now = get_json(state, path, 200);
        assert_true(number_of(now, "t") == cases[i].t);
        cJSON_Delete(now);
        (void)snprintf(path, sizeof path, "%scues", cases[i].prefix);
        cJSON *cues = get_json(state, path, 200);
        const cJSON *cue = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(cues, "cues"), 0);
        assert_string_equal(text_of(cue, "label"), cases[i].name);
        cJSON_Delete(cues);
        (void)snprintf(path, sizeof path, "%shistory?from=1&to=2&step=1", cases[i].prefix);
        cJSON *history = get_json(state, path, 200);
        const cJSON *step =
            cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(history, "steps"), 0);
        const cJSON *p = cJSON_GetObjectItemCaseSensitive(step, "p");
        assert_true(cJSON_GetArrayItem(p, cases[i].label)->valuedouble > 0.7);
        cJSON_Delete(history);
        (void)snprintf(path, sizeof path, "%sinfo", cases[i].prefix);
        cJSON *info = get_json(state, path, 200);
        const cJSON *source = cJSON_GetObjectItemCaseSensitive(info, "source");
        assert_string_equal(text_of(source, "name"), i == 2 ? "Hall-2" : "main");
        assert_string_equal(text_of(source, "input"), "Line \"In\"");
        cJSON_Delete(info);
    }
}

/* A stream has the events of its source alone, and is woken by them. */
static void test_streams_do_not_mix(void **state)
{
    struct server_fixture *fixture = *state;
    struct http_stream *stream =
        http_stream_open_path(fixture->port, "/api/v1/sources/Hall-2/stream", "", 0);
    struct http_event event;
    assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
    assert_string_equal(event.name, "hello");
    fake_pipeline_add(fixture->pipeline, 0.75f, 0, 0);
    for (int i = 0; i < 3; i++) {
        fake_pipeline_add(fixture->pipeline, 0.75f, 0, 0);
        fake_pipeline_add(fixture->other, 0, 0.25f, 0);
        do {
            assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
        } while (strcmp(event.name, "frame") != 0);
        cJSON *frame = cJSON_Parse(event.data);
        assert_true(number_of(frame, "t") == 0.25 * (i + 1));
        cJSON_Delete(frame);
    }
    http_stream_close(stream);
}

static void test_what_is_not_there(void **state)
{
    const struct {
        const char *path, *sentence;
    } cases[] = {
        {"/api/v1/sources/stage/info",
         "there is no source 'stage' here; /api/v1/sources lists those there are"},
        {"/api/v1/sources/hall-2/now",
         "there is no source 'hall-2' here; /api/v1/sources lists those there are"},
        {"/api/v1/sources/Hall-2%00/now",
         "there is no source 'Hall-2?' here; /api/v1/sources lists those there are"},
        {"/api/v1/sources//now",
         "there is no source '' here; /api/v1/sources lists those there are"},
        {"/api/v1/sources/stage",
         "there is no source 'stage' here; /api/v1/sources lists those there are"},
        {"/api/v1/sources/stage/",
         "there is no source 'stage' here; /api/v1/sources lists those there are"},
        {"/api/v1/sources//", "there is no source '' here; /api/v1/sources lists those there are"},
        {"/api/v1/sources/Hall-2//", "there is nothing at /api/v1/sources/Hall-2//"},
        {"/api/v1/sources/Hall-2/healthz", "there is nothing at /api/v1/sources/Hall-2/healthz"},
        {"/api/v1/sources/Hall-2/now/", "there is nothing at /api/v1/sources/Hall-2/now/"},
        {"/api/v1/sources/Hall-2/sources", "there is nothing at /api/v1/sources/Hall-2/sources"},
        {"/api/v1/Hall-2/now", "there is nothing at /api/v1/Hall-2/now"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *error = get_json(state, cases[i].path, 404);
        assert_string_equal(text_of(error, "error"), cases[i].sentence);
        cJSON_Delete(error);
    }
    static char path[2000] = "/api/v1/sources/";
    memset(path + strlen(path), 'x', sizeof path - strlen(path) - 1);
    cJSON *error = get_json(state, path, 404);
    assert_true(strlen(text_of(error, "error")) < 200);
    cJSON_Delete(error);
}

static void test_only_reading(void **state)
{
    const unsigned port = ((struct server_fixture *)*state)->port;
    const char *const paths[] = {"/api/v1/sources", "/api/v1/sources/Hall-2/now", "/metrics"};
    for (size_t i = 0; i < 3; i++) {
        struct http_reply reply = http_request(port, "POST", paths[i], "");
        assert_int_equal(reply.status, 405);
        assert_true(http_has_header(&reply, "Allow: GET, HEAD"));
        http_reply_free(&reply);
    }
    cJSON_Delete(get_json(state, "/api/v1/sources?x=1", 400));
    cJSON_Delete(get_json(state, "/metrics?x=1", 400));
    cJSON_Delete(get_json(state, "/api/v1/sources/Hall-2/cues?format=mp3", 400));
}

/* One that is late is enough, and its name is told. */
static void test_health_of_all(void **state)
{
    struct server_fixture *fixture = *state;
    cJSON *health = get_json(state, "/healthz", 200);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(health, "healthy")));
    assert_int_equal(number_of(health, "hop_stretch"), 1);
    cJSON_Delete(health);
    fake_pipeline_set_late(fixture->other, HEALTH_CAPTURE, 7);
    fake_pipeline_set_stretch(fixture->pipeline, 4);
    health = get_json(state, "/healthz", 503);
    assert_string_equal(text_of(health, "late"), "capture");
    assert_true(number_of(health, "late_s") >= 7);
    assert_int_equal(number_of(health, "hop_stretch"), 4);
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(health, "sources");
    assert_int_equal(cJSON_GetArraySize(names), 1);
    assert_string_equal(cJSON_GetArrayItem(names, 0)->valuestring, "Hall-2");
    cJSON_Delete(health);
    fake_pipeline_set_late(fixture->pipeline, HEALTH_RECOGNIZER, 9);
    health = get_json(state, "/healthz", 503);
    assert_string_equal(text_of(health, "late"), "recognizer");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(health, "sources")), 2);
    cJSON_Delete(health);
}

static void test_a_stretched_hop_is_told(void **state)
{
    struct server_fixture *fixture = *state;
    fake_pipeline_set_stretch(fixture->other, 8);
    cJSON *info = get_json(state, "/api/v1/sources/Hall-2/info", 200);
    assert_int_equal(number_of(info, "hop_stretch"), 8);
    assert_true(number_of(info, "hop_s") == 0.25);
    cJSON_Delete(info);
    struct http_stream *stream =
        http_stream_open_path(fixture->port, "/api/v1/sources/Hall-2/stream", "", 0);
    struct http_event event;
    do {
        assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
    } while (strcmp(event.name, "status") != 0);
    assert_non_null(strstr(event.data, "\"hop_stretch\":8"));
    http_stream_close(stream);
}

/* ---- metrics ---- */

static void expect_line(const char *text, const char *line)
{
    const char *at = strstr(text, line);
    const size_t length = strlen(line);
    while (at != NULL && ((at != text && at[-1] != '\n') || at[length] != '\n'))
        at = strstr(at + 1, line);
    if (at == NULL)
        fail_msg("no line '%s' in:\n%s", line, text);
}

static void test_metrics(void **state)
{
    struct server_fixture *fixture = *state;
    fake_pipeline_set_counters(fixture->pipeline, UINT64_C(4147200000000), 3, 2, 1);
    fake_pipeline_set_counters(fixture->other, 96000, 0, 0, 0);
    fake_pipeline_set_source(fixture->other, "x", SOURCE_LOST, false);
    fake_pipeline_set_late(fixture->other, HEALTH_CAPTURE, 7);
    fake_pipeline_set_stretch(fixture->other, 2);
    struct http_reply reply = http_get(fixture->port, "/metrics");
    assert_int_equal(reply.status, 200);
    assert_true(http_has_header(&reply, "Content-Type: text/plain; version=0.0.4; charset=utf-8"));
    static const char *const lines[] = {
        "tutti_sources 2",
        "tutti_hop_seconds 0.25",
        "tutti_streams 0",
        "# TYPE tutti_source_frames_total counter",
        "tutti_source_frames_total{source=\"main\"} 4147200000000",
        "tutti_source_frames_total{source=\"Hall-2\"} 96000",
        "tutti_source_lost_frames_total{source=\"main\"} 3",
        "tutti_source_overruns_total{source=\"main\"} 2",
        "tutti_source_skipped_hops_total{source=\"main\"} 1",
        "tutti_source_hop_stretch{source=\"main\"} 1",
        "tutti_source_hop_stretch{source=\"Hall-2\"} 2",
        "tutti_source_lag_seconds{source=\"main\"} 0.0045",
        "tutti_source_healthy{source=\"main\"} 1",
        "tutti_source_healthy{source=\"Hall-2\"} 0",
        "tutti_source_state{source=\"main\",state=\"running\"} 1",
        "tutti_source_state{source=\"main\",state=\"lost\"} 0",
        "tutti_source_state{source=\"Hall-2\",state=\"lost\"} 1",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect_line(reply.body, lines[i]);
    assert_non_null(strstr(reply.body, "\ntutti_info{version=\"" TUTTI_VERSION "\",model=\""));
    http_reply_free(&reply);
}

static bool is_name(const char *text, size_t length)
{
    return length > 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz_") == length;
}

/* Every line is a comment of the two kinds, or NAME[{LABELS}] NUMBER; every name is announced once,
 * before its samples, which stand together (Prometheus, "Exposition formats"). */
static void test_metrics_have_the_form(void **state)
{
    struct http_reply reply = http_get(((struct server_fixture *)*state)->port, "/metrics");
    char announced[64] = "";
    size_t samples = 0;
    size_t names = 0;
    assert_true(reply.size > 0 && reply.body[reply.size - 1] == '\n');
    for (char *line = strtok(reply.body, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            const size_t length = strcspn(line + 7, " ");
            assert_true(is_name(line + 7, length) && length < sizeof announced);
            (void)snprintf(announced, sizeof announced, "%.*s", (int)length, line + 7);
            names++;
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            const size_t length = strlen(announced);
            assert_memory_equal(line + 7, announced, length);
            const bool counter = strcmp(line + 7 + length, " counter") == 0;
            assert_true(counter || strcmp(line + 7 + length, " gauge") == 0);
            const char *total = "_total";
            assert_true(counter == (length > strlen(total) &&
                                    strcmp(announced + length - strlen(total), total) == 0));
        } else {
            const size_t length = strcspn(line, "{ ");
            assert_int_equal(length, strlen(announced));
            assert_memory_equal(line, announced, length);
            const char *space = strrchr(line, ' ');
            char *end;
            (void)strtod(space + 1, &end);
            assert_true(end != space + 1 && *end == '\0');
            samples++;
        }
    }
    assert_true(names >= 14 && samples >= 2 * 12 + 6);
    http_reply_free(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TWO_SOURCES(test_the_list),
        WITH_TWO_SOURCES(test_one_source),
        WITH_TWO_SOURCES(test_a_source_with_a_hostile_input),
        WITH_TWO_SOURCES(test_each_has_its_own_paths),
        WITH_TWO_SOURCES(test_streams_do_not_mix),
        WITH_TWO_SOURCES(test_what_is_not_there),
        WITH_TWO_SOURCES(test_only_reading),
        WITH_TWO_SOURCES(test_health_of_all),
        WITH_TWO_SOURCES(test_a_stretched_hop_is_told),
        WITH_TWO_SOURCES(test_metrics),
        WITH_TWO_SOURCES(test_metrics_have_the_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
