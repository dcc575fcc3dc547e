#include "nn/model_layers.h"

#include "nn/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANNELS_MAX 4096
#define ACTIVATIONS_MAX ((uint64_t)64 << 20) /* bytes of all layers' outputs */
#define MULTIPLY_ADDS_MAX ((uint64_t)1000000000)
/* Within these limits no product of the integer network leaves the range of float. */
#define SCALE_MIN 1e-9
#define SCALE_MAX 1e6

static const char *const kind_names[] = {"conv", "depthwise", "pointwise",  "squeeze_excite",
                                         "mean", "linear",    "time_steps", "attention"};
static const char *const activation_names[] = {"none", "relu", "hardswish"};

/* What the readers below need to know. place is "tutti.layers, op 3 (features.1)". */
struct reader {
    struct model_graph *graph;
    struct model_layer *layer;
    const cJSON *object;
    size_t index;
    bool last;
    char place[128];
    struct tutti_error *error;
};

static bool refuse(struct reader *r, const char *reason)
{
    tutti_error_set(r->error, TUTTI_ERROR_FORMAT, "%s: %s", r->place, reason);
    return false;
}

static bool read_quantization(struct reader *r, const cJSON *parent, const char *key,
                              struct quantization *quantization)
{
    static const char *const keys[] = {"scale", "zero", NULL};
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(parent, key);
    char place[160];
    double scale;
    long zero;
    snprintf(place, sizeof place, "%s, \"%s\"", r->place, key);
    if (!json_has_keys(object, keys, place, r->error) ||
        !json_number(object, "scale", SCALE_MIN, SCALE_MAX, &scale, place, r->error) ||
        !json_integer(object, "zero", 0, 255, &zero, place, r->error))
        return false;
    quantization->scale = (float)scale;
    quantization->zero = (int)zero;
    return true;
}

static bool read_count(struct reader *r, const char *key, unsigned *value)
{
    long number;
    if (!json_integer(r->object, key, 1, CHANNELS_MAX, &number, r->place, r->error))
        return false;
    *value = (unsigned)number;
    return true;
}

/* A channel count that has to be the one that the layer before gives. */
static bool read_input_channels(struct reader *r, const char *key)
{
    unsigned channels;
    if (!read_count(r, key, &channels))
        return false;
    if (channels != r->layer->in.channels) {
        tutti_error_set(r->error, TUTTI_ERROR_FORMAT,
                        "%s: \"%s\" is %u, but its input has %u channels", r->place, key, channels,
                        r->layer->in.channels);
        return false;
    }
    return true;
}

static bool read_pair(struct reader *r, const char *key, long min, long max, unsigned pair[2])
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(r->object, key);
    size_t length;
    char place[160];
    snprintf(place, sizeof place, "%s, \"%s\"", r->place, key);
    if (!json_array(list, 2, 2, &length, place, r->error))
        return false;
    const cJSON *item = list->child;
    for (size_t i = 0; i < 2; i++, item = item->next) {
        double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (!(value >= (double)min && value <= (double)max) || value != (double)(long)value) {
            tutti_error_set(r->error, TUTTI_ERROR_FORMAT,
                            "%s: whole numbers from %ld to %ld "
                            "are expected",
                            place, min, max);
            return false;
        }
        pair[i] = (unsigned)value;
    }
    return true;
}

static bool read_activation(struct reader *r)
{
    const char *name;
    if (!json_string(r->object, "activation", &name, r->place, r->error))
        return false;
    for (size_t i = 0; i < sizeof activation_names / sizeof activation_names[0]; i++) {
        if (strcmp(name, activation_names[i]) == 0) {
            r->layer->activation = (enum activation)i;
            return true;
        }
    }
    return refuse(r, "unknown \"activation\"");
}

static bool read_output(struct reader *r)
{
    const cJSON *output = cJSON_GetObjectItemCaseSensitive(r->object, "output");
    if (!cJSON_IsNull(output))
        return read_quantization(r, r->object, "output", &r->layer->output);
    if (!r->last || (r->layer->kind != LAYER_LINEAR && r->layer->kind != LAYER_ATTENTION))
        return refuse(r, "\"output\" is null, which only the last op, a linear or an attention, "
                         "may have");
    r->layer->last = true;
    return true;
}

