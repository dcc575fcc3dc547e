#include "nn/network.h"

#include "nn/calibration.h"
#include "nn/memory.h"
#include "nn/plan.h"
#include "nn/step_pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct network {
    struct plan *plan;
    unsigned char *arena;
};

/* --- layers -------------------------------------------------------------------------- */

/* Where a layer works. */
struct place {
    const struct plan *plan;
    const struct plan_layer *layer;
    const uint8_t *in;
    uint8_t *out;
    const uint8_t *residual;
    bool summed; /* the sums of the input's channels are in scratch.sums already */
    struct plan_scratch scratch;
};

/* Some lines of a layer's output. */
struct span {
    unsigned begin, end;
};

static struct gemm_task matrix_task(const struct plan_matrix *matrix, void *scratch)
{
    return (struct gemm_task){
        .positions = 1,
        .depth = matrix->depth,
        .outputs = matrix->outputs,
        .weights = matrix->packed,
        .requantization = &matrix->requantization,
        .scratch = scratch,
    };
}

static void run_pointwise(const struct place *p, struct span lines)
{
    const struct plan_layer *layer = p->layer;
    const size_t bins = layer->out_shape.frequency, first = lines.begin * bins;
    struct gemm_task task = matrix_task(&layer->weights, p->scratch.kernel);
    task.in = p->in + first * layer->in.pitch;
    task.in_pitch = layer->in.pitch;
    task.out = p->out + first * layer->out.pitch;
    task.out_pitch = layer->out.pitch;
    task.residual = p->residual != NULL ? p->residual + first * layer->residual.pitch : NULL;
    task.residual_pitch = layer->residual.pitch;
    task.positions = (lines.end - lines.begin) * bins;
    p->plan->kernels->gemm(&task);
}

static void run_linear(const struct place *p)
{
    if (!p->layer->last) {
        run_pointwise(p, (struct span){0, p->layer->out_shape.time});
        return;
    }
    struct gemm_task task = matrix_task(&p->layer->weights, p->scratch.kernel);
    task.in = p->in;
    p->plan->kernels->gemm_real(&task, p->scratch.reals);
}

static void run_window(const struct place *p, struct span lines)
{
    const struct plan_layer *layer = p->layer;
    struct window window = layer->window;
    const unsigned before = lines.begin * window.stride[0]; /* of the padded input */
    const unsigned first = before > window.padding[0] ? before - window.padding[0] : 0;
    window.in[0] -= first;
    window.padding[0] = before < window.padding[0] ? window.padding[0] - before : 0;
    window.out[0] = lines.end - lines.begin;
    const struct window_task task = {
        .window = window,
        .in = p->in + (size_t)first * window.in[1] * layer->in.pitch,
        .in_pitch = layer->in.pitch,
        .in_channels = layer->in_shape.channels,
        .out = p->out + (size_t)lines.begin * window.out[1] * layer->out.pitch,
        .out_pitch = layer->out.pitch,
        .in_zero = layer->in.quantization.zero,
        .weights = layer->weights.packed,
        .requantization = &layer->weights.requantization,
        .sums = window.out[0] == layer->out_shape.time ? p->scratch.sums : NULL,
        .scratch = p->scratch.kernel,
    };
    if (layer->kind == LAYER_CONV)
        p->plan->kernels->conv(&task);
    else
        p->plan->kernels->depthwise(&task);
}

static void sum_positions(const struct place *p, const uint8_t *in, size_t positions)
{
    const size_t pitch = p->layer->in.pitch;
    memset(p->scratch.sums, 0, pitch * sizeof *p->scratch.sums);
    p->plan->kernels->add_channel_sums(in, positions, pitch, pitch, p->scratch.sums);
}

/* The mean of sums over so many positions, as bytes of the quantization `to`. */
static void sums_to_mean(const struct place *p, size_t positions, struct quantization to,
                         uint8_t *out)
{
    const struct plan_layer *layer = p->layer;
    const size_t pitch = layer->in.pitch;
    const int32_t zero = (int32_t)positions * layer->in.quantization.zero;
    const float scale = layer->in.quantization.scale / (float)positions;
    float *means = p->scratch.reals;
    for (size_t c = 0; c < pitch; c++)
        means[c] = (float)(p->scratch.sums[c] - zero) * scale;
    p->plan->kernels->quantize(means, pitch, inverse_scale(to), to.zero, out);
}

/* The mean over all positions. */
static void pool(const struct place *p, struct quantization to, uint8_t *out)
{
    const size_t positions = shape_positions(p->layer->in_shape);
    if (!p->summed)
        sum_positions(p, p->in, positions);
    sums_to_mean(p, positions, to, out);
}

