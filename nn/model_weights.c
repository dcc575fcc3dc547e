#include "nn/model_layers.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT_SCALE_MAX 1e6f /* as in model_layers.c: keeps every product finite */

/* How a layer's weight tensor looks; scale and bias have the first side alone. */
struct tensor_shape {
    unsigned rank;
    size_t sides[4];
};

static bool refuse(struct tutti_error *error, const char *tensor, const char *reason)
{
    tutti_error_set(error, TUTTI_ERROR_FORMAT, "tensor \"%s\": %s", tensor, reason);
    return false;
}

static void describe_shape(const size_t *sides, unsigned rank, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, i > 0 ? ", %zu" : "%zu", sides[i]);
}

/* Finds PREFIX.suffix and checks type and shape; name gets the tensor's name. */
static const unsigned char *find(const struct safetensors *tensors, const char *prefix,
                                 const char *suffix, const char *type,
                                 const struct tensor_shape *shape, char name[128],
                                 struct tutti_error *error)
{
    snprintf(name, 128, "%s.%s", prefix, suffix);
    const struct safetensors_tensor *tensor = safetensors_find(tensors, name);
    if (tensor == NULL) {
        refuse(error, name, "it is missing");
        return NULL;
    }
    if (strcmp(tensor->type, type) != 0) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "tensor \"%s\": its type is %s, %s is expected",
                        name, tensor->type, type);
        return NULL;
    }
    if (tensor->rank != shape->rank ||
        memcmp(tensor->shape, shape->sides, shape->rank * sizeof shape->sides[0]) != 0) {
        char is[200], expected[100];
        describe_shape(tensor->shape, tensor->rank, is, sizeof is);
        describe_shape(shape->sides, shape->rank, expected, sizeof expected);
        tutti_error_set(error, TUTTI_ERROR_FORMAT,
                        "tensor \"%s\": its shape is [%s], [%s] is expected", name, is, expected);
        return NULL;
    }
    return tensor->data;
}

static uint32_t load_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static float *copy_floats(const unsigned char *data, size_t count)
{
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; values != NULL && i < count; i++) {
        uint32_t bits = load_u32(data + 4 * i);
        memcpy(&values[i], &bits, sizeof bits);
    }
    return values;
}

static bool read_scale(const unsigned char *data, const char *name, struct layer_weights *w,
                       struct tutti_error *error)
{
    w->scale = copy_floats(data, w->outputs);
    if (w->scale == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
        return false;
    }
    for (size_t i = 0; i < w->outputs; i++) {
        if (!(w->scale[i] >= 0 && w->scale[i] <= WEIGHT_SCALE_MAX))
            return refuse(error, name, "a value is not in 0 to 1e6");
    }
    return true;
}

static bool read_float_bias(const unsigned char *data, const char *name, struct layer_weights *w,
                            struct tutti_error *error)
{
    w->float_bias = copy_floats(data, w->outputs);
    if (w->float_bias == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
        return false;
    }
    for (size_t i = 0; i < w->outputs; i++) {
        if (!isfinite(w->float_bias[i]))
            return refuse(error, name, "a value is not finite");
    }
    return true;
}

static bool check_float_weight(const unsigned char *data, const char *name,
                               const struct layer_weights *w, struct tutti_error *error)
{
    for (size_t i = 0; i < w->outputs * w->depth; i++) {
        if ((data[2 * i + 1] & 0x7c) == 0x7c)
            return refuse(error, name, "a value is not finite");
    }
    return true;
}

/* The furthest that an output's sum can get: |bias| + the sum of |weight| times the largest
 * |q - zero|. */
static int64_t furthest_sum(const struct layer_weights *w, size_t output, int input_zero)
{
    const int64_t furthest_input = input_zero > 127 ? input_zero : 255 - input_zero;
    int64_t sum = 0;
    for (size_t i = 0; i < w->depth; i++)
        sum += abs(w->weight[output * w->depth + i]);
    return llabs((long long)w->bias[output]) + sum * furthest_input;
}

/* Reads the biases and proves that no accumulator can overflow. */
static bool read_bias(const unsigned char *data, const char *name, struct layer_weights *w,
                      int input_zero, struct tutti_error *error)
{
    w->bias = malloc(w->outputs * sizeof *w->bias);
    if (w->bias == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
        return false;
    }
    for (size_t out = 0; out < w->outputs; out++) {
        uint32_t bits = load_u32(data + 4 * out);
        memcpy(&w->bias[out], &bits, sizeof bits);
        if (furthest_sum(w, out, input_zero) > INT32_MAX) {
            tutti_error_set(error, TUTTI_ERROR_FORMAT,
                            "tensor \"%s\": the accumulator of output %zu could overflow 32 bits",
                            name, out);
            return false;
        }
    }
    return true;
}

static bool check_weight(const struct layer_weights *w, const char *name, struct tutti_error *error)
{
    for (size_t i = 0; i < w->outputs * w->depth; i++) {
        if (w->weight[i] == -128)
            return refuse(error, name, "a value is -128, allowed are -127 to 127");
    }
    return true;
}

static bool read_weights(const struct safetensors *tensors, const char *prefix,
                         const struct tensor_shape *shape, int input_zero, struct layer_weights *w,
                         struct tutti_error *error)
{
    struct tensor_shape vector = {1, {w->outputs}};
    const unsigned char *data;
    char name[128];
    if ((data = find(tensors, prefix, "weight", "I8", shape, name, error)) == NULL)
        return false;
    w->weight = (const int8_t *)data;
    if (!check_weight(w, name, error))
        return false;
    if ((data = find(tensors, prefix, "scale", "F32", &vector, name, error)) == NULL ||
        !read_scale(data, name, w, error))
        return false;
    if ((data = find(tensors, prefix, "bias", "I32", &vector, name, error)) == NULL ||
        !read_bias(data, name, w, input_zero, error))
        return false;
    if ((data = find(tensors, prefix, "float_weight", "F16", shape, name, error)) == NULL ||
        !check_float_weight(data, name, w, error))
        return false;
    w->float_weight = data;
    return (data = find(tensors, prefix, "float_bias", "F32", &vector, name, error)) != NULL &&
           read_float_bias(data, name, w, error);
}

