/* settings.h - what a person can set: one table of keys, three ways to set them.
 *
 * The keys of [source] may stand several times: each section [source NAME] is a source of
 * its own, which nothing of the plain [source] goes into. The plain one is what the
 * options of the command line set. It is a source as well if nothing else is named, or if
 * its input is set, by the file or an option.
 *
 * The table in settings_table.c gives each key its section, type, default, range,
 * help and long option. Out of it come the defaults, the reading of the INI file,
 * the command-line options and their --help, and the sample file (tuttid
 * --print-config). What is more particular wins: option, then environment, then
 * file, then default.
 *
 * Everything is checked when it is read; a refusal names the place (file and line,
 * option or variable), the key, the value and what it may be. What depends on the
 * model, the labels, is checked by settings_labels().
 *
 * Threads: settings belong to one thread while they are read; after that they are
 * only read. Memory is taken only in settings_new() and by the INI reader meanwhile.
 */
#ifndef TUTTI_DAEMON_SETTINGS_H
#define TUTTI_DAEMON_SETTINGS_H

#include "common/status.h"
#include "daemon/log.h"
#include "daemon/messages.h"
#include "daemon/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define SETTINGS_TEXT_SIZE 4096
#define SETTINGS_LABEL_SIZE 64 /* models/FORMAT.md */
#define SETTINGS_KEYS_MAX 32
#define SETTINGS_SOURCE_KEYS 6       /* of [source], the first ones in the table */
#define SETTINGS_NAME_SIZE 33        /* of a source, with the 0 byte */
#define SETTINGS_MISTAKES_MAX 20     /* of a file, that are told at once */
#define SETTINGS_PLAIN_SOURCE "main" /* the name of the plain [source] */

enum settings_at_end { SETTINGS_AT_END_EXIT, SETTINGS_AT_END_REPEAT, SETTINGS_AT_END_STAY };

/* Where a value comes from; later ones win over earlier ones. */
enum settings_origin {
    SETTINGS_DEFAULT,
    SETTINGS_FILE,
    SETTINGS_ENVIRONMENT,
    SETTINGS_OPTION,
};

struct settings_place {
    enum settings_origin origin;
    unsigned line; /* of the file; 0 elsewhere */
};

struct settings_threshold {
    char label[SETTINGS_LABEL_SIZE];
    double value;
    struct settings_place place;
};

/* [source], or [source NAME] */
struct settings_source {
    char name[SETTINGS_NAME_SIZE]; /* letters, digits, - and _ */
    unsigned line;                 /* of its section; 0: the plain [source] */
    char input[SETTINGS_TEXT_SIZE];
    unsigned channels; /* 0: the mean of all; otherwise that one, the first is 1 */
    double gain_db;
    unsigned rate_hz; /* 0: the device's own */
    char stdin_format[SETTINGS_TEXT_SIZE];
    unsigned at_end; /* enum settings_at_end */
    struct settings_place place[SETTINGS_SOURCE_KEYS];
};

/* The values, as the keys of the sample file name and describe them. */
struct settings {
    struct settings_source source; /* the plain [source] */
    struct settings_source *named; /* [source NAME], in the order of the file */
    size_t named_count;

    /* [recognition] */
    char model[SETTINGS_TEXT_SIZE]; /* "": to be looked for, model_path.h */
    double hop_s;
    double smoothing_s;
    char kernel[SETTINGS_TEXT_SIZE]; /* "": the fastest */
    unsigned threads;                /* 0: one for each core, but no more than sources */

    /* [labels] */
    char include[SETTINGS_TEXT_SIZE]; /* names separated by commas or spaces; "": all */
    char exclude[SETTINGS_TEXT_SIZE];
    struct settings_threshold threshold[MAX_LABELS];
    size_t thresholds;

    /* [server] */
    char listen[SETTINGS_TEXT_SIZE];
    char allowed_hosts[SETTINGS_TEXT_SIZE];
    char allowed_origins[SETTINGS_TEXT_SIZE];
    unsigned max_clients;

    /* [history] */
    double keep_h;

    /* [log] */
    unsigned level; /* enum log_level */

    /* How they came about. */
    char file[SETTINGS_TEXT_SIZE];                     /* that was read; "": none */
    struct tutti_error mistake[SETTINGS_MISTAKES_MAX]; /* of it, in order of lines */
    size_t mistakes;
    bool more_mistakes;                             /* than these: reading stopped there */
    struct settings_place place[SETTINGS_KEYS_MAX]; /* of all keys but those of sources */
};

/* Settings with every default. NULL if memory is short. */
struct settings *settings_new(void);
void settings_free(struct settings *settings);

/* Reads an INI file. Refuses a file that cannot be read, and in it: a line that is
 * neither section, comment nor `key = value`, an unknown section or key, a key or a
 * [source NAME] that stands twice, a name that is none, a value of the wrong type or out of range.
 * The sentence begins with "FILE:LINE: ". *error is the first mistake; settings->mistake has it and
 * those after it, but for what follows from them: keys of a section that was refused. A value that
 * an option or the environment has set is checked and left alone. At most one file. */
enum tutti_status settings_read_file(struct settings *settings, const char *path,
                                     struct tutti_error *error);

/* Takes the environment variables that the table names. */
enum tutti_status settings_read_environment(struct settings *settings, struct tutti_error *error);

/* Sets the value of a long option (without the dashes); the last one of several wins. */
enum tutti_status settings_set_option(struct settings *settings, const char *option,
                                      const char *value, struct tutti_error *error);

/* The options of the table, in its order, for options_parse() and --help. Copies up to
 * capacity into specs and returns how many there are. Their texts are static. */
size_t settings_options(struct option_spec *specs, size_t capacity);

/* The one option of that name; false if there is none. */
bool settings_option(const char *option, struct option_spec *spec);

/* Where the value of an option was set, for the end of a message: "/etc/tutti/tuttid.conf:12:
 * [server] listen", "option --listen", ... */
void settings_describe_place(const struct settings *settings, const char *option, char *text,
                             size_t size);

/* The sources there are, the plain one first if it is one: at most MAX_SOURCES + 1 go into
 * sources (NULL: only check). *count is how many. After everything was read. Refuses a plain
 * [source] that has keys but no input beside named ones, standard input for two or to be repeated,
 * and more than MAX_SOURCES; the sentence begins with the place. */
enum tutti_status settings_sources(const struct settings *settings,
                                   const struct settings_source **sources, size_t *count,
                                   struct tutti_error *error);

/* Whether a source can have this name: 1 to SETTINGS_NAME_SIZE - 1 letters, digits, - and _. */
bool settings_is_source_name(const char *name);

/* Why a source could not be opened, with the place in the file that names its input, if one does,
 * and a word on quotes and comments where the value has what looks like them. */
void settings_explain_input(const struct settings *settings, const struct settings_source *source,
                            const struct tutti_error *reason, struct tutti_error *error);

/* Applies [labels] to the labels of a model, with '-' or a space for their '_' and in either case:
 * threshold[count], filled with the model's own before, gets those that were set; enabled[count] is
 * filled. Refuses a name that the model does not have (the sentence lists those it has), and a
 * choice that leaves no label. */
enum tutti_status settings_labels(const struct settings *settings, const char *const *labels,
                                  size_t count, float *threshold, bool *enabled,
                                  struct tutti_error *error);

/* Writes the sample configuration: every key with its default as a comment. */
void settings_print_sample(FILE *stream);

#endif
