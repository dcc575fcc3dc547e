#include "nn/network_float.h"

#include "nn/calibration.h"
#include "nn/half.h"
#include "nn/kernels.h"
#include "nn/layout.h"
#include "nn/step_pool.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GATHERED_VALUES 65536 /* of a convolution's input, multiplied at once */

struct float_matrix {
    size_t outputs, depth;
    float *weight; /* [outputs][depth]; of a depthwise layer [depth][outputs] */
    float *bias;   /* [outputs] */
};

struct float_layer {
    struct model_layer layer; /* its own weights are not used: the model may be closed */
    struct float_matrix weights, expand;
    float *gate; /* attention */
    float *in, *out, *residual;
};

struct float_network {
    struct float_layer *layers;
    size_t count;
    struct quantization input;
    size_t input_values;
    float *input_place;
    struct model_calibration calibration;
    float *memory;  /* activations */
    float *scratch; /* gathered input; means and gates */
};

/* --- layers -------------------------------------------------------------------------- */

static void activate(float *values, size_t count, enum activation activation)
{
    if (activation == ACTIVATION_RELU) {
        for (size_t i = 0; i < count; i++)
            values[i] = values[i] > 0 ? values[i] : 0;
    } else if (activation == ACTIVATION_HARDSWISH) {
        for (size_t i = 0; i < count; i++) {
            float gate = values[i] + 3.0f;
            gate = gate > 0 ? gate : 0;
            gate = gate < 6.0f ? gate : 6.0f;
            values[i] *= gate * (1.0f / 6.0f);
        }
    }
}

/* out[position][output] = in[position][depth] * weight + bias */
static void multiply(const struct float_matrix *m, const float *in, size_t positions, float *out)
{
    for (size_t i = 0; i < positions; i++)
        memcpy(out + i * m->outputs, m->bias, m->outputs * sizeof *out);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)positions, (blasint)m->outputs,
                (blasint)m->depth, 1, in, (blasint)m->depth, m->weight, (blasint)m->depth, 1, out,
                (blasint)m->outputs);
}

static void run_pointwise(const struct float_layer *l)
{
    const size_t positions = shape_positions(l->layer.out);
    const size_t count = positions * l->weights.outputs;
    multiply(&l->weights, l->in, positions, l->out);
    activate(l->out, count, l->layer.activation);
    for (size_t i = 0; l->residual != NULL && i < count; i++)
        l->out[i] += l->residual[i];
}

/* The input value at one tap of an output position's window, or NULL in the padding. */
static const float *tap(const struct float_layer *l, size_t position, unsigned kt, unsigned kf)
{
    const struct model_layer *layer = &l->layer;
    const size_t time = position / layer->out.frequency * layer->stride[0] + kt - layer->padding[0];
    const size_t frequency =
        position % layer->out.frequency * layer->stride[1] + kf - layer->padding[1];
    if (time >= layer->in.time || frequency >= layer->in.frequency) /* also if wrapped around */
        return NULL;
    return l->in + (time * layer->in.frequency + frequency) * layer->in.channels;
}

static size_t gathered_positions(const struct model_layer *layer, size_t depth)
{
    const size_t most = GATHERED_VALUES / depth, positions = shape_positions(layer->out);
    return most == 0 ? 1 : most < positions ? most : positions;
}

static void run_conv(const struct float_layer *l, float *gathered)
{
    const struct model_layer *layer = &l->layer;
    const size_t positions = shape_positions(layer->out), channels = layer->in.channels;
    const size_t tile = gathered_positions(layer, l->weights.depth);
    for (size_t begin = 0; begin < positions; begin += tile) {
        const size_t count = positions - begin < tile ? positions - begin : tile;
        float *to = gathered, *out = l->out + begin * l->weights.outputs;
        for (size_t i = 0; i < count; i++) {
            for (unsigned kt = 0; kt < layer->kernel[0]; kt++) {
                for (unsigned kf = 0; kf < layer->kernel[1]; kf++, to += channels) {
                    const float *from = tap(l, begin + i, kt, kf);
                    if (from != NULL)
                        memcpy(to, from, channels * sizeof *to);
                    else
                        memset(to, 0, channels * sizeof *to);
                }
            }
        }
        multiply(&l->weights, gathered, count, out);
        activate(out, count * l->weights.outputs, layer->activation);
    }
}

