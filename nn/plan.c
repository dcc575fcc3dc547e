#include "nn/plan.h"

#include "nn/layout.h"

#include <stdlib.h>
#include <string.h>

/* A quantization as the kernels' bytes have it. */
static struct quantization of_bytes(const struct kernels *k, struct quantization quantization)
{
    quantization.zero -= k->byte_offset;
    return quantization;
}

/* --- packed weights ------------------------------------------------------------------ */

/* Bias less the input's zero times the weights, so that a kernel can multiply q itself. */
static int32_t corrected_bias(const struct layer_weights *w, size_t output, int input_zero)
{
    int64_t sum = 0;
    for (size_t i = 0; i < w->depth; i++)
        sum += w->weight[output * w->depth + i];
    return (int32_t)(w->bias[output] - input_zero * sum);
}

/* What becomes of the sums of a layer's weights. */
struct stored_as {
    enum activation activation;
    const struct quantization *output; /* NULL: real values */
};

/* Carves the arrays and, unless it only measures, fills them. */
static void plan_requantization(struct carver *carver, const struct layer_weights *w, size_t padded,
                                struct quantization input, struct stored_as as,
                                struct requantization *r)
{
    int32_t *bias = carve(carver, padded * sizeof *bias);
    float *scale = carve(carver, padded * sizeof *scale);
    const float inverse = as.output != NULL ? inverse_scale(*as.output) : 1.0f;
    *r = (struct requantization){.bias = bias,
                                 .scale = scale,
                                 .activation = as.activation,
                                 .sixth = 1.0f / 6.0f * inverse,
                                 .zero = as.output != NULL ? as.output->zero : 0};
    if (bias == NULL)
        return;
    for (size_t i = 0; i < w->outputs; i++) {
        bias[i] = corrected_bias(w, i, input.zero);
        scale[i] = input.scale * w->scale[i];
        if (as.activation != ACTIVATION_HARDSWISH)
            scale[i] *= inverse;
    }
}

static void plan_matrix(struct carver *carver, const struct kernels *k,
                        const struct layer_weights *w, struct quantization input,
                        struct stored_as as, struct plan_matrix *matrix)
{
    matrix->outputs = round_up(w->outputs, k->channel_multiple);
    matrix->depth = round_up(w->depth, k->channel_multiple);
    matrix->packed = carve(carver, k->gemm_packed_size(w->outputs, w->depth));
    plan_requantization(carver, w, matrix->outputs, input, as, &matrix->requantization);
    if (matrix->packed != NULL)
        k->gemm_pack(w->weight, w->outputs, w->depth, matrix->packed);
}

static void plan_window(struct carver *carver, const struct kernels *k,
                        const struct model_layer *layer, const struct window *window,
                        struct quantization input, struct stored_as as, struct plan_matrix *matrix)
{
    const struct layer_weights *w = &layer->weights;
    const bool conv = layer->kind == LAYER_CONV;
    const size_t in = layer->in.channels;
    matrix->outputs = round_up(w->outputs, k->channel_multiple);
    matrix->packed = carve(carver, conv ? k->conv_packed_size(window, in, w->outputs)
                                        : k->depthwise_packed_size(window, w->outputs));
    plan_requantization(carver, w, matrix->outputs, input, as, &matrix->requantization);
    if (matrix->packed == NULL)
        return;
    if (conv)
        k->conv_pack(w->weight, window, in, w->outputs, matrix->packed);
    else
        k->depthwise_pack(w->weight, window, w->outputs, matrix->packed);
}

static const float *carve_copy(struct carver *carver, const float *values, size_t count)
{
    float *copy = carve(carver, count * sizeof *copy);
    if (copy != NULL)
        memcpy(copy, values, count * sizeof *copy);
    return copy;
}

