#include "daemon/settings.h"

#include "daemon/number.h"
#include "daemon/settings_table.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANGE_SIZE 160

struct settings *settings_new(void)
{
    struct settings *settings = calloc(1, sizeof *settings);
    if (settings == NULL)
        return NULL;
    struct settings_place place = {.origin = SETTINGS_DEFAULT};
    strcpy(settings->source.name, SETTINGS_PLAIN_SOURCE);
    for (size_t row = 0; row < settings_table_rows; row++) {
        if (settings_table[row].type == SETTINGS_THRESHOLDS)
            continue;
        if (settings_store(settings, row, settings_table[row].initial, place, NULL) != TUTTI_OK) {
            free(settings); /* the test of the table makes sure that this does not happen */
            return NULL;
        }
    }
    return settings;
}

void settings_free(struct settings *settings)
{
    if (settings == NULL)
        return;
    free(settings->named);
    free(settings);
}

void settings_describe_range(const struct settings_row *row, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    if (row->type == SETTINGS_CHOICE) {
        for (const char *const *choice = row->choices; *choice != NULL && length < size; choice++) {
            const char *before = choice == row->choices ? "" : choice[1] == NULL ? " or " : ", ";
            length += (size_t)snprintf(text + length, size - length, "%s%s", before, *choice);
        }
        return;
    }
    if (row->type == SETTINGS_TEXT || row->type == SETTINGS_LIST)
        return;
    if (row->word != NULL)
        length = (size_t)snprintf(text, size, "%s or ", row->word);
    if (length < size)
        snprintf(text + length, size - length, "%.10g to %.10g", row->minimum, row->maximum);
}

static size_t find_option(const char *option)
{
    size_t row = 0;
    while (row < settings_table_rows && strcmp(settings_table[row].option, option) != 0)
        row++;
    return row;
}

/* name: of a source, "" for a section without */
static void describe(const struct settings *settings, const struct settings_row *row,
                     const char *name, struct settings_place place, char *text, size_t size)
{
    switch (place.origin) {
    case SETTINGS_FILE:
        snprintf(text, size, "%s:%u: [%s%s%s] %s", settings->file, place.line, row->section,
                 *name != '\0' ? " " : "", name, row->key);
        break;
    case SETTINGS_ENVIRONMENT:
        snprintf(text, size, "environment variable %s", row->environment);
        break;
    case SETTINGS_OPTION:
        snprintf(text, size, "option --%s", row->option);
        break;
    case SETTINGS_DEFAULT:
        snprintf(text, size, "default of [%s] %s", row->section, row->key);
        break;
    }
}

void settings_describe_place(const struct settings *settings, const char *option, char *text,
                             size_t size)
{
    size_t row = find_option(option);
    text[0] = '\0';
    if (row < SETTINGS_SOURCE_KEYS)
        settings_describe_source(settings, &settings->source, row, text, size);
    else if (row < settings_table_rows)
        describe(settings, &settings_table[row], "", settings->place[row], text, size);
}

void settings_describe_source(const struct settings *settings, const struct settings_source *source,
                              size_t row, char *text, size_t size)
{
    describe(settings, &settings_table[row], source->line != 0 ? source->name : "",
             source->place[row], text, size);
}

/* A refusal that names the place. */
static enum tutti_status refuse(const struct settings *settings, const struct settings_row *row,
                                const char *name, struct settings_place place,
                                const struct tutti_error *reason, struct tutti_error *error)
{
    char where[TUTTI_ERROR_TEXT_SIZE];
    describe(settings, row, name, place, where, sizeof where);
    return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "%s: %s", where, reason->text);
}

static enum tutti_status wrong(struct tutti_error *reason, const char *text, const char *what)
{
    return tutti_error_set(reason, TUTTI_ERROR_ARGUMENT, "'%.100s' is %s", text, what);
}

