/* live_lines.h - what is heard as lines for other programs, one for each entry and exit:
 *
 *   2026-11-29T21:14:03Z =piano 0.93 since 2026-11-29T20:58:12Z       plays already
 *   2026-11-29T21:14:05Z +saxophone 0.82 since 2026-11-29T21:14:03Z   comes in
 *   2026-11-29T21:14:45Z -saxophone until 2026-11-29T21:14:41Z        stops
 *
 * The first time is that of the result with which it was told, so that lines are in order of time;
 * the last one when it was, which is earlier, as it takes a while to be sure. The number is the
 * confidence of an entry, or the probability of what plays already.
 *
 * Lines with = stand at the beginning, once live->entries says since when (or that nobody knows:
 * then that is left out), and after a break where the entry was missed. Of an exit that was missed
 * it is not said when it was. So whoever counts + and = as coming and - as going knows at any time
 * what plays. Or the events as they are, as JSON, a line each: {"event":"onset","data":{...}}.
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
    bool caught_up;                /* told what the first of these shows */
    bool present[LIVE_LABELS_MAX]; /* in the first of these */
    double probability[LIVE_LABELS_MAX];
};

/* To stream, of which the caller flushes and checks. */
void live_lines_init(struct live_lines *lines, FILE *stream, bool json);

/* Writes what there is to write of an event that live_take() has just taken into live. */
void live_lines_take(struct live_lines *lines, const struct live *live, const char *type,
                     const cJSON *data);

/* The same after live_take_cues(). */
void live_lines_take_cues(struct live_lines *lines, const struct live *live);

/* Writes all that plays by the newest frame, as with = above, with what live->entries says now. */
void live_lines_write_present(struct live_lines *lines, const struct live *live);

#endif
