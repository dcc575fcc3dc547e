/* json_writer.c - see json_writer.h */
#include "daemon/json_writer.h"

#include "common/text.h"

#include <math.h>
#include <string.h>

#define LARGEST_EXACT 9007199254740992.0 /* 2^53 */

void json_writer_init(struct json_writer *writer, char *text, size_t size)
{
    *writer = (struct json_writer){.text = text, .size = size};
    text[0] = '\0';
}

static void append(struct json_writer *writer, const char *text, size_t length)
{
    if (length >= writer->size - writer->length) {
        writer->overflow = true;
        return;
    }
    memcpy(writer->text + writer->length, text, length);
    writer->length += length;
    writer->text[writer->length] = '\0';
}

void json_write_raw(struct json_writer *writer, const char *text)
{
    append(writer, text, strlen(text));
}

/* What comes before a value or key. */
static void separate(struct json_writer *writer)
{
    if (writer->comma) {
        append(writer, ",", 1);
    }
    writer->comma = true;
}

static void begin(struct json_writer *writer, const char *bracket)
{
    separate(writer);
    append(writer, bracket, 1);
    writer->comma = false;
}

static void end(struct json_writer *writer, const char *bracket)
{
    append(writer, bracket, 1);
    writer->comma = true;
}

void json_write_object_begin(struct json_writer *writer)
{
    begin(writer, "{");
}

void json_write_object_end(struct json_writer *writer)
{
    end(writer, "}");
}

void json_write_array_begin(struct json_writer *writer)
{
    begin(writer, "[");
}

void json_write_array_end(struct json_writer *writer)
{
    end(writer, "]");
}

static void append_escaped(struct json_writer *writer, unsigned char character)
{
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0', hex[character >> 4], hex[character & 15]};
    switch (character) {
    case '"':
    case '\\':
        append(writer, (char[]){'\\', (char)character}, 2);
        return;
    case '\n':
        append(writer, "\\n", 2);
        return;
    case '\t':
        append(writer, "\\t", 2);
        return;
    default:
        append(writer, escape, sizeof escape);
    }
}

static void append_string(struct json_writer *writer, const char *string)
{
    append(writer, "\"", 1);
    enum text_kind kind;
    for (size_t length; (length = text_next(string, &kind)) > 0; string += length) {
        if (kind == TEXT_INVALID) {
            append(writer, "\xEF\xBF\xBD", 3); /* U+FFFD */
        } else if (kind == TEXT_CONTROL || *string == '"' || *string == '\\') {
            /* The last byte is the character even of two: U+0080 to U+009F are C2 80 to C2 9F. */
            append_escaped(writer, (unsigned char)string[length - 1]);
        } else {
            append(writer, string, length);
        }
    }
    append(writer, "\"", 1);
}

void json_write_key(struct json_writer *writer, const char *key)
{
    separate(writer);
    append_string(writer, key);
    append(writer, ":", 1);
    writer->comma = false;
}

void json_write_string(struct json_writer *writer, const char *string)
{
    if (string == NULL) {
        json_write_null(writer);
        return;
    }
    separate(writer);
    append_string(writer, string);
}

/* The digits of value, at least width of them, into the end of digits[20]; returns where they
 * begin. */
static size_t to_digits(uint64_t value, unsigned width, char digits[20])
{
    size_t at = 20;
    while (value > 0 || at > 20 - width) {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    }
    return at;
}

void json_write_number(struct json_writer *writer, double value, unsigned decimals)
{
    static const double scale[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    decimals = decimals > 6 ? 6 : decimals;
    double scaled = round(value * scale[decimals]);
    if (!(fabs(scaled) <= LARGEST_EXACT)) { /* NaN, too */
        json_write_null(writer);
        return;
    }
    uint64_t count = (uint64_t)fabs(scaled);
    while (decimals > 0 && count % 10 == 0) {
        count /= 10;
        decimals--;
    }
    char digits[20];
    size_t at = to_digits(count, decimals + 1, digits);
    separate(writer);
    if (scaled < 0) {
        append(writer, "-", 1);
    }
    append(writer, digits + at, 20 - at - decimals);
    if (decimals > 0) {
        append(writer, ".", 1);
        append(writer, digits + 20 - decimals, decimals);
    }
}

void json_write_integer(struct json_writer *writer, uint64_t value)
{
    char digits[20];
    size_t at = to_digits(value, 1, digits);
    separate(writer);
    append(writer, digits + at, 20 - at);
}

void json_write_boolean(struct json_writer *writer, bool value)
{
    separate(writer);
    json_write_raw(writer, value ? "true" : "false");
}

void json_write_null(struct json_writer *writer)
{
    separate(writer);
    append(writer, "null", 4);
}
