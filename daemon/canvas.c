#include "daemon/canvas.h"

#include "common/text.h"

#include <string.h>
#include <wchar.h>

#define ALL_COLUMNS 10000u

void canvas_init(struct canvas *canvas, char *text, size_t size, unsigned columns, bool utf8,
                 enum canvas_palette palette)
{
    *canvas = (struct canvas){
        .text = text, .size = size, .columns = columns, .utf8 = utf8, .palette = palette};
    text[0] = '\0';
}

static void append(struct canvas *canvas, const char *bytes, size_t length)
{
    if (canvas->length + length >= canvas->size)
        return;
    memcpy(canvas->text + canvas->length, bytes, length);
    canvas->length += length;
    canvas->text[canvas->length] = '\0';
}

void canvas_set_style(struct canvas *canvas, enum canvas_style style)
{
    static const char *const codes[][3] = {
        [CANVAS_PLAIN] = {"", "\033[m", "\033[m"},
        [CANVAS_DIM] = {"", "\033[0;2m", "\033[0;2m"},
        [CANVAS_STRONG] = {"", "\033[0;1m", "\033[0;1m"},
        [CANVAS_GOOD] = {"", "\033[0;1m", "\033[0;1;32m"},
        [CANVAS_WAIT] = {"", "\033[0;1m", "\033[0;1;33m"},
        [CANVAS_BAD] = {"", "\033[0;1m", "\033[0;1;31m"},
    };
    if (style == canvas->style)
        return;
    canvas->style = style;
    const char *code = codes[style][canvas->palette];
    append(canvas, code, strlen(code));
}

/* The number of a character of valid UTF-8. */
static wchar_t decode(const char *text, size_t length)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned value = (unsigned char)text[0] & masks[length];
    for (size_t i = 1; i < length; i++)
        value = value << 6 | ((unsigned char)text[i] & 0x3fu);
    return (wchar_t)value;
}

/* The character at text as it is to be written: its bytes (*taken of the text), what stands for it
 * in *shown, and its columns. 0 bytes at the end. */
struct character {
    const char *shown;
    size_t length;
    unsigned columns;
};

static size_t next_character(const struct canvas *canvas, const char *text,
                             struct character *character)
{
    enum text_kind kind;
    const size_t length = text_next(text, &kind);
    *character = (struct character){"?", 1, 1};
    if (length == 0 || kind != TEXT_PLAIN || (length > 1 && !canvas->utf8))
        return length;
    const int columns = length == 1 ? 1 : wcwidth(decode(text, length));
    if (columns >= 0)
        *character = (struct character){text, length, (unsigned)columns};
    return length;
}

static unsigned width_up_to(const struct canvas *canvas, const char *text, unsigned most)
{
    unsigned columns = 0;
    struct character character;
    for (size_t length; columns <= most; text += length) {
        length = next_character(canvas, text, &character);
        if (length == 0)
            break;
        columns += character.columns;
    }
    return columns;
}

unsigned canvas_width(const struct canvas *canvas, const char *text)
{
    return width_up_to(canvas, text, ALL_COLUMNS);
}

static void write_cut(struct canvas *canvas, const char *text, unsigned most, bool capital)
{
    const unsigned left = canvas->columns - canvas->column;
    const unsigned room = most < left ? most : left;
    const bool cut = width_up_to(canvas, text, room) > room;
    if (cut && room == 0)
        return;
    const unsigned end = canvas->column + room - (cut ? 1 : 0);
    struct character character;
    for (size_t length; (length = next_character(canvas, text, &character)) > 0; text += length) {
        if (canvas->column + character.columns > end)
            break;
        const char letter = (char)(*text - 'a' + 'A');
        if (capital && *text >= 'a' && *text <= 'z')
            append(canvas, &letter, 1);
        else
            append(canvas, character.shown, character.length);
        capital = false;
        canvas->column += character.columns;
    }
    if (cut)
        canvas_put(canvas, "…", '~');
}

void canvas_write(struct canvas *canvas, const char *text, unsigned most_columns)
{
    write_cut(canvas, text, most_columns, false);
}

void canvas_write_capitalized(struct canvas *canvas, const char *text, unsigned most_columns)
{
    write_cut(canvas, text, most_columns, true);
}

void canvas_put(struct canvas *canvas, const char *sign, char ascii)
{
    if (canvas->column >= canvas->columns)
        return;
    if (canvas->utf8)
        append(canvas, sign, strlen(sign));
    else
        append(canvas, &ascii, 1);
    canvas->column++;
}

void canvas_pad(struct canvas *canvas, unsigned column)
{
    while (canvas->column < column && canvas->column < canvas->columns) {
        append(canvas, " ", 1);
        canvas->column++;
    }
}

void canvas_end_line(struct canvas *canvas)
{
    canvas_set_style(canvas, CANVAS_PLAIN);
    append(canvas, "\n", 1);
    canvas->column = 0;
}
