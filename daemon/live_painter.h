/* live_painter.h - what a client knows (live.h) as lines of text for a terminal: the headline of
 * what plays, a bar for each instrument with the time of its last entry, the level, and the state.
 *
 *    Piano & bass
 *
 *      accordion   ────────────┼────────
 *    ▸ bass        ━━━━━━━━━━━━╋━━━╸────  0:12 ago
 *      level       ━━━━━━━━╸───┼────────  −18 dBFS
 *    • Live · demo · tutti-20
 *
 * The tick in a bar is the threshold from which an instrument counts as playing, in the level's bar
 * the peak. Where there is no room for all of that, things go in this order: blank lines, the
 * time, the level, instruments that have not played for the longest time, all but the headline.
 *
 * Pure but for the time zone, in which times are shown, and the locale (canvas.h); any thread.
 */
#ifndef TUTTI_DAEMON_LIVE_PAINTER_H
#define TUTTI_DAEMON_LIVE_PAINTER_H

#include "daemon/canvas.h"
#include "daemon/live.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIVE_PAINT_SIZE 262144 /* enough for every picture, with its 0 byte */

struct live_look {
    unsigned columns; /* of the terminal; the last one is left free */
    unsigned rows;
    bool utf8;
    enum canvas_palette palette;
};

/* Writes at most look->rows lines to text, separated by '\n', with a 0 byte behind; returns the
 * number of bytes without that. Wherever text has an escape it is one of a style. */
size_t live_paint(const struct live *live, const struct live_look *look, uint64_t now_ns,
                  char *text, size_t size);

#endif
