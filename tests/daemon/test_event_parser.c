/* test_event_parser.c - daemon/event_parser.h */
#include "daemon/event_parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What was called back with, one event after another as "type|data|id;". */
struct heard {
    char text[1024];
    size_t count;
    size_t longest;
};

static void hear(void *context, const struct event *event)
{
    struct heard *heard = context;
    const size_t length = strlen(event->data);
    heard->count++;
    heard->longest = length > heard->longest ? length : heard->longest;
    const size_t used = strlen(heard->text);
    if (length < 100)
        snprintf(heard->text + used, sizeof heard->text - used, "%s|%s|%s;", event->type,
                 event->data, event->id);
}

static void feed(struct event_parser *parser, const char *text, struct heard *heard)
{
    event_parser_feed(parser, text, strlen(text), hear, heard);
}

/* The same in one piece, in two pieces parted anywhere, and byte by byte. */
static void expect(const char *bytes, size_t size, const char *events)
{
    for (size_t cut = 0; cut <= size; cut++) {
        struct event_parser *parser = event_parser_new();
        struct heard heard = {.count = 0};
        event_parser_feed(parser, bytes, cut, hear, &heard);
        event_parser_feed(parser, bytes + cut, size - cut, hear, &heard);
        assert_string_equal(heard.text, events);
        event_parser_free(parser);
    }
    struct event_parser *parser = event_parser_new();
    struct heard heard = {.count = 0};
    for (size_t i = 0; i < size; i++)
        event_parser_feed(parser, bytes + i, 1, hear, &heard);
    assert_string_equal(heard.text, events);
    event_parser_free(parser);
}

static void reads_events_however_they_are_cut(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *events;
    } cases[] = {
        {"", ""},
        {"\n\n\n", ""},
        {"data: a\n\n", "message|a|;"},
        {"data:a\n\n", "message|a|;"},
        {"data:  a\n\n", "message| a|;"},
        {"data: a\ndata: b\n\n", "message|a\nb|;"},
        {"data\n\n", "message||;"},
        {"data\ndata\n\n", "message|\n|;"},
        {"event: frame\nid: 7\ndata: {\"a\":1}\n\n", "frame|{\"a\":1}|7;"},
        {"id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", "message|a|7;message|b|7;message|c|;"},
        {"event: x\n\ndata: a\n\n", "message|a|;"},
        {":\n\n: a comment\ndata: a\n:data: b\n\n", "message|a|;"},
        {"data: a\r\n\r\n", "message|a|;"},
        {"data: a\r\r", "message|a|;"},
        {"data: a\r\n\rdata: b\n\r\n", "message|a|;message|b|;"},
        {"data: a\n", ""},
        {"data: a\n\ndata: b", "message|a|;"},
        {"\xEF\xBB\xBF"
         "data: a\n\n",
         "message|a|;"},
        {"data: \xEF\xBB\xBF\n\xEF\xBB\xBF"
         "data: b\n\n",
         "message|\xEF\xBB\xBF|;"},
        {"Data: a\nfoo: b\nfoo\n data: c\ndata : d\n\n", ""},
        {"id: with space\ndata: a\n\nid: \x1b[2J\ndata: b\n\n", "message|a|;message|b|;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(cases[i].bytes, strlen(cases[i].bytes), cases[i].events);
}

static void leaves_out_what_has_a_zero_byte(void **state)
{
    (void)state;
    static const char bytes[] =
        "data: a\0b\n\ndata: c\nid: 1\0\n\nevent: x\0\ndata: d\n\ndata: e\n\n";
    expect(bytes, sizeof bytes - 1, "message|c|;message|e|;");
}

static void leaves_out_what_is_too_long(void **state)
{
    (void)state;
    char *most = malloc(EVENT_DATA_MAX + 2);
    memset(most, 'x', EVENT_DATA_MAX + 1);
    most[EVENT_DATA_MAX] = '\0';
    struct event_parser *parser = event_parser_new();
    struct heard heard = {.count = 0};
    feed(parser, "data: ", &heard);
    feed(parser, most, &heard);
    feed(parser, "\n\n", &heard);
    assert_int_equal(heard.longest, EVENT_DATA_MAX);
    assert_int_equal(event_parser_left_out(parser), 0);
    for (int times = 0; times < 3; times++) { /* a line without end */
        feed(parser, times == 0 ? "data: " : "", &heard);
        feed(parser, most, &heard);
    }
    feed(parser, "\ndata: the same event\n\n", &heard);
    assert_int_equal(event_parser_left_out(parser), 1);
    feed(parser, "data: ", &heard); /* many lines */
    feed(parser, most, &heard);
    feed(parser, "\ndata: y\n\n", &heard);
    assert_int_equal(event_parser_left_out(parser), 2);
    feed(parser, ":", &heard); /* a comment may be as long as it likes */
    feed(parser, most, &heard);
    feed(parser, most, &heard);
    feed(parser, "\nevent: 12345678901234567890123456789012\ndata: a\n\n", &heard);
    assert_int_equal(event_parser_left_out(parser), 3);
    feed(parser, "data: good\n\n", &heard);
    assert_string_equal(heard.text, "message|good|;");
    assert_int_equal(heard.count, 2);
    event_parser_free(parser);
    free(most);
}

static void keeps_the_id_over_a_break(void **state)
{
    (void)state;
    struct event_parser *parser = event_parser_new();
    struct heard heard = {.count = 0};
    assert_string_equal(event_parser_last_id(parser), "");
    feed(parser, "id: 41\ndata: a\n\nid: 42\ndata: b", &heard);
    assert_string_equal(event_parser_last_id(parser), "41"); /* the next one is not complete */
    event_parser_restart(parser);
    feed(parser, "data: c\n\n", &heard);
    assert_string_equal(heard.text, "message|a|41;message|c|41;");
    char id[EVENT_ID_MAX + 16];
    snprintf(id, sizeof id, "id: %0*d\n\n", EVENT_ID_MAX, 5);
    feed(parser, id, &heard);
    assert_int_equal(strlen(event_parser_last_id(parser)), EVENT_ID_MAX);
    snprintf(id, sizeof id, "id: %0*d\n\n", EVENT_ID_MAX + 1, 6);
    feed(parser, id, &heard);
    assert_int_equal(event_parser_last_id(parser)[EVENT_ID_MAX - 1], '5');
    event_parser_forget_id(parser);
    assert_string_equal(event_parser_last_id(parser), "");
    event_parser_free(parser);
}

static void reads_how_soon_to_come_back(void **state)
{
    (void)state;
    struct event_parser *parser = event_parser_new();
    struct heard heard = {.count = 0};
    assert_int_equal(event_parser_retry_ms(parser), 0);
    feed(parser, "retry: 2000\n\n", &heard);
    assert_int_equal(event_parser_retry_ms(parser), 2000);
    feed(parser, "retry: -1\nretry: 1e3\nretry: 99999999999999999999\nretry:\nretry: 5 \n\n",
         &heard);
    assert_int_equal(event_parser_retry_ms(parser), 2000);
    assert_int_equal(heard.count, 0);
    event_parser_free(parser);
    event_parser_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_events_however_they_are_cut),
        cmocka_unit_test(leaves_out_what_has_a_zero_byte),
        cmocka_unit_test(leaves_out_what_is_too_long),
        cmocka_unit_test(keeps_the_id_over_a_break),
        cmocka_unit_test(reads_how_soon_to_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
