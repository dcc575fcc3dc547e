#include "daemon/number.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void refuses_what_is_no_number(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",     " ",     " 1",    "1 ",     "one",   "1,5",      "0x10", "inf", "-inf",
        "nan",  "NaN",   "1e",    "1e+",    "e5",    ".",        "-",    "+",   "--1",
        "1..2", "1.2.3", "1e999", "-1e999", "1e5.5", "\xd9\xa1", "1\n",
    };
    double value = 7;
    assert_false(number_parse(NULL, &value));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (number_parse(wrong[i], &value))
            fail_msg("'%s' was read as %g", wrong[i], value);
    }
    assert_true(value == 7);
}

static void reads_decimal_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } right[] = {
        {"0", 0},     {"-0.25", -0.25}, {"+3", 3},     {".5", 0.5},
        {"5.", 5},    {"1e-3", 0.001},  {"2E2", 200},  {"00012", 12},
        {"0.1", 0.1}, {"1e308", 1e308}, {"1e-999", 0}, {"123456789.125", 123456789.125},
    };
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        double value = -1;
        assert_true(number_parse(right[i].text, &value));
        assert_true(value == right[i].value);
    }
}

/* The text is written by a program; a locale with a decimal comma must not change it. Where the
 * system has no such locale, this is the test above once more. */
static void does_not_depend_on_the_locale(void **state)
{
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL)
        print_message("no locale with a decimal comma here\n");
    reads_decimal_numbers(state);
    refuses_what_is_no_number(state);
    setlocale(LC_ALL, "C");
}

static void reads_whole_numbers_strictly(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "-1",
                                        "+1",
                                        "1.0",
                                        "1e2",
                                        " 1",
                                        "1 ",
                                        "x",
                                        "0x1",
                                        "18446744073709551616",
                                        "99999999999999999999999"};
    uint64_t value = 7;
    assert_false(number_parse_unsigned(NULL, 10, &value));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(number_parse_unsigned(wrong[i], UINT64_MAX, &value));
    assert_false(number_parse_unsigned("11", 10, &value));
    assert_int_equal(value, 7);
    assert_true(number_parse_unsigned("10", 10, &value));
    assert_int_equal(value, 10);
    assert_true(number_parse_unsigned("0", 0, &value));
    assert_int_equal(value, 0);
    assert_true(number_parse_unsigned("18446744073709551615", UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_number),
        cmocka_unit_test(reads_decimal_numbers),
        cmocka_unit_test(does_not_depend_on_the_locale),
        cmocka_unit_test(reads_whole_numbers_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
