/* watch_options.h - the command line of `tutti watch`. */
#ifndef TUTTI_DAEMON_WATCH_OPTIONS_H
#define TUTTI_DAEMON_WATCH_OPTIONS_H

#include <stdbool.h>

#define WATCH_NAME "tutti watch"

enum watch_output { WATCH_AUTOMATIC, WATCH_BARS, WATCH_TEXT, WATCH_JSON };

struct watch_request {
    const char *url;
    const char *source; /* NULL: as the URL says */
    enum watch_output output;
    bool once;
};

/* Reads the command line. False where there is nothing left to do, because it is wrong or asked for
 * help: then that was printed, and *result is the exit status. */
bool watch_options_parse(int argc, char **argv, struct watch_request *request, int *result);

#endif
