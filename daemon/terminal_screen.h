/* terminal_screen.h - the whole of a terminal as a picture that is drawn anew again and again, and
 * what was there before once that is over.
 *
 * Each picture is written at once, and only if it differs from the one before. Keys are read one by
 * one and not shown. It is a plain value that belongs to one thread; there is one at most.
 */
#ifndef TUTTI_DAEMON_TERMINAL_SCREEN_H
#define TUTTI_DAEMON_TERMINAL_SCREEN_H

#include "common/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct terminal_screen {
    bool entered;
    bool keys; /* standard input is a terminal, too */
    struct termios before;
    char *picture; /* what is shown; NULL: nothing yet */
    char *bytes;   /* to be written */
    size_t size;   /* of picture */
};

/* Whether stdout is a terminal that can do it: TERM is neither missing nor "dumb". */
bool terminal_screen_possible(void);

/* For pictures of at most size bytes, their 0 byte included. */
enum tutti_status terminal_screen_init(struct terminal_screen *screen, size_t size,
                                       struct tutti_error *error);
void terminal_screen_free(struct terminal_screen *screen); /* leaves it first */

/* Takes the terminal: another screen, no cursor. */
void terminal_screen_enter(struct terminal_screen *screen);

/* Gives it back as it was. */
void terminal_screen_leave(struct terminal_screen *screen);

/* 80 x 24 where the terminal does not say. */
void terminal_screen_measure(unsigned *columns, unsigned *rows);

/* Shows lines separated by '\n', of fewer columns than the terminal has. False: it cannot be
 * written to any more. */
bool terminal_screen_show(struct terminal_screen *screen, const char *picture);

/* The terminal may show something else: the next picture is written in any case. */
void terminal_screen_forget(struct terminal_screen *screen);

/* The next key that was pressed, 0 if there is none. Does not wait. */
char terminal_screen_key(struct terminal_screen *screen);

#endif
