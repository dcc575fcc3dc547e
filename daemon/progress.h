/* progress.h - a bar that shows how far a long command is, on a terminal alone.
 *
 * Where the stream is no terminal nothing is ever written. One thread.
 */
#ifndef TUTTI_DAEMON_PROGRESS_H
#define TUTTI_DAEMON_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

struct progress {
    FILE *stream;
    bool terminal;
    bool shown;
};

/* For stream, which is stderr as a rule, so that it does not mix with the output. */
void progress_init(struct progress *progress, FILE *stream);

/* Draws the bar with a share of 0 to 1 and a few words after it, over what was shown before. */
void progress_show(struct progress *progress, double share, const char *words);

/* Takes the bar away, before something else is written to the terminal or at the end. */
void progress_clear(struct progress *progress);

#endif