static void run_time_steps(const struct place *p)
{
    const struct plan_layer *layer = p->layer;
    const struct quantization to = layer->out.quantization;
    const size_t steps = layer->in_shape.time, bins = layer->in_shape.frequency;
    for (size_t step = 0; step < steps; step++) {
        sum_positions(p, p->in + step * bins * layer->in.pitch, bins);
        sums_to_mean(p, bins, to, p->out + step * layer->out.pitch);
    }
    pool(p, to, p->out + steps * layer->out.pitch);
}

static void run_attention(const struct place *p)
{
    const struct plan_layer *layer = p->layer;
    const size_t rows = layer->in_shape.time, pitch = layer->weights.outputs;
    const struct plan_scratch *s = &p->scratch;
    struct gemm_task score = matrix_task(&layer->weights, s->kernel);
    struct gemm_task attention = matrix_task(&layer->expand, s->kernel);
    for (size_t row = 0; row < rows; row++) {
        score.in = attention.in = p->in + row * layer->in.pitch;
        p->plan->kernels->gemm_real(&score, s->scores + row * pitch);
        p->plan->kernels->gemm_real(&attention, s->attention + row * pitch);
    }
    step_pool(s->scores, s->attention, rows, pitch, layer->gate, layer->out_shape.channels,
              s->reals);
}

static void run_mean(const struct place *p)
{
    pool(p, p->layer->out.quantization, p->out);
}

static void run_squeeze_excite(const struct place *p)
{
    const struct plan_layer *layer = p->layer;
    const struct plan_scratch *s = &p->scratch;
    const struct kernels *k = p->plan->kernels;
    pool(p, layer->pooled, s->pooled);

    struct gemm_task reduce = matrix_task(&layer->weights, s->kernel);
    reduce.in = s->pooled;
    reduce.out = s->hidden;
    k->gemm(&reduce);

    struct gemm_task expand = matrix_task(&layer->expand, s->kernel);
    expand.in = s->hidden;
    k->gemm_real(&expand, s->reals);
    const float scale = layer->in.quantization.scale * inverse_scale(layer->out.quantization);
    for (size_t c = 0; c < layer->in.pitch; c++)
        s->reals[c] = scale * (1.0f / (1.0f + expf(-s->reals[c])));

    struct gate_task gate = {
        .in = p->in,
        .out = p->out,
        .positions = shape_positions(layer->in_shape),
        .pitch = layer->in.pitch,
        .scale = s->reals,
        .in_zero = layer->in.quantization.zero,
        .out_zero = layer->out.quantization.zero,
    };
    k->gate(&gate);
}

static void run_span(const struct place *place, struct span lines)
{
    if (lines.begin >= lines.end)
        return;
    if (place->layer->kind == LAYER_POINTWISE)
        run_pointwise(place, lines);
    else
        run_window(place, lines);
}

static uint8_t *output_of(const struct network *network, const struct network_memory *memory,
                          size_t layer)
{
    uint8_t *kept = memory_tensor(memory, layer);
    return kept != NULL ? kept : network->arena + network->plan->layers[layer].out.offset;
}

/* Did this layer compute all of its output, and the sums of its channels on the way? */
static bool has_summed(const struct network *network, const struct network_memory *memory,
                       size_t index)
{
    const struct plan_layer *layer = &network->plan->layers[index];
    return layer->summed &&
           memory_lines(memory, network->plan, index).head == layer->out_shape.time;
}

static void run_layer(const struct network *network, const struct network_memory *memory,
                      size_t index)
{
    const struct plan *plan = network->plan;
    const struct plan_layer *layer = &plan->layers[index];
    struct place place = {
        .plan = plan,
        .layer = layer,
        .in =
            index > 0 ? output_of(network, memory, index - 1) : network->arena + plan->input.offset,
        .summed = index > 0 && has_summed(network, memory, index - 1),
        .out = output_of(network, memory, index),
        .residual = layer->has_residual ? output_of(network, memory, layer->residual_layer) : NULL,
    };
    plan_scratch_carve(plan, layer, network->arena + plan->scratch_offset, &place.scratch);
    const struct lines lines = memory_lines(memory, plan, index);
    switch (layer->kind) {
    case LAYER_CONV:
    case LAYER_DEPTHWISE:
    case LAYER_POINTWISE:
        run_span(&place, (struct span){0, lines.head});
        run_span(&place, (struct span){lines.tail, layer->out_shape.time});
        break;
    case LAYER_SQUEEZE_EXCITE:
        run_squeeze_excite(&place);
        break;
    case LAYER_MEAN:
        run_mean(&place);
        break;
    case LAYER_LINEAR:
        run_linear(&place);
        break;
    case LAYER_TIME_STEPS:
        run_time_steps(&place);
        break;
    case LAYER_ATTENTION:
        run_attention(&place);
        break;
    }
}

/* --- the network --------------------------------------------------------------------- */

