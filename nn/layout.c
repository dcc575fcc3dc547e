#include "nn/layout.h"

#include "nn/kernels.h"

#include <stdlib.h>

/* Tensor 0 is the input, tensor i + 1 the output of layer i. */
struct block {
    size_t size, offset;
    size_t first, last; /* the layers in which it has to be there */
    size_t shares;      /* the tensor whose memory it uses; its own index: none */
};

static size_t tensor_pitch(const struct model_graph *graph, size_t tensor, size_t channel_multiple)
{
    /* A convolution gathers its input, and one channel need not take the room of several. */
    if (tensor == 0 && graph->layers[0].kind == LAYER_CONV)
        return 1;
    size_t channels = tensor == 0 ? 1 : graph->layers[tensor - 1].out.channels;
    return round_up(channels, channel_multiple);
}

/* First fit: the lowest place where no earlier tensor that lives at the same time is. */
static size_t find_place(const struct block *blocks, size_t index)
{
    const struct block *own = &blocks[index];
    size_t offset = 0;
    for (size_t i = 0; i < index;) {
        const struct block *other = &blocks[i];
        bool meets = other->shares == i && other->last >= own->first &&
                     offset < other->offset + other->size && other->offset < offset + own->size;
        if (meets)
            offset = other->offset + other->size;
        i = meets ? 0 : i + 1;
    }
    return offset;
}

static void find_lives(const struct model_graph *graph, struct block *blocks)
{
    for (size_t tensor = 0; tensor <= graph->count; tensor++) {
        blocks[tensor].first = tensor == 0 ? 0 : tensor - 1;
        blocks[tensor].last = tensor; /* the layer that reads it */
        blocks[tensor].shares = tensor;
    }
    for (size_t i = 0; i < graph->count; i++) {
        if (graph->layers[i].residual >= 0)
            blocks[graph->layers[i].residual + 1].last = i;
    }
    for (size_t i = 0; i < graph->count; i++) {
        /* scaled in place, unless somebody needs the unscaled tensor later */
        if (graph->layers[i].kind != LAYER_SQUEEZE_EXCITE || blocks[i].last > i)
            continue;
        blocks[i + 1].shares = blocks[i].shares;
        blocks[blocks[i].shares].last = blocks[i + 1].last;
    }
}

bool layout_make(const struct model_graph *graph, size_t channel_multiple, size_t alignment,
                 struct layout *layout)
{
    struct block *blocks = calloc(graph->count + 1, sizeof *blocks);
    *layout = (struct layout){calloc(graph->count + 1, sizeof *layout->tensors), 0};
    if (blocks == NULL || layout->tensors == NULL) {
        free(blocks);
        layout_free(layout);
        return false;
    }
    find_lives(graph, blocks);
    for (size_t i = 0; i <= graph->count; i++) {
        struct block *own = &blocks[i];
        struct model_shape shape = i == 0 ? graph->layers[0].in : graph->layers[i - 1].out;
        size_t pitch = tensor_pitch(graph, i, channel_multiple);
        own->size = round_up(shape_positions(shape) * pitch, alignment);
        own->offset = own->shares == i ? find_place(blocks, i) : blocks[own->shares].offset;
        layout->tensors[i] = (struct layout_tensor){own->offset, pitch};
        if (own->offset + own->size > layout->size)
            layout->size = own->offset + own->size;
    }
    free(blocks);
    return true;
}

void layout_free(struct layout *layout)
{
    free(layout->tensors);
    *layout = (struct layout){0};
}
