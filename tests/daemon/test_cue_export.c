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
    check(CUE_CSV, 0, "x", "label,on_s,off_s,confidence,time\n");
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
          "label,on_s,off_s,confidence,time\n"
          "piano,0,12.346,0.912,2025-11-21T08:00:00.500Z\n"
          "cello,62,,1,\n");
    check(CUE_AUDACITY, 2, "x", "0\t12.346\tpiano\n62\t75.5\tcello\n");
    check(CUE_SHEET, 2, "a \"b\"\n\xC2\x9B",
          "REM BEGINS 2025-11-21T08:00:00.500Z\r\n"
          "FILE \"a 'b'''\" WAVE\r\n"
          "  TRACK 01 AUDIO\r\n    TITLE \"piano\"\r\n    INDEX 01 00:00:00\r\n"
          "  TRACK 02 AUDIO\r\n    TITLE \"cello\"\r\n    INDEX 01 01:02:00\r\n");
}

static void test_labels_that_people_read(void **state)
{
    (void)state;
    const struct cue cue = {.label = "acoustic_guitar", .on_s = 1, .off_s = 2, .confidence = 1};
    static const char *const expected[] = {
        [CUE_JSON] = "\"acoustic_guitar\"",
        [CUE_CSV] = "\nacoustic_guitar,1,2,1,\n",
        [CUE_AUDACITY] = "1\t2\tacoustic guitar\n",
        [CUE_SHEET] = "TITLE \"acoustic guitar\"\r\n",
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct text text = {.length = 0};
        cue_export((enum cue_format)i, &cue, 1, 3, "x", collect, &text);
        assert_non_null(strstr(text.bytes, expected[i]));
    }
}

/* Where places count from a later entry, so does the time of day. */
static void test_when_a_sheet_begins(void **state)
{
    (void)state;
    const struct cue late[] = {
        {.label = "piano", .on_s = 10, .time = 1763712010},
        {.label = "cello", .on_s = 7000, .time = 1763719000.9996},
    };
    struct text text = {.length = 0};
    cue_export(CUE_SHEET, late, 2, 0, "x", collect, &text);
    assert_ptr_equal(strstr(text.bytes, "REM START 7000\r\nREM EARLIER ENTRIES LEFT OUT 1\r\n"
                                        "REM BEGINS 2025-11-21T09:56:41.000Z\r\nFILE "),
                     text.bytes);
}

static void test_csv_fields(void **state)
{
    (void)state;
    static const char *const fields[][2] = {{"", ""},
                                            {"plain text", "plain text"},
                                            {"a,b", "\"a,b\""},
                                            {"a \"b\"", "\"a \"\"b\"\"\""},
                                            {"a\nb\r", "\"a\nb\r\""}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct text text = {.length = 0};
        cue_export_csv_field(fields[i][0], collect, &text);
        assert_string_equal(text.bytes, fields[i][1]);
    }
}

static void sheet_of(double first_s, double every_s, size_t count, struct text *text)
{
    struct cue many[120];
    for (size_t i = 0; i < count; i++) {
        many[i] = (struct cue){.label = i + 1 == count ? "organ" : "piano",
                               .on_s = first_s + every_s * (double)i};
    }
    *text = (struct text){.length = 0};
    cue_export(CUE_SHEET, many, count, 0, "x", collect, text);
}

static void test_a_sheet_has_the_newest_99(void **state)
{
    (void)state;
    struct text text;
    sheet_of(1.0 / 75, 50, 120, &text);
    assert_ptr_equal(strstr(text.bytes, "REM EARLIER ENTRIES LEFT OUT 21\r\nFILE "), text.bytes);
    /* The first 21 are left out; the 22nd began at 1050 s and a frame. */
    assert_non_null(strstr(text.bytes, "TRACK 01 AUDIO\r\n    TITLE \"piano\"\r\n"
                                       "    INDEX 01 17:30:01\r\n"));
    assert_non_null(strstr(text.bytes, "TRACK 99 AUDIO\r\n    TITLE \"organ\"\r\n"
                                       "    INDEX 01 99:10:01\r\n"));
    assert_null(strstr(text.bytes, "TRACK 100"));
}

static void test_what_a_sheet_leaves_out(void **state)
{
    (void)state;
    struct cue many[120];
    for (size_t i = 0; i < 120; i++)
        many[i] = (struct cue){.label = "piano", .on_s = 50 * (double)i};
    assert_int_equal(cue_sheet_first(many, 0), 0);
    assert_int_equal(cue_sheet_first(many, 99), 0);
    assert_int_equal(cue_sheet_first(many, 100), 1);
    assert_int_equal(cue_sheet_first(many, 120), 21);
    many[3].on_s = 100 + 5999;
    assert_int_equal(cue_sheet_first(many, 4), 2);
    many[3].on_s = 100 + 6000; /* 100 minutes are too much by 1/75 s */
    assert_int_equal(cue_sheet_first(many, 4), 3);
}

static void test_a_sheet_has_places_for_100_minutes(void **state)
{
    (void)state;
    struct text text;
    sheet_of(5999, 74.0 / 75, 2, &text); /* the last place there is */
    assert_ptr_equal(strstr(text.bytes, "FILE "), text.bytes);
    assert_non_null(strstr(text.bytes, "INDEX 01 99:59:00"));
    assert_non_null(strstr(text.bytes, "INDEX 01 99:59:74"));
    sheet_of(0, 6000, 2, &text); /* the first one is too long ago */
    assert_ptr_equal(
        strstr(text.bytes, "REM START 6000\r\nREM EARLIER ENTRIES LEFT OUT 1\r\nFILE "),
        text.bytes);
    assert_non_null(strstr(text.bytes, "TRACK 01 AUDIO\r\n    TITLE \"organ\"\r\n"
                                       "    INDEX 01 00:00:00\r\n"));
    assert_null(strstr(text.bytes, "TRACK 02"));
    sheet_of(86400, 5999, 2, &text);
    assert_ptr_equal(strstr(text.bytes, "REM START 86400\r\nFILE "), text.bytes);
    assert_non_null(strstr(text.bytes, "TRACK 02 AUDIO\r\n    TITLE \"organ\"\r\n"
                                       "    INDEX 01 99:59:00\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_nothing_was_heard),
        cmocka_unit_test(test_each_format),
        cmocka_unit_test(test_labels_that_people_read),
        cmocka_unit_test(test_when_a_sheet_begins),
        cmocka_unit_test(test_csv_fields),
        cmocka_unit_test(test_a_sheet_has_the_newest_99),
        cmocka_unit_test(test_what_a_sheet_leaves_out),
        cmocka_unit_test(test_a_sheet_has_places_for_100_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