static void run_depthwise(const struct float_layer *l)
{
    const struct model_layer *layer = &l->layer;
    const size_t positions = shape_positions(layer->out), channels = layer->out.channels;
    for (size_t i = 0; i < positions; i++) {
        float *restrict out = l->out + i * channels;
        const float *restrict weight = l->weights.weight;
        memcpy(out, l->weights.bias, channels * sizeof *out);
        for (unsigned kt = 0; kt < layer->kernel[0]; kt++) {
            for (unsigned kf = 0; kf < layer->kernel[1]; kf++, weight += channels) {
                const float *restrict from = tap(l, i, kt, kf);
                for (size_t c = 0; from != NULL && c < channels; c++)
                    out[c] += weight[c] * from[c];
            }
        }
    }
    activate(l->out, positions * channels, layer->activation);
}

static void mean_of(const float *in, size_t positions, size_t channels, float *out)
{
    memset(out, 0, channels * sizeof *out);
    for (size_t i = 0; i < positions; i++) {
        for (size_t c = 0; c < channels; c++)
            out[c] += in[i * channels + c];
    }
    for (size_t c = 0; c < channels; c++)
        out[c] /= (float)positions;
}

static void mean(const struct float_layer *l, float *out)
{
    mean_of(l->in, shape_positions(l->layer.in), l->layer.in.channels, out);
}

static void run_time_steps(const struct float_layer *l)
{
    const size_t steps = l->layer.in.time, bins = l->layer.in.frequency;
    const size_t channels = l->layer.in.channels;
    for (size_t step = 0; step < steps; step++)
        mean_of(l->in + step * bins * channels, bins, channels, l->out + step * channels);
    mean(l, l->out + steps * channels);
}

/* Leaves the scores at the start of scratch. */
static void run_attention(const struct float_layer *l, float *scratch)
{
    const size_t rows = l->layer.in.time, outputs = l->weights.outputs;
    float *attention = scratch + rows * outputs;
    multiply(&l->weights, l->in, rows, scratch);
    multiply(&l->expand, l->in, rows, attention);
    step_pool(scratch, attention, rows, outputs, l->gate, outputs, l->out);
}

static void run_squeeze_excite(const struct float_layer *l, float *scratch)
{
    const size_t positions = shape_positions(l->layer.in), channels = l->layer.in.channels;
    float *gate = scratch, *hidden = scratch + channels;
    mean(l, gate);
    multiply(&l->weights, gate, 1, hidden);
    activate(hidden, l->weights.outputs, ACTIVATION_RELU);
    multiply(&l->expand, hidden, 1, gate);
    for (size_t c = 0; c < channels; c++)
        gate[c] = 1.0f / (1.0f + expf(-gate[c]));
    for (size_t i = 0; i < positions; i++) {
        for (size_t c = 0; c < channels; c++)
            l->out[i * channels + c] = l->in[i * channels + c] * gate[c];
    }
}

static void run_layer(const struct float_network *network, const struct float_layer *l)
{
    switch (l->layer.kind) {
    case LAYER_CONV:
        run_conv(l, network->scratch);
        break;
    case LAYER_DEPTHWISE:
        run_depthwise(l);
        break;
    case LAYER_SQUEEZE_EXCITE:
        run_squeeze_excite(l, network->scratch);
        break;
    case LAYER_MEAN:
        mean(l, l->out);
        break;
    case LAYER_TIME_STEPS:
        run_time_steps(l);
        break;
    case LAYER_ATTENTION:
        run_attention(l, network->scratch);
        break;
    case LAYER_POINTWISE:
    case LAYER_LINEAR:
        run_pointwise(l);
        break;
    }
}

/* --- the network --------------------------------------------------------------------- */

static bool copy_matrix(const struct layer_weights *from, bool depthwise, struct float_matrix *to)
{
    to->outputs = from->outputs;
    to->depth = from->depth;
    to->weight = malloc(from->outputs * from->depth * sizeof *to->weight);
    to->bias = malloc(from->outputs * sizeof *to->bias);
    if (to->weight == NULL || to->bias == NULL)
        return false;
    memcpy(to->bias, from->float_bias, from->outputs * sizeof *to->bias);
    for (size_t o = 0; o < from->outputs; o++) {
        for (size_t i = 0; i < from->depth; i++) {
            size_t at = depthwise ? i * from->outputs + o : o * from->depth + i;
            to->weight[at] = half_to_float(from->float_weight + 2 * (o * from->depth + i));
        }
    }
    return true;
}

static bool copy_gate(const struct model_layer *from, struct float_layer *to)
{
    const size_t size = from->weights.outputs * sizeof *to->gate;
    to->gate = malloc(size);
    if (to->gate != NULL)
        memcpy(to->gate, from->gate, size);
    return to->gate != NULL;
}

