#include "daemon/device_names.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The length of a name without its card number. */
static size_t stable_length(const char *name)
{
    const char *part = strrchr(name, '(');
    if (part == NULL || part == name || name[strlen(name) - 1] != ')')
        return strlen(name);
    if (strncmp(part, "(hw:", 4) != 0 && strncmp(part, "(plughw:", 8) != 0)
        return strlen(name);
    size_t length = (size_t)(part - name);
    while (length > 0 && name[length - 1] == ' ')
        length--;
    return length > 0 ? length : strlen(name);
}

static bool same_rest(const char *a, const char *b)
{
    const size_t length = stable_length(a);
    return length == stable_length(b) && memcmp(a, b, length) == 0;
}

static void make_name(struct source_device *device, bool rest_is_unique, bool name_is_unique)
{
    const char *name = device->system_name;
    const int length = rest_is_unique ? (int)stable_length(name) : (int)strlen(name);
    snprintf(device->name, sizeof device->name, "%s%s%.*s", name_is_unique ? "" : device->backend,
             name_is_unique ? "" : ": ", length, name);
}

void device_names_make_stable(struct source_device *devices, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool rest_is_unique = true;
        bool name_is_unique = true;
        for (size_t other = 0; other < count; other++) {
            if (other == i || !same_rest(devices[other].system_name, devices[i].system_name))
                continue;
            rest_is_unique = false;
            if (strcmp(devices[other].system_name, devices[i].system_name) == 0)
                name_is_unique = false;
        }
        make_name(&devices[i], rest_is_unique, name_is_unique);
    }
}

static bool is_default(const struct source_device *device, const char *text)
{
    (void)text;
    return device->is_default;
}

static bool has_name(const struct source_device *device, const char *text)
{
    return strcmp(device->name, text) == 0;
}

static bool has_system_name(const struct source_device *device, const char *text)
{
    return strcmp(device->system_name, text) == 0;
}

static bool fits(const struct source_device *device, const char *text)
{
    return fnmatch(text, device->name, FNM_CASEFOLD) == 0 || strcasestr(device->name, text) != NULL;
}

typedef bool device_test(const struct source_device *device, const char *text);

/* The first that passes the test, and how many do. */
static int find(const struct source_device *devices, size_t count, device_test *test,
                const char *text, size_t *found)
{
    int first = -1;
    *found = 0;
    for (size_t i = 0; i < count; i++) {
        if (!test(&devices[i], text))
            continue;
        if (first < 0)
            first = (int)i;
        (*found)++;
    }
    return first;
}

static bool is_any(const struct source_device *device, const char *text)
{
    (void)device;
    (void)text;
    return true;
}

/* The names of those that pass the test, "; " between them, cut to size. */
static void list_names(const struct source_device *devices, size_t count, device_test *test,
                       const char *text, char *list, size_t size)
{
    size_t length = 0;
    list[0] = '\0';
    for (size_t i = 0; i < count && length < size; i++) {
        if (!test(&devices[i], text))
            continue;
        const int n =
            snprintf(list + length, size - length, "%s%s", length > 0 ? "; " : "", devices[i].name);
        if (n < 0 || (size_t)n >= size - length) {
            snprintf(list + length, size - length, "%s", size - length > 4 ? " ..." : "");
            return;
        }
        length += (size_t)n;
    }
}

int device_names_find(const struct source_device *devices, size_t count, const char *text,
                      struct tutti_error *error)
{
    static device_test *const tests[] = {has_name, has_system_name, fits};
    char list[TUTTI_ERROR_TEXT_SIZE - 160];
    const bool wants_default = text[0] == '\0' || strcmp(text, "default") == 0;
    size_t found = 0;
    if (wants_default) {
        const int index = find(devices, count, is_default, text, &found);
        if (found > 0)
            return index;
    }
    for (size_t i = 0; i < sizeof tests / sizeof tests[0] && !wants_default && found == 0; i++) {
        const int index = find(devices, count, tests[i], text, &found);
        if (found == 1)
            return index;
        if (found > 1)
            list_names(devices, count, tests[i], text, list, sizeof list);
    }
    if (found == 0)
        list_names(devices, count, is_any, text, list, sizeof list);
    if (wants_default)
        text = "default";
    if (found > 1)
        tutti_error_set(error, TUTTI_ERROR_NOT_FOUND, "\"%.64s\" fits several input devices: %s",
                        text, list);
    else if (count == 0)
        tutti_error_set(error, TUTTI_ERROR_NOT_FOUND,
                        "there is no input device \"%.64s\": there is none at all", text);
    else
        tutti_error_set(error, TUTTI_ERROR_NOT_FOUND,
                        "there is no input device \"%.64s\"; there are: %s", text, list);
    return -1;
}
