/* test_event_log.c - daemon/event_log.h */
#include "daemon/event_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIRST_ID 1000

static void test_wrong_arguments(void **state)
{
    (void)state;
    assert_null(event_log_new(0, 1));
    assert_null(event_log_new(63, 1));
    assert_null(event_log_new(((size_t)1 << 30) + 1, 1));
    assert_null(event_log_new(1024, 0));
    event_log_free(NULL);

    struct event_log *log = event_log_new(64, FIRST_ID);
    char long_text[65] = {0};
    event_log_add(log, "", 0);
    event_log_add(log, long_text, sizeof long_text);
    assert_int_equal(event_log_next_id(log), FIRST_ID);
    event_log_free(log);
}

static void test_reading_from_any_id(void **state)
{
    (void)state;
    struct event_log *log = event_log_new(1024, FIRST_ID);
    char text[64] = {0};
    uint64_t last = 0;
    uint64_t dropped = 1;
    assert_int_equal(event_log_read(log, &last, &dropped, text, sizeof text), 0);
    assert_int_equal(last, FIRST_ID - 1);
    assert_int_equal(dropped, 0);
    event_log_add(log, "one;", 4);
    event_log_add(log, "two;", 4);
    event_log_add(log, "three;", 6);
    const struct {
        uint64_t last;
        const char *text;
    } cases[] = {
        {0, "one;two;three;"}, /* of an earlier run, or none */
        {FIRST_ID - 1, "one;two;three;"},
        {FIRST_ID, "two;three;"},
        {FIRST_ID + 1, "three;"},
        {FIRST_ID + 2, ""},
        {FIRST_ID + 3, "one;two;three;"}, /* not given out yet */
        {UINT64_MAX, "one;two;three;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(text, 0, sizeof text);
        last = cases[i].last;
        size_t length = event_log_read(log, &last, &dropped, text, sizeof text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(length, strlen(cases[i].text));
        assert_int_equal(last, FIRST_ID + 2);
        assert_int_equal(dropped, 0);
    }
    event_log_free(log);
}

static void test_only_whole_events_are_copied(void **state)
{
    (void)state;
    struct event_log *log = event_log_new(1024, FIRST_ID);
    event_log_add(log, "1234", 4);
    event_log_add(log, "567", 3);
    char text[8] = "#######";
    uint64_t last = FIRST_ID - 1;
    uint64_t dropped;
    assert_int_equal(event_log_read(log, &last, &dropped, text, 3), 0);
    assert_int_equal(last, FIRST_ID - 1);
    assert_int_equal(event_log_read(log, &last, &dropped, text, 6), 4);
    assert_string_equal(text, "1234###");
    assert_int_equal(last, FIRST_ID);
    assert_int_equal(event_log_read(log, &last, &dropped, text, 3), 3);
    assert_int_equal(last, FIRST_ID + 1);
    event_log_free(log);
}

/* Events of changing length, around the ring many times: whoever reads finds exactly the newest
 * ones, whole, in order, and the number of the lost ones. */
static void test_wrapping_around(void **state)
{
    (void)state;
    enum { SIZE = 500 };
    struct event_log *log = event_log_new(SIZE, FIRST_ID);
    unsigned random = 7;
    for (uint64_t id = FIRST_ID; id < FIRST_ID + 2000; id++) {
        random = random * 1103515245u + 12345u;
        char event[200];
        int padding = (int)(random >> 16) % 150;
        int length =
            snprintf(event, sizeof event, "%llu:%*s;", (unsigned long long)id, padding, "");
        event_log_add(log, event, (size_t)length);

        char text[SIZE + 1];
        uint64_t last = FIRST_ID - 1;
        uint64_t dropped;
        size_t size = event_log_read(log, &last, &dropped, text, SIZE);
        assert_int_equal(last, id);
        assert_true(size > 0);
        text[size] = '\0';
        uint64_t expected = FIRST_ID + dropped;
        for (char *c = text; *c != '\0'; expected++) {
            char *end;
            assert_int_equal(strtoull(c, &end, 10), expected);
            assert_int_equal(*end, ':');
            c = strchr(end, ';');
            assert_non_null(c);
            c++;
        }
        assert_int_equal(expected, id + 1);
        /* At least half of the ring is in use once it is full: an event takes 157 at most. */
        assert_true(id < FIRST_ID + 50 || size + 157 + 157 > SIZE);
    }
    event_log_free(log);
}

static void test_many_tiny_events(void **state)
{
    (void)state;
    struct event_log *log = event_log_new(480, FIRST_ID); /* room for ten entries */
    for (int i = 0; i < 25; i++) {
        event_log_add(log, "x", 1);
    }
    char text[64];
    uint64_t last = FIRST_ID + 2;
    uint64_t dropped;
    assert_int_equal(event_log_read(log, &last, &dropped, text, sizeof text), 10);
    assert_int_equal(dropped, 12);
    assert_int_equal(last, FIRST_ID + 24);
    event_log_free(log);
}

/* Who comes with an id of an earlier run, or of none, has missed nothing of this one. */
static void test_ids_of_another_log(void **state)
{
    (void)state;
    struct event_log *log = event_log_new(480, FIRST_ID); /* room for ten entries */
    for (int i = 0; i < 25; i++) {
        event_log_add(log, "x", 1);
    }
    const uint64_t strange[] = {0, 1, FIRST_ID - 2, FIRST_ID + 25, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        char text[64];
        uint64_t last = strange[i];
        uint64_t dropped = 7;
        assert_int_equal(event_log_read(log, &last, &dropped, text, sizeof text), 10);
        assert_int_equal(dropped, 0);
        assert_int_equal(last, FIRST_ID + 24);
    }
    event_log_free(log);
}

static void test_an_event_as_long_as_the_log(void **state)
{
    (void)state;
    struct event_log *log = event_log_new(64, FIRST_ID);
    char event[64];
    memset(event, 'a', sizeof event);
    event_log_add(log, "b", 1);
    event_log_add(log, event, sizeof event);
    char text[64];
    uint64_t last = FIRST_ID - 1;
    uint64_t dropped;
    assert_int_equal(event_log_read(log, &last, &dropped, text, sizeof text), 64);
    assert_memory_equal(text, event, 64);
    assert_int_equal(dropped, 1);
    event_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_arguments),
        cmocka_unit_test(test_reading_from_any_id),
        cmocka_unit_test(test_only_whole_events_are_copied),
        cmocka_unit_test(test_wrapping_around),
        cmocka_unit_test(test_many_tiny_events),
        cmocka_unit_test(test_ids_of_another_log),
        cmocka_unit_test(test_an_event_as_long_as_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
