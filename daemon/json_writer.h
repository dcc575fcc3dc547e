/* json_writer.h - JSON text into memory that the caller owns.
 *
 * The publisher's thread may not allocate, and a tree of objects on the heap
 * (cJSON) is a wasteful way to a line of text; so this writes the text directly.
 * What comes out is always valid JSON: strings are escaped and made valid UTF-8,
 * a number that is not finite becomes null, and the decimal point does not depend
 * on the locale. The caller opens and closes in the right order.
 *
 * A struct json_writer is a plain value; it belongs to one thread. No allocation.
 */
#ifndef TUTTI_DAEMON_JSON_WRITER_H
#define TUTTI_DAEMON_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_writer {
    char *text;    /* always terminated by a 0 byte */
    size_t size;   /* of text, with the 0 byte; at least 1 */
    size_t length; /* without the 0 byte */
    bool overflow; /* something did not fit: the text is cut, and not to be used */
    bool comma;    /* private: a comma comes before the next value or key */
};

void json_writer_init(struct json_writer *writer, char *text, size_t size);

void json_write_object_begin(struct json_writer *writer);
void json_write_object_end(struct json_writer *writer);
void json_write_array_begin(struct json_writer *writer);
void json_write_array_end(struct json_writer *writer);
void json_write_key(struct json_writer *writer, const char *key);

/* NULL is written as null. Bytes that are not UTF-8 become U+FFFD. */
void json_write_string(struct json_writer *writer, const char *string);

/* Rounded to at most 0 to 6 decimals, without trailing zeros: 0.25, -7.5, 3. null
 * if the value is not finite, or beyond what its digits can hold exactly (2^53). */
void json_write_number(struct json_writer *writer, double value, unsigned decimals);
void json_write_integer(struct json_writer *writer, uint64_t value);
void json_write_boolean(struct json_writer *writer, bool value);
void json_write_null(struct json_writer *writer);

/* Appends text as it is, for what surrounds the JSON. */
void json_write_raw(struct json_writer *writer, const char *text);

#endif
