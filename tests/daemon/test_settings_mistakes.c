/* test_settings_mistakes.c - daemon/settings.h: all that is wrong with a file is told at once. */
#include "daemon/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/settings_fixture.h"

static enum tutti_status read_text(struct settings_fixture *f, const char *text)
{
    settings_fixture_renew(f);
    return settings_fixture_read(f, text);
}

static void expect_mistakes(struct settings_fixture *f, const char *text,
                            const char *const *expected, size_t count)
{
    assert_int_not_equal(read_text(f, text), TUTTI_OK);
    assert_string_equal(f->settings->mistake[0].text, f->error.text);
    for (size_t i = 0; i < f->settings->mistakes && i < count; i++)
        assert_string_equal(f->settings->mistake[i].text + strlen(f->path) + 1, expected[i]);
    assert_int_equal(f->settings->mistakes, count);
}

/* Not what follows from them. */
static void tells_all_mistakes(void **state)
{
    struct settings_fixture *f = *state;
    static const char *const mixed[] = {
        "2: this is neither [section], key = value, nor a comment",
        "3: [source] gain_db: 'loud' is not -60 to 60",
        "5: there is no section named sauce",
        "9: there is no key in section [labels] named includes",
        "12: this threshold is set twice: piano",
        "13: this is neither [section], key = value, nor a comment",
        "16: [log] level: 'all' is not error, warning, info or debug",
        "17: this is neither [section], key = value, nor a comment",
    };
    expect_mistakes(f,
                    "[source]\nnonsense\ngain_db = loud\n\n[sauce]\ngain = 7\nnonsense\n[labels]\n"
                    "includes = piano,\n  cello\nthreshold.piano = .5\nthreshold.piano = .6\n[log\n"
                    "threshold.piano = .6\n[log]\nlevel = all\nnonsense",
                    mixed, sizeof mixed / sizeof *mixed);
    static const char *const sources[] = {
        "3: [source a] stands in line 1 already",
        "6: [source b] rate_hz: '1' is not auto or 8000 to 384000",
    };
    expect_mistakes(f,
                    "[source a]\ninput = demo\n[source a]\ninput = x\n[source b]\nrate_hz = 1\n"
                    "input = demo\n",
                    sources, 2);
    assert_int_equal(read_text(f, "[source]\ninput = demo\n"), TUTTI_OK);
    assert_int_equal(f->settings->mistakes, 0);
}

/* To inih an indented section is the rest of the value before, if there is one. */
static void refuses_indented_sections(void **state)
{
    struct settings_fixture *f = *state;
    static const char *const sections[] = {
        "1: there is no section named sauce",
        "3: a section may not be indented: log",
        "6: [source] gain_db: 'loud' is not -60 to 60",
        "7: a section may not be indented: source",
        "10: [log] level: 'all' is not error, warning, info or debug",
    };
    expect_mistakes(f,
                    "[sauce]\nkey = 1\n  [log]\nlevel = all\n[source]\ngain_db = loud\n\t[source]\n"
                    "gain_db = 7\n[log]\nlevel = all\n",
                    sections, sizeof sections / sizeof *sections);
    static const char *const first[] = {"1: a section may not be indented: log"};
    expect_mistakes(f, "  [log]\nlevel = all\n", first, 1);
    static const char *const list[] = {"3: a section may not be indented: log"};
    expect_mistakes(f, "[labels]\ninclude = piano\n  [log]\nlevel = all\n", list, 1);
}

static void tells_a_mistake_on_several_lines_once(void **state)
{
    struct settings_fixture *f = *state;
    static const char *const once[] = {
        "2: this is neither [section], key = value, nor a comment",
        "7: this is neither [section], key = value, nor a comment",
        "9: this is neither [section], key = value, nor a comment",
        "11: this is neither [section], key = value, nor a comment",
    };
    expect_mistakes(f,
                    "[source]\nnonsense\n  more\n\n  and more\n[log]\nnonsense\n[source]\n"
                    "  nonsense\ngain_db = 3\nnonsense\n  more\n",
                    once, sizeof once / sizeof *once);
}

static void tells_no_more_mistakes_than_a_person_reads(void **state)
{
    struct settings_fixture *f = *state;
    char text[1024] = "";
    for (int i = 0; i < SETTINGS_MISTAKES_MAX + 5; i++)
        strcat(text, "nonsense\n");
    assert_int_not_equal(read_text(f, text), TUTTI_OK);
    assert_int_equal(f->settings->mistakes, SETTINGS_MISTAKES_MAX);
    assert_non_null(strstr(f->settings->mistake[SETTINGS_MISTAKES_MAX - 1].text, ":20: this is"));
    assert_true(f->settings->more_mistakes);
    text[strlen("nonsense\n") * SETTINGS_MISTAKES_MAX] = '\0';
    strcat(text, "[source]\ngain_db = 3\n");
    assert_int_not_equal(read_text(f, text), TUTTI_OK);
    assert_int_equal(f->settings->mistakes, SETTINGS_MISTAKES_MAX);
    assert_false(f->settings->more_mistakes);
}

int main(void)
{
#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, settings_fixture_set_up, settings_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(tells_all_mistakes),
        TEST(refuses_indented_sections),
        TEST(tells_a_mistake_on_several_lines_once),
        TEST(tells_no_more_mistakes_than_a_person_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