/* Kernel, stride and padding, and what they make of the time and frequency axes. */
static bool read_window(struct reader *r)
{
    struct model_layer *layer = r->layer;
    if (!read_pair(r, "kernel", 1, KERNEL_SIDE_MAX, layer->kernel) ||
        !read_pair(r, "stride", 1, 2, layer->stride) ||
        !read_pair(r, "padding", 0, 3, layer->padding))
        return false;
    const unsigned in[2] = {layer->in.time, layer->in.frequency};
    unsigned out[2];
    for (size_t axis = 0; axis < 2; axis++) {
        unsigned kernel = layer->kernel[axis], padding = layer->padding[axis];
        if (kernel % 2 == 0)
            return refuse(r, "\"kernel\": a side is not 1, 3, 5 or 7");
        if (padding > (kernel - 1) / 2)
            return refuse(r, "\"padding\" is more than (kernel - 1) / 2");
        if (in[axis] + padding < kernel)
            return refuse(r, "its input is smaller than its kernel less the padding");
        out[axis] = (in[axis] + 2 * padding - kernel) / layer->stride[axis] + 1;
    }
    layer->out.time = out[0];
    layer->out.frequency = out[1];
    return true;
}

static uint64_t multiply_adds(const struct model_layer *layer)
{
    uint64_t positions = shape_positions(layer->out);
    if (layer->kind == LAYER_SQUEEZE_EXCITE)
        positions = 1;
    if (layer->kind == LAYER_ATTENTION) /* both matrices see every step */
        return layer->in.time * (uint64_t)(layer->weights.outputs + layer->expand.outputs) *
               layer->weights.depth;
    return positions * layer->weights.outputs * layer->weights.depth +
           (uint64_t)layer->expand.outputs * layer->expand.depth;
}

static bool read_conv(struct reader *r)
{
    static const char *const keys[] = {"op",     "name",   "output",  "in",         "out",
                                       "kernel", "stride", "padding", "activation", NULL};
    struct model_layer *layer = r->layer;
    if (!json_has_keys(r->object, keys, r->place, r->error) || !read_input_channels(r, "in") ||
        !read_count(r, "out", &layer->out.channels) || !read_window(r) || !read_activation(r))
        return false;
    layer->weights.outputs = layer->out.channels;
    layer->weights.depth = (size_t)layer->kernel[0] * layer->kernel[1] * layer->in.channels;
    return true;
}

static bool read_depthwise(struct reader *r)
{
    static const char *const keys[] = {"op",     "name",    "output",     "channels", "kernel",
                                       "stride", "padding", "activation", NULL};
    struct model_layer *layer = r->layer;
    if (!json_has_keys(r->object, keys, r->place, r->error) ||
        !read_input_channels(r, "channels") || !read_window(r) || !read_activation(r))
        return false;
    layer->weights.outputs = layer->out.channels;
    layer->weights.depth = (size_t)layer->kernel[0] * layer->kernel[1];
    return true;
}

static bool read_residual(struct reader *r)
{
    struct model_layer *layer = r->layer;
    const char *name;
    if (cJSON_GetObjectItemCaseSensitive(r->object, "residual") == NULL)
        return true;
    if (!json_string(r->object, "residual", &name, r->place, r->error))
        return false;
    for (size_t i = 0; i < r->index; i++) {
        const struct model_layer *earlier = &r->graph->layers[i];
        if (strcmp(earlier->name, name) != 0)
            continue;
        if (memcmp(&earlier->out, &layer->out, sizeof layer->out) != 0)
            return refuse(r, "its \"residual\" has another shape than its output");
        layer->residual = (int)i;
        return true;
    }
    return refuse(r, "its \"residual\" is no op before it");
}

static bool read_pointwise(struct reader *r)
{
    static const char *const keys[] = {"op",  "name",       "output",    "in",
                                       "out", "activation", "?residual", NULL};
    struct model_layer *layer = r->layer;
    if (!json_has_keys(r->object, keys, r->place, r->error) || !read_input_channels(r, "in") ||
        !read_count(r, "out", &layer->out.channels) || !read_activation(r) || !read_residual(r))
        return false;
    layer->weights.outputs = layer->out.channels;
    layer->weights.depth = layer->in.channels;
    return true;
}

static bool read_squeeze_excite(struct reader *r)
{
    static const char *const keys[] = {"op",       "name",   "output", "channels",
                                       "squeezed", "pooled", "hidden", NULL};
    struct model_layer *layer = r->layer;
    if (!json_has_keys(r->object, keys, r->place, r->error) ||
        !read_input_channels(r, "channels") || !read_count(r, "squeezed", &layer->squeezed) ||
        !read_quantization(r, r->object, "pooled", &layer->pooled) ||
        !read_quantization(r, r->object, "hidden", &layer->hidden))
        return false;
    layer->weights.outputs = layer->expand.depth = layer->squeezed;
    layer->weights.depth = layer->expand.outputs = layer->in.channels;
    return true;
}

static bool read_mean(struct reader *r)
{
    static const char *const keys[] = {"op", "name", "output", "channels", NULL};
    r->layer->out.time = r->layer->out.frequency = 1;
    return json_has_keys(r->object, keys, r->place, r->error) && read_input_channels(r, "channels");
}

