/* test_api_contract.c - the wire format: the names and types of every field of every
 * event and endpoint. Clients rely on them; whoever has to change this file
 * changes the API. */
#include "tests/support/http_client.h"
#include "tests/support/server_fixture.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- checking against a description ---- */

/* A field and its type: n number, i whole number, s string, b boolean, o object, N array of
 * numbers, S array of strings, O array of objects; "0" behind it: may be null. */
struct field {
    const char *name;
    const char *type;
};

static bool all(const cJSON *array, cJSON_bool (*is)(const cJSON *))
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (!is(item)) {
            return false;
        }
    }
    return cJSON_IsArray(array);
}

static bool has_type(const cJSON *item, const char *type)
{
    if (type[1] == '0' && cJSON_IsNull(item)) {
        return true;
    }
    switch (type[0]) {
    case 'n':
        return cJSON_IsNumber(item);
    case 'i':
        return cJSON_IsNumber(item) && item->valuedouble == floor(item->valuedouble);
    case 's':
        return cJSON_IsString(item);
    case 'b':
        return cJSON_IsBool(item);
    case 'o':
        return cJSON_IsObject(item);
    case 'N':
        return all(item, cJSON_IsNumber);
    case 'S':
        return all(item, cJSON_IsString);
    case 'O':
        return all(item, cJSON_IsObject);
    default:
        return false;
    }
}

/* Exactly these fields, in this order (clients may not rely on the order; a change should still be
 * noticed). */
static void check_fields(const char *what, const cJSON *object, const struct field *fields)
{
    if (!cJSON_IsObject(object)) {
        fail_msg("%s is no object", what);
    }
    const cJSON *item = object->child;
    for (; fields->name != NULL; fields++, item = item->next) {
        if (item == NULL || strcmp(item->string, fields->name) != 0) {
            fail_msg("%s: '%s' where '%s' should be", what, item != NULL ? item->string : "nothing",
                     fields->name);
        }
        if (!has_type(item, fields->type)) {
            fail_msg("%s: '%s' is not of type '%s'", what, fields->name, fields->type);
        }
    }
    if (item != NULL) {
        fail_msg("%s: '%s' is new", what, item->string);
    }
}

static cJSON *parse(const char *text)
{
    cJSON *json = cJSON_ParseWithOpts(text, NULL, true);
    if (json == NULL) {
        fail_msg("not JSON: %s", text);
    }
    return json;
}

static cJSON *get_json(void **state, const char *path, int status)
{
    struct http_reply reply = http_get(((struct server_fixture *)*state)->port, path);
    assert_int_equal(reply.status, status);
    assert_true(http_has_header(&reply, "Content-Type: application/json"));
    cJSON *json = parse(reply.body);
    http_reply_free(&reply);
    return json;
}

