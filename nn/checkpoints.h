/* checkpoints.h - which tensors are worth keeping from one window to the next.
 *
 * Private to nn/. Windows that follow each other overlap: a column of the newer one is a column of
 * the older one, so many columns further to its end. A convolution sees a few neighbouring lines
 * (positions in time) alone, so until the first layer that looks at the whole window
 * (squeeze_excite, mean, time_steps) the lines of both windows are the same, shifted, if the shift
 * is a multiple of the strides before; but for the first and last lines, which have seen the
 * padding.
 *
 * A tensor that is kept is a checkpoint. For its new lines the layers before it are computed at
 * the lines that these need, back to the checkpoint before, which is complete.
 */
#ifndef TUTTI_NN_CHECKPOINTS_H
#define TUTTI_NN_CHECKPOINTS_H

#include <stddef.h>

struct plan;
struct plan_layer;

#define CHECKPOINTS_MAX 8

struct checkpoint {
    size_t layer;        /* whose output it is */
    unsigned stride;     /* columns between two lines */
    unsigned head, tail; /* so many lines at the beginning and at the end have seen the padding */
};

/* Finds the checkpoints of a plan whose layers are filled in: for each stride the last tensor,
 * which leaves least to compute. Returns how many there are, in the order of their layers. */
size_t checkpoints_find(const struct plan *plan, struct checkpoint found[CHECKPOINTS_MAX]);

/* Lines of a tensor: those before `head`, and those from `tail` on. */
struct lines {
    unsigned head, tail;
};

/* No line, and every line, of `count`. */
static inline struct lines lines_none(unsigned count)
{
    return (struct lines){0, count};
}

static inline struct lines lines_all(unsigned count)
{
    return (struct lines){count, count};
}

/* The lines that are in either. */
struct lines lines_union(struct lines a, struct lines b, unsigned count);

/* The lines of a layer's input that these lines of its output are made of. */
struct lines lines_behind(const struct plan_layer *layer, struct lines out);

#endif
