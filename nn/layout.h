/* layout.h - a fixed place in one block of memory for every tensor of a graph.
 *
 * Tensors that are never needed at the same time share their place, so a network runs
 * in little more memory than its largest layer needs. Private to nn/.
 */
#ifndef TUTTI_NN_LAYOUT_H
#define TUTTI_NN_LAYOUT_H

#include "nn/model_layers.h"

#include <stddef.h>

struct layout_tensor {
    size_t offset; /* elements from the start of the block */
    size_t pitch;  /* elements per position: the channels, rounded up */
};

struct layout {
    struct layout_tensor *tensors; /* [layers + 1]: the input, then each layer's output */
    size_t size;                   /* elements of the block */
};

/* Lays out the tensors of a graph. Each pitch is a multiple of channel_multiple, but the
 * input of a convolution has no gaps; each offset is a multiple of alignment. Frees
 * nothing: layout_free() does. False when memory is short. */
bool layout_make(const struct model_graph *, size_t channel_multiple, size_t alignment,
                 struct layout *layout);

void layout_free(struct layout *layout);

#endif