static const cJSON *field(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* A frame event and, but for its age, the answer of `now` are the same. */
#define FRAME_FIELDS                                                                               \
    {"seq", "i"}, {"t", "n"}, {"time", "n"}, {"level_dbfs", "n"}, {"peak_dbfs", "n"},              \
        {"clipped", "b"}, {"p", "N"},                                                              \
    {                                                                                              \
        "on", "S"                                                                                  \
    }
static const struct field now_fields[] = {FRAME_FIELDS, {"age_s", "n"}, {NULL, NULL}};
static const struct field error_fields[] = {{"error", "s"}, {NULL, NULL}};

/* ---- events ---- */

static const struct {
    const char *name;
    struct field fields[9];
} events[] = {
    {"hello",
     {{"labels", "S"}, {"window_s", "n"}, {"hop_s", "n"}, {"model", "s"}, {"version", "s"}}},
    {"frame", {FRAME_FIELDS}},
    {"onset", {{"label", "s"}, {"t", "n"}, {"time", "n"}, {"confidence", "n"}}},
    {"offset", {{"label", "s"}, {"t", "n"}, {"time", "n"}, {"confidence", "n"}}},
    {"status",
     {{"source", "s"}, {"state", "s"}, {"overruns", "i"}, {"hop_stretch", "i"}, {"lag_ms", "n"}}},
    {"gap", {{"t", "n"}, {"lost_s", "n"}}},
    {"lagged", {{"dropped", "i"}}},
};
#define EVENTS (sizeof events / sizeof *events)

static void test_events(void **state)
{
    struct server_fixture *fixture = *state;
    struct pipeline *pipeline = fixture->pipeline;
    fake_pipeline_add(pipeline, 0, 0, 0);
    char query[64];
    (void)snprintf(query, sizeof query, "?last_event_id=%llu",
                   (unsigned long long)timeline_last_id(pipeline_timeline(pipeline)));
    for (int i = 0; i < 20000; i++) { /* more than the log holds, hence "lagged" */
        fake_pipeline_add(pipeline, 0, 0, 0);
    }
    fake_pipeline_set_source(pipeline, "Line In", SOURCE_RUNNING, false);
    for (int i = 0; i < 40; i++) {
        fake_pipeline_add(pipeline, i < 20 ? 0.9f : 0, 0, 0);
    }
    fake_pipeline_lose(pipeline, 3);
    uint64_t newest = timeline_last_id(pipeline_timeline(pipeline));

    bool seen[EVENTS] = {false};
    struct http_stream *stream = http_stream_open(fixture->port, query, "", 0);
    struct http_event event = {.id = ""};
    while (strtoull(event.id, NULL, 10) < newest) {
        assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
        size_t i = 0;
        while (i < EVENTS && strcmp(events[i].name, event.name) != 0) {
            i++;
        }
        if (i == EVENTS) {
            fail_msg("event '%s' is new", event.name);
        }
        cJSON *data = parse(event.data);
        check_fields(event.name, data, events[i].fields);
        cJSON_Delete(data);
        seen[i] = true;
    }
    for (size_t i = 0; i < EVENTS; i++) {
        if (!seen[i]) {
            fail_msg("event '%s' did not come", events[i].name);
        }
    }
    http_stream_close(stream);
}

/* A page of an earlier run has missed nothing of this one. */
static void test_an_id_of_an_earlier_run(void **state)
{
    struct server_fixture *fixture = *state;
    for (int i = 0; i < 20000; i++) {
        fake_pipeline_add(fixture->pipeline, 0, 0, 0);
    }
    uint64_t newest = timeline_last_id(pipeline_timeline(fixture->pipeline));
    struct http_stream *stream = http_stream_open(fixture->port, "?last_event_id=1", "", 0);
    struct http_event event = {.id = ""};
    while (strtoull(event.id, NULL, 10) < newest) {
        assert_true(http_stream_next(stream, &event, HTTP_LIMIT_MS));
        assert_string_not_equal(event.name, "lagged");
    }
    http_stream_close(stream);
}

/* One step may be as long as the history: it is summed up in parts, between which the streams are
 * served (a space in the text), to the same mean. */
static void test_a_long_step(void **state)
{
    struct server_fixture *fixture = *state;
    for (int i = 0; i < 14000; i++) { /* of 14,400 that are held */
        fake_pipeline_add(fixture->pipeline, i % 2 == 0 ? 0.8f : 0, i < 3500 ? 1 : 0, 1);
    }
    struct http_reply reply =
        http_get(fixture->port, "/api/v1/history?from=0&to=900000000&step=900000000");
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body, "\"steps\":[ "));
    cJSON *history = parse(reply.body);
    const cJSON *steps = field(history, "steps");
    assert_int_equal(cJSON_GetArraySize(steps), 1);
    const cJSON *p = field(cJSON_GetArrayItem(steps, 0), "p");
    assert_true(cJSON_GetArrayItem(p, 0)->valuedouble == 0.4);
    assert_true(cJSON_GetArrayItem(p, 1)->valuedouble == 0.25);
    assert_true(cJSON_GetArrayItem(p, 2)->valuedouble == 1);
    cJSON_Delete(history);
    http_reply_free(&reply);
}

static void test_values_of_a_frame(void **state)
{
    struct server_fixture *fixture = *state;
    fake_pipeline_add(fixture->pipeline, 0.12345f, 0.9f, 1);
    cJSON *now = get_json(state, "/api/v1/now", 200);
    assert_true(field(now, "seq")->valuedouble ==
                (double)timeline_last_id(pipeline_timeline(fixture->pipeline)) - 2);
    assert_true(field(now, "t")->valuedouble == 0.25);
    const double age_s = field(now, "age_s")->valuedouble;
    assert_true(age_s >= 0 && age_s < 3600);
    assert_true(field(now, "level_dbfs")->valuedouble == -23.4);
    assert_true(field(now, "peak_dbfs")->valuedouble == -12.3);
    assert_true(cJSON_IsFalse(field(now, "clipped")));
    const cJSON *p = field(now, "p");
    assert_int_equal(cJSON_GetArraySize(p), 3);
    assert_true(cJSON_GetArrayItem(p, 0)->valuedouble == 0.123);
    const cJSON *on = field(now, "on");
    assert_int_equal(cJSON_GetArraySize(on), 2);
    assert_string_equal(cJSON_GetArrayItem(on, 0)->valuestring, "flute");
    assert_string_equal(cJSON_GetArrayItem(on, 1)->valuestring, "piano");
    cJSON_Delete(now);
}

/* ---- endpoints ---- */

