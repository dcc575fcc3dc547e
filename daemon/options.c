#include "daemon/options.h"

#include <getopt.h>
#include <stdbool.h>
#include <string.h>

#define HELP_COLUMN 28
#define HELP_WIDTH 80
#define FIRST_CODE 256 /* above every letter */

static enum tutti_status refuse(int code, char **argv, struct tutti_error *error)
{
    /* For a letter optopt tells it; for a long option argv does. */
    const char *word = argv[optind - 1];
    if (code == ':') {
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "option %s needs a value", word);
    }
    if (optopt > 0 && optopt < 0x80)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "unknown option -%c", optopt);
    /* A byte of a longer character, negative where char is signed. The word counts as read only
     * after its last byte. */
    if (optopt != 0 && optopt < FIRST_CODE) {
        bool unread = argv[optind] != NULL && strchr(argv[optind], optopt) != NULL;
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "unknown option in %s",
                               unread ? argv[optind] : word);
    }
    if (optopt >= FIRST_CODE)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "option %s takes no value", word);
    return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "unknown or ambiguous option %s", word);
}

enum tutti_status options_parse(int argc, char **argv, const struct option_spec *specs,
                                size_t count, option_callback *callback, void *context,
                                int *first_operand, struct tutti_error *error)
{
    if (count > OPTIONS_MAX)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "more than %d options", OPTIONS_MAX);
    struct option names[OPTIONS_MAX + 1];
    char letters[2 * OPTIONS_MAX + 2];
    size_t length = 0;
    letters[length++] = ':'; /* getopt tells a missing value apart and prints nothing */
    for (size_t i = 0; i < count; i++) {
        int takes = specs[i].value != NULL ? required_argument : no_argument;
        names[i] = (struct option){specs[i].name, takes, NULL, FIRST_CODE + (int)i};
        if (specs[i].letter == 0)
            continue;
        letters[length++] = specs[i].letter;
        if (specs[i].value != NULL)
            letters[length++] = ':';
    }
    letters[length] = '\0';
    names[count] = (struct option){NULL, 0, NULL, 0};

    optind = 0; /* glibc: forget an earlier command line */
    opterr = 0;
    int code;
    while ((code = getopt_long(argc, argv, letters, names, NULL)) != -1) {
        if (code == '?' || code == ':')
            return refuse(code, argv, error);
        size_t index = 0;
        if (code >= FIRST_CODE)
            index = (size_t)(code - FIRST_CODE);
        else
            while (specs[index].letter != code)
                index++;
        enum tutti_status status = callback(context, index, optarg, error);
        if (status != TUTTI_OK)
            return status;
    }
    *first_operand = optind;
    return TUTTI_OK;
}

void options_print_wrapped(FILE *stream, const char *text, size_t column, const char *prefix,
                           size_t width)
{
    const char *space = "";
    for (;;) {
        text += strspn(text, " ");
        size_t word = strcspn(text, " ");
        if (word == 0)
            break;
        if (*space != '\0' && column + 1 + word > width) {
            fprintf(stream, "\n%s", prefix);
            column = strlen(prefix);
            space = "";
        }
        fprintf(stream, "%s%.*s", space, (int)word, text);
        column += strlen(space) + word;
        space = " ";
        text += word;
    }
    fputc('\n', stream);
}

/* The help, followed by "(RANGE; default INITIAL)". */
static void print_help(FILE *stream, const struct option_spec *spec, const char *prefix)
{
    char text[1024];
    bool both = spec->range[0] != '\0' && spec->initial != NULL;
    if (spec->range[0] == '\0' && spec->initial == NULL)
        snprintf(text, sizeof text, "%s", spec->help);
    else
        snprintf(text, sizeof text, "%s (%s%s%s%s)", spec->help, spec->range, both ? "; " : "",
                 spec->initial != NULL ? "default " : "",
                 spec->initial != NULL ? spec->initial : "");
    options_print_wrapped(stream, text, HELP_COLUMN, prefix, HELP_WIDTH);
}

void options_print(FILE *stream, const struct option_spec *specs, size_t count)
{
    char prefix[HELP_COLUMN + 1];
    memset(prefix, ' ', HELP_COLUMN);
    prefix[HELP_COLUMN] = '\0';
    for (size_t i = 0; i < count; i++) {
        char letter[8] = "    ";
        if (specs[i].letter != 0)
            snprintf(letter, sizeof letter, "-%c, ", specs[i].letter);
        int length = fprintf(stream, "  %s--%s%s%s", letter, specs[i].name,
                             specs[i].value != NULL ? " " : "",
                             specs[i].value != NULL ? specs[i].value : "");
        if (length + 1 >= HELP_COLUMN)
            fprintf(stream, "\n%s", prefix);
        else
            fprintf(stream, "%*s", HELP_COLUMN - length, "");
        print_help(stream, &specs[i], prefix);
    }
}
