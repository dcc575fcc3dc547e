/* test_history.c - daemon/history.h */
#include "daemon/history.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_wrong_arguments(void **state)
{
    (void)state;
    assert_null(history_new(0, 10));
    assert_null(history_new(MAX_LABELS + 1, 10));
    assert_null(history_new(1, 0));
    assert_null(history_new(1, SIZE_MAX));
    assert_null(history_new(MAX_LABELS, SIZE_MAX / MAX_LABELS));
    history_free(NULL);
}

static void test_an_empty_history(void **state)
{
    (void)state;
    struct history *history = history_new(2, 10);
    assert_int_equal(history_find(history, 0), 0);
    assert_int_equal(history_oldest(history), 0);
    struct history_sum sum = {0};
    uint64_t entry = 0;
    history_accumulate(history, &entry, UINT64_MAX, 100, &sum);
    assert_int_equal(sum.entries, 0);
    history_free(history);
}

static void add(struct history *history, uint64_t frame, float level_dbfs, float a, float b)
{
    history_add(history, frame, level_dbfs, (float[]){a, b});
}

static void test_sums_and_limits(void **state)
{
    (void)state;
    struct history *history = history_new(2, 10);
    add(history, 100, -30, 0, 1);
    add(history, 200, -10.5f, 0.2f, 0.8f);
    add(history, 300, -20, 0.4f, 0.6f);
    struct history_sum sum = {0};
    uint64_t entry = history_find(history, 150);
    assert_int_equal(entry, 1);
    history_accumulate(history, &entry, 300, 100, &sum); /* 300 itself is not in it */
    assert_int_equal(entry, 2);
    assert_int_equal(sum.entries, 1);
    assert_int_equal(sum.probability[0], 51);
    assert_int_equal(sum.probability[1], 204);
    history_accumulate(history, &entry, 301, 100, &sum);
    assert_int_equal(entry, 3);
    assert_int_equal(sum.entries, 2);
    assert_int_equal(sum.probability[0], 51 + 102);
    assert_true(fabsf(sum.level_dbfs - -10.5f) < 0.01f);

    sum = (struct history_sum){0};
    entry = 0;
    history_accumulate(history, &entry, UINT64_MAX, 2, &sum); /* two at a time */
    assert_int_equal(entry, 2);
    assert_int_equal(sum.entries, 2);
    history_free(history);
}

static void test_out_of_range_values_are_limited(void **state)
{
    (void)state;
    struct history *history = history_new(2, 10);
    add(history, 100, -1000, -1, 2);
    add(history, 100, 1000, NAN, 1);
    struct history_sum sum = {0};
    uint64_t entry = 0;
    history_accumulate(history, &entry, 101, 1, &sum);
    assert_int_equal(sum.probability[0], 0);
    assert_int_equal(sum.probability[1], 255);
    assert_true(sum.level_dbfs == -300);
    history_accumulate(history, &entry, 101, 1, &sum);
    assert_int_equal(sum.probability[0], 0);
    assert_true(sum.level_dbfs == 300);
    history_free(history);
}

static void test_the_oldest_make_room(void **state)
{
    (void)state;
    struct history *history = history_new(2, 4);
    for (uint64_t i = 0; i < 11; i++) {
        add(history, 100 * i, -50, (float)i / 255, 0);
    }
    assert_int_equal(history_oldest(history), 7);
    assert_int_equal(history_find(history, UINT64_MAX), 11);
    assert_int_equal(history_find(history, 0), 7);
    assert_int_equal(history_find(history, 700), 7);
    assert_int_equal(history_find(history, 701), 8);
    assert_int_equal(history_find(history, 1000), 10);
    assert_int_equal(history_find(history, 1001), 11);
    struct history_sum sum = {0};
    uint64_t entry = 2; /* gone meanwhile */
    history_accumulate(history, &entry, UINT64_MAX, 100, &sum);
    assert_int_equal(entry, 11);
    assert_int_equal(sum.entries, 4);
    assert_int_equal(sum.probability[0], 7 + 8 + 9 + 10);
    history_free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_arguments),
        cmocka_unit_test(test_an_empty_history),
        cmocka_unit_test(test_sums_and_limits),
        cmocka_unit_test(test_out_of_range_values_are_limited),
        cmocka_unit_test(test_the_oldest_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
