/* progress.h - a bar that shows how far a long command is and how long it will still
 * take, on a terminal alone.
 *
 * Where the stream is no terminal nothing is ever written. One thread.
 */
#ifndef TUTTI_DAEMON_PROGRESS_H
#define TUTTI_DAEMON_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    FILE *stream;
    bool terminal;
    bool shown;
    uint64_t begun_ns;
};

/* For stream, which is stderr as a rule, so that it does not mix with the output. now_ns is
 * CLOCK_MONOTONIC, here and below. */
void progress_init(struct progress *progress, FILE *stream, uint64_t now_ns);

/* Draws the bar with a share of 0 to 1 and a few words after it, over what was shown before. After
 * the first seconds also the time that is left, if all goes on as it went. */
void progress_show(struct progress *progress, double share, const char *words, uint64_t now_ns);

/* Takes the bar away, before something else is written to the terminal or at the end. */
void progress_clear(struct progress *progress);

/* For a program that Ctrl-C and its like (SIGINT, SIGTERM, SIGHUP) end at once: they take the bar
 * away first, from here to the end of the program. Those that it was started to ignore stay so. */
void progress_clear_when_ended(const struct progress *progress);

#endif