static enum tutti_status out_of_range(struct tutti_error *reason, const struct settings_row *row,
                                      const char *text)
{
    char range[RANGE_SIZE];
    settings_describe_range(row, range, sizeof range);
    return tutti_error_set(reason, TUTTI_ERROR_ARGUMENT, "'%.100s' is not %s", text, range);
}

union value {
    double number;
    unsigned whole;
    char text[SETTINGS_TEXT_SIZE];
};

static enum tutti_status read_number(const struct settings_row *row, const char *text,
                                     double *number, struct tutti_error *reason)
{
    if (!number_parse(text, number) || *number < row->minimum || *number > row->maximum)
        return out_of_range(reason, row, text);
    return TUTTI_OK;
}

static enum tutti_status read_text(const struct settings_row *row, const char *text, char *value,
                                   struct tutti_error *reason)
{
    if (row->word != NULL && strcmp(text, row->word) == 0)
        text = "";
    else if (*text == '\0' && !row->may_be_empty)
        return wrong(reason, text, "empty");
    else if (strlen(text) >= SETTINGS_TEXT_SIZE)
        return wrong(reason, text, "too long");
    else if (row->check != NULL && row->check(text, reason) != TUTTI_OK)
        return TUTTI_ERROR_ARGUMENT;
    strcpy(value, text);
    return TUTTI_OK;
}

/* Reads text as a value of the row's type; on failure *reason says what it should be. */
static enum tutti_status read_value(const struct settings_row *row, const char *text,
                                    union value *value, struct tutti_error *reason)
{
    uint64_t whole = 0;
    switch (row->type) {
    case SETTINGS_NUMBER:
        return read_number(row, text, &value->number, reason);
    case SETTINGS_WHOLE:
        if (!(row->word != NULL && strcmp(text, row->word) == 0) &&
            (!number_parse_unsigned(text, (uint64_t)row->maximum, &whole) ||
             whole < (uint64_t)row->minimum))
            return out_of_range(reason, row, text);
        value->whole = (unsigned)whole;
        return TUTTI_OK;
    case SETTINGS_CHOICE:
        for (value->whole = 0; row->choices[value->whole] != NULL; value->whole++) {
            if (strcmp(row->choices[value->whole], text) == 0)
                return TUTTI_OK;
        }
        return out_of_range(reason, row, text);
    default:
        return read_text(row, text, value->text, reason);
    }
}

/* Where a value goes. */
struct target {
    char *field;
    struct settings_place *place;
    const char *name; /* of the source; "": of none, or the plain one */
};

static enum tutti_status store(const struct settings *settings, size_t row,
                               const struct target *target, const char *text,
                               struct settings_place place, struct tutti_error *error)
{
    union value value;
    struct tutti_error reason;
    const struct settings_row *definition = &settings_table[row];
    if (read_value(definition, text, &value, &reason) != TUTTI_OK)
        return refuse(settings, definition, target->name, place, &reason, error);
    if (place.origin < target->place->origin)
        return TUTTI_OK;

    char *field = target->field;
    if (definition->type == SETTINGS_NUMBER)
        memcpy(field, &value.number, sizeof value.number);
    else if (definition->type == SETTINGS_WHOLE || definition->type == SETTINGS_CHOICE)
        memcpy(field, &value.whole, sizeof value.whole);
    else
        strcpy(field, value.text);
    *target->place = place;
    return TUTTI_OK;
}

enum tutti_status settings_store(struct settings *settings, size_t row, const char *text,
                                 struct settings_place place, struct tutti_error *error)
{
    if (row < SETTINGS_SOURCE_KEYS)
        return settings_store_source(settings, &settings->source, row, text, place, error);
    const struct target target = {.field = (char *)settings + settings_table[row].offset,
                                  .place = &settings->place[row],
                                  .name = ""};
    return store(settings, row, &target, text, place, error);
}