static bool read_linear(struct reader *r)
{
    static const char *const keys[] = {"op", "name", "output", "in", "out", "activation", NULL};
    struct model_layer *layer = r->layer;
    if (!json_has_keys(r->object, keys, r->place, r->error) || !read_input_channels(r, "in") ||
        !read_count(r, "out", &layer->out.channels) || !read_activation(r))
        return false;
    if (shape_positions(layer->in) != 1)
        return refuse(r, "its input has more than one position");
    layer->weights.outputs = layer->out.channels;
    layer->weights.depth = layer->in.channels;
    return true;
}

/* One step for each position in time, and after them the mean over all. */
static bool read_time_steps(struct reader *r)
{
    static const char *const keys[] = {"op", "name", "output", "channels", NULL};
    r->layer->out.time = r->layer->in.time + 1;
    r->layer->out.frequency = 1;
    return json_has_keys(r->object, keys, r->place, r->error) && read_input_channels(r, "channels");
}

static bool read_attention(struct reader *r)
{
    static const char *const keys[] = {"op", "name", "output", "in", "out", NULL};
    struct model_layer *layer = r->layer;
    if (!json_has_keys(r->object, keys, r->place, r->error) || !read_input_channels(r, "in") ||
        !read_count(r, "out", &layer->out.channels))
        return false;
    if (!r->last)
        return refuse(r, "an attention has to be the last op");
    if (layer->in.time < 2 || layer->in.frequency != 1)
        return refuse(r, "its input is not one row per time step and one for their mean");
    layer->out.time = 1;
    layer->weights.outputs = layer->expand.outputs = layer->out.channels;
    layer->weights.depth = layer->expand.depth = layer->in.channels;
    return true;
}

static bool read_name(struct reader *r)
{
    const char *name;
    if (!json_string(r->object, "name", &name, r->place, r->error))
        return false;
    size_t length = strlen(name);
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (length == 0 || length >= MODEL_NAME_SIZE || strspn(name, allowed) != length)
        return refuse(r, "\"name\" is not 1 to 63 characters of a-z A-Z 0-9 . _ -");
    for (size_t i = 0; i < r->index; i++) {
        if (strcmp(r->graph->layers[i].name, name) == 0)
            return refuse(r, "another op before it has the same name");
    }
    memcpy(r->layer->name, name, length + 1);
    snprintf(r->place, sizeof r->place, "tutti.layers, op %zu (%s)", r->index, name);
    return true;
}

/* The totals that the format limits, after each layer so that they cannot overflow. */
static bool add_totals(struct reader *r, uint64_t *activations)
{
    struct model_layer *layer = r->layer;
    *activations += (uint64_t)shape_positions(layer->out) * layer->out.channels;
    if (*activations > ACTIVATIONS_MAX)
        return refuse(r, "the activations up to here are more than 64 MiB");
    layer->multiply_adds = multiply_adds(layer);
    r->graph->multiply_adds += layer->multiply_adds;
    if (r->graph->multiply_adds > MULTIPLY_ADDS_MAX)
        return refuse(r, "the multiply-adds up to here are more than 1,000,000,000");
    r->graph->weights +=
        layer->weights.outputs * layer->weights.depth + layer->expand.outputs * layer->expand.depth;
    return true;
}

/* What a gate lets through never exceeds what comes in. */
static bool check_gated(struct reader *r)
{
    const struct model_layer *layer = r->layer;
    if (layer->kind != LAYER_SQUEEZE_EXCITE)
        return true;
    const double highest = 255 * (double)model_graph_input(r->graph, r->index).scale;
    if (highest > QUANTIZED_STEPS_MAX * (double)layer->output.scale)
        return refuse(r, "its input could be more than 2^30 times the scale of its output");
    return true;
}

static bool read_layer(struct reader *r, struct model_shape in, uint64_t *activations)
{
    static bool (*const readers[])(struct reader *) = {
        read_conv, read_depthwise, read_pointwise,  read_squeeze_excite,
        read_mean, read_linear,    read_time_steps, read_attention};
    struct model_layer *layer = r->layer;
    const char *kind;
    snprintf(r->place, sizeof r->place, "tutti.layers, op %zu", r->index);
    if (!cJSON_IsObject(r->object))
        return refuse(r, "an object is expected");
    if (!read_name(r) || !json_string(r->object, "op", &kind, r->place, r->error))
        return false;
    size_t known = 0;
    while (known < sizeof readers / sizeof readers[0] && strcmp(kind, kind_names[known]) != 0)
        known++;
    if (known == sizeof readers / sizeof readers[0]) {
        tutti_error_set(r->error, TUTTI_ERROR_FORMAT, "%s: the op \"%.50s\" is unknown", r->place,
                        kind);
        return false;
    }
    layer->kind = (enum layer_kind)known;
    layer->in = layer->out = in;
    layer->residual = -1;
    for (size_t axis = 0; axis < 2; axis++)
        layer->kernel[axis] = layer->stride[axis] = 1;
    return readers[known](r) && read_output(r) && check_gated(r) && add_totals(r, activations);
}