static void test_info(void **state)
{
    static const struct field info_fields[] = {
        {"version", "s"},          {"model", "o"},    {"labels", "S"}, {"thresholds", "N"},
        {"leave_thresholds", "N"}, {"window_s", "n"}, {"hop_s", "n"},  {"hop_stretch", "i"},
        {"smoothing_s", "n"},      {"source", "o"},   {"kernel", "s"}, {"started", "n"},
        {"uptime_s", "n"},         {"cues", "b"},     {NULL, NULL},
    };
    static const struct field model_fields[] = {
        {"name", "s"}, {"sha256", "s"}, {"multiply_adds", "i"}, {NULL, NULL}};
    static const struct field source_fields[] = {{"name", "s"},    {"input", "s"}, {"kind", "s"},
                                                 {"rate_hz", "i"}, {"state", "s"}, {NULL, NULL}};
    cJSON *info = get_json(state, "/api/v1/info", 200);
    check_fields("info", info, info_fields);
    check_fields("info.model", field(info, "model"), model_fields);
    check_fields("info.source", field(info, "source"), source_fields);
    assert_int_equal(cJSON_GetArraySize(field(info, "labels")), 3);
    assert_int_equal(cJSON_GetArraySize(field(info, "thresholds")), 3);
    assert_true(cJSON_GetArrayItem(field(info, "thresholds"), 1)->valuedouble == 0.4);
    assert_true(cJSON_GetArrayItem(field(info, "leave_thresholds"), 1)->valuedouble == 0.24);
    assert_int_equal(strlen(field(field(info, "model"), "sha256")->valuestring), 64);
    assert_string_equal(field(field(info, "source"), "name")->valuestring, "main");
    assert_string_equal(field(field(info, "source"), "input")->valuestring, "Line \"In\"");
    assert_string_equal(field(field(info, "source"), "state")->valuestring, "running");
    cJSON_Delete(info);
}

