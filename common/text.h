/* text.h - text that somebody else chose, such as the name of a file, of a device
 * or of a model, before it goes to a terminal, a log or a file.
 *
 * Control characters are those of ASCII, DEL, and U+0080 to U+009F, the second
 * set of ISO 6429, whose members stand for ESC and another character: a terminal
 * obeys them just the same.
 *
 * No state, no allocation; any thread.
 */
#ifndef TUTTI_COMMON_TEXT_H
#define TUTTI_COMMON_TEXT_H

#include <stddef.h>

enum text_kind {
    TEXT_PLAIN,   /* a character that can be shown */
    TEXT_CONTROL, /* a control character */
    TEXT_INVALID, /* a byte that is no UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing
                     above U+10FFFF) */
};

/* The bytes of the character at text, 1 to 4, and its kind; 0 at the end of the text. */
size_t text_next(const char *text, enum text_kind *kind);

/* Replaces whatever is not TEXT_PLAIN by '?', in place; the text may become shorter. */
void text_clean(char *text);

/* Puts another byte in the place of each byte that is `from`; neither is 0. */
void text_replace(char *text, char from, char to);

#endif
