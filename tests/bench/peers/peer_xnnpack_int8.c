/* The network in 8-bit integers with XNNPACK's operators, on the weights and scales of the model
 * file: activations as qs8 (our byte - 128), weights with a scale per output as qc8.
 *
 *   peer_xnnpack_int8 MODEL WINDOWS
 *
 * What XNNPACK of this age does not have is put together: hardswish is a table of 256 bytes that is
 * looked up here; its input is quantized over -3 (below which it is 0) to what gives the largest
 * output. A product's sum with a residual is two steps, the first with a range that holds any such
 * product. The head is computed in float, as Tutti has it unquantized, too. */
#include "tests/bench/peers/peer.h"

#include <math.h>

#include "tests/bench/peers/xnnpack_steps.h"

#define GATE_LIMIT 10.0f /* of the logits of squeeze_excite */

struct network {
    struct steps steps;
    const struct model_layer *last;
    xnn_operator_t quantize;
    int8_t *in;
    float *real, *out;
    size_t in_values;
};

/* As XNNPACK has it: zero from -128 to 127. */
static int8_t zero_of(struct quantization q)
{
    return (int8_t)(q.zero - 128);
}

/* The one that holds low to high, and 0 exactly. */
static struct quantization quantization_over(float low, float high)
{
    low = fminf(low, 0);
    high = fmaxf(high, 0);
    const float scale = (high - low) / 255;
    return (struct quantization){scale, (int)lroundf(-low / scale)};
}

static float lowest(struct quantization q)
{
    return q.scale * (float)-q.zero;
}

static float highest(struct quantization q)
{
    return q.scale * (float)(255 - q.zero);
}

/* ---- hardswish ---- */

static float hardswish(float x)
{
    return x * fminf(fmaxf(x + 3, 0), 6) / 6;
}

/* Of its input, so that no output of `to` is lost. */
static struct quantization before_hardswish(struct quantization to)
{
    float high = 0;
    while (hardswish(high) < highest(to) && high < 3)
        high += 0.001f;
    return quantization_over(-3, fmaxf(high, highest(to)));
}

static void add_hardswish(struct steps *steps, int8_t *bytes, size_t count,
                          struct quantization from, struct quantization to)
{
    int8_t *table = must_have(malloc(256));
    for (int q = 0; q < 256; q++) {
        const float real = hardswish(from.scale * (float)(q - from.zero));
        const long byte = lrintf(real / to.scale) + to.zero;
        table[q] = (int8_t)((byte < 0 ? 0 : byte > 255 ? 255 : byte) - 128);
    }
    steps->step[steps->count++] = (struct step){.table = table, .bytes = bytes, .count = count};
}

/* ---- products ---- */

struct product {
    const struct layer_weights *weights;
    struct model_shape in, out;
    const unsigned *kernel, *stride, *padding;
    unsigned groups;
    struct quantization from, to;
    bool relu;
};

static void add_product(struct steps *steps, const struct product *p, const int8_t *in, int8_t *out)
{
    static const unsigned one[2] = {1, 1}, none[2] = {0, 0};
    const unsigned *k = p->kernel != NULL ? p->kernel : one;
    const unsigned *s = p->stride != NULL ? p->stride : one;
    const unsigned *pad = p->padding != NULL ? p->padding : none;
    const size_t outputs = p->weights->outputs;
    float *scale = must_have(malloc(outputs * sizeof *scale));
    for (size_t i = 0; i < outputs; i++) /* XNNPACK refuses a scale of 0 */
        scale[i] = fmaxf(p->weights->scale[i], 1e-6f);
    xnn_operator_t operator;
    must(xnn_create_convolution2d_nhwc_qc8(
             pad[0], pad[1], pad[0], pad[1], k[0], k[1], s[0], s[1], 1, 1, p->groups,
             p->in.channels / p->groups, outputs / p->groups, p->in.channels, outputs,
             zero_of(p->from), p->from.scale, scale, p->weights->weight, p->weights->bias,
             zero_of(p->to), p->to.scale, p->relu ? zero_of(p->to) : -128, 127, 0, &operator),
         "product");
    must(xnn_setup_convolution2d_nhwc_qc8(operator, 1, p->in.time, p->in.frequency, in, out, NULL),
         "product");
    add_step(steps, operator);
    free(scale);
}