/* Values of scratch memory that a layer needs. */
static size_t scratch_values(const struct model_layer *layer)
{
    if (layer->kind == LAYER_CONV)
        return gathered_positions(layer, layer->weights.depth) * layer->weights.depth;
    if (layer->kind == LAYER_SQUEEZE_EXCITE)
        return (size_t)layer->in.channels + layer->squeezed;
    if (layer->kind == LAYER_ATTENTION)
        return 2 * (size_t)layer->in.time * layer->weights.outputs;
    return 0;
}

static bool place_tensors(struct float_network *network, const struct model_graph *graph)
{
    const size_t alignment = KERNEL_ALIGNMENT / sizeof(float);
    struct layout layout;
    if (!layout_make(graph, 1, alignment, &layout))
        return false;
    network->memory = aligned_alloc(KERNEL_ALIGNMENT, layout.size * sizeof(float));
    if (network->memory != NULL) {
        float *in = network->input_place = network->memory + layout.tensors[0].offset;
        for (size_t i = 0; i < graph->count; i++) {
            struct float_layer *l = &network->layers[i];
            l->in = in;
            l->out = in = network->memory + layout.tensors[i + 1].offset;
            if (graph->layers[i].residual >= 0)
                l->residual = network->layers[graph->layers[i].residual].out;
        }
    }
    layout_free(&layout);
    return network->memory != NULL;
}

static bool fill(struct float_network *network, const struct model_graph *graph)
{
    network->layers = calloc(graph->count, sizeof *network->layers);
    if (network->layers == NULL || !place_tensors(network, graph))
        return false;
    network->count = graph->count;
    size_t scratch = 1;
    for (size_t i = 0; i < graph->count; i++) {
        const struct model_layer *layer = &graph->layers[i];
        struct float_layer *l = &network->layers[i];
        l->layer = *layer;
        if (layer->weights.outputs > 0 &&
            !copy_matrix(&layer->weights, layer->kind == LAYER_DEPTHWISE, &l->weights))
            return false;
        if (layer->expand.outputs > 0 && !copy_matrix(&layer->expand, false, &l->expand))
            return false;
        if (layer->gate != NULL && !copy_gate(layer, l))
            return false;
        if (scratch_values(layer) > scratch)
            scratch = scratch_values(layer);
    }
    network->scratch = malloc(scratch * sizeof *network->scratch);
    return network->scratch != NULL;
}

struct float_network *float_network_new(const struct model *model, struct tutti_error *error)
{
    const struct model_frontend *frontend = model_frontend(model);
    struct float_network *network = calloc(1, sizeof *network);
    if (network == NULL || !fill(network, model_graph(model))) {
        float_network_free(network);
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "%s: out of memory", model_name(model));
        return NULL;
    }
    network->input = model_graph(model)->input;
    network->input_values = (size_t)frontend->columns * frontend->mel_bands;
    network->calibration = *model_calibration(model);
    return network;
}

void float_network_free(struct float_network *network)
{
    if (network == NULL)
        return;
    for (size_t i = 0; i < network->count; i++) {
        free(network->layers[i].weights.weight);
        free(network->layers[i].weights.bias);
        free(network->layers[i].expand.weight);
        free(network->layers[i].expand.bias);
        free(network->layers[i].gate);
    }
    free(network->layers);
    free(network->memory);
    free(network->scratch);
    free(network);
}

void float_network_run_observed(struct float_network *network, const float *columns,
                                float *probabilities, network_observer *observer, void *context)
{
    const float lowest = network->input.scale * (float)-network->input.zero;
    for (size_t i = 0; i < network->input_values; i++)
        network->input_place[i] = isfinite(columns[i]) ? columns[i] : lowest;
    for (size_t i = 0; i < network->count; i++) {
        run_layer(network, &network->layers[i]);
        if (observer != NULL)
            observer(context, i);
    }
    const float *logits = network->layers[network->count - 1].out;
    calibration_apply(&network->calibration, logits, probabilities);
}

size_t float_network_steps(const struct float_network *network)
{
    const struct model_layer *head = &network->layers[network->count - 1].layer;
    return head->kind == LAYER_ATTENTION ? head->in.time - 1 : 0;
}

void float_network_step_probabilities(const struct float_network *network, float *probabilities)
{
    const struct model_calibration *calibration = &network->calibration;
    const size_t outputs = calibration->labels + calibration->neighbours;
    const size_t steps = float_network_steps(network);
    for (size_t step = 0; step < steps; step++)
        calibration_apply(calibration, network->scratch + step * outputs,
                          probabilities + step * calibration->labels);
}

void float_network_run(struct float_network *network, const float *columns, float *probabilities)
{
    float_network_run_observed(network, columns, probabilities, NULL, NULL);
}