/* Takes over the reference to the plan, also on failure. */
static struct network *network_with(struct plan *plan)
{
    struct network *network = calloc(1, sizeof *network);
    size_t size = round_up(plan->arena_size, KERNEL_ALIGNMENT);
    unsigned char *arena = network != NULL ? aligned_alloc(KERNEL_ALIGNMENT, size) : NULL;
    if (arena == NULL) {
        free(network);
        plan_release(plan);
        return NULL;
    }
    memset(arena, 0, size); /* touches the pages, so that no run meets the kernel for them */
    network->plan = plan;
    network->arena = arena;
    return network;
}

struct network *network_new(const struct model *model, const struct network_options *options,
                            struct tutti_error *error)
{
    const struct kernels *kernels = kernels_choose(options != NULL ? options->kernel : NULL, error);
    if (kernels == NULL)
        return NULL;
    struct plan *plan = plan_new(model, kernels, error);
    if (plan == NULL)
        return NULL;
    struct network *network = network_with(plan);
    if (network == NULL)
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "%s: out of memory", model_name(model));
    return network;
}

struct network *network_clone(const struct network *network)
{
    return network_with(plan_share(network->plan));
}

void network_free(struct network *network)
{
    if (network == NULL)
        return;
    plan_release(network->plan);
    free(network->arena);
    free(network);
}

/* What the last layer left behind. */
static struct plan_scratch head_scratch(const struct network *network)
{
    const struct plan *plan = network->plan;
    struct plan_scratch scratch;
    plan_scratch_carve(plan, &plan->layers[plan->count - 1], network->arena + plan->scratch_offset,
                       &scratch);
    return scratch;
}

struct plan *network_plan(const struct network *network)
{
    return network->plan;
}

static void quantize_columns(const struct network *network, const float *columns, struct span span)
{
    const struct plan *plan = network->plan;
    const struct quantization input = plan->input.quantization;
    const float inverse = inverse_scale(input);
    const size_t bands = plan->layers[0].in_shape.frequency;
    const size_t first = span.begin * bands, end = span.end * bands;
    uint8_t *in = network->arena + plan->input.offset + first * plan->input.pitch;
    if (first >= end)
        return;
    if (plan->input.pitch == 1) {
        plan->kernels->quantize(columns + first, end - first, inverse, input.zero, in);
        return;
    }
    for (size_t i = first; i < end; i++, in += plan->input.pitch)
        plan->kernels->quantize(columns + i, 1, inverse, input.zero, in);
}

static void run(struct network *network, const struct network_memory *memory, const float *columns,
                float *probabilities, network_observer *observer, void *context)
{
    const struct plan *plan = network->plan;
    const struct lines lines = memory_columns(memory, plan);
    quantize_columns(network, columns, (struct span){0, lines.head});
    quantize_columns(network, columns, (struct span){lines.tail, plan->layers[0].in_shape.time});
    for (size_t i = 0; i < plan->count; i++) {
        run_layer(network, memory, i);
        if (observer != NULL)
            observer(context, i);
    }
    const struct plan_scratch scratch = head_scratch(network);
    calibration_apply(&plan->calibration, scratch.reals, probabilities);
}

void network_run(struct network *network, const float *columns, float *probabilities)
{
    run(network, NULL, columns, probabilities, NULL, NULL);
}

void network_run_next(struct network *network, struct network_memory *memory, const float *columns,
                      uint64_t position, float *probabilities)
{
    memory_begin(memory, position);
    run(network, memory, columns, probabilities, NULL, NULL);
}

void network_run_observed(struct network *network, const float *columns, float *probabilities,
                          network_observer *observer, void *context)
{
    run(network, NULL, columns, probabilities, observer, context);
}

size_t network_steps(const struct network *network)
{
    return network->plan->steps;
}

void network_step_probabilities(const struct network *network, float *probabilities)
{
    const struct plan *plan = network->plan;
    const struct plan_scratch scratch = head_scratch(network);
    const size_t pitch = plan->layers[plan->count - 1].weights.outputs;
    for (size_t step = 0; step < plan->steps; step++)
        calibration_apply(&plan->calibration, scratch.scores + step * pitch,
                          probabilities + step * plan->calibration.labels);
}

const char *network_kernel_name(const struct network *network)
{
    return network->plan->kernels->name;
}

size_t network_arena_bytes(const struct network *network)
{
    return network->plan->arena_size;
}

size_t network_packed_bytes(const struct network *network)
{
    return network->plan->packed_size;
}

const char *network_kernel(size_t index, bool *available)
{
    const struct kernels *kernels = kernels_at(index);
    if (kernels != NULL && available != NULL)
        *available = kernels->available();
    return kernels != NULL ? kernels->name : NULL;
}

const char *network_peak_instructions(const struct network *network, size_t index)
{
    const struct kernel_peak *peak = network->plan->kernels->peak;
    return index < PEAKS_MAX && peak[index].run != NULL ? peak[index].instructions : NULL;
}

uint64_t network_peak_run(const struct network *network, size_t index, uint64_t rounds)
{
    uint32_t sum;
    return network->plan->kernels->peak[index].run(rounds, &sum);
}
