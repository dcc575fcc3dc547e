/* test_cue_export.c - daemon/cue_export.h */
#include "daemon/cue_export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct text {
    char bytes[16384];
    size_t length;
};

static void collect(void *context, const char *bytes, size_t length)
{
    struct text *text = context;
    assert_true(text->length + length < sizeof text->bytes);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

static const struct cue cues[] = {
    {.label = "piano", .on_s = 0, .off_s = 12.3456, .time = 1763712000.5, .confidence = 0.91234f},
    {.label = "cello", .on_s = 61.9999, .off_s = -1, .confidence = 1},
};

static void check(enum cue_format format, size_t count, const char *title, const char *expected)
{
    struct text text = {.length = 0};
    cue_export(format, cues, count, 75.5, title, collect, &text);
    assert_string_equal(text.bytes, expected);
}

static void test_names(void **state)
{
    (void)state;
    enum cue_format format = CUE_JSON;
    assert_false(cue_format_parse("", &format));
    assert_false(cue_format_parse("CSV", &format));
    assert_false(cue_format_parse("csv ", &format));
    assert_true(cue_format_parse("csv", &format));
    assert_int_equal(format, CUE_CSV);
    assert_true(cue_format_parse("cue", &format));
    assert_int_equal(format, CUE_SHEET);
    assert_string_equal(cue_format_content_type(CUE_JSON), "application/json");
}

static void test_nothing_was_heard(void **state)
{
    (void)state;
    check(CUE_JSON, 0, "x", "[]");
    check(CUE_CSV, 0, "x", "label,on_s,off_s,confidence\r\n");
    check(CUE_AUDACITY, 0, "x", "");
    check(CUE_SHEET, 0, "x", "FILE \"x\" WAVE\r\n");
}

static void test_each_format(void **state)
{
    (void)state;
    check(CUE_JSON, 2, "x",
          "[{\"label\":\"piano\",\"on_s\":0,\"off_s\":12.346,\"time\":1763712000.5,"
          "\"confidence\":0.912},"
          "{\"label\":\"cello\",\"on_s\":62,\"off_s\":null,\"confidence\":1}]");
    check(CUE_CSV, 2, "x",
          "label,on_s,off_s,confidence\r\n"
          "piano,0,12.346,0.912\r\n"
          "cello,62,,1\r\n");
    check(CUE_AUDACITY, 2, "x", "0\t12.346\tpiano\n62\t75.5\tcello\n");
    check(CUE_SHEET, 2, "a \"b\"\n",
          "FILE \"a 'b''\" WAVE\r\n"
          "  TRACK 01 AUDIO\r\n    TITLE \"piano\"\r\n    INDEX 01 00:00:00\r\n"
          "  TRACK 02 AUDIO\r\n    TITLE \"cello\"\r\n    INDEX 01 01:02:00\r\n");
}

static void test_a_sheet_ends_at_99_tracks(void **state)
{
    (void)state;
    struct cue many[120];
    for (size_t i = 0; i < 120; i++) {
        many[i] = (struct cue){.label = "organ", .on_s = 100 * (double)i + 1.0 / 75};
    }
    struct text text = {.length = 0};
    cue_export(CUE_SHEET, many, 120, 0, "x", collect, &text);
    assert_non_null(strstr(text.bytes, "TRACK 99 AUDIO"));
    assert_null(strstr(text.bytes, "TRACK 100"));
    assert_non_null(strstr(text.bytes, "INDEX 01 163:20:01")); /* 9800 s and one frame */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_nothing_was_heard),
        cmocka_unit_test(test_each_format),
        cmocka_unit_test(test_a_sheet_ends_at_99_tracks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
