/* json_read.h - single values out of JSON that somebody else sent, each checked before it is used.
 *
 * A value that is missing, of another kind or out of range is the same: false, with the target
 * untouched. No state; any thread.
 */
#ifndef TUTTI_DAEMON_JSON_READ_H
#define TUTTI_DAEMON_JSON_READ_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* A finite number from least to most. */
bool json_read_number(const cJSON *object, const char *key, double least, double most,
                      double *value);

bool json_read_boolean(const cJSON *object, const char *key, bool *value);

/* A string, as text that can be shown: see json_read_text(). */
bool json_read_string(const cJSON *object, const char *key, char *text, size_t size);

/* Copies as much of `from` as fits in size bytes (at least 1) with the 0 byte, by whole characters.
 * '?' stands for control characters and for what is not UTF-8; characters without a width that turn
 * the direction of writing or hide in it are left out. */
void json_read_text(const char *from, char *text, size_t size);

#endif
