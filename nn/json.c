#include "nn/json.h"

#include "common/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *digits_end(const char *text)
{
    return text + strspn(text, "0123456789");
}

/* The length of the number at text (RFC 8259, section 6), or 0 if it is none. */
static size_t number_length(const char *text)
{
    const char *at = text + (*text == '-');
    const char *end = *at == '0' ? at + 1 : digits_end(at);
    if (end == at)
        return 0;
    if (*end == '.') {
        at = end + 1;
        end = digits_end(at);
        if (end == at)
            return 0;
    }
    if (*end == 'e' || *end == 'E') {
        at = end + 1;
        at += *at == '+' || *at == '-';
        end = digits_end(at);
        if (end == at)
            return 0;
    }
    return strchr("0123456789.+-eE", *end) == NULL || *end == '\0' ? (size_t)(end - text) : 0;
}

/* What cJSON would let pass, and what it would cut short: a NUL, so that two different names could
 * look equal. NULL if there is nothing of it. */
static const char *unfit_text(const char *text)
{
    bool in_string = false;
    enum text_kind kind;
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
        return "a byte order mark";
    for (size_t step; (step = text_next(text, &kind)) > 0; text += step) {
        if (kind == TEXT_INVALID)
            return "text that is not UTF-8";
        if (kind == TEXT_CONTROL && (in_string || strchr("\t\r\n", *text) == NULL))
            return "a control character";
        if (in_string && strncmp(text, "\\u0000", 6) == 0)
            return "an escaped NUL";
        if (*text == '"')
            in_string = !in_string;
        else if (in_string && *text == '\\' && (text[1] == '"' || text[1] == '\\'))
            step = 2;
        else if (!in_string && strchr("-0123456789", *text) != NULL)
            step = number_length(text);
        if (step == 0)
            return "a malformed number";
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

/* text ends with a 0. */
static cJSON *parse(const char *text, const char *place, struct tutti_error *error)
{
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithOpts(text, &end, 0);
    if (value == NULL) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT,
                        "%s: not valid JSON, or nested deeper than %d levels, at byte %zu", place,
                        CJSON_NESTING_LIMIT, end != NULL ? (size_t)(end - text) : (size_t)0);
        return NULL;
    }
    end += strspn(end, " \t\r\n");
    if (*end != '\0') {
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

cJSON *json_parse(const char *text, size_t length, const char *place, struct tutti_error *error)
{
    /* With a 0 behind it: cJSON before 1.7.18 reads one byte too many (CVE-2023-53154). */
    char *copy = malloc(length + 1);
    if (copy == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "%s: out of memory", place);
        return NULL;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    const char *unfit = strlen(copy) < length ? "a NUL byte" : unfit_text(copy);
    cJSON *value = NULL;
    if (unfit != NULL)
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: it holds %s", place, unfit);
    else
        value = parse(copy, place, error);
    free(copy);
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
