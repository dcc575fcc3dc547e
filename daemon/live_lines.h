/* live_lines.h - what is heard as lines for other programs, one for each entry and exit:
 *
 *   2026-11-29T21:14:03Z +saxophone 0.82   comes in, with its confidence
 *   2026-11-29T21:14:41Z -saxophone        stops
 *   2026-11-29T21:14:03Z =piano 0.93       plays already, with its probability
 *
 * The last kind stands at the beginning, and after a break where the entry was missed; an exit that
 * was missed is told with the time of the first result after the break. So whoever counts + and =
 * as coming and - as going knows at any time what plays. Or the events as they are, as JSON, a line
 * each: {"event":"onset","data":{...}}.
 *
 * A plain value that belongs to one thread.
 */
#ifndef TUTTI_DAEMON_LIVE_LINES_H
#define TUTTI_DAEMON_LIVE_LINES_H

#include "daemon/live.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct live_lines {
    FILE *stream;
    bool json;
    char told[LIVE_LABELS_MAX][LIVE_NAME_SIZE]; /* what plays, as far as was told */
    size_t told_count;
    unsigned frames;               /* since the beginning or the break; 2: two or more */
    bool present[LIVE_LABELS_MAX]; /* in the first of these */
    double probability[LIVE_LABELS_MAX];
    double time;
};

/* To stream, of which the caller flushes and checks. */
void live_lines_init(struct live_lines *lines, FILE *stream, bool json);

/* Writes what there is to write of an event that live_take() has just taken into live. */
void live_lines_take(struct live_lines *lines, const struct live *live, const char *type,
                     const cJSON *data);

/* Writes all that plays by the newest frame, as with = above. */
void live_lines_write_present(struct live_lines *lines, const struct live *live);

#endif
