/* json.h - strict reading of JSON texts that came from a model file.
 *
 * cJSON reads leniently: it lets the same key stand twice, ignores what follows the
 * text, keeps invalid UTF-8 and control characters, and takes 007 for a number. These
 * helpers add what a hostile file calls for, and
 * turn every refusal into a sentence with its place. Private to nn/.
 *
 * Each function that takes `place` uses it to open its message: "PLACE: reason".
 */
#ifndef TUTTI_NN_JSON_H
#define TUTTI_NN_JSON_H

#include "common/status.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* Parses the whole of text (length bytes, below SIZE_MAX; no terminating 0 needed). NULL
 * with *error filled when it is not one JSON value (RFC 8259), not UTF-8, holds a NUL
 * (also an escaped one), any other unescaped control character (common/text.h) but white
 * space between values, an object with a key twice, or nests deeper than
 * CJSON_NESTING_LIMIT. Where memory runs short inside cJSON it says that the text is not
 * valid. */
cJSON *json_parse(const char *text, size_t length, const char *place, struct tutti_error *error);

/* Whether value is an object with exactly the keys listed (ending with NULL); keys
 * that start with '?' may be absent. */
bool json_has_keys(const cJSON *value, const char *const *keys, const char *place,
                   struct tutti_error *error);

/* Whether value is an array; *length becomes the number of its elements. */
bool json_array(const cJSON *value, size_t min, size_t max, size_t *length, const char *place,
                struct tutti_error *error);

/* The number or text of a key of an object, within limits. */
bool json_integer(const cJSON *object, const char *key, long min, long max, long *value,
                  const char *place, struct tutti_error *error);
bool json_number(const cJSON *object, const char *key, double min, double max, double *value,
                 const char *place, struct tutti_error *error);
bool json_string(const cJSON *object, const char *key, const char **value, const char *place,
                 struct tutti_error *error);

/* Sorts and looks for two equal neighbours; the first one found, or NULL. */
const char *json_first_duplicate(const char **names, size_t count);

#endif
