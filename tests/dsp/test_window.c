#include "dsp/window.h"

#include "tests/dsp/allocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { COLUMNS = 5, BANDS = 3 };

static const float SILENCE = -1.40259f;

/* Pushes column number n: n, n + 0.25, n + 0.5. */
static void push(struct window *window, unsigned n)
{
    float column[BANDS];
    for (unsigned b = 0; b < BANDS; b++)
        column[b] = (float)n + 0.25f * (float)b;
    window_push(window, column);
}

/* Checks the whole block after `pushed` columns numbered from `first`. */
static void check(const struct window *window, unsigned first, unsigned pushed)
{
    const float *block = window_data(window);
    for (unsigned c = 0; c < COLUMNS; c++) {
        for (unsigned b = 0; b < BANDS; b++) {
            int64_t number = (int64_t)pushed - COLUMNS + c;
            float expected = number < 0 ? SILENCE : (float)(first + number) + 0.25f * (float)b;
            assert_true(block[c * BANDS + b] == expected);
        }
    }
}

static void refuses_wrong_arguments(void **state)
{
    (void)state;
    assert_null(window_new(0, 1, 0.0f));
    assert_null(window_new(1, 0, 0.0f));
    assert_null(window_new(WINDOW_MAX_COLUMNS + 1, 1, 0.0f));
    assert_null(window_new(1, WINDOW_MAX_BANDS + 1, 0.0f));
    assert_null(window_new(SIZE_MAX, SIZE_MAX, 0.0f));
    window_free(NULL);
}

static void holds_the_newest_columns_in_one_piece(void **state)
{
    (void)state;
    struct window *window = window_new(COLUMNS, BANDS, SILENCE);
    check(window, 0, 0);
    for (unsigned n = 0; n < 7 * COLUMNS + 2; n++) {
        push(window, n);
        check(window, 0, n + 1);
    }
    window_free(window);
}

static void clear_brings_silence_back(void **state)
{
    (void)state;
    struct window *window = window_new(COLUMNS, BANDS, SILENCE);
    for (unsigned n = 0; n < COLUMNS + 2; n++)
        push(window, n);
    window_clear(window);
    check(window, 0, 0);
    for (unsigned n = 0; n < 3; n++)
        push(window, 100 + n);
    check(window, 100, 3);
    window_free(window);
}

static void one_column_and_the_largest_work(void **state)
{
    (void)state;
    struct window *window = window_new(1, 1, SILENCE);
    assert_true(window_data(window)[0] == SILENCE);
    for (float value = 0.0f; value < 5.0f; value += 1.0f) {
        window_push(window, &value);
        assert_true(window_data(window)[0] == value);
    }
    window_free(window);
    window = window_new(WINDOW_MAX_COLUMNS, WINDOW_MAX_BANDS, SILENCE);
    assert_non_null(window);
    float column[WINDOW_MAX_BANDS] = {1.0f};
    for (unsigned n = 0; n < WINDOW_MAX_COLUMNS + 1; n++)
        window_push(window, column);
    assert_true(window_data(window)[0] == 1.0f);
    window_free(window);
}

static void takes_no_memory_after_new(void **state)
{
    (void)state;
    unsigned long at_first = allocations();
    struct window *window = window_new(COLUMNS, BANDS, SILENCE);
    assert_true(allocations() > at_first); /* it does count */
    unsigned long before = allocations();
    for (unsigned n = 0; n < 100; n++)
        push(window, n);
    window_clear(window);
    assert_int_equal(allocations(), before);
    window_free(window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_wrong_arguments),
        cmocka_unit_test(holds_the_newest_columns_in_one_piece),
        cmocka_unit_test(clear_brings_silence_back),
        cmocka_unit_test(one_column_and_the_largest_work),
        cmocka_unit_test(takes_no_memory_after_new),
    };
    return cmocka_run_group_tests_name("dsp/window", tests, NULL, NULL);
}
