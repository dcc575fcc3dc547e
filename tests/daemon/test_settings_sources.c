/* [source NAME]: several sources in one configuration. */
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

/* As a program does it: options first, then the file, then which sources there are. */
static enum tutti_status read_all(struct settings_fixture *f, const char *option, const char *value,
                                  const char *text)
{
    settings_fixture_renew(f);
    if (option != NULL)
        assert_int_equal(settings_set_option(f->settings, option, value, &f->error), TUTTI_OK);
    const enum tutti_status status = settings_fixture_read(f, text);
    return status == TUTTI_OK ? settings_sources(f->settings, f->sources, &f->count, &f->error)
                              : status;
}

/* The refusal, less the file's name. */
static const char *refusal(struct settings_fixture *f, const char *text)
{
    if (read_all(f, NULL, NULL, text) == TUTTI_OK)
        fail_msg("accepted: %s", text);
    const size_t length = strlen(f->path);
    if (strncmp(f->error.text, f->path, length) != 0)
        fail_msg("the message does not begin with the file: %s", f->error.text);
    return f->error.text + length + 1;
}

static void without_a_name_there_is_one(void **state)
{
    struct settings_fixture *f = *state;
    const char *const texts[] = {"", "[source]\n", "[source]\ngain_db = 3\n",
                                 "[source]\ninput = demo\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(read_all(f, NULL, NULL, texts[i]), TUTTI_OK);
        assert_int_equal(f->count, 1);
        assert_ptr_equal(f->sources[0], &f->settings->source);
        assert_string_equal(f->sources[0]->name, "main");
        assert_int_equal(f->sources[0]->line, 0);
    }
}

static void each_section_is_a_source_with_its_own_keys(void **state)
{
    struct settings_fixture *f = *state;
    assert_int_equal(read_all(f, NULL, NULL,
                              "[source stage]\ninput = *USB*\nchannels = 2\ngain_db = -3\n"
                              "[log]\nlevel = error\n"
                              "[source  Hall_2-b]\nrate_hz = 44100\nat_end = stay\n"
                              "input = file:/a b.wav\n"
                              "[source abcdefghijklmnopqrstuvwxyz012345]\n"),
                     TUTTI_OK);
    assert_int_equal(f->count, 3);
    const struct settings_source *stage = f->sources[0];
    assert_string_equal(stage->name, "stage");
    assert_int_equal(stage->line, 1);
    assert_string_equal(stage->input, "*USB*");
    assert_int_equal(stage->channels, 2);
    assert_true(stage->gain_db == -3);
    assert_int_equal(stage->rate_hz, 0);
    assert_int_equal(stage->at_end, SETTINGS_AT_END_EXIT);
    assert_string_equal(stage->stdin_format, "f32le:48000:1");
    const struct settings_source *hall = f->sources[1];
    assert_string_equal(hall->name, "Hall_2-b");
    assert_string_equal(hall->input, "file:/a b.wav");
    assert_int_equal(hall->channels, 0);
    assert_true(hall->gain_db == 0);
    assert_int_equal(hall->rate_hz, 44100);
    assert_int_equal(hall->at_end, SETTINGS_AT_END_STAY);
    assert_string_equal(f->sources[2]->input, "default");
    /* The plain one has kept its defaults. */
    assert_string_equal(f->settings->source.input, "default");
    assert_int_equal(f->settings->source.channels, 0);
    assert_int_equal(f->settings->level, LOG_LEVEL_ERROR);
}

static void the_plain_one_is_the_first_if_it_has_an_input(void **state)
{
    struct settings_fixture *f = *state;
    assert_int_equal(read_all(f, NULL, NULL,
                              "[source stage]\ngain_db = 1\n[source]\ninput = demo\ngain_db = 2\n"),
                     TUTTI_OK);
    assert_int_equal(f->count, 2);
    assert_string_equal(f->sources[0]->name, "main");
    assert_string_equal(f->sources[0]->input, "demo");
    assert_true(f->sources[0]->gain_db == 2 && f->sources[1]->gain_db == 1);

    /* An option sets the plain one, too, and nothing of the others. */
    assert_int_equal(read_all(f, "input", "file:x", "[source stage]\ninput = demo\n"), TUTTI_OK);
    assert_int_equal(f->count, 2);
    assert_string_equal(f->sources[0]->input, "file:x");
    assert_string_equal(f->sources[1]->input, "demo");
    assert_int_equal(settings_set_option(f->settings, "gain-db", "9", &f->error), TUTTI_OK);
    assert_true(f->sources[0]->gain_db == 9 && f->sources[1]->gain_db == 0);
    char place[128];
    settings_describe_place(f->settings, "input", place, sizeof place);
    assert_string_equal(place, "option --input");
}

