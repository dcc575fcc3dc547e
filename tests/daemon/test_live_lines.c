/* test_live_lines.c - daemon/live_lines.h */
#include "daemon/live_lines.h"

#include "daemon/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct page {
    struct live live;
    struct live_lines lines;
    char *text;
    size_t size;
    size_t seen; /* of text, checked already */
    FILE *stream;
};

static void take(struct page *page, const char *type, const char *json)
{
    cJSON *data = cJSON_Parse(json);
    if (live_take(&page->live, type, data, CLOCK_NS_PER_S))
        live_lines_take(&page->lines, &page->live, type, data);
    cJSON_Delete(data);
}

/* time: of the end of the frame, s after 2026-11-29T21:14:00Z. */
static void frame(struct page *page, unsigned time, const char *on)
{
    char json[256];
    snprintf(json, sizeof json,
             "{\"t\":%u,\"time\":%u,\"level_dbfs\":-20,\"p\":[0.25,0.5,0.75],\"on\":%s}", time,
             1795986840 + time, on);
    take(page, "frame", json);
}

static void change(struct page *page, const char *type, const char *label, unsigned time)
{
    char json[256];
    snprintf(json, sizeof json, "{\"label\":\"%s\",\"t\":1,\"time\":%u.9,\"confidence\":0.816}",
             label, 1795986840 + time);
    take(page, type, json);
}

static void cues(struct page *page, const char *json)
{
    cJSON *answer = cJSON_Parse(json);
    live_take_cues(&page->live, answer);
    live_lines_take_cues(&page->lines, &page->live);
    cJSON_Delete(answer);
}

static void begin(struct page *page, bool json)
{
    page->seen = 0;
    page->stream = open_memstream(&page->text, &page->size);
    live_init(&page->live, CLOCK_NS_PER_S);
    live_lines_init(&page->lines, page->stream, json);
    take(page, "hello", "{\"labels\":[\"bass\",\"steel pan\",\"voice\"]}");
}

static void expect(struct page *page, const char *text)
{
    fflush(page->stream);
    assert_string_equal(page->text + page->seen, text);
    page->seen = page->size;
}

static void end(struct page *page)
{
    fclose(page->stream);
    free(page->text);
}

static void tells_entries_and_exits(void **state)
{
    (void)state;
    struct page page;
    begin(&page, false);
    frame(&page, 1, "[\"bass\"]"); /* an entry comes after the frame that shows it */
    change(&page, "onset", "bass", 0);
    frame(&page, 2, "[\"bass\",\"steel pan\"]");
    change(&page, "onset", "steel pan", 1);
    frame(&page, 3, "[\"bass\"]");
    change(&page, "offset", "steel pan", 2);
    change(&page, "onset", "oboe", 2); /* no label of the model */
    expect(&page, "2026-11-29T21:14:01Z +bass 0.82 since 2026-11-29T21:14:00Z\n"
                  "2026-11-29T21:14:02Z +steel_pan 0.82 since 2026-11-29T21:14:01Z\n"
                  "2026-11-29T21:14:03Z -steel_pan until 2026-11-29T21:14:02Z\n");
    end(&page);
}

/* An exit is noticed later than an entry that came after it. */
static void lines_are_in_order_of_time(void **state)
{
    (void)state;
    struct page page;
    begin(&page, false);
    change(&page, "onset", "bass", 3); /* replayed without its frame */
    frame(&page, 10, "[\"bass\",\"voice\"]");
    change(&page, "onset", "voice", 9);
    frame(&page, 11, "[\"voice\"]");
    change(&page, "offset", "bass", 7);
    expect(&page, "2026-11-29T21:14:03Z +bass 0.82 since 2026-11-29T21:14:03Z\n"
                  "2026-11-29T21:14:10Z +voice 0.82 since 2026-11-29T21:14:09Z\n"
                  "2026-11-29T21:14:11Z -bass until 2026-11-29T21:14:07Z\n");
    end(&page);
}

static void tells_what_plays_already(void **state)
{
    (void)state;
    struct page page;
    begin(&page, false);
    frame(&page, 1, "[\"bass\",\"voice\"]");
    change(&page, "onset", "voice", 0);
    frame(&page, 2, "[\"bass\",\"voice\"]");
    expect(&page, "2026-11-29T21:14:01Z +voice 0.82 since 2026-11-29T21:14:00Z\n");
    cues(&page, "{\"cues\":[{\"label\":\"bass\",\"time\":1795986780},"
                "{\"label\":\"voice\",\"time\":1795986780},{\"label\":\"oboe\",\"time\":1},"
                "{\"label\":\"bass\",\"time\":-1},7]}");
    frame(&page, 3, "[\"bass\",\"voice\"]");
    expect(&page, "2026-11-29T21:14:02Z =bass 0.25 since 2026-11-29T21:13:00Z\n");
    end(&page);
}

/* Who waits for the answer does not miss what happens meanwhile, and tells of it in order. */
static void waits_for_an_answer_no_longer_than_it_may(void **state)
{
    (void)state;
    struct page page;
    begin(&page, false);
    frame(&page, 1, "[\"bass\"]");
    frame(&page, 2, "[\"bass\"]");
    expect(&page, "");
    frame(&page, 3, "[]");
    change(&page, "offset", "bass", 1);
    expect(&page, "2026-11-29T21:14:03Z =bass 0.25\n"
                  "2026-11-29T21:14:03Z -bass until 2026-11-29T21:14:01Z\n");
    frame(&page, 4, "[]");
    expect(&page, "");
    end(&page);
}

