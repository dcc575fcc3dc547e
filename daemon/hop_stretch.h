/* hop_stretch.h - whether a machine keeps up with the hop, and by how much it is
 * lengthened if not.
 *
 * The hop that was asked for is stretched by a factor of 1, 2, 4 ... up to
 * HOP_STRETCH_MAX. It is doubled when results have been late at two looks in a row,
 * and halved only when the doubled work would have left the recognizers idle for
 * 30% of the time, for HOP_STRETCH_CALM_LOOKS looks in a row: so it does not swing.
 * Halving that turned out to be too much at once makes the next one wait twice as
 * long, up to 16 times.
 *
 * Only numbers: no clock, no thread. One thread at a time; nothing here allocates.
 */
#ifndef TUTTI_DAEMON_HOP_STRETCH_H
#define TUTTI_DAEMON_HOP_STRETCH_H

#include <stdbool.h>

#define HOP_STRETCH_MAX 64
#define HOP_STRETCH_LOOK_S 0.5     /* between two looks */
#define HOP_STRETCH_CALM_LOOKS 20  /* 10 s */
#define HOP_STRETCH_SETTLE_LOOKS 4 /* after a change; what was waiting is worked off */

struct hop_stretch {
    unsigned factor;
    unsigned late_looks; /* in a row */
    unsigned calm_looks; /* in a row */
    unsigned settling;   /* looks that do not count */
    unsigned patience;   /* 1 ... 16 times HOP_STRETCH_CALM_LOOKS before it is halved */
    bool on_trial;       /* halved, and since then not calm for long enough to be trusted */
};

/* Not stretched: factor 1. */
void hop_stretch_init(struct hop_stretch *stretch);

/* One look, once in HOP_STRETCH_LOOK_S. late: some source waits too long for its result. busy: the
 * part of the time since the last look that the recognizers worked, 0 ... 1. Returns the factor. */
unsigned hop_stretch_look(struct hop_stretch *stretch, bool late, double busy);

#endif
