#include "nn/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* From memory of exactly its size, so that a sanitizer sees what lies beyond it. */
static cJSON *parsed(const char *text, size_t length, struct tutti_error *error)
{
    char *exact = malloc(length + (length == 0));
    assert_non_null(exact);
    memcpy(exact, text, length);
    cJSON *value = json_parse(exact, length, "there", error);
    free(exact);
    return value;
}

static void takes(const char *text)
{
    struct tutti_error error = {0};
    cJSON *value = parsed(text, strlen(text), &error);
    if (value == NULL)
        fail_msg("%s: %s", text, error.text);
    cJSON_Delete(value);
}

static void refuses_bytes(const char *text, size_t length, const char *reason)
{
    struct tutti_error error = {0};
    if (parsed(text, length, &error) != NULL)
        fail_msg("%s is taken", text);
    assert_int_equal(error.status, TUTTI_ERROR_FORMAT);
    assert_int_equal(strncmp(error.text, "there: ", 7), 0);
    if (strstr(error.text, reason) == NULL)
        fail_msg("%s: %s instead of %s", text, error.text, reason);
    assert_null(parsed(text, length, NULL));
}

static void refuses(const char *text, const char *reason)
{
    refuses_bytes(text, strlen(text), reason);
}

static void takes_what_is_json(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "7",
        "-10.25",
        "1e5",
        "1E+05",
        "0.5e-3",
        "\"\"",
        "null",
        "true",
        "[]",
        "{}",
        " \t\r\n[ 1 ,\n2 ] \r\n",
        "{\"a\":{\"a\":1},\"b\":-1}",
        "[\"-\",\"007\",\"1.\"]",
        "\"\\\" \\\\ \\/ \\b\\f\\n\\r\\t \\u00e9\"",
        "\"\\\\u0000\"",
        "\"\\u0001\"",
        "\"\\\\\\\"007\"",
        "\"\xc3\xa9 \xe2\x82\xac \xf0\x9d\x84\x9e\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        takes(texts[i]);
}

static void refuses_what_is_not(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",     " ",     "{",   "[1",  "{\"a\"", "\"", "\"\\",      "\"\\x\"",    "{\"1\":1,",
        "[1,]", "{1:2}", "nul", "'a'", "+1",     ".5", "\"\\u12\"", "\"\\ud800\""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refuses(texts[i], "not valid JSON");
    refuses("1 2", "something follows the JSON text at byte 2");
    refuses("{} x", "something follows the JSON text at byte 3");
    refuses("{\"a\":1,\"b\":2,\"a\":3}", "the key \"a\" is there twice");
    refuses("[{\"x\":[{\"y\":1,\"y\":1}]}]", "the key \"y\" is there twice");
}

static void refuses_numbers_that_json_does_not_know(void **state)
{
    (void)state;
    static const char *const numbers[] = {"007", "-",     "-.5", "1.",  "1.e5", "1e",   "1e+",
                                          "00",  "1.2.3", "1-2", "--1", "0x10", "1e5.5"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[64];
        struct tutti_error error = {0};
        snprintf(text, sizeof text, "{\"a\":%s}", numbers[i]);
        if (parsed(text, strlen(text), &error) != NULL)
            fail_msg("%s is taken", text);
        assert_int_equal(error.status, TUTTI_ERROR_FORMAT);
    }
    refuses("[007]", "a malformed number");
    refuses("[-.5]", "a malformed number");
}

static void refuses_what_a_terminal_would_obey(void **state)
{
    (void)state;
    refuses("\"\x1b]0;title\"", "a control character");
    refuses("\"a\nb\"", "a control character");
    refuses("\"a\tb\"", "a control character");
    refuses("\"\x7f\"", "a control character");
    refuses("\"\xc2\x9b\x33\x31m\"", "a control character");
    refuses("[1,\v2]", "a control character");
    refuses("[1,\f2]", "a control character");
    refuses("\xef\xbb\xbf{}", "a byte order mark");
}

static void refuses_text_that_would_be_cut_or_misread(void **state)
{
    (void)state;
    refuses_bytes("\"a\0b\"", 5, "a NUL byte");
    refuses_bytes("{}\0", 3, "a NUL byte");
    refuses("\"a\\u0000b\"", "an escaped NUL");
    refuses("{\"a\\u0000b\":1}", "an escaped NUL");
    static const char *const texts[] = {"\"\x80\"",         "\"\xc0\xaf\"",
                                        "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
                                        "\"\xe2\x82\"",     "\"\xff\""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refuses(texts[i], "not UTF-8");
}

static void refuses_what_is_nested_too_deep(void **state)
{
    (void)state;
    enum { DEEP = 3 * CJSON_NESTING_LIMIT };
    static char text[DEEP + 1];
    memset(text, '[', DEEP);
    refuses(text, "nested deeper");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_json),
        cmocka_unit_test(refuses_what_is_not),
        cmocka_unit_test(refuses_numbers_that_json_does_not_know),
        cmocka_unit_test(refuses_what_a_terminal_would_obey),
        cmocka_unit_test(refuses_text_that_would_be_cut_or_misread),
        cmocka_unit_test(refuses_what_is_nested_too_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
