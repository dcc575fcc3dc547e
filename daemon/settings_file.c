/* The INI file: read by inih, held against the table. */
#include "daemon/settings.h"
#include "daemon/settings_table.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#define LINES_MAX 10000 /* of a file that a person writes */

enum line_kind {
    LINE_EMPTY, /* or a comment */
    LINE_SECTION,
    LINE_KEY,       /* or what should be one: inih has not called us yet */
    LINE_TAKEN_KEY, /* it has */
};

struct reading {
    struct settings *settings;
    FILE *stream;
    unsigned line;
    enum line_kind kind;               /* of the line */
    bool indented;                     /* the line: inih takes it as the continuation of a value */
    bool in_refused;                   /* the section was refused, and its keys are passed over */
    bool after_mistake;                /* the newest key was wrong: so is what continues it */
    bool after_malformed;              /* the same of a line that is no key */
    bool stopped;                      /* no more of the file can be read, or need be */
    unsigned first[SETTINGS_KEYS_MAX]; /* the line where each key stood; 0: not yet */
    size_t list;                       /* the row of the list that a line may continue */
    char text[SETTINGS_TEXT_SIZE];     /* that list so far */
    char last[SETTINGS_LABEL_SIZE + 16]; /* the newest key, for messages */
};

/* A mistake is noted, and reading goes on to find others. */
static void note(struct reading *reading, enum tutti_status status, const struct tutti_error *error)
{
    struct settings *settings = reading->settings;
    if (status == TUTTI_OK)
        return;
    reading->after_mistake = true;
    if (settings->mistakes < SETTINGS_MISTAKES_MAX)
        settings->mistake[settings->mistakes++] = *error;
    else
        settings->more_mistakes = reading->stopped = true;
}

static void fail(struct reading *reading, const char *reason, const char *subject)
{
    struct tutti_error error;
    tutti_error_set(&error, TUTTI_ERROR_FORMAT, "%s:%u: %s%.100s", reading->settings->file,
                    reading->line, reason, subject);
    note(reading, TUTTI_ERROR_FORMAT, &error);
}

static const char malformed_line[] = "this is neither [section], key = value, nor a comment";

/* Of "source NAME", the name; NULL for any other section. */
static const char *source_name_of(const char *section)
{
    static const char word[] = "source";
    const size_t length = strlen(word);
    if (strncmp(section, word, length) != 0 || section[length] != ' ')
        return NULL;
    return section + length + strspn(section + length, " ");
}

/* inih cuts longer names short, and would take the keys of one section for those of another. */
#define INIH_SECTION_MAX 49

/* Of the section with this name of a source. False: refused. */
static bool begin_source(struct reading *reading, const char *section, const char *name)
{
    struct tutti_error error;
    if (settings_add_source(reading->settings, name, reading->line, &error) == NULL)
        fail(reading, error.text, "");
    else if (strlen(section) > INIH_SECTION_MAX)
        fail(reading, "a section's name is too long: ", section);
    else
        return true;
    return false;
}

/* inih does not tell of sections, so that a misspelt one would hide until it has a key. text is the
 * line behind its '['. False: refused. */
static bool begin_section(struct reading *reading, const char *text)
{
    const size_t length = strcspn(text, "]\r\n");
    if (text[length] != ']') {
        fail(reading, malformed_line, "");
        return false;
    }
    char name[80];
    snprintf(name, sizeof name, "%.*s", (int)length, text);
    if (reading->indented) { /* to inih it would be the rest of the value before */
        fail(reading, "a section may not be indented: ", name);
        return false;
    }
    for (size_t row = 0; row < settings_table_rows; row++) {
        const char *section = settings_table[row].section;
        if (strlen(section) == length && memcmp(section, text, length) == 0)
            return true;
    }
    const char *source = source_name_of(name);
    if (source != NULL)
        return begin_source(reading, name, source);
    fail(reading, "there is no section named ", name);
    return false;
}

