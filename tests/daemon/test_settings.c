#include "daemon/settings.h"
#include "daemon/settings_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH_SIZE 64

struct fixture {
    char folder[PATH_SIZE];
    char path[PATH_SIZE + 16]; /* of the configuration */
    struct settings *settings;
    struct tutti_error error;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/tutti-settings-XXXXXX");
    if (mkdtemp(fixture->folder) == NULL)
        return -1;
    snprintf(fixture->path, sizeof fixture->path, "%s/t.conf", fixture->folder);
    fixture->settings = settings_new();
    unsetenv("TUTTI_KERNEL");
    *state = fixture;
    return fixture->settings != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    settings_free(fixture->settings);
    unlink(fixture->path);
    rmdir(fixture->folder);
    free(fixture);
    return 0;
}

static void write_bytes(const struct fixture *fixture, const char *bytes, size_t size)
{
    FILE *stream = fopen(fixture->path, "w");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    fclose(stream);
}

/* Reads text as a configuration into fresh settings. */
static enum tutti_status read_text(struct fixture *fixture, const char *text)
{
    write_bytes(fixture, text, strlen(text));
    settings_free(fixture->settings);
    fixture->settings = settings_new();
    fixture->error.text[0] = '\0';
    return settings_read_file(fixture->settings, fixture->path, &fixture->error);
}

/* The refusal of text, less "FOLDER/t.conf:". */
static const char *refusal(struct fixture *fixture, const char *text)
{
    if (read_text(fixture, text) == TUTTI_OK)
        fail_msg("accepted: %s", text);
    size_t length = strlen(fixture->path);
    if (strncmp(fixture->error.text, fixture->path, length) != 0)
        fail_msg("the message does not begin with the file: %s", fixture->error.text);
    return fixture->error.text + length + 1;
}

static void refuses_malformed_files(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(refusal(f, "# good\n[source]\ngain_db 3\n"),
                        "3: this is neither [section], key = value, nor a comment");
    assert_string_equal(refusal(f, "[source\n"),
                        "1: this is neither [section], key = value, nor a comment");
    assert_string_equal(refusal(f, "[log]\n[log\n"),
                        "2: this is neither [section], key = value, nor a comment");
    assert_string_equal(refusal(f, "[sources]\n"), "1: there is no section named sources");
    assert_string_equal(refusal(f, "input = demo\n"),
                        "1: this key stands before any section: input");
    assert_string_equal(refusal(f, "[source]\n\n\nInput = demo\n"),
                        "4: there is no key in section [source] named Input");
    assert_string_equal(refusal(f, "[server]\ninput = demo\n"),
                        "2: there is no key in section [server] named input");
    assert_string_equal(refusal(f, "[source]\ngain_db = 1\n[source]\ngain_db = 1\n"),
                        "4: this key was set in line 2 already: gain_db");
    assert_string_equal(refusal(f, "[labels]\nthreshold.piano = .5\nthreshold.piano = .6\n"),
                        "3: this threshold is set twice: piano");
    assert_string_equal(refusal(f, "[source]\ninput = demo\n  gain_db = 3\n"),
                        "3: an indented line continues a list, and this is none: input");
    assert_string_equal(refusal(f, "[labels]\ninclude = a\n[labels]\n include = b\n"),
                        "4: this key was set in line 2 already: include");
    /* The first mistake is told, whoever finds it. */
    assert_string_equal(refusal(f, "[source]\nnonsense\ngain_db = loud\n"),
                        "2: this is neither [section], key = value, nor a comment");
    assert_string_equal(refusal(f, "[source]\ngain_db = loud\nnonsense\n"),
                        "2: [source] gain_db: 'loud' is not -60 to 60");
}