static void test_states_of_the_source(void **state)
{
    static const struct {
        enum source_state state;
        bool stalled;
        const char *name;
    } cases[] = {
        {SOURCE_OPEN, false, "starting"},  {SOURCE_RUNNING, false, "running"},
        {SOURCE_RUNNING, true, "stalled"}, {SOURCE_ENDED, false, "ended"},
        {SOURCE_LOST, false, "lost"},      {SOURCE_LOST, true, "lost"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_pipeline_set_source(((struct server_fixture *)*state)->pipeline, "x", cases[i].state,
                                 cases[i].stalled);
        cJSON *info = get_json(state, "/api/v1/info", 200);
        assert_string_equal(field(field(info, "source"), "state")->valuestring, cases[i].name);
        cJSON_Delete(info);
    }
}

static void test_now(void **state)
{
    cJSON *now = get_json(state, "/api/v1/now", 503);
    check_fields("now, too early", now, error_fields);
    cJSON_Delete(now);
    fake_pipeline_add(((struct server_fixture *)*state)->pipeline, 0, 0, 0);
    now = get_json(state, "/api/v1/now", 200);
    check_fields("now", now, now_fields);
    cJSON_Delete(now);
}

static void test_health(void **state)
{
    static const struct field healthy_fields[] = {
        {"healthy", "b"}, {"hop_stretch", "i"}, {NULL, NULL}};
    static const struct field late_fields[] = {
        {"healthy", "b"}, {"hop_stretch", "i"}, {"late", "s"}, {"late_s", "n"},
        {"since", "n"},   {"sources", "S"},     {NULL, NULL}};
    cJSON *health = get_json(state, "/healthz", 200);
    check_fields("healthz", health, healthy_fields);
    assert_true(cJSON_IsTrue(field(health, "healthy")));
    cJSON_Delete(health);
    fake_pipeline_set_late(((struct server_fixture *)*state)->pipeline, HEALTH_RECOGNIZER, 7);
    health = get_json(state, "/healthz", 503);
    check_fields("healthz, late", health, late_fields);
    assert_true(cJSON_IsFalse(field(health, "healthy")));
    assert_string_equal(field(health, "late")->valuestring, "recognizer");
    assert_true(field(health, "late_s")->valuedouble >= 7);
    cJSON_Delete(health);
}

static void test_history(void **state)
{
    static const struct field history_fields[] = {{"labels", "S"}, {"from", "n"},  {"to", "n"},
                                                  {"step_s", "n"}, {"steps", "O"}, {NULL, NULL}};
    static const struct field step_fields[] = {
        {"t", "n"}, {"level_dbfs", "n"}, {"p", "N"}, {NULL, NULL}};
    cJSON *history = get_json(state, "/api/v1/history", 200);
    check_fields("history, empty", history, history_fields);
    assert_int_equal(cJSON_GetArraySize(field(history, "steps")), 0);
    cJSON_Delete(history);
    for (int i = 0; i < 40; i++) { /* t = 0.25 ... 10 */
        fake_pipeline_add(((struct server_fixture *)*state)->pipeline, 0.4f, 0, 1);
    }
    const struct {
        const char *query;
        double from, to, step;
        int steps;
        double first_t;
    } cases[] = {
        {"", 0, 10.125, 0.25, 40, 0.25},
        {"?from=2&to=4&step=1", 2, 4, 1, 2, 2},
        {"?from=-5", 5, 10.125, 0.25, 21, 5},
        {"?from=-5&to=-2&step=0.5", 5, 8, 0.5, 6, 5},
        {"?from=9.5&to=100&step=0.5", 9.5, 100, 0.5, 2, 9.5},
        {"?from=3&to=3", 3, 3, 0.25, 0, 0},
        {"?to=-2", 0, 8, 0.25, 31, 0.25}, /* from: 120 s before that */
        {"?to=-2&step=4", 0, 8, 4, 2, 0},
        {"?to=-20", 0, 0, 0.25, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "/api/v1/history%s", cases[i].query);
        history = get_json(state, path, 200);
        check_fields("history", history, history_fields);
        assert_true(field(history, "from")->valuedouble == cases[i].from);
        assert_true(field(history, "to")->valuedouble == cases[i].to);
        assert_true(field(history, "step_s")->valuedouble == cases[i].step);
        const cJSON *steps = field(history, "steps");
        assert_int_equal(cJSON_GetArraySize(steps), cases[i].steps);
        const cJSON *step;
        cJSON_ArrayForEach(step, steps)
        {
            check_fields("history.steps", step, step_fields);
            assert_int_equal(cJSON_GetArraySize(field(step, "p")), 3);
            assert_true(cJSON_GetArrayItem(field(step, "p"), 0)->valuedouble == 0.4);
        }
        if (cases[i].steps > 0) {
            assert_true(field(cJSON_GetArrayItem(steps, 0), "t")->valuedouble == cases[i].first_t);
        }
        cJSON_Delete(history);
    }
}

static void test_cues(void **state)
{
    static const struct field cues_fields[] = {{"cues", "O"}, {NULL, NULL}};
    static const struct field cue_fields[] = {{"label", "s"}, {"on_s", "n"},       {"off_s", "n0"},
                                              {"time", "n"},  {"confidence", "n"}, {NULL, NULL}};
    struct server_fixture *fixture = *state;
    cJSON *cues = get_json(state, "/api/v1/cues", 200);
    check_fields("cues, none", cues, cues_fields);
    cJSON_Delete(cues);
    for (int i = 0; i < 60; i++) {
        fake_pipeline_add(fixture->pipeline, i < 20 ? 0.9f : 0, 0, i >= 40 ? 0.9f : 0);
    }
    cues = get_json(state, "/api/v1/cues?format=json", 200);
    check_fields("cues", cues, cues_fields);
    const cJSON *list = field(cues, "cues");
    assert_int_equal(cJSON_GetArraySize(list), 2);
    check_fields("cues.cues", cJSON_GetArrayItem(list, 0), cue_fields);
    check_fields("cues.cues", cJSON_GetArrayItem(list, 1), cue_fields);
    assert_true(cJSON_IsNumber(field(cJSON_GetArrayItem(list, 0), "off_s")));
    assert_true(cJSON_IsNull(field(cJSON_GetArrayItem(list, 1), "off_s")));
    cJSON_Delete(cues);

    static const struct {
        const char *path, *type, *begin, *holds;
    } formats[] = {
        {"/api/v1/cues?format=csv", "Content-Type: text/csv; charset=utf-8",
         "label,on_s,off_s,confidence,time\ncello,", "Z\n"},
        {"/api/v1/cues?format=audacity", "Content-Type: text/plain; charset=utf-8", "0", "cello"},
        {"/api/v1/cues?format=cue", "Content-Type: application/x-cue", "REM BEGINS 20",
         "\r\nFILE \"Line 'In'\" WAVE\r\n  TRACK 01 AUDIO\r\n"},
    };
    for (size_t i = 0; i < 3; i++) {
        struct http_reply reply = http_get(fixture->port, formats[i].path);
        assert_int_equal(reply.status, 200);
        assert_true(http_has_header(&reply, formats[i].type));
        assert_int_equal(strncmp(reply.body, formats[i].begin, strlen(formats[i].begin)), 0);
        assert_non_null(strstr(reply.body, formats[i].holds));
        http_reply_free(&reply);
    }
}

static void test_errors(void **state)
{
    cJSON *error = get_json(state, "/nothing\"\x01", 404);
    check_fields("error", error, error_fields);
    cJSON_Delete(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_events),      WITH_SERVER(test_an_id_of_an_earlier_run),
        WITH_SERVER(test_a_long_step), WITH_SERVER(test_values_of_a_frame),
        WITH_SERVER(test_info),        WITH_SERVER(test_states_of_the_source),
        WITH_SERVER(test_now),         WITH_SERVER(test_health),
        WITH_SERVER(test_history),     WITH_SERVER(test_cues),
        WITH_SERVER(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