static bool check_end(struct reader *r, size_t labels, size_t neighbours)
{
    const struct model_layer *layer = r->layer;
    if (!layer->last || layer->activation != ACTIVATION_NONE)
        return refuse(r, "the last op has to be an attention, or linear with activation \"none\", "
                         "and its output null");
    if (layer->out.channels != labels + neighbours) {
        char added[48] = "";
        if (neighbours > 0)
            snprintf(added, sizeof added, " and %zu neighbours", neighbours);
        tutti_error_set(r->error, TUTTI_ERROR_FORMAT, "%s: it has %u outputs for %zu labels%s",
                        r->place, layer->out.channels, labels, added);
        return false;
    }
    return true;
}

static bool read_object(struct reader *r, const cJSON *object, struct model_shape shape)
{
    static const char *const keys[] = {"input", "ops", NULL};
    snprintf(r->place, sizeof r->place, "tutti.layers");
    const cJSON *ops = cJSON_GetObjectItemCaseSensitive(object, "ops");
    size_t count;
    if (!json_has_keys(object, keys, r->place, r->error) ||
        !read_quantization(r, object, "input", &r->graph->input) ||
        !json_array(ops, 1, MODEL_LAYERS_MAX, &count, "tutti.layers, \"ops\"", r->error))
        return false;
    r->graph->layers = calloc(count, sizeof *r->graph->layers);
    if (r->graph->layers == NULL) {
        tutti_error_set(r->error, TUTTI_ERROR_MEMORY, "out of memory");
        return false;
    }
    uint64_t activations = shape_positions(shape);
    for (r->object = ops->child; r->object != NULL; r->object = r->object->next, r->index++) {
        r->layer = &r->graph->layers[r->index];
        r->last = r->object->next == NULL;
        r->graph->count++;
        if (!read_layer(r, shape, &activations))
            return false;
        shape = r->layer->out;
    }
    return true;
}

bool model_graph_read(const char *text, const struct model_frontend *frontend, size_t labels,
                      size_t neighbours, struct model_graph *graph, struct tutti_error *error)
{
    struct reader reader = {.graph = graph, .error = error};
    struct model_shape shape = {frontend->columns, frontend->mel_bands, 1};
    cJSON *object = json_parse(text, strlen(text), "tutti.layers", error);
    bool ok = object != NULL && read_object(&reader, object, shape) &&
              check_end(&reader, labels, neighbours);
    cJSON_Delete(object);
    return ok;
}

struct quantization model_graph_input(const struct model_graph *graph, size_t index)
{
    return index == 0 ? graph->input : graph->layers[index - 1].output;
}

size_t model_layer_count(const struct model *model)
{
    return model_graph(model)->count;
}

/* Where the positions in time of the last features lie: the first one, and how far apart. */
struct positions {
    uint64_t first_column, step_columns;
};

static struct positions last_positions(const struct model *model)
{
    const struct model_graph *graph = model_graph(model);
    struct positions at = {.step_columns = 1};
    for (size_t i = 0; i < graph->count; i++) {
        const struct model_layer *layer = &graph->layers[i];
        /* the strides of one position are of no account */
        if ((layer->kind != LAYER_CONV && layer->kind != LAYER_DEPTHWISE) || layer->in.time == 1)
            continue;
        at.first_column += ((layer->kernel[0] - 1) / 2 - layer->padding[0]) * at.step_columns;
        at.step_columns *= layer->stride[0];
    }
    return at;
}

uint64_t model_step_columns(const struct model *model)
{
    return last_positions(model).step_columns;
}

uint64_t model_first_step_column(const struct model *model)
{
    return last_positions(model).first_column;
}

uint64_t model_multiply_adds(const struct model *model)
{
    return model_graph(model)->multiply_adds;
}

size_t model_weight_bytes(const struct model *model)
{
    return model_graph(model)->weights;
}

void model_layer_describe(const struct model *model, size_t index, struct model_layer_info *info)
{
    const struct model_graph *graph = model_graph(model);
    const struct model_layer *layer = &graph->layers[index];
    *info = (struct model_layer_info){
        .name = layer->name,
        .kind = kind_names[layer->kind],
        .activation = activation_names[layer->activation],
        .residual = layer->residual >= 0 ? graph->layers[layer->residual].name : NULL,
        .in = layer->in,
        .out = layer->out,
        .kernel = {layer->kernel[0], layer->kernel[1]},
        .stride = {layer->stride[0], layer->stride[1]},
        .multiply_adds = layer->multiply_adds,
        .weights = layer->weights.outputs * layer->weights.depth +
                   layer->expand.outputs * layer->expand.depth,
    };
}