static void plan_layer(struct plan *plan, const struct model_graph *graph, size_t index,
                       struct carver *carver)
{
    const struct model_layer *layer = &graph->layers[index];
    const struct kernels *k = plan->kernels;
    struct plan_layer *planned = &plan->layers[index];
    const struct quantization input = of_bytes(k, model_graph_input(graph, index));
    const struct quantization hidden = of_bytes(k, layer->hidden);
    const struct quantization output = of_bytes(k, layer->output);
    planned->kind = layer->kind;
    planned->in_shape = layer->in;
    planned->out_shape = layer->out;
    planned->window = (struct window){
        .in = {layer->in.time, layer->in.frequency},
        .out = {layer->out.time, layer->out.frequency},
        .kernel = {layer->kernel[0], layer->kernel[1]},
        .stride = {layer->stride[0], layer->stride[1]},
        .padding = {layer->padding[0], layer->padding[1]},
    };
    planned->last = layer->last;
    planned->summed = layer->kind == LAYER_DEPTHWISE && !layer->last &&
                      graph->layers[index + 1].kind == LAYER_SQUEEZE_EXCITE;

    const struct stored_as real = {ACTIVATION_NONE, NULL}, relu = {ACTIVATION_RELU, &hidden};
    const struct stored_as own = {layer->activation, layer->last ? NULL : &output};
    switch (layer->kind) {
    case LAYER_SQUEEZE_EXCITE:
        planned->pooled = of_bytes(k, layer->pooled);
        planned->squeezed_pitch = round_up(layer->squeezed, k->channel_multiple);
        plan_matrix(carver, k, &layer->weights, planned->pooled, relu, &planned->weights);
        plan_matrix(carver, k, &layer->expand, hidden, real, &planned->expand);
        break;
    case LAYER_ATTENTION:
        plan_matrix(carver, k, &layer->weights, input, real, &planned->weights);
        plan_matrix(carver, k, &layer->expand, input, real, &planned->expand);
        planned->gate = carve_copy(carver, layer->gate, layer->weights.outputs);
        break;
    case LAYER_MEAN:
    case LAYER_TIME_STEPS:
        break;
    case LAYER_CONV:
    case LAYER_DEPTHWISE:
        plan_window(carver, k, layer, &planned->window, input, own, &planned->weights);
        break;
    default:
        plan_matrix(carver, k, &layer->weights, input, own, &planned->weights);
        if (layer->residual >= 0) {
            struct requantization *r = &planned->weights.requantization;
            const struct quantization residual = of_bytes(k, graph->layers[layer->residual].output);
            r->residual_scale = residual.scale * inverse_scale(output);
            r->residual_zero = residual.zero;
        }
    }
}

/* --- places in the arena ------------------------------------------------------------- */

static bool place_tensors(struct plan *plan, const struct model_graph *graph)
{
    struct layout layout;
    if (!layout_make(graph, plan->kernels->channel_multiple, KERNEL_ALIGNMENT, &layout))
        return false;
    const struct layout_tensor *at = layout.tensors;
    struct plan_tensor before = {at[0].offset, at[0].pitch, of_bytes(plan->kernels, graph->input)};
    plan->input = before;
    for (size_t i = 0; i < graph->count; i++) {
        struct plan_layer *planned = &plan->layers[i];
        const int residual = graph->layers[i].residual;
        planned->in = before;
        planned->out = (struct plan_tensor){at[i + 1].offset, at[i + 1].pitch,
                                            of_bytes(plan->kernels, graph->layers[i].output)};
        planned->has_residual = residual >= 0;
        if (planned->has_residual) {
            planned->residual = plan->layers[residual].out;
            planned->residual_layer = (size_t)residual;
        }
        before = planned->out;
    }
    plan->scratch_offset = layout.size;
    layout_free(&layout);
    return true;
}