static void add_residual(struct steps *steps, struct quantization one, struct quantization other,
                         struct quantization to, const int8_t *residual, int8_t *out, size_t count)
{
    xnn_operator_t operator;
    must(xnn_create_add_nd_qs8(zero_of(one), one.scale, zero_of(other), other.scale, zero_of(to),
                               to.scale, -128, 127, 0, &operator),
         "residual");
    must(xnn_setup_add_nd_qs8(operator, 1, &count, 1, &count, out, residual, out, NULL),
         "residual");
    add_step(steps, operator);
}

/* conv, depthwise, pointwise, linear. */
static void add_products(struct steps *steps, const struct model_layer *l, struct quantization from,
                         const int8_t *in, int8_t *out, const int8_t *residual,
                         struct quantization of_residual)
{
    const bool swish = l->activation == ACTIVATION_HARDSWISH;
    struct quantization to = swish ? before_hardswish(l->output) : l->output;
    if (residual != NULL)
        to =
            quantization_over(lowest(to) - highest(of_residual), highest(to) - lowest(of_residual));
    const bool window = l->kind == LAYER_CONV || l->kind == LAYER_DEPTHWISE;
    const struct product product = {
        .weights = &l->weights,
        .in = l->in,
        .out = l->out,
        .kernel = window ? l->kernel : NULL,
        .stride = window ? l->stride : NULL,
        .padding = window ? l->padding : NULL,
        .groups = l->kind == LAYER_DEPTHWISE ? l->in.channels : 1,
        .from = from,
        .to = to,
        .relu = l->activation == ACTIVATION_RELU,
    };
    add_product(steps, &product, in, out);
    if (swish)
        add_hardswish(steps, out, values_of(l->out), to, l->output);
    if (residual != NULL)
        add_residual(steps, to, of_residual, l->output, residual, out, values_of(l->out));
}

/* ---- other layers ---- */

static void add_mean(struct steps *steps, const int8_t *in, size_t rows, size_t positions,
                     size_t channels, struct quantization from, struct quantization to, int8_t *out)
{
    xnn_operator_t operator;
    must(xnn_create_global_average_pooling_nwc_qs8(channels, channels, channels, zero_of(from),
                                                   from.scale, zero_of(to), to.scale, -128, 127, 0,
                                                   &operator),
         "mean");
    must(xnn_setup_global_average_pooling_nwc_qs8(operator, rows, positions, in, out, NULL),
         "mean");
    add_step(steps, operator);
}

static void add_squeeze_excite(struct steps *steps, const struct model_layer *l,
                               struct quantization from, const int8_t *in, int8_t *out)
{
    const size_t positions = shape_positions(l->in), channels = l->in.channels;
    const struct quantization logits = quantization_over(-GATE_LIMIT, GATE_LIMIT);
    const struct quantization unit = {1.0f / 256, 0};
    int8_t *gate = tensor(channels, 1), *hidden = tensor(l->squeezed, 1);
    const struct model_shape all = {1, 1, l->in.channels}, few = {1, 1, l->squeezed};
    const struct product reduce = {.weights = &l->weights,
                                   .in = all,
                                   .out = few,
                                   .groups = 1,
                                   .from = l->pooled,
                                   .to = l->hidden,
                                   .relu = true};
    const struct product expand = {
        .weights = &l->expand, .in = few, .out = all, .groups = 1, .from = l->hidden, .to = logits};
    xnn_operator_t sigmoid, multiply;
    add_mean(steps, in, 1, positions, channels, from, l->pooled, gate);
    add_product(steps, &reduce, gate, hidden);
    add_product(steps, &expand, hidden, gate);
    must(xnn_create_sigmoid_nc_qs8(channels, channels, channels, zero_of(logits), logits.scale,
                                   zero_of(unit), unit.scale, -128, 127, 0, &sigmoid),
         l->name);
    must(xnn_setup_sigmoid_nc_qs8(sigmoid, 1, gate, gate, NULL), l->name);
    add_step(steps, sigmoid);
    must(xnn_create_multiply_nd_qs8(zero_of(from), from.scale, zero_of(unit), unit.scale,
                                    zero_of(l->output), l->output.scale, -128, 127, 0, &multiply),
         l->name);
    must(xnn_setup_multiply_nd_qs8(multiply, 2, (size_t[]){positions, channels}, 2,
                                   (size_t[]){1, channels}, in, gate, out, NULL),
         l->name);
    add_step(steps, multiply);
}