enum tutti_status settings_store_source(const struct settings *settings,
                                        struct settings_source *source, size_t row,
                                        const char *text, struct settings_place place,
                                        struct tutti_error *error)
{
    const size_t offset = settings_table[row].offset - offsetof(struct settings, source);
    const struct target target = {.field = (char *)source + offset,
                                  .place = &source->place[row],
                                  .name = source->line != 0 ? source->name : ""};
    return store(settings, row, &target, text, place, error);
}

enum tutti_status settings_store_threshold(struct settings *settings, const char *name,
                                           const char *text, struct settings_place place,
                                           struct tutti_error *error)
{
    const struct settings_row *row = &settings_table[find_option("threshold")];
    struct tutti_error reason;
    double value;
    enum tutti_status status = TUTTI_OK;
    char label[SETTINGS_LABEL_SIZE] = "";
    if (!settings_read_label(name, label))
        status = wrong(&reason, name, "not the name of an instrument (a to z, 0 to 9 and _)");
    else
        status = read_number(row, text, &value, &reason);
    size_t index = 0;
    while (index < settings->thresholds && strcmp(settings->threshold[index].label, label) != 0)
        index++;
    if (status == TUTTI_OK && index == MAX_LABELS)
        status = wrong(&reason, label, "one threshold too many");
    if (status != TUTTI_OK)
        return refuse(settings, row, "", place, &reason, error);

    struct settings_threshold *threshold = &settings->threshold[index];
    if (index == settings->thresholds) {
        settings->thresholds++;
        strcpy(threshold->label, label);
    } else if (place.origin < threshold->place.origin) {
        return TUTTI_OK;
    }
    threshold->value = value;
    threshold->place = place;
    return TUTTI_OK;
}

enum tutti_status settings_read_environment(struct settings *settings, struct tutti_error *error)
{
    struct settings_place place = {.origin = SETTINGS_ENVIRONMENT};
    for (size_t row = 0; row < settings_table_rows; row++) {
        const char *variable = settings_table[row].environment;
        const char *text = variable != NULL ? getenv(variable) : NULL;
        if (text == NULL || *text == '\0')
            continue;
        enum tutti_status status = settings_store(settings, row, text, place, error);
        if (status != TUTTI_OK)
            return status;
    }
    return TUTTI_OK;
}

/* LABEL=NUMBER */
static enum tutti_status set_threshold_option(struct settings *settings, const char *value,
                                              struct tutti_error *error)
{
    char label[SETTINGS_LABEL_SIZE];
    size_t length = strcspn(value, "=");
    if (value[length] == '\0' || length >= sizeof label)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "option --threshold: '%.100s' is not of the form LABEL=P", value);
    memcpy(label, value, length);
    label[length] = '\0';
    return settings_store_threshold(settings, label, value + length + 1,
                                    (struct settings_place){.origin = SETTINGS_OPTION}, error);
}

enum tutti_status settings_set_option(struct settings *settings, const char *option,
                                      const char *value, struct tutti_error *error)
{
    size_t row = find_option(option);
    if (row == settings_table_rows)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "unknown option --%s", option);
    if (settings_table[row].type == SETTINGS_THRESHOLDS)
        return set_threshold_option(settings, value, error);
    return settings_store(settings, row, value, (struct settings_place){.origin = SETTINGS_OPTION},
                          error);
}

static struct option_spec spec_of(const struct settings_row *row)
{
    struct option_spec spec = {.name = row->option, .value = row->value, .help = row->help};
    settings_describe_range(row, spec.range, sizeof spec.range);
    if (row->initial != NULL && row->initial[0] != '\0')
        spec.initial = row->initial;
    return spec;
}

size_t settings_options(struct option_spec *specs, size_t capacity)
{
    for (size_t row = 0; row < settings_table_rows && row < capacity; row++)
        specs[row] = spec_of(&settings_table[row]);
    return settings_table_rows;
}

bool settings_option(const char *option, struct option_spec *spec)
{
    size_t row = find_option(option);
    if (row == settings_table_rows)
        return false;
    *spec = spec_of(&settings_table[row]);
    return true;
}
