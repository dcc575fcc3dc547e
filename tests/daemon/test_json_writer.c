/* test_json_writer.c - daemon/json_writer.h */
#include "daemon/json_writer.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void check_number(double value, unsigned decimals, const char *expected)
{
    char text[64];
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof text);
    json_write_number(&writer, value, decimals);
    assert_false(writer.overflow);
    assert_string_equal(text, expected);
}

static void check_string(const char *string, const char *expected)
{
    char text[64];
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof text);
    json_write_string(&writer, string);
    assert_false(writer.overflow);
    assert_string_equal(text, expected);
}

static void test_what_is_no_number_becomes_null(void **state)
{
    (void)state;
    check_number(NAN, 3, "null");
    check_number(INFINITY, 3, "null");
    check_number(-INFINITY, 0, "null");
    check_number(DBL_MAX, 6, "null");
    check_number(1e16, 0, "null");
}

static void test_numbers_are_rounded_and_trimmed(void **state)
{
    (void)state;
    check_number(0, 3, "0");
    check_number(-0.0, 3, "0");
    check_number(-0.0001, 3, "0");
    check_number(0.25, 3, "0.25");
    check_number(-7.5, 1, "-7.5");
    check_number(3, 3, "3");
    check_number(100, 2, "100");
    check_number(0.0005, 3, "0.001");
    check_number(0.9999, 3, "1");
    check_number(0.012345678, 6, "0.012346");
    check_number(0.012345678, 99, "0.012346");
    check_number(1763712000.123, 3, "1763712000.123");
    check_number(9007199254740992.0, 0, "9007199254740992");
}

static void test_the_locale_does_not_matter(void **state)
{
    (void)state;
    /* Where none of these is installed, the test says no more than the one before. */
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL) {
        (void)setlocale(LC_NUMERIC, "fr_FR.UTF-8");
    }
    check_number(1.5, 2, "1.5");
    (void)setlocale(LC_NUMERIC, "C");
}

static void test_strings_are_escaped(void **state)
{
    (void)state;
    check_string(NULL, "null");
    check_string("", "\"\"");
    check_string("a \"b\" \\ /", "\"a \\\"b\\\" \\\\ /\"");
    check_string("a\nb\tc\r\x01\x1f\x7f", "\"a\\nb\\tc\\u000d\\u0001\\u001f\\u007f\"");
    check_string("\xC2\x80 \xC2\x9F\xC2\xA0", "\"\\u0080 \\u009f\xC2\xA0\"");
}

static void test_strings_become_valid_utf8(void **state)
{
    (void)state;
    check_string("B\xC3\xBCro \xE2\x99\xAA \xF0\x9F\x8E\xBB",
                 "\"B\xC3\xBCro \xE2\x99\xAA \xF0\x9F\x8E\xBB\"");
    check_string("\x80x", "\"\xEF\xBF\xBDx\"");               /* a continuation alone */
    check_string("\xC3", "\"\xEF\xBF\xBD\"");                 /* cut short */
    check_string("\xE2\x99", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""); /* cut short */
    check_string("\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""); /* overlong */
    check_string("\xE0\x80\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""); /* overlong */
    check_string("\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""); /* surrogate */
    check_string("\xF4\x90\x80\x80",
                 "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""); /* above U+10FFFF */
    check_string("\xFF", "\"\xEF\xBF\xBD\"");
}

static void test_commas_and_nesting(void **state)
{
    (void)state;
    char text[200];
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof text);
    json_write_object_begin(&writer);
    json_write_key(&writer, "empty");
    json_write_array_begin(&writer);
    json_write_array_end(&writer);
    json_write_key(&writer, "list");
    json_write_array_begin(&writer);
    json_write_integer(&writer, 18446744073709551615u);
    json_write_null(&writer);
    json_write_object_begin(&writer);
    json_write_object_end(&writer);
    json_write_boolean(&writer, true);
    json_write_array_end(&writer);
    json_write_key(&writer, "a\"b");
    json_write_boolean(&writer, false);
    json_write_object_end(&writer);
    assert_string_equal(text, "{\"empty\":[],\"list\":[18446744073709551615,null,{},true],"
                              "\"a\\\"b\":false}");
    assert_int_equal(writer.length, strlen(text));
}

static void test_what_does_not_fit_is_reported(void **state)
{
    (void)state;
    char text[16];
    memset(text, '#', sizeof text);
    struct json_writer writer;
    json_writer_init(&writer, text, 8);
    json_write_string(&writer, "12345");
    assert_false(writer.overflow);
    assert_string_equal(text, "\"12345\"");
    json_write_integer(&writer, 1);
    assert_true(writer.overflow);
    for (size_t i = 8; i < sizeof text; i++) {
        assert_int_equal(text[i], '#');
    }
    json_writer_init(&writer, text, 1);
    json_write_raw(&writer, "");
    assert_false(writer.overflow);
    json_write_raw(&writer, "x");
    assert_true(writer.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_number_becomes_null),
        cmocka_unit_test(test_numbers_are_rounded_and_trimmed),
        cmocka_unit_test(test_the_locale_does_not_matter),
        cmocka_unit_test(test_strings_are_escaped),
        cmocka_unit_test(test_strings_become_valid_utf8),
        cmocka_unit_test(test_commas_and_nesting),
        cmocka_unit_test(test_what_does_not_fit_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
