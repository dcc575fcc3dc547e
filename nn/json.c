#include "nn/json.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The length of the UTF-8 sequence at p (RFC 3629, section 4), or 0 if it is none. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
    bool beyond = p[0] == 0xf4 && p[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : length;
}

/* A NUL would cut C strings short, so that two different names could look equal. */
static const char *unfit_text(const char *text, size_t length)
{
    const unsigned char *p = (const unsigned char *)text;
    for (size_t at = 0; at < length;) {
        if (p[at] == 0)
            return "a NUL byte";
        if (length - at >= 6 && memcmp(text + at, "\\u0000", 6) == 0)
            return "an escaped NUL";
        size_t step = utf8_sequence(p + at, length - at);
        if (step == 0)
            return "text that is not UTF-8";
        at += step;
    }
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *json_first_duplicate(const char **names, size_t count)
{
    if (count < 2)
        return NULL;
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            return names[i];
    }
    return NULL;
}

static bool object_keys_differ(const cJSON *object, const char *place, struct tutti_error *error)
{
    size_t count = 0;
    for (const cJSON *child = object->child; child != NULL; child = child->next)
        count++;
    if (count < 2)
        return true;
    const char **names = calloc(count, sizeof *names);
    if (names == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "%s: out of memory", place);
        return false;
    }
    size_t at = 0;
    for (const cJSON *child = object->child; child != NULL; child = child->next)
        names[at++] = child->string;
    const char *duplicate = json_first_duplicate(names, count);
    if (duplicate != NULL)
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: the key \"%.100s\" is there twice", place,
                        duplicate);
    free(names);
    return duplicate == NULL;
}

/* Recursion is bounded by the parser's nesting limit. */
static bool keys_differ(const cJSON *value, const char *place, struct tutti_error *error)
{
    if (cJSON_IsObject(value) && !object_keys_differ(value, place, error))
        return false;
    for (const cJSON *child = value->child; child != NULL; child = child->next) {
        if (child->child != NULL && !keys_differ(child, place, error))
            return false;
    }
    return true;
}

cJSON *json_parse(const char *text, size_t length, const char *place, struct tutti_error *error)
{
    const char *unfit = unfit_text(text, length);
    if (unfit != NULL) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: it holds %s", place, unfit);
        return NULL;
    }
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(text, length, &end, 0);
    if (value == NULL) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT,
                        "%s: not valid JSON, or nested deeper than %d levels, at byte %zu", place,
                        CJSON_NESTING_LIMIT, end != NULL ? (size_t)(end - text) : (size_t)0);
        return NULL;
    }
    while (end < text + length && strchr(" \t\r\n", *end) != NULL)
        end++;
    if (end != text + length) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT,
                        "%s: something follows the JSON text at byte %zu", place,
                        (size_t)(end - text));
        cJSON_Delete(value);
        return NULL;
    }
    if (!keys_differ(value, place, error)) {
        cJSON_Delete(value);
        return NULL;
    }
    return value;
}

bool json_has_keys(const cJSON *value, const char *const *keys, const char *place,
                   struct tutti_error *error)
{
    if (!cJSON_IsObject(value)) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: an object is expected", place);
        return false;
    }
    for (const cJSON *child = value->child; child != NULL; child = child->next) {
        const char *const *key = keys;
        while (*key != NULL && strcmp(*key + (**key == '?'), child->string) != 0)
            key++;
        if (*key == NULL) {
            tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: unknown key \"%.100s\"", place,
                            child->string);
            return false;
        }
    }
    for (const char *const *key = keys; *key != NULL; key++) {
        if (**key != '?' && cJSON_GetObjectItemCaseSensitive(value, *key) == NULL) {
            tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: the key \"%s\" is missing", place,
                            *key);
            return false;
        }
    }
    return true;
}

bool json_array(const cJSON *value, size_t min, size_t max, size_t *length, const char *place,
                struct tutti_error *error)
{
    if (!cJSON_IsArray(value)) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: an array is expected", place);
        return false;
    }
    *length = 0;
    for (const cJSON *child = value->child; child != NULL; child = child->next)
        ++*length;
    if (*length < min || *length > max) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: %zu elements where %zu to %zu are expected",
                        place, *length, min, max);
        return false;
    }
    return true;
}

bool json_number(const cJSON *object, const char *key, double min, double max, double *value,
                 const char *place, struct tutti_error *error)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item)) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: \"%s\" is no number", place, key);
        return false;
    }
    if (!(item->valuedouble >= min && item->valuedouble <= max)) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: \"%s\" is %g, allowed are %g to %g", place,
                        key, item->valuedouble, min, max);
        return false;
    }
    *value = item->valuedouble;
    return true;
}

bool json_integer(const cJSON *object, const char *key, long min, long max, long *value,
                  const char *place, struct tutti_error *error)
{
    double number;
    if (!json_number(object, key, (double)min, (double)max, &number, place, error))
        return false;
    if (number != floor(number)) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: \"%s\" is %g, a whole number is expected",
                        place, key, number);
        return false;
    }
    *value = (long)number;
    return true;
}

bool json_string(const cJSON *object, const char *key, const char **value, const char *place,
                 struct tutti_error *error)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsString(item)) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: \"%s\" is no text", place, key);
        return false;
    }
    *value = item->valuestring;
    return true;
}