static void refuses_lines_that_inih_would_misread(void **state)
{
    struct fixture *f = *state;
    char line[1000] = "[source]\ninput = ";
    memset(line + strlen(line), 'x', 300);
    const char *message = refusal(f, line);
    assert_non_null(strstr(message, "2: the line holds a NUL, or more than "));

    static const char with_nul[] = "[source]\ninput = de\0mo\n";
    write_bytes(f, with_nul, sizeof with_nul - 1);
    assert_int_equal(settings_read_file(f->settings, f->path, &f->error), TUTTI_ERROR_FORMAT);
    assert_non_null(strstr(f->error.text, ":2: the line holds a NUL"));
    assert_string_equal(f->settings->source.input, "default");

    FILE *stream = fopen(f->path, "w");
    for (int i = 0; i < 10001; i++)
        fputs("#\n", stream);
    fclose(stream);
    assert_int_equal(settings_read_file(f->settings, f->path, &f->error), TUTTI_ERROR_FORMAT);
    assert_non_null(strstr(f->error.text, ":10001: more lines than"));
}

static void refuses_files_that_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(settings_read_file(f->settings, f->path, &f->error), TUTTI_ERROR_NOT_FOUND);
    assert_non_null(strstr(f->error.text, "t.conf: No such file or directory"));
    assert_int_equal(settings_read_file(f->settings, f->folder, &f->error), TUTTI_ERROR_IO);
    assert_non_null(strstr(f->error.text, "Is a directory"));
    assert_int_equal(settings_read_file(f->settings, f->folder, NULL), TUTTI_ERROR_IO);
    char *path = calloc(1, SETTINGS_TEXT_SIZE + 1);
    memset(path, 'x', SETTINGS_TEXT_SIZE);
    assert_int_equal(settings_read_file(f->settings, path, &f->error), TUTTI_ERROR_ARGUMENT);
    free(path);
}

/* For each number in the table: its limits are taken, what lies a little outside is not. */
static void holds_every_number_to_its_range(void **state)
{
    struct fixture *f = *state;
    size_t numbers = 0;
    for (size_t i = 0; i < settings_table_rows; i++) {
        const struct settings_row *row = &settings_table[i];
        if (row->type != SETTINGS_NUMBER && row->type != SETTINGS_WHOLE)
            continue;
        numbers++;
        double step = row->type == SETTINGS_WHOLE ? 1 : 1e-9;
        const double values[] = {row->minimum, row->maximum, row->minimum - step,
                                 row->maximum + step};
        for (int k = 0; k < 4; k++) {
            char text[256];
            snprintf(text, sizeof text, "[%s]\n%s = %.10f\n", row->section, row->key, values[k]);
            if (row->type == SETTINGS_WHOLE)
                snprintf(text, sizeof text, "[%s]\n%s = %.0f\n", row->section, row->key, values[k]);
            bool accepted = read_text(f, text) == TUTTI_OK;
            if (accepted != (k < 2))
                fail_msg("%s: %s", accepted ? "accepted" : f->error.text, text);
        }
    }
    assert_int_equal(numbers, 8);
}

static void refuses_the_wrong_type_of_every_key(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[] = {"", "x", "1x", "1,5", "0x10", "nan", "inf"};
    for (size_t i = 0; i < settings_table_rows; i++) {
        const struct settings_row *row = &settings_table[i];
        if (row->type == SETTINGS_TEXT || row->type == SETTINGS_LIST)
            continue;
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
            char text[256];
            snprintf(text, sizeof text, "[%s]\n%s%s = %s\n", row->section, row->key,
                     row->type == SETTINGS_THRESHOLDS ? ".piano" : "", wrong[k]);
            const char *message = refusal(f, text);
            char place[128];
            snprintf(place, sizeof place, "2: [%s] %s: '%s' is not ", row->section, row->key,
                     wrong[k]);
            assert_memory_equal(message, place, strlen(place));
        }
    }
}

