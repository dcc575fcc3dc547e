/* [source] and [source NAME]: which sources there are. */
#include "daemon/settings.h"
#include "daemon/settings_table.h"

#include <stdlib.h>
#include <string.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
#define STANDARD_INPUT "-"

enum { INPUT_ROW = 0, AT_END_ROW = 5 }; /* of the table */

bool settings_is_source_name(const char *name)
{
    const size_t length = strlen(name);
    return length > 0 && length < SETTINGS_NAME_SIZE && strspn(name, NAME_CHARACTERS) == length;
}

static enum tutti_status check_name(const struct settings *settings, const char *name,
                                    struct tutti_error *error)
{
    if (!settings_is_source_name(name))
        return tutti_error_set(error, TUTTI_ERROR_FORMAT,
                               "'%.64s' is not the name of a source: 1 to %d letters, digits, - "
                               "and _",
                               name, SETTINGS_NAME_SIZE - 1);
    if (strcmp(name, SETTINGS_PLAIN_SOURCE) == 0)
        return tutti_error_set(error, TUTTI_ERROR_FORMAT,
                               "'%s' is the name of the plain [source]; choose another", name);
    const struct settings_source *other = settings_find_source(settings, name);
    if (other != NULL)
        return tutti_error_set(error, TUTTI_ERROR_FORMAT, "[source %s] stands in line %u already",
                               name, other->line);
    if (settings->named_count == MAX_SOURCES)
        return tutti_error_set(error, TUTTI_ERROR_FORMAT, "more than %d sources", MAX_SOURCES);
    return TUTTI_OK;
}

struct settings_source *settings_find_source(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->named_count; i++) {
        if (strcmp(settings->named[i].name, name) == 0)
            return &settings->named[i];
    }
    return NULL;
}

struct settings_source *settings_add_source(struct settings *settings, const char *name,
                                            unsigned line, struct tutti_error *error)
{
    if (check_name(settings, name, error) != TUTTI_OK)
        return NULL;
    struct settings_source *named =
        realloc(settings->named, (settings->named_count + 1) * sizeof *named);
    if (named == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for a source");
        return NULL;
    }
    settings->named = named;
    struct settings_source *source = &named[settings->named_count];
    memset(source, 0, sizeof *source);
    strcpy(source->name, name);
    source->line = line;
    const struct settings_place place = {.origin = SETTINGS_DEFAULT};
    for (size_t row = 0; row < SETTINGS_SOURCE_KEYS; row++) {
        if (settings_store_source(settings, source, row, settings_table[row].initial, place,
                                  error) != TUTTI_OK)
            return NULL;
    }
    settings->named_count++;
    return source;
}

/* Beside named sources the plain one counts only with an input: then a key of it without one is
 * meant for something else. */
static enum tutti_status check_plain(const struct settings *settings, struct tutti_error *error)
{
    for (size_t row = 0; row < SETTINGS_SOURCE_KEYS; row++) {
        if (settings->source.place[row].origin == SETTINGS_DEFAULT)
            continue;
        char where[TUTTI_ERROR_TEXT_SIZE];
        settings_describe_source(settings, &settings->source, row, where, sizeof where);
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "%.300s: it is for the plain [source] alone, which beside named "
                               "sources needs an input; each [source NAME] has its own %s",
                               where, settings_table[row].key);
    }
    return TUTTI_OK;
}

static enum tutti_status check_inputs(const struct settings *settings,
                                      const struct settings_source *const *sources, size_t count,
                                      struct tutti_error *error)
{
    const struct settings_source *reader = NULL;
    char where[TUTTI_ERROR_TEXT_SIZE];
    for (size_t i = 0; i < count; i++) {
        if (strcmp(sources[i]->input, STANDARD_INPUT) != 0)
            continue;
        if (sources[i]->at_end == SETTINGS_AT_END_REPEAT) {
            settings_describe_source(settings, sources[i], AT_END_ROW, where, sizeof where);
            return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                                   "%.300s: standard input cannot be repeated, only a file can",
                                   where);
        }
        if (reader != NULL) {
            settings_describe_source(settings, sources[i], INPUT_ROW, where, sizeof where);
            return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                                   "%.300s: standard input is read by the source %s already", where,
                                   reader->name);
        }
        reader = sources[i];
    }
    return TUTTI_OK;
}

enum tutti_status settings_sources(const struct settings *settings,
                                   const struct settings_source **sources, size_t *count,
                                   struct tutti_error *error)
{
    const struct settings_source *found[MAX_SOURCES + 1];
    size_t number = 0;
    if (settings->named_count == 0 || settings->source.place[INPUT_ROW].origin != SETTINGS_DEFAULT)
        found[number++] = &settings->source;
    else if (check_plain(settings, error) != TUTTI_OK)
        return TUTTI_ERROR_ARGUMENT;
    for (size_t i = 0; i < settings->named_count; i++)
        found[number++] = &settings->named[i];
    if (number > MAX_SOURCES)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "%.300s:%u: [source %s] is one too many: %d sources at most, with "
                               "the plain [source]",
                               settings->file, found[number - 1]->line, found[number - 1]->name,
                               MAX_SOURCES);
    if (check_inputs(settings, found, number, error) != TUTTI_OK)
        return TUTTI_ERROR_ARGUMENT;
    *count = number;
    if (sources != NULL)
        memcpy(sources, found, number * sizeof *found);
    return TUTTI_OK;
}

void settings_explain_input(const struct settings *settings, const struct settings_source *source,
                            const struct tutti_error *reason, struct tutti_error *error)
{
    if (source->place[INPUT_ROW].origin != SETTINGS_FILE) {
        if (settings->named_count > 0)
            tutti_error_set(error, reason->status, "source %s: %.400s", source->name, reason->text);
        else
            *error = *reason;
        return;
    }
    const bool quoted = strchr("\"'", source->input[0]) != NULL && source->input[0] != '\0';
    const bool commented = strstr(source->input, " #") != NULL;
    char where[TUTTI_ERROR_TEXT_SIZE];
    settings_describe_source(settings, source, INPUT_ROW, where, sizeof where);
    tutti_error_set(error, reason->status, "%.200s: %.220s%s", where, reason->text,
                    quoted      ? " (quotes are part of a value here: leave them away)"
                    : commented ? " (a comment in the line of a value begins with ;)"
                                : "");
}