/* To real values, and in these to scores and attentions. */
static void add_head(struct network *network, const struct model_layer *l, struct quantization from,
                     const int8_t *in)
{
    const size_t channels = l->in.channels, rows = l->in.time;
    xnn_operator_t operator;
    network->real = tensor(values_of(l->in), sizeof *network->real);
    network->out = tensor(2 * rows * l->weights.outputs, sizeof *network->out);
    must(xnn_create_convert_nc_qs8_f32(channels, channels, channels, from.scale, zero_of(from), 0,
                                       &operator),
         l->name);
    must(xnn_setup_convert_nc_qs8_f32(operator, rows, in, network->real, NULL), l->name);
    add_step(&network->steps, operator);
    add_step(&network->steps, head(l, network->real, network->out));
}

static void add_layer(struct network *network, const struct model_graph *graph, size_t index,
                      const int8_t *in, int8_t *out, const int8_t *residual)
{
    const struct model_layer *l = &graph->layers[index];
    const struct quantization from = model_graph_input(graph, index);
    const struct quantization of_residual =
        residual != NULL ? graph->layers[l->residual].output : (struct quantization){0};
    const size_t channels = l->in.channels, all = shape_positions(l->in);
    struct steps *steps = &network->steps;
    switch (l->kind) {
    case LAYER_CONV:
    case LAYER_DEPTHWISE:
    case LAYER_POINTWISE:
    case LAYER_LINEAR:
        add_products(steps, l, from, in, out, residual, of_residual);
        break;
    case LAYER_SQUEEZE_EXCITE:
        add_squeeze_excite(steps, l, from, in, out);
        break;
    case LAYER_MEAN:
        add_mean(steps, in, 1, all, channels, from, l->output, out);
        break;
    case LAYER_TIME_STEPS:
        add_mean(steps, in, l->in.time, l->in.frequency, channels, from, l->output, out);
        add_mean(steps, in, 1, all, channels, from, l->output, out + l->in.time * channels);
        break;
    case LAYER_ATTENTION:
        add_head(network, l, from, in);
        break;
    }
}

static void make(struct network *network, const struct model_graph *graph)
{
    struct layout layout;
    if (!layout_make(graph, 1, KERNEL_ALIGNMENT, &layout))
        must_have(NULL);
    int8_t *memory = tensor(layout.size, 1);
    network->in = memory + layout.tensors[0].offset;
    network->in_values = values_of(graph->layers[0].in);
    must(xnn_create_convert_nc_f32_qs8(1, 1, 1, graph->input.scale, zero_of(graph->input), -128,
                                       127, 0, &network->quantize),
         "input");
    for (size_t i = 0; i < graph->count; i++) {
        const struct model_layer *l = &graph->layers[i];
        add_layer(network, graph, i, memory + layout.tensors[i].offset,
                  memory + layout.tensors[i + 1].offset,
                  l->residual >= 0 ? memory + layout.tensors[l->residual + 1].offset : NULL);
        network->last = l;
    }
    layout_free(&layout);
}

static void run(void *context, const float *columns, float *logits)
{
    struct network *network = context;
    must(xnn_setup_convert_nc_f32_qs8(network->quantize, network->in_values, columns, network->in,
                                      NULL),
         "input");
    must(xnn_run_operator(network->quantize, NULL), "input");
    run_steps(&network->steps);
    pool_head(network->last, network->out, logits);
}

/* The least time that the tables take in a run. */
static double tables_ms(const struct steps *steps)
{
    double least = INFINITY;
    for (int run_of_them = 0; run_of_them < 100; run_of_them++) {
        const double begun = peer_now_ms();
        for (size_t i = 0; i < steps->count; i++) {
            if (steps->step[i].table != NULL)
                look_up(steps->step[i].table, steps->step[i].bytes, steps->step[i].count);
        }
        least = fmin(least, peer_now_ms() - begun);
    }
    return least;
}

int main(int argc, char **argv)
{
    static struct network network;
    if (argc != 3) {
        fprintf(stderr, "peer_xnnpack_int8 MODEL WINDOWS\n");
        return 2;
    }
    const struct model *model = peer_open(argv[1]);
    const struct model_graph *graph = model_graph(model);
    if (xnn_initialize(NULL) != xnn_status_success) {
        fprintf(stderr, "XNNPACK does not know this processor\n");
        return PEER_ABSENT;
    }
    if (graph->layers[graph->count - 1].kind != LAYER_ATTENTION) {
        fprintf(stderr, "only for models that end in an attention\n");
        return PEER_ABSENT;
    }
    make(&network, graph);
    char name[64];
    snprintf(name, sizeof name, "XNNPACK int8, our hardswish %.2f ms", tables_ms(&network.steps));
    const struct peer peer = {name, run, &network, 1};
    return peer_serve(&peer, model, argv[2]);
}