static void says_what_a_value_may_be(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(refusal(f, "[source]\nchannels = 0\n"),
                        "2: [source] channels: '0' is not mix or 1 to 64");
    assert_string_equal(refusal(f, "[source]\nat_end = never\n"),
                        "2: [source] at_end: 'never' is not exit, repeat or stay");
    assert_string_equal(refusal(f, "[recognition]\nhop_s = 0\n"),
                        "2: [recognition] hop_s: '0' is not 0.01 to 60");
    assert_string_equal(refusal(f, "[source]\ninput =\n"), "2: [source] input: '' is empty");
    assert_string_equal(refusal(f, "[labels]\nthreshold.piano = 1\n"),
                        "2: [labels] threshold: '1' is not 0.001 to 0.999");
    assert_string_equal(refusal(f, "[labels]\nthreshold.grand_piano = .5\n"
                                   "threshold.Grand Piano = .6\n"),
                        "3: this threshold is set twice: grand_piano");
    assert_string_equal(refusal(f, "[labels]\nthreshold.Grand Pianö = .5\n"),
                        "2: [labels] threshold: 'Grand Pianö' is not the name of an instrument (a "
                        "to z, 0 to 9 and _)");
    assert_non_null(strstr(refusal(f, "[source]\nstdin_format = mp3\n"),
                           "2: [source] stdin_format: PCM format 'mp3': "));
    assert_non_null(strstr(refusal(f, "[server]\nlisten = 127.0.0.1:99999\n"),
                           "2: [server] listen: '127.0.0.1:99999' is not an address"));
}

static void has_the_documented_defaults(void **state)
{
    const struct settings *s = ((struct fixture *)*state)->settings;
    assert_string_equal(s->source.input, "default");
    assert_int_equal(s->source.channels, 0);
    assert_true(s->source.gain_db == 0);
    assert_int_equal(s->source.rate_hz, 0);
    assert_string_equal(s->source.stdin_format, "f32le:48000:1");
    assert_int_equal(s->source.at_end, SETTINGS_AT_END_EXIT);
    assert_string_equal(s->model, "");
    assert_true(s->hop_s == 0.25);
    assert_string_equal(s->kernel, "");
    assert_int_equal(s->threads, 0);
    assert_string_equal(s->include, "");
    assert_string_equal(s->exclude, "");
    assert_int_equal(s->thresholds, 0);
    assert_string_equal(s->listen, "127.0.0.1:8808");
    assert_string_equal(s->allowed_hosts, "");
    assert_string_equal(s->allowed_origins, "");
    assert_true(s->keep_h == 2);
    assert_int_equal(s->level, LOG_LEVEL_INFO);
    assert_string_equal(s->file, "");
}

static void reads_every_key(void **state)
{
    struct fixture *f = *state;
    enum tutti_status status = read_text(
        f, "\xef\xbb\xbf# with a byte order mark\n"
           "[source]\ninput = file:/music/a b.flac ; a comment\nchannels: 2\n"
           "gain_db=-6.5\nrate_hz = 44100\nstdin_format = s16be:8000:6\nat_end = stay\n"
           "[recognition]\nmodel = m\nhop_s = 1\nsmoothing_s = 0\nkernel = portable\nthreads = 3\n"
           "[labels]\ninclude = piano,\n  cello\n\tviolin\nexclude = cello\n"
           "threshold.piano = 0.25\nthreshold.cello = 0.75\n"
           "[server]\nlisten = [::1]:1\nallowed_hosts = a b\n"
           "allowed_origins = http://a:1,\n  https://b\nmax_clients = 3\n"
           "[history]\nkeep_h = 0.5\n[log]\nlevel = debug\n");
    assert_string_equal(f->error.text, "");
    assert_int_equal(status, TUTTI_OK);
    const struct settings *s = f->settings;
    assert_string_equal(s->source.input, "file:/music/a b.flac");
    assert_int_equal(s->source.channels, 2);
    assert_true(s->source.gain_db == -6.5);
    assert_int_equal(s->source.rate_hz, 44100);
    assert_string_equal(s->source.stdin_format, "s16be:8000:6");
    assert_int_equal(s->source.at_end, SETTINGS_AT_END_STAY);
    assert_string_equal(s->model, "m");
    assert_true(s->hop_s == 1);
    assert_true(s->smoothing_s == 0);
    assert_string_equal(s->kernel, "portable");
    assert_int_equal(s->threads, 3);
    assert_string_equal(s->include, "piano, cello violin");
    assert_string_equal(s->exclude, "cello");
    assert_int_equal(s->thresholds, 2);
    assert_string_equal(s->threshold[1].label, "cello");
    assert_true(s->threshold[1].value == 0.75);
    assert_string_equal(s->listen, "[::1]:1");
    assert_string_equal(s->allowed_hosts, "a b");
    assert_string_equal(s->allowed_origins, "http://a:1, https://b");
    assert_int_equal(s->max_clients, 3);
    assert_true(s->keep_h == 0.5);
    assert_int_equal(s->level, LOG_LEVEL_DEBUG);
}

