#include "common/text.h"

#include <stdbool.h>
#include <string.h>

/* The length of the UTF-8 character at text, 0 if there is none. A 0 byte ends it early, too. */
static size_t utf8_length(const unsigned char *text)
{
    unsigned char first = text[0];
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    }
    return length;
}

size_t text_next(const char *text, enum text_kind *kind)
{
    const unsigned char *bytes = (const unsigned char *)text;
    *kind = TEXT_PLAIN;
    if (*bytes == '\0')
        return 0;
    size_t length = utf8_length(bytes);
    if (length == 0) {
        *kind = TEXT_INVALID;
        return 1;
    }
    bool second_set = bytes[0] == 0xC2 && bytes[1] < 0xA0;
    if (bytes[0] < 0x20 || bytes[0] == 0x7F || second_set)
        *kind = TEXT_CONTROL;
    return length;
}

void text_clean(char *text)
{
    char *to = text;
    enum text_kind kind;
    for (size_t length; (length = text_next(text, &kind)) > 0; text += length) {
        if (kind == TEXT_PLAIN) {
            memmove(to, text, length);
            to += length;
        } else {
            *to++ = '?';
        }
    }
    *to = '\0';
}

void text_replace(char *text, char from, char to)
{
    for (; *text != '\0'; text++) {
        if (*text == from)
            *text = to;
    }
}
