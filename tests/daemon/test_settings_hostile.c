/* Configurations that no person would write: whatever is in the file, it is read or refused with a
 * sentence that names the place, and what was read is in range. */
#include "daemon/settings.h"
#include "daemon/settings_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define VARIATIONS 3000
#define TEXT_MAX 16384

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* The sample with every key active, so that a change is likely to meet something that is read. */
static size_t active_sample(char *text)
{
    FILE *stream = fmemopen(text, TEXT_MAX, "w");
    settings_print_sample(stream);
    fputs("[source stage]\ninput = *USB*\nchannels = 2\ngain_db = 3\nat_end = stay\n"
          "[source Hall_2-b]\ninput = -\nrate_hz = 44100\nstdin_format = s16le:8000:2\n",
          stream);
    fclose(stream);
    for (char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (line[0] == '#' && line[1] >= 'a' && line[1] <= 'z')
            line[0] = '\n';
    }
    return strlen(text);
}

/* Changes a few bytes, or takes out, doubles or moves a piece. */
static size_t mutate(char *text, size_t length, uint32_t *random)
{
    static const char likely[] = "=[]#;: \t\n\r.,-+eE0123456789\"'\0\xff\xef\xbb\xbfnaif";
    size_t changes = 1 + next_random(random) % 6;
    for (size_t i = 0; i < changes; i++)
        text[next_random(random) % length] = likely[next_random(random) % (sizeof likely - 1)];
    size_t from = next_random(random) % length;
    size_t to = next_random(random) % length;
    size_t size = next_random(random) % 400;
    if (from + size > length || to + size > length)
        return length;
    memmove(text + to, text + from, size);
    return next_random(random) % 4 == 0 ? to + size : length;
}

static void check_ranges(const struct settings *settings)
{
    for (size_t i = 0; i < settings_table_rows; i++) {
        const struct settings_row *row = &settings_table[i];
        const char *field = (const char *)settings + row->offset;
        double number;
        unsigned whole;
        memcpy(&number, field, sizeof number);
        memcpy(&whole, field, sizeof whole);
        if (row->type == SETTINGS_NUMBER)
            assert_true(number >= row->minimum && number <= row->maximum);
        else if (row->type == SETTINGS_WHOLE)
            assert_true((whole == 0 && row->word != NULL) ||
                        ((double)whole >= row->minimum && (double)whole <= row->maximum));
        else if (row->type == SETTINGS_CHOICE)
            assert_true(whole < 4);
        else if (row->type != SETTINGS_THRESHOLDS)
            assert_non_null(memchr(field, '\0', SETTINGS_TEXT_SIZE));
    }
    for (size_t i = 0; i < settings->thresholds; i++)
        assert_true(settings->threshold[i].value > 0 && settings->threshold[i].value < 1);
}

static void check_sources(const struct settings *settings)
{
    const struct settings_source *sources[MAX_SOURCES + 1];
    struct tutti_error error;
    size_t count = 0;
    for (size_t i = 0; i < settings->named_count; i++) {
        const struct settings_source *source = &settings->named[i];
        const size_t length = strlen(source->name);
        assert_true(length > 0 && length < SETTINGS_NAME_SIZE && source->line > 0);
        assert_true(source->channels <= 64 && source->gain_db >= -60 && source->gain_db <= 60);
        assert_true(source->rate_hz <= 384000 && source->at_end < 3);
        assert_true(source->input[0] != '\0' && source->stdin_format[0] != '\0');
        assert_non_null(memchr(source->input, '\0', SETTINGS_TEXT_SIZE));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(source->name, settings->named[k].name);
    }
    if (settings_sources(settings, sources, &count, &error) == TUTTI_OK)
        assert_true(count >= 1 && count <= MAX_SOURCES);
}

static void any_file_is_read_or_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/tutti-hostile-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    static char sample[TEXT_MAX];
    size_t length = active_sample(sample);
    uint32_t random = 1;
    size_t refused = 0;
    for (int i = 0; i < VARIATIONS; i++) {
        static char text[TEXT_MAX];
        memcpy(text, sample, length);
        size_t size = mutate(text, length, &random);
        assert_int_equal(ftruncate(descriptor, 0), 0);
        assert_int_equal(pwrite(descriptor, text, size, 0), size);
        struct settings *settings = settings_new();
        struct tutti_error error = {0};
        if (settings_read_file(settings, path, &error) != TUTTI_OK) {
            refused++;
            assert_memory_equal(error.text, path, strlen(path));
            assert_true(error.text[strlen(path)] == ':');
            int line = 1;
            for (size_t k = 0; k < settings->mistakes; k++) { /* in order */
                const int next = atoi(settings->mistake[k].text + strlen(path) + 1);
                assert_true(next >= line);
                line = next;
            }
            assert_true(atoi(error.text + strlen(path) + 1) > 0);
        }
        check_ranges(settings);
        check_sources(settings);
        settings_free(settings);
    }
    close(descriptor);
    unlink(path);
    /* Otherwise it would have tested one side alone. */
    assert_true(refused > VARIATIONS / 10 && refused < VARIATIONS * 9 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_file_is_read_or_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
