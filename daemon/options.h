/* options.h - command-line options described by a table: parsing, and the list
 * that --help prints.
 *
 * One entry describes one option; the same entries give both, so that help and
 * behaviour cannot differ. Long options may be written --name VALUE or
 * --name=VALUE and abbreviated while unambiguous; "--" ends the options. Options
 * and operands may stand in any order.
 *
 * Threads: options_parse() from one thread at a time, because it uses getopt_long(3).
 */
#ifndef TUTTI_DAEMON_OPTIONS_H
#define TUTTI_DAEMON_OPTIONS_H

#include "common/status.h"

#include <stddef.h>
#include <stdio.h>

#define OPTIONS_MAX 64

struct option_spec {
    char letter;         /* 'c' for -c; 0: none */
    const char *name;    /* "config" for --config; never NULL */
    const char *value;   /* what follows it, "FILE"; NULL: nothing */
    const char *help;    /* any length; wrapped when printed */
    char range[80];      /* what the value may be, "0.01 to 60"; "": not said */
    const char *initial; /* the default; NULL: not said */
};

/* Called for each option in the order of the command line; value is NULL where
 * the option takes none. What it returns, unless TUTTI_OK, ends the parsing. */
typedef enum tutti_status option_callback(void *context, size_t index, const char *value,
                                          struct tutti_error *error);

/* Parses argv[1 ... argc-1] by specs[count] (count <= OPTIONS_MAX). argv is
 * reordered so that the operands come last; *first_operand is the index of the
 * first of them, argc if there is none. TUTTI_ERROR_ARGUMENT with a sentence in
 * *error for an option that is unknown or ambiguous, lacks its value, or has one
 * that it does not take; otherwise what the callback returned. */
enum tutti_status options_parse(int argc, char **argv, const struct option_spec *specs,
                                size_t count, option_callback *callback, void *context,
                                int *first_operand, struct tutti_error *error);

/* Prints the options, aligned and wrapped to 80 columns, each with its range and default. */
void options_print(FILE *stream, const struct option_spec *specs, size_t count);

/* Prints text wrapped to lines of at most width columns. Each line but the first
 * begins with `prefix`; the first one is taken to begin at column `column`. Ends
 * with a newline. */
void options_print_wrapped(FILE *stream, const char *text, size_t column, const char *prefix,
                           size_t width);

#endif
