/* settings_table.h - the table behind settings.h. Private to settings*.c and their test.
 */
#ifndef TUTTI_DAEMON_SETTINGS_TABLE_H
#define TUTTI_DAEMON_SETTINGS_TABLE_H

#include "common/status.h"
#include "daemon/settings.h"

#include <stddef.h>

enum settings_type {
    SETTINGS_TEXT,       /* char[SETTINGS_TEXT_SIZE] */
    SETTINGS_LIST,       /* the same; may continue over indented lines */
    SETTINGS_NUMBER,     /* double, minimum ... maximum */
    SETTINGS_WHOLE,      /* unsigned, minimum ... maximum */
    SETTINGS_CHOICE,     /* unsigned, an index into choices */
    SETTINGS_THRESHOLDS, /* key.LABEL = number; as an option LABEL=NUMBER, repeatable */
};

struct settings_row {
    const char *section;
    const char *key;
    const char *option; /* long option, without the dashes */
    const char *value;  /* as --help shows it */
    enum settings_type type;
    size_t offset;       /* into struct settings; of [source], into the plain one there */
    const char *initial; /* the default, as it would be written */
    double minimum, maximum;
    const char *word;           /* a text that stands for 0 or "", such as "auto"; or NULL */
    const char *const *choices; /* up to NULL */
    bool may_be_empty;
    const char *environment; /* a variable that sets it too; or NULL */
    /* A further check of a text; or NULL. */
    enum tutti_status (*check)(const char *text, struct tutti_error *error);
    const char *help;
};

/* Rows stand together by section, those of [source] first. At most SETTINGS_KEYS_MAX. */
extern const struct settings_row settings_table[];
extern const size_t settings_table_rows;

/* Reads a value of the row's type into *settings. `text` is what the message quotes. */
enum tutti_status settings_store(struct settings *settings, size_t row, const char *text,
                                 struct settings_place place, struct tutti_error *error);

/* The same for a row of [source] and one of several sources. */
enum tutti_status settings_store_source(const struct settings *settings,
                                        struct settings_source *source, size_t row,
                                        const char *text, struct settings_place place,
                                        struct tutti_error *error);

/* The same for one threshold. */
enum tutti_status settings_store_threshold(struct settings *settings, const char *label,
                                           const char *text, struct settings_place place,
                                           struct tutti_error *error);

/* The name of an instrument as models have it (lower case, '_'), of one as people may write it:
 * "Mallet Percussion", "mallet-percussion". False, with label untouched, for what is no name. */
bool settings_read_label(const char *text, char label[SETTINGS_LABEL_SIZE]);

/* Where the value of a row of [source] was set for one of several sources, as
 * settings_describe_place(). */
void settings_describe_source(const struct settings *settings, const struct settings_source *source,
                              size_t row, char *text, size_t size);

/* A new source of this name, with every default. NULL with a sentence in *error, which has no place
 * in it: the name is none, is taken, or there are too many. */
struct settings_source *settings_add_source(struct settings *settings, const char *name,
                                            unsigned line, struct tutti_error *error);

/* The named source; NULL if there is none. */
struct settings_source *settings_find_source(const struct settings *settings, const char *name);

/* What a value of the row may be, such as "0.01 to 60"; empty for a text. */
void settings_describe_range(const struct settings_row *row, char *text, size_t size);

#endif
