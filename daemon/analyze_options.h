/* analyze_options.h - the command line of tutti analyze.
 */
#ifndef TUTTI_DAEMON_ANALYZE_OPTIONS_H
#define TUTTI_DAEMON_ANALYZE_OPTIONS_H

#include "daemon/analysis_write.h"
#include "daemon/settings.h"

#include <stdbool.h>
#include <stddef.h>

#define ANALYZE_STANDARD_INPUT "-" /* as the name of a file */

struct analyze_options {
    struct settings *settings; /* those of the daemon that matter to a file */
    enum analysis_format format;
    const char *output; /* NULL: standard output */
    unsigned jobs;      /* 1 to BATCH_MAX_JOBS */
    bool use_float;
    bool help;
    char **files; /* [count] the end of argv; ANALYZE_STANDARD_INPUT at most once */
    size_t count;
};

/* What holds where nothing is said: a job for every core that this process may use. False when
 * memory is short; free it in either case. */
bool analyze_options_init(struct analyze_options *options);
void analyze_options_free(struct analyze_options *options);

/* Reads the environment, then the command line. Refuses (TUTTI_ERROR_ARGUMENT) a value out of its
 * range, no file, several where the format belongs to one, and an output that would replace a sound
 * file. With help set nothing else is checked. */
enum tutti_status analyze_options_read(struct analyze_options *options, int argc, char **argv,
                                       struct tutti_error *error);

void analyze_options_print_help(void);

#endif
