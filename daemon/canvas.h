/* canvas.h - lines of text for a terminal, in memory that the caller owns: so many columns wide and
 * no more, with styles, and with nothing that a terminal would obey but these.
 *
 * A plain value that belongs to one thread. No allocation, no I/O. How wide a character is depends
 * on the locale (LC_CTYPE), as wcwidth(3) has it.
 */
#ifndef TUTTI_DAEMON_CANVAS_H
#define TUTTI_DAEMON_CANVAS_H

#include <stdbool.h>
#include <stddef.h>

enum canvas_style { CANVAS_PLAIN, CANVAS_DIM, CANVAS_STRONG, CANVAS_GOOD, CANVAS_WAIT, CANVAS_BAD };

/* Which styles there are: none at all; bold and dim; colours as well. */
enum canvas_palette { CANVAS_BARE, CANVAS_MONOCHROME, CANVAS_COLOURED };

struct canvas {
    char *text;       /* what was written; ends with a 0 byte */
    size_t size;      /* of text, with the 0 byte; what does not fit is left out */
    size_t length;    /* without the 0 byte */
    unsigned columns; /* of each line */
    unsigned column;  /* of this line that are written */
    bool utf8;        /* otherwise ASCII alone, '?' for the rest */
    enum canvas_palette palette;
    enum canvas_style style;
};

void canvas_init(struct canvas *canvas, char *text, size_t size, unsigned columns, bool utf8,
                 enum canvas_palette palette);

/* From here on; a line ends plain. */
void canvas_set_style(struct canvas *canvas, enum canvas_style style);

/* Text that anybody may have chosen, of at most so many columns and no more than the line has left;
 * where it is cut an ellipsis says so. */
void canvas_write(struct canvas *canvas, const char *text, unsigned most_columns);

/* The same for text with its first letter as a capital, if that is one of a to z. */
void canvas_write_capitalized(struct canvas *canvas, const char *text, unsigned most_columns);

/* One of two signs, each one column wide: for UTF-8, and for ASCII. */
void canvas_put(struct canvas *canvas, const char *sign, char ascii);

/* Blanks up to a column; none if that is passed already. */
void canvas_pad(struct canvas *canvas, unsigned column);

/* Ends the line. */
void canvas_end_line(struct canvas *canvas);

/* The columns that canvas_write() takes for all of a text. */
unsigned canvas_width(const struct canvas *canvas, const char *text);

#endif
