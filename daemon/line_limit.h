/* line_limit.h - how many lines may pass: so many in a second, and so many in an hour.
 *
 * A burst says what happened, and what goes on like it fills a disk, be it fast or slowly:
 * ten lines a second for a moment, or three lines every few seconds for days.
 *
 * Only numbers: no clock, no thread. One thread at a time; nothing here allocates.
 */
#ifndef TUTTI_DAEMON_LINE_LIMIT_H
#define TUTTI_DAEMON_LINE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct line_limit {
    unsigned per_second; /* at least 1 */
    unsigned per_hour;   /* at least 1 */
    uint64_t second_ns;  /* when the second began that is counted; 0: none has */
    uint64_t hour_ns;    /* the same of the hour */
    unsigned in_second;
    unsigned in_hour;
    uint64_t left_out; /* since the last line that passed */
};

/* What is to be done with a text. */
struct line_verdict {
    bool pass;
    bool first_left_out; /* it is the first that does not pass: say that some do not */
    uint64_t left_out;   /* it passes after so many lines that did not: say how many; 0: none */
};

void line_limit_init(struct line_limit *limit, unsigned per_second, unsigned per_hour);

/* A text with so many ends of lines at now_ns (CLOCK_MONOTONIC). It passes as a whole or not at
 * all. */
struct line_verdict line_limit_take(struct line_limit *limit, unsigned lines, uint64_t now_ns);

#endif