static void look_at_line(struct reading *reading, const char *text)
{
    reading->indented = text[0] != '\n' && isspace((unsigned char)text[0]);
    text += strspn(text, "\xef\xbb\xbf \t\r\n\v\f");
    reading->kind = *text == '['                  ? LINE_SECTION
                    : strchr(";#", *text) != NULL ? LINE_EMPTY /* or the end of it */
                                                  : LINE_KEY;
    if (reading->kind != LINE_SECTION)
        return;
    reading->last[0] = '\0';
    reading->in_refused = !begin_section(reading, text + 1);
}

/* inih calls us for each key that it can read: a line for which it did not is none. What is
 * indented behind such a line was meant to continue it. */
static void look_back(struct reading *reading)
{
    const bool malformed = reading->kind == LINE_KEY && !reading->in_refused;
    if (malformed && !(reading->indented && reading->after_malformed))
        fail(reading, malformed_line, "");
    if (reading->kind != LINE_EMPTY)
        reading->after_malformed = malformed;
    reading->kind = LINE_EMPTY;
}

/* inih's reader: one line per call, like fgets(). inih would take the rest of a line that is too
 * long for a line of its own, and the part before a NUL for the whole. */
static char *read_line(char *text, int size, void *context)
{
    struct reading *reading = context;
    look_back(reading);
    if (reading->stopped || fgets(text, size, reading->stream) == NULL)
        return NULL;
    reading->line++;
    size_t length = strlen(text);
    reading->stopped = true;
    if (length == 0 || (text[length - 1] != '\n' && !feof(reading->stream))) {
        char reason[120];
        snprintf(reason, sizeof reason,
                 "the line holds a NUL, or more than %d bytes (a list may continue on indented "
                 "lines)",
                 size - 2);
        fail(reading, reason, "");
        return NULL;
    }
    if (reading->line > LINES_MAX) {
        fail(reading, "more lines than a configuration can have", "");
        return NULL;
    }
    reading->stopped = false;
    look_at_line(reading, text);
    return reading->stopped ? NULL : text;
}

static size_t find_row(const char *section, const char *key)
{
    size_t row = 0;
    if (source_name_of(section) != NULL)
        section = "source";
    for (; row < settings_table_rows; row++) {
        const struct settings_row *candidate = &settings_table[row];
        if (strcmp(candidate->section, section) != 0)
            continue;
        size_t length = strlen(candidate->key);
        if (candidate->type == SETTINGS_THRESHOLDS) {
            if (strncmp(key, candidate->key, length) == 0 && key[length] == '.')
                break;
        } else if (strcmp(candidate->key, key) == 0) {
            break;
        }
    }
    return row;
}

static void take_threshold(struct reading *reading, const char *name, const char *value,
                           struct settings_place place)
{
    struct settings *settings = reading->settings;
    char label[SETTINGS_LABEL_SIZE] = "";
    (void)settings_read_label(name, label); /* what is none is refused below */
    for (size_t i = 0; i < settings->thresholds; i++) {
        if (settings->threshold[i].place.origin == SETTINGS_FILE &&
            strcmp(settings->threshold[i].label, label) == 0) {
            fail(reading, "this threshold is set twice: ", label);
            return;
        }
    }
    struct tutti_error error;
    note(reading, settings_store_threshold(settings, name, value, place, &error), &error);
}

static void take_continuation(struct reading *reading, size_t row, const char *value,
                              struct settings_place place)
{
    if (settings_table[row].type != SETTINGS_LIST || reading->list != row) {
        fail(reading, "an indented line continues a list, and this is none: ", reading->last);
        return;
    }
    size_t length = strlen(reading->text);
    if (length + 1 + strlen(value) >= sizeof reading->text) {
        fail(reading, "the list is too long: ", reading->last);
        return;
    }
    snprintf(reading->text + length, sizeof reading->text - length, " %s", value);
    struct tutti_error error;
    note(reading, settings_store(reading->settings, row, reading->text, place, &error), &error);
}

static void refuse_second(struct reading *reading, unsigned line, const char *key)
{
    char reason[80];
    snprintf(reason, sizeof reason, "this key was set in line %u already: ", line);
    fail(reading, reason, key);
}

