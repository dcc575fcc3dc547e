#include "common/text.h"

#include "common/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, size_t length, enum text_kind kind)
{
    enum text_kind found;
    assert_int_equal(text_next(text, &found), length);
    assert_int_equal(found, kind);
}

static void finds_the_end(void **state)
{
    (void)state;
    expect("", 0, TEXT_PLAIN);
    expect("\xC3", 1, TEXT_INVALID); /* does not look behind it */
    expect("\xE2\x82", 1, TEXT_INVALID);
    expect("\xF0\x9D\x84", 1, TEXT_INVALID);
}

static void tells_kinds_apart(void **state)
{
    (void)state;
    expect("a", 1, TEXT_PLAIN);
    expect(" ", 1, TEXT_PLAIN);
    expect("~", 1, TEXT_PLAIN);
    expect("\n", 1, TEXT_CONTROL);
    expect("\x1B[2J", 1, TEXT_CONTROL);
    expect("\x7F", 1, TEXT_CONTROL);
    expect("\xC2\x80", 2, TEXT_CONTROL);
    expect("\xC2\x9B", 2, TEXT_CONTROL); /* CSI, as ESC [ */
    expect("\xC2\x9F", 2, TEXT_CONTROL);
    expect("\xC2\xA0", 2, TEXT_PLAIN); /* a space */
    expect("\xC3\x80", 2, TEXT_PLAIN);
    expect("\xE2\x82\xAC", 3, TEXT_PLAIN);
    expect("\xED\x9F\xBF", 3, TEXT_PLAIN);
    expect("\xF4\x8F\xBF\xBF", 4, TEXT_PLAIN);
}

static void knows_what_is_no_utf8(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\x80",             /* begins in the middle */
        "\x9B",             /* CSI in ISO 8859-1 */
        "\xC0\x9B",         /* overlong */
        "\xC1\xBF",         /* overlong */
        "\xE0\x82\x9B",     /* overlong */
        "\xF0\x80\x82\x9B", /* overlong */
        "\xED\xA0\x80",     /* a surrogate */
        "\xF4\x90\x80\x80", /* above U+10FFFF */
        "\xF8\x88\x80\x80", /* of five bytes */
        "\xFF",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect(wrong[i], 1, TEXT_INVALID);
}

static void cleans(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"", ""},
        {"B\xC3\xBChne \xF0\x9D\x84\x9E", "B\xC3\xBChne \xF0\x9D\x84\x9E"},
        {"a\tb\nc\x7F", "a?b?c?"},
        {"a\xC2\x9B\x32Jb\x1B[2J", "a?2Jb?[2J"},
        {"\x9B\x32J\xC3", "?2J?"},
        {"\xE2\x82", "??"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", texts[i][0]);
        text_clean(text);
        assert_string_equal(text, texts[i][1]);
        struct tutti_error error;
        tutti_error_set(&error, TUTTI_ERROR_IO, "%s", texts[i][0]);
        assert_string_equal(error.text, texts[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_end),
        cmocka_unit_test(tells_kinds_apart),
        cmocka_unit_test(knows_what_is_no_utf8),
        cmocka_unit_test(cleans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