/* What would be without effect is refused. */
static void keys_of_a_plain_one_without_input_are_refused(void **state)
{
    struct settings_fixture *f = *state;
    assert_string_equal(refusal(f, "[source]\nat_end = repeat\n[source stage]\ninput = demo\n"),
                        "2: [source] at_end: it is for the plain [source] alone, which beside "
                        "named sources needs an input; each [source NAME] has its own at_end");
    assert_int_equal(read_all(f, "gain-db", "6", "[source stage]\ninput = demo\n"),
                     TUTTI_ERROR_ARGUMENT);
    assert_memory_equal(f->error.text, "option --gain-db: it is for the plain [source] alone", 52);
}

static void standard_input_is_not_repeated(void **state)
{
    struct settings_fixture *f = *state;
    assert_string_equal(refusal(f, "[source]\ninput = -\nat_end = repeat\n"),
                        "3: [source] at_end: standard input cannot be repeated, only a file can");
    assert_int_equal(read_all(f, "input", "-", "[source]\nat_end = stay\n"), TUTTI_OK);
    assert_int_equal(read_all(f, "at-end", "repeat", "[source]\ninput = -\n"),
                     TUTTI_ERROR_ARGUMENT);
    assert_string_equal(f->error.text,
                        "option --at-end: standard input cannot be repeated, only a file can");
}

static void refuses_names_that_are_none(void **state)
{
    struct settings_fixture *f = *state;
    static const char rule[] = "is not the name of a source: 1 to 32 letters, digits, - and _";
    const char *const names[] = {
        "a b",
        "a/b",
        "..",
        "a.b",
        "\xc3\xa9t\xc3\xa9",
        "a\tb",
        "a:b",
        "%41",
        "a\"",
        "hall ",
        "abcdefghijklmnopqrstuvwxyz0123456", /* 33 */
        "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnop",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[256];
        snprintf(text, sizeof text, "\n[source %s]\ninput = demo\n", names[i]);
        const char *message = refusal(f, text);
        if (strncmp(message, "2: '", 4) != 0 || strstr(message, rule) == NULL)
            fail_msg("%s", message);
    }
    assert_non_null(strstr(refusal(f, "[source ]\n"), "1: '' is not the name of a source"));
    assert_string_equal(refusal(f, "[source main]\n"),
                        "1: 'main' is the name of the plain [source]; choose another");
    assert_string_equal(refusal(f, "[sources hall]\n"),
                        "1: there is no section named sources hall");
    assert_string_equal(refusal(f, "[source\thall]\n"), "1: there is no section named source?hall");
    assert_string_equal(refusal(f, "[log hall]\n"), "1: there is no section named log hall");
}

static void refuses_what_stands_twice(void **state)
{
    struct settings_fixture *f = *state;
    assert_string_equal(refusal(f, "[source a]\n[source b]\n\n[source a]\n"),
                        "4: [source a] stands in line 1 already");
    assert_string_equal(refusal(f, "[source a]\n[source  a]\n"),
                        "2: [source a] stands in line 1 already");
    assert_string_equal(refusal(f, "[source a]\ngain_db = 1\n[source b]\ngain_db = 1\n"
                                   "gain_db = 1\n"),
                        "5: this key was set in line 4 already: gain_db");
    assert_string_equal(refusal(f, "[source a]\ninput = -\n[source b]\ninput = -\n"),
                        "4: [source b] input: standard input is read by the source a already");
    assert_int_equal(read_all(f, "input", "-", "[source a]\ninput = -\n"), TUTTI_ERROR_ARGUMENT);
    assert_non_null(strstr(f->error.text, ":2: [source a] input: standard input is read by the "
                                          "source main already"));
}