/* After a break as after events that were dropped: the counts come out right. */
static void makes_good_for_what_was_missed(void **state)
{
    (void)state;
    struct page page;
    begin(&page, false);
    frame(&page, 1, "[\"bass\"]");
    change(&page, "onset", "bass", 0);
    cues(&page, "{\"cues\":[]}");
    frame(&page, 2, "[\"bass\"]");
    expect(&page, "2026-11-29T21:14:01Z +bass 0.82 since 2026-11-29T21:14:00Z\n");
    take(&page, "hello", "{\"labels\":[\"bass\",\"steel pan\",\"voice\"]}");
    cues(&page, "{}");
    frame(&page, 5, "[\"voice\"]");
    frame(&page, 6, "[\"voice\"]");
    expect(&page, "2026-11-29T21:14:06Z -bass\n2026-11-29T21:14:06Z =voice 0.75\n");
    take(&page, "lagged", "{\"dropped\":7}");
    cues(&page, "{}");
    frame(&page, 7, "[]");
    frame(&page, 8, "[]");
    expect(&page, "2026-11-29T21:14:08Z -voice\n");
    change(&page, "onset", "bass", 8);
    take(&page, "hello", "{\"labels\":[\"voice\"]}"); /* another model */
    cues(&page, "");
    take(&page, "frame", "{\"t\":1,\"time\":1795986849,\"level_dbfs\":0,\"p\":[0.5],\"on\":[]}");
    take(&page, "frame", "{\"t\":1,\"time\":1795986850,\"level_dbfs\":0,\"p\":[0.5],\"on\":[]}");
    expect(&page, "2026-11-29T21:14:08Z +bass 0.82 since 2026-11-29T21:14:08Z\n"
                  "2026-11-29T21:14:10Z -bass\n");
    end(&page);
}

/* The time that is known may be that of the entry before the one that was dropped. */
static void tells_no_old_time_of_what_was_dropped(void **state)
{
    (void)state;
    struct page page;
    begin(&page, false);
    cues(&page, "{\"cues\":[{\"label\":\"bass\",\"time\":1795986780}]}");
    frame(&page, 1, "[\"bass\"]");
    frame(&page, 2, "[]");
    expect(&page, "2026-11-29T21:14:02Z =bass 0.25 since 2026-11-29T21:13:00Z\n");
    change(&page, "offset", "bass", 2);
    expect(&page, "2026-11-29T21:14:02Z -bass until 2026-11-29T21:14:02Z\n");
    take(&page, "lagged", "{\"dropped\":7}");
    frame(&page, 20, "[\"bass\"]");
    frame(&page, 21, "[\"bass\"]");
    expect(&page, "");
    cues(&page, "{\"cues\":[{\"label\":\"bass\",\"time\":1795986850}]}");
    expect(&page, "2026-11-29T21:14:21Z =bass 0.25 since 2026-11-29T21:14:10Z\n");
    take(&page, "lagged", "{\"dropped\":7}");
    change(&page, "offset", "bass", 22);
    expect(&page, "2026-11-29T21:14:22Z -bass until 2026-11-29T21:14:22Z\n");
    frame(&page, 23, "[\"bass\"]");
    frame(&page, 24, "[\"bass\"]");
    cues(&page, "");
    expect(&page, "2026-11-29T21:14:24Z =bass 0.25\n");
    end(&page);
}

static void writes_what_plays_now(void **state)
{
    (void)state;
    struct page page;
    begin(&page, false);
    frame(&page, 1, "[\"bass\",\"steel pan\"]");
    live_lines_write_present(&page.lines, &page.live);
    expect(&page, "2026-11-29T21:14:01Z =bass 0.25\n2026-11-29T21:14:01Z =steel_pan 0.50\n");
    cues(&page, "{\"cues\":[{\"label\":\"bass\",\"time\":1795986780.25,\"off_s\":null}]}");
    live_lines_write_present(&page.lines, &page.live);
    expect(&page, "2026-11-29T21:14:01Z =bass 0.25 since 2026-11-29T21:13:00Z\n"
                  "2026-11-29T21:14:01Z =steel_pan 0.50\n");
    end(&page);
}

static void writes_events_as_they_are(void **state)
{
    (void)state;
    struct page page;
    begin(&page, true);
    take(&page, "gap", "{ \"t\" : 1.25,\n \"name\" : \"a\\u001b[2J\xc2\x9b\x7f\xff\" }");
    take(&page, "new\x1bkind", "{}");
    expect(&page, "{\"event\":\"hello\",\"data\":{\"labels\":[\"bass\",\"steel pan\",\"voice\"]}}\n"
                  "{\"event\":\"gap\",\"data\":{\"t\":1.25,\"name\":\"a\\u001b[2J???\"}}\n"
                  "{\"event\":\"new\\u001bkind\",\"data\":{}}\n");
    end(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_entries_and_exits),
        cmocka_unit_test(lines_are_in_order_of_time),
        cmocka_unit_test(tells_what_plays_already),
        cmocka_unit_test(waits_for_an_answer_no_longer_than_it_may),
        cmocka_unit_test(makes_good_for_what_was_missed),
        cmocka_unit_test(tells_no_old_time_of_what_was_dropped),
        cmocka_unit_test(writes_what_plays_now),
        cmocka_unit_test(writes_events_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
