/* The network in float with XNNPACK's operators.
 *
 *   peer_xnnpack MODEL WINDOWS */
#include "tests/bench/peers/peer.h"

#include <math.h>

#include "tests/bench/peers/xnnpack_steps.h"

struct network {
    struct steps steps;
    const struct model_layer *last;
    float *in, *out;
    size_t in_values;
};

static void add_hardswish(struct steps *steps, float *values, size_t positions, size_t channels)
{
    xnn_operator_t operator;
    must(xnn_create_hardswish_nc_f32(channels, channels, channels, 0, &operator), "hardswish");
    must(xnn_setup_hardswish_nc_f32(operator, positions, values, values, NULL), "hardswish");
    add_step(steps, operator);
}

static float least_of(enum activation activation)
{
    return activation == ACTIVATION_RELU ? 0 : -INFINITY;
}

static void add_conv(struct steps *steps, const struct model_layer *l, const float *in, float *out)
{
    const unsigned *p = l->padding, *k = l->kernel, *s = l->stride;
    const bool depthwise = l->kind == LAYER_DEPTHWISE;
    const unsigned groups = depthwise ? l->in.channels : 1;
    float *weights = float_weights(&l->weights);
    xnn_operator_t operator;
    must(xnn_create_convolution2d_nhwc_f32(
             p[0], p[1], p[0], p[1], k[0], k[1], s[0], s[1], 1, 1, groups, l->in.channels / groups,
             l->out.channels / groups, l->in.channels, l->out.channels, weights,
             l->weights.float_bias, least_of(l->activation), INFINITY, 0, &operator),
         l->name);
    must(xnn_setup_convolution2d_nhwc_f32(operator, 1, l->in.time, l->in.frequency, in, out, NULL),
         l->name);
    add_step(steps, operator);
    free(weights);
}

static void add_product(struct steps *steps, const struct layer_weights *w, size_t positions,
                        const float *in, float *out, float least)
{
    float *weights = float_weights(w);
    xnn_operator_t operator;
    must(xnn_create_fully_connected_nc_f32(w->depth, w->outputs, w->depth, w->outputs, weights,
                                           w->float_bias, least, INFINITY, 0, &operator),
         "fully connected");
    must(xnn_setup_fully_connected_nc_f32(operator, positions, in, out, NULL), "fully connected");
    add_step(steps, operator);
    free(weights);
}

static void add_mean(struct steps *steps, const float *in, size_t rows, size_t positions,
                     size_t channels, float *out)
{
    xnn_operator_t operator;
    must(xnn_create_global_average_pooling_nwc_f32(channels, channels, channels, -INFINITY,
                                                   INFINITY, 0, &operator),
         "mean");
    must(xnn_setup_global_average_pooling_nwc_f32(operator, rows, positions, in, out, NULL),
         "mean");
    add_step(steps, operator);
}

static void add_squeeze_excite(struct steps *steps, const struct model_layer *l, const float *in,
                               float *out)
{
    const size_t positions = shape_positions(l->in), channels = l->in.channels;
    float *gate = tensor(channels, sizeof *gate), *hidden = tensor(l->squeezed, sizeof *hidden);
    xnn_operator_t sigmoid, multiply;
    add_mean(steps, in, 1, positions, channels, gate);
    add_product(steps, &l->weights, 1, gate, hidden, 0);
    add_product(steps, &l->expand, 1, hidden, gate, -INFINITY);
    must(xnn_create_sigmoid_nc_f32(channels, channels, channels, 0, &sigmoid), l->name);
    must(xnn_setup_sigmoid_nc_f32(sigmoid, 1, gate, gate, NULL), l->name);
    add_step(steps, sigmoid);
    must(xnn_create_multiply_nd_f32(-INFINITY, INFINITY, 0, &multiply), l->name);
    must(xnn_setup_multiply_nd_f32(multiply, 2, (size_t[]){positions, channels}, 2,
                                   (size_t[]){1, channels}, in, gate, out, NULL),
         l->name);
    add_step(steps, multiply);
}

static void add_residual(struct steps *steps, const float *residual, float *out, size_t count)
{
    xnn_operator_t operator;
    must(xnn_create_add_nd_f32(-INFINITY, INFINITY, 0, &operator), "residual");
    must(xnn_setup_add_nd_f32(operator, 1, &count, 1, &count, out, residual, out, NULL),
         "residual");
    add_step(steps, operator);
}

static void add_layer(struct network *network, const struct model_layer *l, float *in, float *out,
                      const float *residual)
{
    struct steps *steps = &network->steps;
    const size_t positions = shape_positions(l->out), channels = l->in.channels;
    switch (l->kind) {
    case LAYER_CONV:
    case LAYER_DEPTHWISE:
        add_conv(steps, l, in, out);
        break;
    case LAYER_POINTWISE:
    case LAYER_LINEAR:
        add_product(steps, &l->weights, positions, in, out, least_of(l->activation));
        break;
    case LAYER_SQUEEZE_EXCITE:
        add_squeeze_excite(steps, l, in, out);
        break;
    case LAYER_MEAN:
        add_mean(steps, in, 1, shape_positions(l->in), channels, out);
        break;
    case LAYER_TIME_STEPS:
        add_mean(steps, in, l->in.time, l->in.frequency, channels, out);
        add_mean(steps, in, 1, shape_positions(l->in), channels, out + l->in.time * channels);
        break;
    case LAYER_ATTENTION:
        network->out = tensor(2 * l->in.time * l->weights.outputs, sizeof *network->out);
        add_step(steps, head(l, in, network->out));
        break;
    }
    if (l->activation == ACTIVATION_HARDSWISH)
        add_hardswish(steps, out, positions, l->out.channels);
    if (residual != NULL)
        add_residual(steps, residual, out, values_of(l->out));
}

static void make(struct network *network, const struct model_graph *graph)
{
    struct layout layout;
    if (!layout_make(graph, 1, KERNEL_ALIGNMENT / sizeof(float), &layout))
        must_have(NULL);
    float *memory = tensor(layout.size, sizeof *memory);
    network->in = memory + layout.tensors[0].offset;
    network->in_values = values_of(graph->layers[0].in);
    for (size_t i = 0; i < graph->count; i++) {
        const struct model_layer *l = &graph->layers[i];
        network->out = memory + layout.tensors[i + 1].offset;
        add_layer(network, l, memory + layout.tensors[i].offset, network->out,
                  l->residual >= 0 ? memory + layout.tensors[l->residual + 1].offset : NULL);
        network->last = l;
    }
    layout_free(&layout);
}

static void run(void *context, const float *columns, float *logits)
{
    struct network *network = context;
    memcpy(network->in, columns, network->in_values * sizeof *columns);
    run_steps(&network->steps);
    if (network->last->kind == LAYER_ATTENTION)
        pool_head(network->last, network->out, logits);
    else
        memcpy(logits, network->out, network->last->out.channels * sizeof *logits);
}

int main(int argc, char **argv)
{
    static struct network network;
    if (argc != 3) {
        fprintf(stderr, "peer_xnnpack MODEL WINDOWS\n");
        return 2;
    }
    const struct model *model = peer_open(argv[1]);
    if (xnn_initialize(NULL) != xnn_status_success) {
        fprintf(stderr, "XNNPACK does not know this processor\n");
        return PEER_ABSENT;
    }
    make(&network, model_graph(model));
    const struct peer peer = {"XNNPACK float", run, &network, 1};
    return peer_serve(&peer, model, argv[2]);
}
