/* memory.h - the tensors that a network keeps between windows; see checkpoints.h. The public part
 * is in network.h.
 *
 * Private to nn/. One slot holds a tensor as it was at one position. With a hop that is no
 * multiple of a stride the windows take turns on the places of that stride, so there are as many
 * slots as it takes until a window falls on the places of an earlier one again.
 */
#ifndef TUTTI_NN_MEMORY_H
#define TUTTI_NN_MEMORY_H

#include "nn/network.h"
#include "nn/plan.h"

/* The plan of a network; not shared for the caller. */
struct plan *network_plan(const struct network *network);

/* Prepares for a window at a position: finds out which lines are new, and makes room for them
 * behind those that stay. Real-time safe. */
void memory_begin(struct network_memory *memory, uint64_t position);

/* The lines to be computed of the output of a layer, or of the input's columns, for that window.
 * memory NULL: all. */
struct lines memory_lines(const struct network_memory *memory, const struct plan *plan,
                          size_t layer);
struct lines memory_columns(const struct network_memory *memory, const struct plan *plan);

/* Where a layer's output is kept; NULL: it is not, its place is in the arena. memory may be NULL.
 */
uint8_t *memory_tensor(const struct network_memory *memory, size_t layer);

#endif