size_t plan_scratch_carve(const struct plan *plan, const struct plan_layer *layer, void *base,
                          struct plan_scratch *scratch)
{
    const struct kernels *k = plan->kernels;
    struct carver carver = {base, 0};
    size_t depth = layer->weights.depth, outputs = layer->weights.outputs;
    *scratch = (struct plan_scratch){0};
    if (layer->summed)
        scratch->sums = carve(&carver, layer->out.pitch * sizeof *scratch->sums);
    switch (layer->kind) {
    case LAYER_CONV:
        scratch->kernel =
            carve(&carver, k->conv_scratch_size(&layer->window, layer->in_shape.channels, outputs));
        return carver.used;
    case LAYER_SQUEEZE_EXCITE:
        scratch->sums = carve(&carver, layer->in.pitch * sizeof *scratch->sums);
        scratch->pooled = carve(&carver, layer->in.pitch);
        scratch->hidden = carve(&carver, layer->squeezed_pitch);
        if (layer->expand.depth > depth)
            depth = layer->expand.depth;
        if (layer->expand.outputs > outputs)
            outputs = layer->expand.outputs;
        scratch->reals = carve(&carver, layer->in.pitch * sizeof *scratch->reals);
        break;
    case LAYER_ATTENTION:
        scratch->reals = carve(&carver, outputs * sizeof *scratch->reals);
        scratch->scores = carve(&carver, layer->in_shape.time * outputs * sizeof *scratch->scores);
        scratch->attention =
            carve(&carver, layer->in_shape.time * outputs * sizeof *scratch->attention);
        break;
    case LAYER_MEAN:
    case LAYER_TIME_STEPS:
        scratch->sums = carve(&carver, layer->in.pitch * sizeof *scratch->sums);
        scratch->reals = carve(&carver, layer->in.pitch * sizeof *scratch->reals);
        return carver.used;
    case LAYER_DEPTHWISE:
        scratch->kernel =
            carve(&carver, k->depthwise_scratch_size(&layer->window, layer->in.pitch));
        return carver.used;
    default:
        if (layer->last)
            scratch->reals = carve(&carver, layer->weights.outputs * sizeof *scratch->reals);
    }
    scratch->kernel = carve(&carver, k->gemm_scratch_size(depth, outputs));
    return carver.used;
}

static void place_scratch(struct plan *plan)
{
    size_t largest = 0;
    for (size_t i = 0; i < plan->count; i++) {
        struct plan_scratch unused;
        size_t size = plan_scratch_carve(plan, &plan->layers[i], NULL, &unused);
        if (size > largest)
            largest = size;
    }
    plan->arena_size = plan->scratch_offset + largest;
}

/* --- the plan ------------------------------------------------------------------------ */

static bool fill(struct plan *plan, const struct model *model)
{
    const struct model_graph *graph = model_graph(model);
    const struct model_layer *head = &graph->layers[graph->count - 1];
    plan->steps = head->kind == LAYER_ATTENTION ? head->in.time - 1 : 0;
    plan->count = graph->count;
    plan->layers = calloc(graph->count, sizeof *plan->layers);
    bool ok = plan->layers != NULL;
    struct carver carver = {NULL, 0};
    for (int pass = 0; pass < 2 && ok; pass++) { /* first measure, then fill */
        carver.used = 0;
        for (size_t i = 0; i < graph->count; i++)
            plan_layer(plan, graph, i, &carver);
        if (pass > 0)
            break;
        plan->packed_size = round_up(carver.used + 1, KERNEL_ALIGNMENT);
        plan->packed = carver.base = aligned_alloc(KERNEL_ALIGNMENT, plan->packed_size);
        ok = plan->packed != NULL;
        if (ok)
            memset(plan->packed, 0, plan->packed_size);
    }
    ok = ok && place_tensors(plan, graph);
    if (ok) {
        place_scratch(plan);
        plan->checkpoints = checkpoints_find(plan, plan->checkpoint);
    }
    return ok;
}

struct plan *plan_new(const struct model *model, const struct kernels *kernels,
                      struct tutti_error *error)
{
    const struct model_frontend *frontend = model_frontend(model);
    struct plan *plan = calloc(1, sizeof *plan);
    if (plan != NULL) {
        atomic_init(&plan->references, 1);
        plan->kernels = kernels;
        plan->calibration = *model_calibration(model);
        plan->input_values = (size_t)frontend->columns * frontend->mel_bands;
    }
    if (plan == NULL || !fill(plan, model)) {
        plan_release(plan);
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "%s: out of memory", model_name(model));
        return NULL;
    }
    return plan;
}

struct plan *plan_share(struct plan *plan)
{
    atomic_fetch_add_explicit(&plan->references, 1, memory_order_relaxed);
    return plan;
}

void plan_release(struct plan *plan)
{
    if (plan == NULL || atomic_fetch_sub_explicit(&plan->references, 1, memory_order_acq_rel) != 1)
        return;
    free(plan->layers);
    free(plan->packed);
    free(plan);
}
