/* The INI file: read by inih, held against the table. */
#include "daemon/settings.h"
#include "daemon/settings_table.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#define LINES_MAX 10000 /* of a file that a person writes */

struct reading {
    struct settings *settings;
    FILE *stream;
    unsigned line;
    bool indented;                     /* the line: inih takes it as the continuation of a value */
    unsigned first[SETTINGS_KEYS_MAX]; /* the line where each key stood; 0: not yet */
    size_t list;                       /* the row of the list that a line may continue */
    char text[SETTINGS_TEXT_SIZE];     /* that list so far */
    char last[SETTINGS_LABEL_SIZE + 16]; /* the newest key, for messages */
    bool failed;
    unsigned failed_line;
    struct tutti_error *error;
};

static void fail(struct reading *reading, const char *reason, const char *subject)
{
    if (reading->failed)
        return;
    reading->failed = true;
    reading->failed_line = reading->line;
    tutti_error_set(reading->error, TUTTI_ERROR_FORMAT, "%s:%u: %s%.100s", reading->settings->file,
                    reading->line, reason, subject);
}

static void note(struct reading *reading, enum tutti_status status)
{
    reading->failed = status != TUTTI_OK;
    reading->failed_line = reading->line;
}

/* Of "source NAME", the name; NULL for any other section. */
static const char *source_name_of(const char *section)
{
    static const char word[] = "source";
    const size_t length = strlen(word);
    if (strncmp(section, word, length) != 0 || section[length] != ' ')
        return NULL;
    return section + length + strspn(section + length, " ");
}

static void begin_source(struct reading *reading, const char *name)
{
    struct tutti_error error;
    /* To inih it would be the rest of the value before. */
    if (reading->indented)
        fail(reading, "a section may not be indented: source ", name);
    else if (settings_add_source(reading->settings, name, reading->line, &error) == NULL)
        fail(reading, error.text, "");
}

/* inih cuts longer names short, and would take the keys of one section for those of another. */
#define INIH_SECTION_MAX 49

/* inih does not tell of sections, so that a misspelt one would hide until it has a key. */
static void check_section(struct reading *reading, const char *text)
{
    text += strspn(text, "\xef\xbb\xbf \t\r\v\f");
    if (*text != '[')
        return;
    reading->last[0] = '\0';
    size_t length = strcspn(++text, "]\r\n");
    for (size_t row = 0; row < settings_table_rows; row++) {
        const char *section = settings_table[row].section;
        if (strlen(section) == length && memcmp(section, text, length) == 0)
            return;
    }
    char name[80];
    snprintf(name, sizeof name, "%.*s", (int)length, text);
    const char *source = source_name_of(name);
    if (source != NULL) {
        begin_source(reading, source);
        if (!reading->failed && length > INIH_SECTION_MAX)
            fail(reading, "a section's name is too long: ", name);
        return;
    }
    fail(reading, "there is no section named ", name);
}

/* inih's reader: one line per call, like fgets(). inih would take the rest of a line that is too
 * long for a line of its own, and the part before a NUL for the whole. */
static char *read_line(char *text, int size, void *context)
{
    struct reading *reading = context;
    if (reading->failed || fgets(text, size, reading->stream) == NULL)
        return NULL;
    reading->line++;
    size_t length = strlen(text);
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
    reading->indented = text[0] != '\n' && isspace((unsigned char)text[0]);
    check_section(reading, text);
    return reading->failed ? NULL : text;
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
    note(reading, settings_store_threshold(settings, name, value, place, reading->error));
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
    note(reading, settings_store(reading->settings, row, reading->text, place, reading->error));
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
    if (source == NULL)
        fail(reading, "this key stands in no section that can be read: ", settings_table[row].key);
    else if (source->place[row].line != 0)
        refuse_second(reading, source->place[row].line, settings_table[row].key);
    else
        note(reading,
             settings_store_source(reading->settings, source, row, value, place, reading->error));
}

static void take(struct reading *reading, const char *section, const char *key, const char *value)
{
    struct settings_place place = {.origin = SETTINGS_FILE, .line = reading->line};
    size_t row = find_row(section, key);
    bool continues =
        reading->indented && strncmp(reading->last, key, sizeof reading->last - 1) == 0;
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
    note(reading, settings_store(reading->settings, row, value, place, reading->error));
}

static int handle(void *context, const char *section, const char *key, const char *value)
{
    struct reading *reading = context;
    if (!reading->failed)
        take(reading, section, key, value);
    return reading->failed ? 0 : 1;
}

enum tutti_status settings_read_file(struct settings *settings, const char *path,
                                     struct tutti_error *error)
{
    struct tutti_error ignored;
    struct reading reading = {.settings = settings, .error = error != NULL ? error : &ignored};
    if (strlen(path) >= sizeof settings->file)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "the path of the configuration is too long");
    reading.stream = fopen(path, "re");
    if (reading.stream == NULL)
        return tutti_error_set(error, errno == ENOENT ? TUTTI_ERROR_NOT_FOUND : TUTTI_ERROR_IO,
                               "cannot open the configuration %s: %s", path, strerror(errno));
    strcpy(settings->file, path);
    errno = 0;
    int malformed = ini_parse_stream(read_line, &reading, handle, &reading);
    int cause = ferror(reading.stream) != 0 ? errno : 0;
    fclose(reading.stream);
    /* inih goes on after a line that it cannot read. */
    if (malformed > 0 && (!reading.failed || (unsigned)malformed < reading.failed_line))
        return tutti_error_set(error, TUTTI_ERROR_FORMAT,
                               "%s:%d: this is neither [section], key = value, nor a comment", path,
                               malformed);
    if (reading.failed)
        return reading.error->status;
    if (cause != 0)
        return tutti_error_set(error, TUTTI_ERROR_IO, "cannot read the configuration %s: %s", path,
                               strerror(cause));
    if (malformed != 0)
        return tutti_error_set(error, TUTTI_ERROR_MEMORY, "no memory to read %s", path);
    return TUTTI_OK;
}
