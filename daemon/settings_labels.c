/* [labels]: names of instruments, held against the labels of a model. */
#include "daemon/settings.h"
#include "daemon/settings_table.h"

#include <string.h>

#define SEPARATORS ", \t"

struct label_set {
    const char *const *labels;
    size_t count;
};

static enum tutti_status refuse(const struct settings *settings, const char *option,
                                const struct settings_place *place, const char *name,
                                const struct label_set *set, struct tutti_error *error)
{
    char where[TUTTI_ERROR_TEXT_SIZE];
    if (place != NULL && place->origin == SETTINGS_FILE)
        snprintf(where, sizeof where, "%.300s:%u: [labels] %s.%.63s", settings->file, place->line,
                 option, name);
    else if (place != NULL)
        snprintf(where, sizeof where, "option --%s", option);
    else
        settings_describe_place(settings, option, where, sizeof where);

    char known[TUTTI_ERROR_TEXT_SIZE];
    size_t length = 0;
    for (size_t i = 0; i < set->count && length < sizeof known; i++)
        length += (size_t)snprintf(known + length, sizeof known - length, "%s%s", i > 0 ? ", " : "",
                                   set->labels[i]);
    return tutti_error_set(error, TUTTI_ERROR_NOT_FOUND,
                           "%s: the model knows no instrument '%.63s'; it knows %s", where, name,
                           known);
}

static char fold(char c)
{
    return (char)(c == ' ' || c == '-' ? '_' : c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool settings_read_label(const char *text, char label[SETTINGS_LABEL_SIZE])
{
    char name[SETTINGS_LABEL_SIZE];
    size_t length = 0;
    for (; text[length] != '\0' && length + 1 < sizeof name; length++)
        name[length] = fold(text[length]);
    name[length] = '\0';
    if (length == 0 || text[length] != '\0' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
        return false;
    memcpy(label, name, length + 1);
    return true;
}

/* Whether a list begins with the label, as people may write it. */
static bool begins_with(const char *list, const char *label)
{
    size_t length = 0;
    while (label[length] != '\0' && fold(list[length]) == label[length])
        length++;
    return label[length] == '\0' && (list[length] == '\0' || strchr(SEPARATORS, list[length]));
}

/* The longest label that a list begins with: a space may separate two, or be part of one. */
static size_t find(const struct label_set *set, const char *list)
{
    size_t found = set->count;
    for (size_t i = 0; i < set->count; i++) {
        if (begins_with(list, set->labels[i]) &&
            (found == set->count || strlen(set->labels[i]) > strlen(set->labels[found])))
            found = i;
    }
    return found;
}

/* Sets enabled[] of each label that the list of an option names. */
static enum tutti_status apply_list(const struct settings *settings, const char *option,
                                    const char *list, const struct label_set *set, bool value,
                                    bool *enabled, struct tutti_error *error)
{
    for (;;) {
        list += strspn(list, SEPARATORS);
        if (*list == '\0')
            return TUTTI_OK;
        size_t index = find(set, list);
        if (index == set->count) {
            char name[SETTINGS_LABEL_SIZE]; /* which may have spaces: to the next comma */
            size_t length = strcspn(list, ",");
            while (length > 1 && strchr(SEPARATORS, list[length - 1]) != NULL)
                length--;
            snprintf(name, sizeof name, "%.*s", (int)length, list);
            return refuse(settings, option, NULL, name, set, error);
        }
        enabled[index] = value;
        list += strlen(set->labels[index]);
    }
}

enum tutti_status settings_labels(const struct settings *settings, const char *const *labels,
                                  size_t count, float *threshold, bool *enabled,
                                  struct tutti_error *error)
{
    struct label_set set = {labels, count};
    bool all = settings->include[strspn(settings->include, SEPARATORS)] == '\0';
    for (size_t i = 0; i < count; i++)
        enabled[i] = all;
    enum tutti_status status =
        apply_list(settings, "include", settings->include, &set, true, enabled, error);
    if (status == TUTTI_OK)
        status = apply_list(settings, "exclude", settings->exclude, &set, false, enabled, error);
    if (status != TUTTI_OK)
        return status;
    for (size_t i = 0; i < settings->thresholds; i++) {
        const struct settings_threshold *wanted = &settings->threshold[i];
        size_t index = find(&set, wanted->label);
        if (index == count)
            return refuse(settings, "threshold", &wanted->place, wanted->label, &set, error);
        threshold[index] = (float)wanted->value;
    }
    for (size_t i = 0; i < count; i++) {
        if (enabled[i])
            return TUTTI_OK;
    }
    char include[TUTTI_ERROR_TEXT_SIZE];
    char exclude[TUTTI_ERROR_TEXT_SIZE];
    settings_describe_place(settings, "include", include, sizeof include);
    settings_describe_place(settings, "exclude", exclude, sizeof exclude);
    if (all)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "%.200s: leaves no instrument to listen for", exclude);
    return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                           "%.200s, and %.200s: together they leave no instrument to listen for",
                           include, exclude);
}