/* Proves that what becomes a byte is never more than QUANTIZED_STEPS_MAX steps of the byte's scale,
 * counting what a residual adds. No activation makes anything larger. */
static bool check_steps(const char *name, const struct layer_weights *w, struct quantization input,
                        struct quantization output, double residual_scale,
                        struct tutti_error *error)
{
    for (size_t out = 0; out < w->outputs; out++) {
        const double unit = (double)input.scale * (double)w->scale[out];
        const double furthest = (double)furthest_sum(w, out, input.zero) * unit;
        if (furthest + 255 * residual_scale > QUANTIZED_STEPS_MAX * (double)output.scale) {
            tutti_error_set(
                error, TUTTI_ERROR_FORMAT,
                "tensor \"%s.scale\": output %zu could be more than 2^30 times the scale "
                "of what it is stored as",
                name, out);
            return false;
        }
    }
    return true;
}

static struct tensor_shape weight_shape(const struct model_layer *layer)
{
    size_t out = layer->weights.outputs;
    switch (layer->kind) {
    case LAYER_CONV:
        return (struct tensor_shape){4,
                                     {out, layer->kernel[0], layer->kernel[1], layer->in.channels}};
    case LAYER_DEPTHWISE:
        return (struct tensor_shape){3, {out, layer->kernel[0], layer->kernel[1]}};
    default:
        return (struct tensor_shape){2, {out, layer->weights.depth}};
    }
}

static bool read_squeeze_excite(const struct safetensors *tensors, struct model_layer *layer,
                                struct tutti_error *error)
{
    struct tensor_shape reduce = {2, {layer->weights.outputs, layer->weights.depth}};
    struct tensor_shape expand = {2, {layer->expand.outputs, layer->expand.depth}};
    char prefix[80];
    snprintf(prefix, sizeof prefix, "%s.reduce", layer->name);
    if (!read_weights(tensors, prefix, &reduce, layer->pooled.zero, &layer->weights, error) ||
        !check_steps(prefix, &layer->weights, layer->pooled, layer->hidden, 0, error))
        return false;
    snprintf(prefix, sizeof prefix, "%s.expand", layer->name);
    return read_weights(tensors, prefix, &expand, layer->hidden.zero, &layer->expand, error);
}

static bool read_gate(const struct safetensors *tensors, struct model_layer *layer,
                      struct tutti_error *error)
{
    const size_t outputs = layer->weights.outputs;
    struct tensor_shape vector = {1, {outputs}};
    char name[128];
    const unsigned char *data = find(tensors, layer->name, "gate", "F32", &vector, name, error);
    if (data == NULL)
        return false;
    layer->gate = copy_floats(data, outputs);
    if (layer->gate == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
        return false;
    }
    for (size_t i = 0; i < outputs; i++) {
        if (!(layer->gate[i] >= 0 && layer->gate[i] <= 1))
            return refuse(error, name, "a value is not in 0 to 1");
    }
    return true;
}

static bool read_attention(const struct safetensors *tensors, struct model_layer *layer,
                           int input_zero, struct tutti_error *error)
{
    struct tensor_shape shape = {2, {layer->weights.outputs, layer->weights.depth}};
    char prefix[80];
    snprintf(prefix, sizeof prefix, "%s.score", layer->name);
    if (!read_weights(tensors, prefix, &shape, input_zero, &layer->weights, error))
        return false;
    snprintf(prefix, sizeof prefix, "%s.attention", layer->name);
    return read_weights(tensors, prefix, &shape, input_zero, &layer->expand, error) &&
           read_gate(tensors, layer, error);
}

static bool read_stored(const struct safetensors *tensors, const struct model_graph *graph,
                        size_t index, struct tutti_error *error)
{
    struct model_layer *layer = &graph->layers[index];
    const struct tensor_shape shape = weight_shape(layer);
    const struct quantization input = model_graph_input(graph, index);
    if (!read_weights(tensors, layer->name, &shape, input.zero, &layer->weights, error))
        return false;
    const double residual =
        layer->residual >= 0 ? (double)graph->layers[layer->residual].output.scale : 0;
    return layer->last ||
           check_steps(layer->name, &layer->weights, input, layer->output, residual, error);
}

bool model_weights_read(const struct safetensors *tensors, struct model_graph *graph,
                        struct tutti_error *error)
{
    for (size_t i = 0; i < graph->count; i++) {
        struct model_layer *layer = &graph->layers[i];
        bool ok = true;
        if (layer->kind == LAYER_SQUEEZE_EXCITE)
            ok = read_squeeze_excite(tensors, layer, error);
        else if (layer->kind == LAYER_ATTENTION)
            ok = read_attention(tensors, layer, model_graph_input(graph, i).zero, error);
        else if (layer->weights.outputs > 0)
            ok = read_stored(tensors, graph, i, error);
        if (!ok)
            return false;
    }
    return true;
}

static void free_weights(struct layer_weights *w)
{
    free(w->scale);
    free(w->bias);
    free(w->float_bias);
}

void model_graph_free(struct model_graph *graph)
{
    for (size_t i = 0; i < graph->count; i++) {
        free_weights(&graph->layers[i].weights);
        free_weights(&graph->layers[i].expand);
        free(graph->layers[i].gate);
    }
    free(graph->layers);
    *graph = (struct model_graph){0};
}
