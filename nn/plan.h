/* plan.h - a model prepared for one table of kernels: packed weights, memory layout.
 *
 * Private to nn/. A plan is immutable once made and shared, by counting references,
 * between a network and its clones. It holds copies of all that a run needs, so the
 * model may be closed. Each network adds an arena of plan->arena_size bytes, in which
 * every tensor and the scratch memory have a fixed place; tensors that are never
 * needed at the same time share theirs.
 */
#ifndef TUTTI_NN_PLAN_H
#define TUTTI_NN_PLAN_H

#include "nn/checkpoints.h"
#include "nn/kernels.h"
#include "nn/model_layers.h"

#include <stdatomic.h>

/* A tensor's place: bytes from the start of the arena, and bytes per position. In all of a plan a
 * quantization's zero is less the kernels' byte_offset. */
struct plan_tensor {
    size_t offset, pitch;
    struct quantization quantization;
};

/* A matrix, packed, with what turns its sums into bytes. */
struct plan_matrix {
    void *packed;
    size_t outputs, depth; /* padded */
    struct requantization requantization;
};

struct plan_layer {
    enum layer_kind kind;
    struct model_shape in_shape, out_shape;
    struct window window; /* conv, depthwise */
    bool summed;          /* depthwise: its channels' sums are for the squeeze-excite behind it */
    bool last;
    struct plan_tensor in, out, residual;
    bool has_residual;
    size_t residual_layer; /* whose output it is */
    struct plan_matrix weights, expand;
    const float *gate;          /* attention: [outputs] */
    struct quantization pooled; /* squeeze_excite */
    size_t squeezed_pitch;
};

struct plan {
    atomic_uint references;
    const struct kernels *kernels;
    struct plan_layer *layers;
    size_t count;
    struct plan_tensor input;
    size_t input_values; /* columns * mel bands */
    struct checkpoint checkpoint[CHECKPOINTS_MAX];
    size_t checkpoints;
    size_t steps; /* of the attention at the end; 0: there is none */
    struct model_calibration calibration;
    size_t arena_size, scratch_offset;
    void *packed; /* all matrices' memory */
    size_t packed_size;
};

/* NULL with *error filled when memory is short. */
struct plan *plan_new(const struct model *, const struct kernels *, struct tutti_error *error);

struct plan *plan_share(struct plan *);

/* Drops one reference, and with the last one the plan; NULL is fine. */
void plan_release(struct plan *);

/* Hands out pieces of one block of memory, each aligned. With base NULL it only measures. */
struct carver {
    unsigned char *base;
    size_t used;
};

static inline void *carve(struct carver *carver, size_t size)
{
    void *piece = carver->base != NULL ? carver->base + carver->used : NULL;
    carver->used += round_up(size, KERNEL_ALIGNMENT);
    return piece;
}

/* Where the scratch memory of a layer is cut up; also says how much it needs. */
struct plan_scratch {
    void *kernel; /* of gemm, conv or depthwise */
    /* squeeze_excite, mean, time_steps: per channel. The first of all pieces, so that those of a
     * depthwise are where the squeeze-excite behind it looks for them. */
    int32_t *sums;
    uint8_t *pooled, *hidden;  /* squeeze_excite: bytes */
    float *reals;              /* means and gates per channel; the last layer: the logits */
    float *scores, *attention; /* attention: [steps and mean][padded outputs] */
};

/* Cuts up the scratch memory at base (NULL: only measures) for a layer; returns its size. */
size_t plan_scratch_carve(const struct plan *, const struct plan_layer *, void *base,
                          struct plan_scratch *scratch);

#endif