static void names_the_place_of_a_wrong_value(void **state)
{
    struct settings_fixture *f = *state;
    assert_string_equal(refusal(f, "[source a]\ngain_db = loud\n"),
                        "2: [source a] gain_db: 'loud' is not -60 to 60");
    assert_string_equal(refusal(f, "[source a]\ninput =\n"), "2: [source a] input: '' is empty");
    assert_string_equal(refusal(f, "[source a]\nlisten = :1\n"),
                        "2: there is no key in section [source a] named listen");
    assert_string_equal(refusal(f, "[source a]\ninput = x\n  y\n"),
                        "3: an indented line continues a list, and this is none: input");
    assert_string_equal(refusal(f, "[labels]\ninclude = piano\n  [source a]\n"),
                        "3: a section may not be indented: source a");
    /* inih keeps 49 bytes of a section's name: of these the keys would go to the source a. */
    assert_string_equal(refusal(f, "[source a]\n"
                                   "[source                                          ab]\n"
                                   "gain_db = 3\n"),
                        "2: a section's name is too long: source                                   "
                        "       ab");
}

/* An input that is not there is told with the place that asks for it. */
static void explains_an_input_that_could_not_be_opened(void **state)
{
    struct settings_fixture *f = *state;
    struct tutti_error reason;
    tutti_error_set(&reason, TUTTI_ERROR_NOT_FOUND, "there is no such device");
    static const char *const cases[][2] = {
        {"USB*", ":2: [source] input: there is no such device"},
        {"demo # the piece",
         ":2: [source] input: there is no such device (a comment in the line of a value begins "
         "with ;)"},
        {"\"demo\"",
         ":2: [source] input: there is no such device (quotes are part of a value here: "
         "leave them away)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[100];
        snprintf(text, sizeof text, "[source]\ninput = %s\n", cases[i][0]);
        assert_int_equal(read_all(f, NULL, NULL, text), TUTTI_OK);
        settings_explain_input(f->settings, &f->settings->source, &reason, &f->error);
        assert_int_equal(f->error.status, TUTTI_ERROR_NOT_FOUND);
        assert_non_null(strstr(f->error.text, cases[i][1]));
        assert_ptr_equal(strstr(f->error.text, f->path), f->error.text);
    }
    assert_int_equal(read_all(f, "input", "demo # the piece", ""), TUTTI_OK);
    settings_explain_input(f->settings, &f->settings->source, &reason, &f->error);
    assert_string_equal(f->error.text, reason.text);
}

static void there_are_at_most_256(void **state)
{
    struct settings_fixture *f = *state;
    static char text[MAX_SOURCES * 40];
    size_t length = 0;
    for (int i = 0; i < MAX_SOURCES; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "[source s%d]\n", i);
    assert_int_equal(read_all(f, NULL, NULL, text), TUTTI_OK);
    assert_int_equal(f->count, MAX_SOURCES);
    assert_string_equal(f->sources[255]->name, "s255");
    assert_int_equal(read_all(f, "input", "demo", text), TUTTI_ERROR_ARGUMENT);
    assert_non_null(strstr(f->error.text, ":256: [source s255] is one too many: 256 sources at "
                                          "most, with the plain [source]"));
    snprintf(text + length, sizeof text - length, "[source more]\n");
    assert_string_equal(refusal(f, text), "257: more than 256 sources");
}

/* Rows of [source] are found by their number. */
static void the_table_begins_with_the_keys_of_a_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_table_rows; i++) {
        const bool first = i < SETTINGS_SOURCE_KEYS;
        assert_true((strcmp(settings_table[i].section, "source") == 0) == first);
        assert_true(!first || settings_table[i].offset < offsetof(struct settings, source) +
                                                             sizeof(struct settings_source));
    }
    assert_string_equal(settings_table[0].key, "input");
}

int main(void)
{
#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, settings_fixture_set_up, settings_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_a_name_there_is_one),
        TEST(each_section_is_a_source_with_its_own_keys),
        TEST(the_plain_one_is_the_first_if_it_has_an_input),
        TEST(keys_of_a_plain_one_without_input_are_refused),
        TEST(standard_input_is_not_repeated),
        TEST(refuses_names_that_are_none),
        TEST(refuses_what_stands_twice),
        TEST(names_the_place_of_a_wrong_value),
        TEST(explains_an_input_that_could_not_be_opened),
        TEST(there_are_at_most_256),
        TEST(the_table_begins_with_the_keys_of_a_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
