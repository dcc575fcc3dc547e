/* The sample configuration, written from the table. */
#include "daemon/settings.h"
#include "daemon/settings_table.h"

#include <string.h>

#define WIDTH 80
#define PREFIX "# "

static void print_comment(FILE *stream, const char *text)
{
    fputs(PREFIX, stream);
    options_print_wrapped(stream, text, strlen(PREFIX), PREFIX, WIDTH);
}

static void print_row(FILE *stream, const struct settings_row *row)
{
    fputc('\n', stream);
    print_comment(stream, row->help);
    char range[160];
    settings_describe_range(row, range, sizeof range);
    if (range[0] != '\0')
        fprintf(stream, PREFIX "%s: %s.\n", row->type == SETTINGS_CHOICE ? "One of" : "Range",
                range);
    if (row->environment != NULL)
        fprintf(stream, PREFIX "The environment variable %s overrides it.\n", row->environment);
    if (row->type == SETTINGS_THRESHOLDS)
        fprintf(stream, PREFIX "By default they are the model's. For example:\n#%s.piano = 0.4\n",
                row->key);
    else if (row->initial[0] == '\0')
        fprintf(stream, "#%s =\n", row->key);
    else
        fprintf(stream, "#%s = %s\n", row->key, row->initial);
}

static void print_more_sources(FILE *stream)
{
    fputc('\n', stream);
    print_comment(stream,
                  "Several sources at once: each has a section of its own with a name, any of the "
                  "keys above, and the defaults for the others. Nothing of the plain [source] goes "
                  "into them; it is a source as well, named '" SETTINGS_PLAIN_SOURCE
                  "', if it has an input. Names are of letters, digits, - and _. The program ends "
                  "when all sources have ended. For example, two microphones:");
    fputs("#\n"
          "# [source stage]\n"
          "# input = *USB*\n"
          "# gain_db = 6\n"
          "#\n"
          "# [source hall]\n"
          "# input = *Webcam*\n",
          stream);
}

void settings_print_sample(FILE *stream)
{
    fputs("# tuttid.conf: the settings of tuttid, the daemon that hears which instruments\n"
          "# play. Every key is here with its default. To change one, take the # away from\n"
          "# its line. Options of the command line override what is written here.\n"
          "#\n"
          "# A line that begins with # or ; is a comment, and so is the rest of a line from\n"
          "# a ; that follows a space. A list may continue on lines that are indented.\n",
          stream);
    const char *section = "";
    for (size_t row = 0; row < settings_table_rows; row++) {
        if (row == SETTINGS_SOURCE_KEYS)
            print_more_sources(stream);
        if (strcmp(section, settings_table[row].section) != 0)
            fprintf(stream, "\n[%s]\n", settings_table[row].section);
        section = settings_table[row].section;
        print_row(stream, &settings_table[row]);
    }
}
