/* model_layers.h - what network.c and network_float.c see of a model: its graph.
 *
 * Private to nn/. Everything here has been checked against the limits of
 * models/FORMAT.md, so a network only has to multiply sizes that cannot overflow.
 */
#ifndef TUTTI_NN_MODEL_LAYERS_H
#define TUTTI_NN_MODEL_LAYERS_H

#include "nn/calibration.h"
#include "nn/model.h"
#include "nn/safetensors.h"

enum layer_kind {
    LAYER_CONV,
    LAYER_DEPTHWISE,
    LAYER_POINTWISE,
    LAYER_SQUEEZE_EXCITE,
    LAYER_MEAN,
    LAYER_LINEAR,
    LAYER_TIME_STEPS,
    LAYER_ATTENTION,
};

enum activation {
    ACTIVATION_NONE,
    ACTIVATION_RELU,
    ACTIVATION_HARDSWISH,
};

/* real = scale * (q - zero) */
struct quantization {
    float scale;
    int zero; /* 0 to 255 */
};

static inline float inverse_scale(struct quantization quantization)
{
    return 1.0f / quantization.scale;
}

/* The longest side of a layer's kernel; strides are 1 or 2. */
#define KERNEL_SIDE_MAX 7

/* What a layer with weights or a gate stores as bytes is never more than this times the bytes'
 * scale, whatever its input: 2^30, so that it fits an int, roundings on the way included. */
#define QUANTIZED_STEPS_MAX 1073741824.0

/* The weights of one matrix: outputs rows of depth values. */
struct layer_weights {
    size_t outputs, depth;
    const int8_t *weight;              /* [outputs][depth], -127 to 127 */
    float *scale;                      /* [outputs] */
    int32_t *bias;                     /* [outputs], not corrected for the input's zero */
    const unsigned char *float_weight; /* [outputs][depth] float16, little endian, unaligned */
    float *float_bias;                 /* [outputs] */
};

struct model_layer {
    char name[MODEL_NAME_SIZE];
    enum layer_kind kind;
    enum activation activation;
    struct model_shape in, out;
    unsigned kernel[2], stride[2], padding[2]; /* time, frequency */
    bool last;                                 /* gives real logits: no output quantization */
    struct quantization output;
    int residual;                       /* index of the layer whose output is added, or -1 */
    unsigned squeezed;                  /* squeeze_excite only */
    struct quantization pooled, hidden; /* squeeze_excite only */
    struct layer_weights expand;        /* squeeze_excite; attention: its attention */
    struct layer_weights weights; /* squeeze_excite: reduce; attention: score; mean, time_steps:
                                     none (outputs == 0) */
    float *gate;                  /* attention: [outputs], 0 to 1; else NULL */
    uint64_t multiply_adds;
};

struct model_graph {
    struct quantization input;
    struct model_layer *layers;
    size_t count;
    uint64_t multiply_adds;
    size_t weights;
};

/* Reads the text of tutti.layers and checks the graph, without its tensors: its outputs are those
 * of so many labels and neighbours. False with *error filled. On failure, too, the caller frees
 * with model_graph_free(). */
bool model_graph_read(const char *text, const struct model_frontend *, size_t labels,
                      size_t neighbours, struct model_graph *graph, struct tutti_error *error);

/* Finds and checks the tensors of all layers. */
bool model_weights_read(const struct safetensors *, struct model_graph *graph,
                        struct tutti_error *error);

void model_graph_free(struct model_graph *graph);

/* How the input of layer index is quantized. */
struct quantization model_graph_input(const struct model_graph *, size_t index);

const struct model_graph *model_graph(const struct model *);
const struct model_calibration *model_calibration(const struct model *);

static inline size_t shape_positions(struct model_shape shape)
{
    return (size_t)shape.time * shape.frequency;
}

#endif
