/* hearing.h - runs the network over a piece of a sound: a number of consecutive hops,
 * with the columns before them that the first window reaches back to.
 *
 * What comes out is the same bit for bit as from a recognition that heard the sound
 * from its beginning, whatever the hearing heard before.
 *
 * Threads: a hearing, and a piece, belong to one thread at a time. Any number of hearings
 * at once, sharing the model.
 */
#ifndef TUTTI_DAEMON_HEARING_H
#define TUTTI_DAEMON_HEARING_H

#include "common/status.h"
#include "daemon/inference.h"
#include "daemon/messages.h"
#include "nn/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hearing_piece {
    struct hearing_piece *next; /* the owner's */
    double hop_s;               /* of all pieces that a hearing hears, one or two different ones */
    size_t bands;               /* of a column */
    uint64_t first_column;      /* index of the first column in the sound */
    size_t before;              /* so many columns only fill the window. Those from column 0 on, or
                                   window - hop of them */
    size_t columns;             /* with those before; the rest are whole hops, but at the end */
    size_t columns_max;
    float *band;         /* [columns_max][bands] */
    float *level_dbfs;   /* [columns_max] */
    uint64_t *end_frame; /* [columns_max] */

    /* What hearing_hear() fills: */
    struct tutti_error error; /* error.status is TUTTI_OK if it could */
    size_t hops;
    struct result *result; /* [hops]; lost_frames, captured_ns, levels and clipped are 0 */
};

/* Room for columns_max columns. NULL if memory is short. */
struct hearing_piece *hearing_piece_new(size_t columns_max, size_t bands);

/* NULL is fine. */
void hearing_piece_free(struct hearing_piece *piece);

/* Appends a column; there must be room. */
void hearing_piece_add(struct hearing_piece *piece, const struct column *column);

/* Puts the last `count` columns of another piece, or all if there are fewer, before the first of
 * one that is empty; there must be room. */
void hearing_piece_continue(struct hearing_piece *piece, const struct hearing_piece *previous,
                            size_t count);

/* Opens a network for a hearing; called in its thread. */
typedef enum tutti_status hearing_open_inference(void *context, struct inference *inference,
                                                 struct tutti_error *error);

struct hearing; /* opaque */

/* Opens its networks, one for each hop_s that the pieces have, when it first needs them; keeps two.
 * The model has to outlive it. NULL if memory is short. */
struct hearing *hearing_new(const struct model *model, hearing_open_inference *open, void *context);

/* NULL is fine. */
void hearing_free(struct hearing *hearing);

/* Fills in the piece's results, and gives up the memory of its columns. */
void hearing_hear(struct hearing *hearing, struct hearing_piece *piece);

#endif