static void words_stand_for_defaults(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_text(f, "[source]\nchannels = mix\nrate_hz = auto\n[recognition]\nmodel "
                                  "= auto\nkernel = auto\n"),
                     TUTTI_OK);
    assert_int_equal(f->settings->source.channels, 0);
    assert_int_equal(f->settings->source.rate_hz, 0);
    assert_string_equal(f->settings->model, "");
    assert_string_equal(f->settings->kernel, "");
}

static void what_is_more_particular_wins(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "[recognition]\nkernel = file\nhop_s = 2\nsmoothing_s = 3\n"
                               "[labels]\nthreshold.piano = .2\nthreshold.cello = .3\n";
    write_bytes(f, text, strlen(text));
    setenv("TUTTI_KERNEL", "environment", 1);
    assert_int_equal(settings_set_option(f->settings, "hop", "9", &f->error), TUTTI_OK);
    assert_int_equal(settings_set_option(f->settings, "hop", "4", &f->error), TUTTI_OK);
    assert_int_equal(settings_set_option(f->settings, "threshold", "piano=.9", &f->error),
                     TUTTI_OK);
    assert_int_equal(settings_read_environment(f->settings, &f->error), TUTTI_OK);
    assert_int_equal(settings_read_file(f->settings, f->path, &f->error), TUTTI_OK);
    assert_string_equal(f->settings->kernel, "environment");
    assert_true(f->settings->hop_s == 4);
    assert_true(f->settings->smoothing_s == 3);
    assert_true(f->settings->threshold[0].value == 0.9);
    assert_true(f->settings->threshold[1].value == 0.3);

    char place[256];
    settings_describe_place(f->settings, "kernel", place, sizeof place);
    assert_string_equal(place, "environment variable TUTTI_KERNEL");
    settings_describe_place(f->settings, "hop", place, sizeof place);
    assert_string_equal(place, "option --hop");
    settings_describe_place(f->settings, "smoothing", place, sizeof place);
    assert_string_equal(place + strlen(f->path), ":4: [recognition] smoothing_s");
    settings_describe_place(f->settings, "listen", place, sizeof place);
    assert_string_equal(place, "default of [server] listen");

    assert_int_equal(settings_set_option(f->settings, "kernel", "option", &f->error), TUTTI_OK);
    assert_string_equal(f->settings->kernel, "option");
}

static void refuses_wrong_options(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *option, *value, *sentence;
    } wrong[] = {
        {"nonsense", "1", "unknown option --nonsense"},
        {"hop", "fast", "option --hop: 'fast' is not 0.01 to 60"},
        {"input", "", "option --input: '' is empty"},
        {"threshold", "0.5", "option --threshold: '0.5' is not of the form LABEL=P"},
        {"threshold", "piano=2", "option --threshold: '2' is not 0.001 to 0.999"},
        {"threshold", "=0.5",
         "option --threshold: '' is not the name of an instrument (a to z, 0 to 9 and _)"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(
            settings_set_option(f->settings, wrong[i].option, wrong[i].value, &f->error),
            TUTTI_ERROR_ARGUMENT);
        assert_string_equal(f->error.text, wrong[i].sentence);
    }
    char *text = calloc(1, SETTINGS_TEXT_SIZE + 1);
    memset(text, 'x', SETTINGS_TEXT_SIZE);
    assert_int_equal(settings_set_option(f->settings, "input", text, NULL), TUTTI_ERROR_ARGUMENT);
    text[SETTINGS_TEXT_SIZE - 1] = '\0';
    assert_int_equal(settings_set_option(f->settings, "input", text, NULL), TUTTI_OK);
    assert_string_equal(f->settings->source.input, text);
    free(text);
}

