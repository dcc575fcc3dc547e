/* program.h - what the programs tuttid and tutti have in common: exit statuses,
 * --help and --version, complaints, opening the model, the end of the output.
 *
 * Used by one thread, the program's first one.
 */
#ifndef TUTTI_DAEMON_PROGRAM_H
#define TUTTI_DAEMON_PROGRAM_H

#include "common/status.h"
#include "daemon/options.h"
#include "daemon/settings.h"
#include "nn/model.h"

#include <limits.h>
#include <stddef.h>

enum program_exit {
    PROGRAM_OK = 0,
    PROGRAM_FAILED = 1, /* something that was asked for could not be done */
    PROGRAM_USAGE = 2,  /* the command line or the configuration is wrong: nothing was done */
};

/* One of the options that every program and command has. */
#define PROGRAM_OPTION_HELP                                                                        \
    {                                                                                              \
        .letter = 'h', .name = "help", .help = "Show this help and exit."                          \
    }

/* Opens /dev/null for standard input, output and error where whoever started the program has closed
 * them: a file or socket that got their number would be taken for them. Nothing can be read from
 * it, and writing to it fails. First of all in main(). */
void program_hold_descriptors(void);

/* Prints "NAME: text" to stderr and returns `result`. */
enum program_exit program_fail(const char *name, enum program_exit result,
                               const struct tutti_error *error);

/* Prints "NAME: warning: ..." to stderr, with '?' for the characters of control in it. */
void program_warn(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a wrong command line: adds where help is, returns PROGRAM_USAGE. */
enum program_exit program_misused(const char *name, const struct tutti_error *error);

/* Prints the usage line, what the program does, its options, and `more` (paragraphs or NULL). */
void program_print_help(const char *usage, const char *purpose, const struct option_spec *specs,
                        size_t count, const char *more);

/* Opens the model at path; "" is the one that belongs to the program (model_path.h). found becomes
 * the path that was used. */
struct model *program_open_model(const char *path, char found[PATH_MAX], struct tutti_error *error);

/* The threshold from which on each label of the model enters, and whether it is told at all: the
 * model's own and what the settings say of them. Both arrays hold MODEL_LABELS_MAX. Errors as of
 * settings_labels(). */
enum tutti_status program_labels(const struct settings *settings, const struct model *model,
                                 float *threshold, bool *enabled, struct tutti_error *error);

/* Whether this processor has the kernel that was set, if one was; *error says which there are. */
enum tutti_status program_check_kernel(const struct settings *settings, struct tutti_error *error);

/* Prints a name that someone else chose to stdout, with '?' for its control characters, which could
 * make a terminal do things, and for what is not UTF-8. */
void program_print_name(const char *name);

/* Flushes stdout; PROGRAM_FAILED, with a complaint unless the reader has just gone away, if not
 * everything could be written, otherwise `result`. */
enum program_exit program_end_output(const char *name, enum program_exit result);

/* The end of a program that could not write to stdout: PROGRAM_FAILED, with a complaint unless the
 * reader has just gone away. cause: errno of that; 0: not known. */
enum program_exit program_fail_output(const char *name, int cause);

#endif
