/* xnnpack_steps.h - what both XNNPACK peers share: operators that are set up once and run in order,
 * and tensors that lie where nn/layout.h puts them, as in Tutti's own networks. */
#ifndef TUTTI_TESTS_BENCH_PEERS_XNNPACK_STEPS_H
#define TUTTI_TESTS_BENCH_PEERS_XNNPACK_STEPS_H

#include "nn/half.h"
#include "nn/kernels.h"
#include "nn/layout.h"
#include "nn/model_layers.h"
#include "nn/step_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xnnpack.h>

#define STEPS_MAX (8 * MODEL_LAYERS_MAX)

/* An operator, or a table that the peer looks bytes up in itself. */
struct step {
    xnn_operator_t operator;
    const int8_t *table; /* [256], of q + 128 */
    int8_t *bytes;
    size_t count;
};

struct steps {
    struct step step[STEPS_MAX];
    size_t count;
};

/* Ends the program unless status is success. */
static inline void must(enum xnn_status status, const char *what)
{
    if (status == xnn_status_success)
        return;
    fprintf(stderr, "XNNPACK: %s: status %d\n", what, (int)status);
    exit(1);
}

static inline void *must_have(void *memory)
{
    if (memory != NULL)
        return memory;
    fprintf(stderr, "out of memory\n");
    exit(1);
}

static inline void add_step(struct steps *steps, xnn_operator_t operator)
{
    steps->step[steps->count++] = (struct step){.operator= operator};
}

static inline void look_up(const int8_t *restrict table, int8_t *restrict bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = table[bytes[i] + 128];
}

static inline void run_steps(const struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->step[i];
        if (step->table != NULL)
            look_up(step->table, step->bytes, step->count);
        else
            must(xnn_run_operator(step->operator, NULL), "run");
    }
}

static inline size_t values_of(struct model_shape shape)
{
    return shape_positions(shape) * shape.channels;
}

/* Memory for values of a size, and what XNNPACK reads beyond them. */
static inline void *tensor(size_t values, size_t size)
{
    const size_t bytes = round_up(values * size + XNN_EXTRA_BYTES, KERNEL_ALIGNMENT);
    void *memory = must_have(aligned_alloc(KERNEL_ALIGNMENT, bytes));
    memset(memory, 0, bytes);
    return memory;
}

/* The float weights of a file, in the order of the file. */
static inline float *float_weights(const struct layer_weights *weights)
{
    const size_t count = weights->outputs * weights->depth;
    float *values = must_have(malloc(count * sizeof *values));
    for (size_t i = 0; i < count; i++)
        values[i] = half_to_float(weights->float_weight + 2 * i);
    return values;
}

/* The head's scores and attentions, real values: [rows][score of each output, attention]. */
static inline xnn_operator_t head(const struct model_layer *layer, const float *in, float *out)
{
    const size_t outputs = layer->weights.outputs, depth = layer->weights.depth;
    float *weights = must_have(malloc(2 * outputs * depth * sizeof *weights));
    float *biases = must_have(malloc(2 * outputs * sizeof *biases));
    float *score = float_weights(&layer->weights), *attention = float_weights(&layer->expand);
    memcpy(weights, score, outputs * depth * sizeof *weights);
    memcpy(weights + outputs * depth, attention, outputs * depth * sizeof *weights);
    memcpy(biases, layer->weights.float_bias, outputs * sizeof *biases);
    memcpy(biases + outputs, layer->expand.float_bias, outputs * sizeof *biases);
    xnn_operator_t operator;
    must(xnn_create_fully_connected_nc_f32(depth, 2 * outputs, depth, 2 * outputs, weights, biases,
                                           -INFINITY, INFINITY, 0, &operator),
         layer->name);
    must(xnn_setup_fully_connected_nc_f32(operator, layer->in.time, in, out, NULL), layer->name);
    free(weights);
    free(biases);
    free(score);
    free(attention);
    return operator;
}

/* From what head() left to the logits. */
static inline void pool_head(const struct model_layer *layer, const float *out, float *logits)
{
    const size_t outputs = layer->weights.outputs;
    step_pool(out, out + outputs, layer->in.time, 2 * outputs, layer->gate, outputs, logits);
}

#endif