/* A key of [source NAME]. */
static void take_source(struct reading *reading, struct settings_source *source, size_t row,
                        const char *value, struct settings_place place)
{
    struct tutti_error error;
    if (source == NULL)
        fail(reading, "this key stands in no section that can be read: ", settings_table[row].key);
    else if (source->place[row].line != 0)
        refuse_second(reading, source->place[row].line, settings_table[row].key);
    else
        note(reading, settings_store_source(reading->settings, source, row, value, place, &error),
             &error);
}

/* continues: the line is more of the value of the key before. */
static void take(struct reading *reading, const char *section, const char *key, const char *value,
                 bool continues)
{
    struct settings_place place = {.origin = SETTINGS_FILE, .line = reading->line};
    size_t row = find_row(section, key);
    snprintf(reading->last, sizeof reading->last, "%s", key);
    if (row == settings_table_rows) {
        char reason[160];
        snprintf(reason, sizeof reason, "there is no key in section [%.60s] named ", section);
        fail(reading, section[0] == '\0' ? "this key stands before any section: " : reason, key);
        return;
    }
    if (continues) {
        take_continuation(reading, row, value, place);
        return;
    }
    if (settings_table[row].type == SETTINGS_THRESHOLDS) {
        take_threshold(reading, key + strlen(settings_table[row].key) + 1, value, place);
        return;
    }
    const char *name = source_name_of(section);
    if (name != NULL) {
        take_source(reading, settings_find_source(reading->settings, name), row, value, place);
        return;
    }
    if (reading->first[row] != 0) {
        refuse_second(reading, reading->first[row], key);
        return;
    }
    reading->first[row] = reading->line;
    reading->list = row;
    snprintf(reading->text, sizeof reading->text, "%s", value);
    struct tutti_error error;
    note(reading, settings_store(reading->settings, row, value, place, &error), &error);
}

static int handle(void *context, const char *section, const char *key, const char *value)
{
    struct reading *reading = context;
    reading->kind = LINE_TAKEN_KEY;
    if (reading->in_refused || reading->stopped)
        return 1;
    const bool continues =
        reading->indented && strncmp(reading->last, key, sizeof reading->last - 1) == 0;
    if (continues && reading->after_mistake)
        return 1;
    reading->after_mistake = false;
    take(reading, section, key, value, continues);
    return 1;
}

enum tutti_status settings_read_file(struct settings *settings, const char *path,
                                     struct tutti_error *error)
{
    struct reading reading = {.settings = settings};
    if (strlen(path) >= sizeof settings->file)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "the path of the configuration is too long");
    reading.stream = fopen(path, "re");
    if (reading.stream == NULL)
        return tutti_error_set(error, errno == ENOENT ? TUTTI_ERROR_NOT_FOUND : TUTTI_ERROR_IO,
                               "cannot open the configuration %s: %s", path, strerror(errno));
    strcpy(settings->file, path);
    settings->mistakes = 0;
    settings->more_mistakes = false;
    errno = 0;
    int malformed = ini_parse_stream(read_line, &reading, handle, &reading);
    int cause = ferror(reading.stream) != 0 ? errno : 0;
    fclose(reading.stream);
    if (settings->mistakes > 0) {
        struct tutti_error broken;
        if (cause != 0) /* so that there may be other mistakes as well */
            note(&reading,
                 tutti_error_set(&broken, TUTTI_ERROR_IO, "cannot read the rest of %s: %s", path,
                                 strerror(cause)),
                 &broken);
        if (error != NULL)
            *error = settings->mistake[0];
        return settings->mistake[0].status;
    }
    if (cause != 0)
        return tutti_error_set(error, TUTTI_ERROR_IO, "cannot read the configuration %s: %s", path,
                               strerror(cause));
    if (malformed > 0) /* for inih alone */
        return tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s:%d: %s", path, malformed,
                               malformed_line);
    if (malformed != 0)
        return tutti_error_set(error, TUTTI_ERROR_MEMORY, "no memory to read %s", path);
    return TUTTI_OK;
}