static const char *const labels[] = {"cello", "piano", "voice"};

static void chooses_labels(void **state)
{
    struct fixture *f = *state;
    float threshold[3] = {0.5f, 0.5f, 0.5f};
    bool enabled[3];
    assert_int_equal(settings_labels(f->settings, labels, 3, threshold, enabled, &f->error),
                     TUTTI_OK);
    assert_true(enabled[0] && enabled[1] && enabled[2]);
    assert_true(threshold[1] == 0.5f);

    assert_int_equal(read_text(f, "[labels]\ninclude = voice, ,piano\nexclude = voice\n"
                                  "threshold.piano = 0.25\n"),
                     TUTTI_OK);
    assert_int_equal(settings_labels(f->settings, labels, 3, threshold, enabled, &f->error),
                     TUTTI_OK);
    assert_true(!enabled[0] && enabled[1] && !enabled[2]);
    assert_true(threshold[0] == 0.5f && threshold[1] == 0.25f);
}

/* People write a label as they read it on the page. */
static void takes_labels_as_people_write_them(void **state)
{
    struct fixture *f = *state;
    static const char *const several[] = {"bass", "bass_guitar", "electric_guitar", "guitar"};
    static const struct {
        const char *list;
        bool enabled[4];
    } cases[] = {
        {"Electric Guitar", {false, false, true, false}},
        {"electric-guitar, BASS", {true, false, true, false}},
        {"bass guitar", {false, true, false, false}},
        {"bass, guitar", {true, false, false, true}},
        {"bass  guitar", {true, false, false, true}},
        {"bass bass_Guitar guitar", {true, true, false, true}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float threshold[4];
        bool enabled[4];
        assert_int_equal(settings_set_option(f->settings, "include", cases[i].list, &f->error),
                         TUTTI_OK);
        assert_int_equal(settings_labels(f->settings, several, 4, threshold, enabled, &f->error),
                         TUTTI_OK);
        assert_memory_equal(enabled, cases[i].enabled, sizeof enabled);
    }
    float threshold[4] = {0};
    bool enabled[4];
    assert_int_equal(settings_set_option(f->settings, "threshold", "Bass guitar=0.25", &f->error),
                     TUTTI_OK);
    assert_int_equal(settings_labels(f->settings, several, 4, threshold, enabled, &f->error),
                     TUTTI_OK);
    assert_true(threshold[1] == 0.25f && threshold[0] == 0);
    assert_int_equal(settings_set_option(f->settings, "include", "electric, guitar", &f->error),
                     TUTTI_OK);
    assert_int_equal(settings_labels(f->settings, several, 4, threshold, enabled, &f->error),
                     TUTTI_ERROR_NOT_FOUND);
    assert_non_null(strstr(f->error.text, "knows no instrument 'electric'; it knows"));
    assert_int_equal(settings_set_option(f->settings, "include", "Electric Guitra , x", &f->error),
                     TUTTI_OK);
    assert_int_equal(settings_labels(f->settings, several, 4, threshold, enabled, &f->error),
                     TUTTI_ERROR_NOT_FOUND);
    assert_non_null(strstr(f->error.text, "knows no instrument 'Electric Guitra'; it knows"));
}

static void refuses_labels_that_the_model_does_not_have(void **state)
{
    struct fixture *f = *state;
    float threshold[3];
    bool enabled[3];
    static const struct {
        const char *text, *sentence;
    } wrong[] = {
        {"[labels]\n\ninclude = piano oboe\n",
         ":3: [labels] include: the model knows no instrument 'oboe'; it knows cello, piano, "
         "voice"},
        {"[labels]\nexclude = pian\n",
         ":2: [labels] exclude: the model knows no instrument 'pian'; it knows cello, piano, "
         "voice"},
        {"[labels]\nthreshold.tuba = .5\n",
         ":2: [labels] threshold.tuba: the model knows no instrument 'tuba'; it knows cello, "
         "piano, voice"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(read_text(f, wrong[i].text), TUTTI_OK);
        assert_int_equal(settings_labels(f->settings, labels, 3, threshold, enabled, &f->error),
                         TUTTI_ERROR_NOT_FOUND);
        assert_string_equal(f->error.text + strlen(f->path), wrong[i].sentence);
    }
    assert_int_equal(read_text(f, "[labels]\nexclude = piano voice cello\n"), TUTTI_OK);
    assert_int_equal(settings_labels(f->settings, labels, 3, threshold, enabled, &f->error),
                     TUTTI_ERROR_ARGUMENT);
}

/* One name must not mean two things, and one section must stand in one place. */
static void the_table_is_sound(void **state)
{
    (void)state;
    struct option_spec specs[SETTINGS_KEYS_MAX];
    assert_int_equal(settings_options(specs, SETTINGS_KEYS_MAX), settings_table_rows);
    for (size_t i = 0; i < settings_table_rows; i++) {
        assert_string_equal(specs[i].name, settings_table[i].option);
        assert_true(strlen(settings_table[i].help) > 20);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(settings_table[i].option, settings_table[k].option);
            if (strcmp(settings_table[i].section, settings_table[k].section) != 0)
                continue;
            assert_string_not_equal(settings_table[i].key, settings_table[k].key);
            assert_string_equal(settings_table[i - 1].section, settings_table[i].section);
        }
    }
    struct option_spec spec;
    assert_true(settings_option("keep-h", &spec));
    assert_string_equal(spec.value, "HOURS");
    assert_false(settings_option("", &spec));
    assert_int_equal(settings_options(specs, 0), settings_table_rows);
}

/* The sample with every # before a key taken away sets every key to its default. */
static void the_sample_holds_every_default(void **state)
{
    struct fixture *f = *state;
    char *sample = NULL;
    size_t size;
    FILE *stream = open_memstream(&sample, &size);
    settings_print_sample(stream);
    fclose(stream);
    assert_int_equal(read_text(f, sample), TUTTI_OK);

    stream = fopen(f->path, "w");
    size_t keys = 0;
    for (char *line = strtok(sample, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        bool is_key = line[0] == '#' && line[1] >= 'a' && line[1] <= 'z';
        assert_true(strlen(line) <= 80);
        fprintf(stream, "%s\n", line + is_key);
        keys += is_key;
    }
    fclose(stream);
    free(sample);
    assert_int_equal(keys, settings_table_rows);

    struct settings *defaults = settings_new();
    if (settings_read_file(f->settings, f->path, &f->error) != TUTTI_OK)
        fail_msg("%s", f->error.text);
    assert_memory_equal(f->settings->source.input, defaults->source.input,
                        sizeof defaults->source.input);
    assert_int_equal(f->settings->named_count, 0);
    assert_memory_equal(f->settings, defaults, offsetof(struct settings, source.place));
    assert_memory_equal(f->settings->model, defaults->model,
                        offsetof(struct settings, threshold) - offsetof(struct settings, model));
    assert_int_equal(f->settings->thresholds, 1);
    assert_memory_equal(f->settings->listen, defaults->listen,
                        offsetof(struct settings, file) - offsetof(struct settings, listen));
    settings_free(defaults);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(refuses_malformed_files),
        TEST(refuses_lines_that_inih_would_misread),
        TEST(refuses_files_that_cannot_be_read),
        TEST(holds_every_number_to_its_range),
        TEST(refuses_the_wrong_type_of_every_key),
        TEST(says_what_a_value_may_be),
        TEST(has_the_documented_defaults),
        TEST(reads_every_key),
        TEST(words_stand_for_defaults),
        TEST(what_is_more_particular_wins),
        TEST(refuses_wrong_options),
        TEST(chooses_labels),
        TEST(takes_labels_as_people_write_them),
        TEST(refuses_labels_that_the_model_does_not_have),
        TEST(the_table_is_sound),
        TEST(the_sample_holds_every_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
