#include "daemon/settings.h"

#include "daemon/number.h"
#include "daemon/settings_table.h"

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

static void describe(const struct settings *settings, const struct settings_row *row,
                     struct settings_place place, char *text, size_t size)
{
    switch (place.origin) {
    case SETTINGS_FILE:
        snprintf(text, size, "%s:%u: [%s] %s", settings->file, place.line, row->section, row->key);
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
    if (row < settings_table_rows)
        describe(settings, &settings_table[row], settings->place[row], text, size);
}

static enum tutti_status refuse(const struct settings *settings, const struct settings_row *row,
                                struct settings_place place, const char *text, const char *reason,
                                struct tutti_error *error)
{
    char where[TUTTI_ERROR_TEXT_SIZE];
    describe(settings, row, place, where, sizeof where);
    return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "%s: '%.100s' %s", where, text, reason);
}

/* Reads text into a value of *row's type at `value`; on failure *reason says what it should be. */
static bool read_value(const struct settings_row *row, const char *text, void *value,
                       char reason[TUTTI_ERROR_TEXT_SIZE])
{
    bool is_word = row->word != NULL && strcmp(text, row->word) == 0;
    char range[RANGE_SIZE];
    settings_describe_range(row, range, sizeof range);
    snprintf(reason, TUTTI_ERROR_TEXT_SIZE, "is not %s", range);

    if (row->type == SETTINGS_NUMBER) {
        double number;
        if (!number_parse(text, &number) || number < row->minimum || number > row->maximum)
            return false;
        memcpy(value, &number, sizeof number);
    } else if (row->type == SETTINGS_WHOLE) {
        uint64_t whole = 0;
        if (!is_word && (!number_parse_unsigned(text, (uint64_t)row->maximum, &whole) ||
                         whole < (uint64_t)row->minimum))
            return false;
        memcpy(value, &(unsigned){(unsigned)whole}, sizeof(unsigned));
    } else if (row->type == SETTINGS_CHOICE) {
        unsigned index = 0;
        while (row->choices[index] != NULL && strcmp(row->choices[index], text) != 0)
            index++;
        if (row->choices[index] == NULL)
            return false;
        memcpy(value, &index, sizeof index);
    } else {
        snprintf(reason, TUTTI_ERROR_TEXT_SIZE, "is empty");
        if (*text == '\0' && !row->may_be_empty)
            return false;
        snprintf(reason, TUTTI_ERROR_TEXT_SIZE, "is longer than %d bytes", SETTINGS_TEXT_SIZE - 1);
        if (strlen(text) >= SETTINGS_TEXT_SIZE)
            return false;
        struct tutti_error error;
        if (row->check != NULL && row->check(text, &error) != TUTTI_OK) {
            snprintf(reason, TUTTI_ERROR_TEXT_SIZE, "is refused: %.400s", error.text);
            return false;
        }
        strcpy(value, is_word ? "" : text);
    }
    return true;
}

enum tutti_status settings_store(struct settings *settings, size_t row, const char *text,
                                 struct settings_place place, struct tutti_error *error)
{
    union {
        double number;
        unsigned whole;
        char text[SETTINGS_TEXT_SIZE];
    } value;
    char reason[TUTTI_ERROR_TEXT_SIZE];
    const struct settings_row *definition = &settings_table[row];
    if (!read_value(definition, text, &value, reason))
        return refuse(settings, definition, place, text, reason, error);
    if (place.origin < settings->place[row].origin)
        return TUTTI_OK;

    char *field = (char *)settings + definition->offset;
    if (definition->type == SETTINGS_NUMBER)
        memcpy(field, &value.number, sizeof value.number);
    else if (definition->type == SETTINGS_WHOLE || definition->type == SETTINGS_CHOICE)
        memcpy(field, &value.whole, sizeof value.whole);
    else
        strcpy(field, value.text);
    settings->place[row] = place;
    return TUTTI_OK;
}

static bool is_label(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && length < SETTINGS_LABEL_SIZE && text[length] == '\0';
}

enum tutti_status settings_store_threshold(struct settings *settings, const char *label,
                                           const char *text, struct settings_place place,
                                           struct tutti_error *error)
{
    const struct settings_row *row = &settings_table[find_option("threshold")];
    char range[RANGE_SIZE];
    char reason[RANGE_SIZE + 16];
    settings_describe_range(row, range, sizeof range);
    snprintf(reason, sizeof reason, "is not %s", range);
    if (!is_label(label))
        return refuse(settings, row, place, label,
                      "is not the name of an instrument (a to z, 0 to 9 and _)", error);
    double value;
    if (!number_parse(text, &value) || value < row->minimum || value > row->maximum)
        return refuse(settings, row, place, text, reason, error);

    size_t index = 0;
    while (index < settings->thresholds && strcmp(settings->threshold[index].label, label) != 0)
        index++;
    if (index == MAX_LABELS)
        return refuse(settings, row, place, label, "is one threshold too many", error);
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
