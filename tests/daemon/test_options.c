#include "daemon/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct option_spec specs[] = {
    {.letter = 'c', .name = "config", .value = "FILE", .help = "a file"},
    {.name = "listen", .value = "ADDRESS", .help = "an address"},
    {.letter = 'v', .name = "verbose", .help = "a flag"},
    {.name = "list", .help = "begins like listen"},
};

struct seen {
    size_t count;
    size_t index[8];
    char value[8][32];
    const char *refused; /* the value that the callback does not like */
};

static enum tutti_status note(void *context, size_t index, const char *value,
                              struct tutti_error *error)
{
    struct seen *seen = context;
    if (seen->refused != NULL && value != NULL && strcmp(value, seen->refused) == 0)
        return tutti_error_set(error, TUTTI_ERROR_NOT_FOUND, "no such thing");
    seen->index[seen->count] = index;
    snprintf(seen->value[seen->count++], sizeof seen->value[0], "%s", value != NULL ? value : "-");
    return TUTTI_OK;
}

#define WORDS_MAX 16

/* Parses a command line written with single spaces. */
static enum tutti_status parse(const char *line, struct seen *seen, char *operands,
                               struct tutti_error *error)
{
    char text[256];
    char *argv[WORDS_MAX + 1] = {NULL};
    int argc = 0;
    snprintf(text, sizeof text, "%s", line);
    char *rest = text;
    while (rest != NULL && argc < WORDS_MAX)
        argv[argc++] = strsep(&rest, " ");
    int first = -1;
    enum tutti_status status =
        options_parse(argc, argv, specs, sizeof specs / sizeof *specs, note, seen, &first, error);
    operands[0] = '\0';
    for (int i = first; status == TUTTI_OK && i < argc; i++) {
        strcat(operands, argv[i]);
        strcat(operands, "|");
    }
    return status;
}

static void refuses_wrong_command_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *sentence;
    } wrong[] = {
        {"program --nonsense", "unknown or ambiguous option --nonsense"},
        {"program --nonsense=3", "unknown or ambiguous option --nonsense=3"},
        {"program --li 3", "unknown or ambiguous option --li"},
        {"program -x", "unknown option -x"},
        {"program -vx", "unknown option -x"},
        {"program -\xC3\xA9", "unknown option in -\xC3\xA9"},
        {"program -v\xC3\xA9 a", "unknown option in -v\xC3\xA9"},
        {"program a -\xE9 b", "unknown option in -?"}, /* no UTF-8 */
        {"program --listen", "option --listen needs a value"},
        {"program -c", "option -c needs a value"},
        {"program a --verbose=yes b", "option --verbose=yes takes no value"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct seen seen = {0};
        struct tutti_error error = {0};
        char operands[256];
        assert_int_equal(parse(wrong[i].line, &seen, operands, &error), TUTTI_ERROR_ARGUMENT);
        assert_string_equal(error.text, wrong[i].sentence);
        assert_int_equal(seen.count, strncmp(wrong[i].line, "program -v", 10) == 0);
    }
}

static void passes_on_what_the_callback_refuses(void **state)
{
    (void)state;
    struct seen seen = {.refused = "bad"};
    struct tutti_error error = {0};
    char operands[256];
    assert_int_equal(parse("program -v --listen bad -c file", &seen, operands, &error),
                     TUTTI_ERROR_NOT_FOUND);
    assert_string_equal(error.text, "no such thing");
    assert_int_equal(seen.count, 1);
}

static void finds_options_and_operands_in_any_order(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct tutti_error error;
    char operands[256];
    assert_int_equal(
        parse("program one -c x two --listen=y --verb -- --three", &seen, operands, &error),
        TUTTI_OK);
    assert_string_equal(operands, "one|two|--three|");
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.index[0], 0);
    assert_string_equal(seen.value[0], "x");
    assert_int_equal(seen.index[1], 1);
    assert_string_equal(seen.value[1], "y");
    assert_int_equal(seen.index[2], 2);
    assert_string_equal(seen.value[2], "-");
}

static void takes_empty_values_and_a_lone_dash(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct tutti_error error;
    char operands[256];
    assert_int_equal(parse("program --listen= - -c -", &seen, operands, &error), TUTTI_OK);
    assert_string_equal(operands, "-|");
    assert_string_equal(seen.value[0], "");
    assert_string_equal(seen.value[1], "-");
    assert_int_equal(parse("program", &seen, operands, &error), TUTTI_OK);
    assert_string_equal(operands, "");
}

/* What print() writes, in memory that the caller frees. */
static char *printed(const struct option_spec *list, size_t count)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    options_print(stream, list, count);
    fclose(stream);
    return text;
}

static void prints_aligned_and_wrapped_help(void **state)
{
    (void)state;
    static const struct option_spec list[] = {
        {.letter = 'c', .name = "config", .value = "FILE", .help = "short"},
        {.name = "hop", .value = "S", .help = "time", .range = "1 to 2", .initial = "1"},
        {.name = "jobs", .value = "N", .help = "many", .range = "1 to 9"},
        {.name = "model", .value = "FILE", .help = "a model", .initial = "auto"},
        {.name = "a-name-as-long-as-the-column", .help = "begins on a line of its own"},
        {.name = "long",
         .help = "one two three four five six seven eight nine ten eleven twelve thirteen"},
    };
    char *text = printed(list, sizeof list / sizeof *list);
    assert_string_equal(
        text, "  -c, --config FILE         short\n"
              "      --hop S               time (1 to 2; default 1)\n"
              "      --jobs N              many (1 to 9)\n"
              "      --model FILE          a model (default auto)\n"
              "      --a-name-as-long-as-the-column\n"
              "                            begins on a line of its own\n"
              "      --long                one two three four five six seven eight nine ten\n"
              "                            eleven twelve thirteen\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_wrong_command_lines),
        cmocka_unit_test(passes_on_what_the_callback_refuses),
        cmocka_unit_test(finds_options_and_operands_in_any_order),
        cmocka_unit_test(takes_empty_values_and_a_lone_dash),
        cmocka_unit_test(prints_aligned_and_wrapped_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
