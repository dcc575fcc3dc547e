#include "nn/network_float.h"

#include "nn/half.h"
#include "nn/model_layers.h"
#include "tests/nn/support/calibrated.h"
#include "tests/nn/support/fixtures.h"
#include "tests/nn/support/model_builder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Against Table 1 and the limits of IEEE 754 binary16. */
static void test_half(void **state)
{
    (void)state;
    static const struct {
        unsigned bits;
        float value;
    } cases[] = {
        {0x0000, 0},        {0x3c00, 1},         {0xc000, -2},          {0x7bff, 65504},
        {0x0400, 0x1p-14f}, {0x0001, 0x1p-24f},  {0x83ff, -0x3ffp-24f}, {0x3555, 0x1.554p-2f},
        {0x7c00, INFINITY}, {0xfc00, -INFINITY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const unsigned char bytes[] = {(unsigned char)cases[i].bits,
                                       (unsigned char)(cases[i].bits >> 8)};
        assert_true(half_to_float(bytes) == cases[i].value);
    }
    assert_true(isnan(half_to_float((const unsigned char[]){0x01, 0x7e})));
    assert_true(signbit(half_to_float((const unsigned char[]){0x00, 0x80})));
}

static size_t input_values(const struct model *model)
{
    return (size_t)model_frontend(model)->columns * model_frontend(model)->mel_bands;
}

static void check_fixture(const char *name)
{
    char path[512], file[64];
    snprintf(file, sizeof file, "%s.safetensors", name);
    fixture_path(file, path, sizeof path);
    struct model *model = model_open(path, NULL);
    assert_non_null(model);
    const size_t labels = model_label_count(model), values = input_values(model);
    size_t window_values, expected_values;
    float *windows = fixture_floats("tiny_windows.f32", &window_values);
    snprintf(file, sizeof file, "%s_float.f32", name);
    float *expected = fixture_floats(file, &expected_values);
    const size_t count = expected_values / labels;
    assert_int_equal(window_values, count * values);
    struct float_network *network = float_network_new(model, NULL);
    assert_non_null(network);
    model_close(model); /* a network needs its model no longer */
    for (size_t i = 0; i < count; i++) {
        float result[MODEL_LABELS_MAX];
        float_network_run(network, windows + i * values, result);
        for (size_t label = 0; label < labels; label++)
            assert_true(fabsf(result[label] - expected[i * labels + label]) < 1e-4f);
    }
    float_network_free(network);
    free(windows);
    free(expected);
}

/* PyTorch's probabilities for the same weights and windows, to 1e-4. */
static void test_fixtures(void **state)
{
    (void)state;
    check_fixture("tiny");
    check_fixture("steps");
}

/* As calibrated.h asks for it. */
static void answers(struct model *model, size_t steps, float *probabilities, float *of_steps)
{
    const size_t values = input_values(model);
    float *columns = malloc(values * sizeof *columns);
    assert_non_null(columns);
    for (size_t i = 0; i < values; i++)
        columns[i] = sinf((float)i);
    struct float_network *network = float_network_new(model, NULL);
    assert_non_null(network);
    assert_int_equal(float_network_steps(network), steps);
    float_network_run(network, columns, probabilities);
    float_network_step_probabilities(network, of_steps);
    float_network_free(network);
    free(columns);
    model_close(model);
}

static void test_rivalry(void **state)
{
    (void)state;
    check_rivalry(answers);
}

static void test_deference(void **state)
{
    (void)state;
    check_deference(answers);
}

/* --- another float network, as slow and plain as can be ------------------------------- */

static float plain_activation(float x, enum activation activation)
{
    if (activation == ACTIVATION_RELU)
        return fmaxf(x, 0);
    if (activation == ACTIVATION_HARDSWISH)
        return x * fminf(fmaxf(x + 3, 0), 6) / 6;
    return x;
}

static float plain_weight(const struct layer_weights *w, size_t output, size_t input)
{
    return half_to_float(w->float_weight + 2 * (output * w->depth + input));
}

static float plain_dot(const struct layer_weights *w, size_t output, const float *in)
{
    double sum = (double)w->float_bias[output];
    for (size_t i = 0; i < w->depth; i++)
        sum += (double)plain_weight(w, output, i) * (double)in[i];
    return (float)sum;
}

static float at(const struct model_layer *l, const float *in, long time, long frequency,
                size_t channel)
{
    if (time < 0 || frequency < 0 || time >= (long)l->in.time || frequency >= (long)l->in.frequency)
        return 0;
    return in[((size_t)time * l->in.frequency + (size_t)frequency) * l->in.channels + channel];
}

/* conv and depthwise: one output value */
static float plain_window(const struct model_layer *l, const float *in, size_t t, size_t f,
                          size_t out)
{
    const size_t channels = l->kind == LAYER_CONV ? l->in.channels : 1;
    double sum = (double)l->weights.float_bias[out];
    for (size_t i = 0; i < l->weights.depth; i++) {
        const size_t tap = i / channels;
        const size_t channel = l->kind == LAYER_CONV ? i % channels : out;
        const long time = (long)(t * l->stride[0] + tap / l->kernel[1]) - (long)l->padding[0];
        const long frequency = (long)(f * l->stride[1] + tap % l->kernel[1]) - (long)l->padding[1];
        sum +=
            (double)plain_weight(&l->weights, out, i) * (double)at(l, in, time, frequency, channel);
    }
    return (float)sum;
}

static void plain_mean(const struct model_layer *l, const float *in, float *out)
{
    for (size_t c = 0; c < l->in.channels; c++) {
        double sum = 0;
        for (size_t i = 0; i < shape_positions(l->in); i++)
            sum += (double)in[i * l->in.channels + c];
        out[c] = (float)(sum / (double)shape_positions(l->in));
    }
}

static void plain_squeeze_excite(const struct model_layer *l, const float *in, float *out)
{
    float mean[256], hidden[256];
    plain_mean(l, in, mean);
    for (size_t i = 0; i < l->squeezed; i++)
        hidden[i] = fmaxf(plain_dot(&l->weights, i, mean), 0);
    for (size_t c = 0; c < l->in.channels; c++) {
        const float gate = 1 / (1 + expf(-plain_dot(&l->expand, c, hidden)));
        for (size_t i = 0; i < shape_positions(l->in); i++)
            out[i * l->in.channels + c] = in[i * l->in.channels + c] * gate;
    }
}

static void plain_time_steps(const struct model_layer *l, const float *in, float *out)
{
    struct model_layer step = *l;
    step.in.time = 1;
    for (size_t t = 0; t < l->in.time; t++, out += l->in.channels)
        plain_mean(&step, in + t * l->in.frequency * l->in.channels, out);
    plain_mean(l, in, out);
}

static void plain_attention(const struct model_layer *l, const float *in, float *out)
{
    const size_t steps = l->in.time - 1, depth = l->in.channels;
    for (size_t c = 0; c < l->out.channels; c++) {
        double total = 0, weighted = 0;
        for (size_t t = 0; t < steps; t++) {
            const double share = exp((double)plain_dot(&l->expand, c, in + t * depth));
            total += share;
            weighted += share * (double)plain_dot(&l->weights, c, in + t * depth);
        }
        const double mean = (double)plain_dot(&l->weights, c, in + steps * depth);
        const double gate = (double)l->gate[c];
        out[c] = (float)(gate * mean + (1 - gate) * weighted / total);
    }
}

static float *plain_layer(const struct model_layer *l, const float *in, const float *residual)
{
    const size_t channels = l->out.channels, count = shape_positions(l->out) * channels;
    float *out = malloc(count * sizeof *out);
    assert_non_null(out);
    if (l->kind == LAYER_SQUEEZE_EXCITE)
        plain_squeeze_excite(l, in, out);
    else if (l->kind == LAYER_MEAN)
        plain_mean(l, in, out);
    else if (l->kind == LAYER_TIME_STEPS)
        plain_time_steps(l, in, out);
    else if (l->kind == LAYER_ATTENTION)
        plain_attention(l, in, out);
    else
        for (size_t i = 0; i < count; i++) {
            const size_t position = i / channels, c = i % channels;
            const bool windowed = l->kind == LAYER_CONV || l->kind == LAYER_DEPTHWISE;
            const float sum = windowed ? plain_window(l, in, position / l->out.frequency,
                                                      position % l->out.frequency, c)
                                       : plain_dot(&l->weights, c, in + position * l->in.channels);
            out[i] = plain_activation(sum, l->activation) + (residual != NULL ? residual[i] : 0);
        }
    return out;
}

/* No memory is shared here, so a fault in the layout of the real network's memory shows. */
static void plain_network(const struct model *model, const float *columns, float *probabilities,
                          float *steps)
{
    const struct model_graph *graph = model_graph(model);
    float *outputs[64];
    assert_true(graph->count <= 64);
    for (size_t i = 0; i < graph->count; i++) {
        const struct model_layer *l = &graph->layers[i];
        const float *residual = l->residual >= 0 ? outputs[l->residual] : NULL;
        outputs[i] = plain_layer(l, i > 0 ? outputs[i - 1] : columns, residual);
    }
    const float *logits = outputs[graph->count - 1];
    for (size_t i = 0; i < model_label_count(model); i++) /* the builder's offset is 0.5 */
        probabilities[i] = 1 / (1 + expf(-logits[i] - 0.5f));
    const struct model_layer *head = &graph->layers[graph->count - 1];
    for (size_t t = 0; head->kind == LAYER_ATTENTION && t + 1 < head->in.time; t++) {
        const float *step = outputs[graph->count - 2] + t * head->in.channels;
        for (size_t i = 0; i < model_label_count(model); i++)
            *steps++ = 1 / (1 + expf(-plain_dot(&head->weights, i, step) - 0.5f));
    }
    for (size_t i = 0; i < graph->count; i++)
        free(outputs[i]);
}

static void test_random_graphs(void **state)
{
    (void)state;
    size_t with_steps = 0;
    for (uint64_t seed = 0; seed < 150; seed++) {
        struct builder *builder = builder_random(seed);
        struct model *model = builder_open(builder);
        struct random_source r = {seed + 1};
        const size_t values = input_values(model);
        float *columns = malloc(values * sizeof *columns);
        assert_non_null(columns);
        for (size_t i = 0; i < values; i++)
            columns[i] = random_unit(&r) * 4 - 2;
        struct float_network *network = float_network_new(model, NULL);
        assert_non_null(network);
        const size_t labels = model_label_count(model);
        const size_t count = (1 + float_network_steps(network)) * labels;
        float *expected = malloc(count * sizeof *expected),
              *result = malloc(count * sizeof *result);
        assert_true(expected != NULL && result != NULL);
        plain_network(model, columns, expected, expected + labels);
        float_network_run(network, columns, result);
        float_network_step_probabilities(network, result + labels);
        for (size_t i = 0; i < count; i++)
            assert_true(fabsf(result[i] - expected[i]) < 1e-4f);
        with_steps += count > labels;
        free(expected);
        free(result);
        float_network_free(network);
        free(columns);
        model_close(model);
        builder_free(builder);
    }
    assert_int_equal(with_steps, 75); /* every other graph */
}

static void count_layers(void *context, size_t layer)
{
    size_t *next = context;
    assert_int_equal(layer, *next);
    ++*next;
}

static void test_not_finite(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    struct model *model = builder_open(builder);
    const struct quantization input = model_graph(model)->input;
    const size_t values = input_values(model);
    float *bad = calloc(values, sizeof *bad), *lowest = calloc(values, sizeof *lowest);
    assert_true(bad != NULL && lowest != NULL);
    static const float kinds[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < values; i += 5) {
        bad[i] = kinds[i % 3];
        lowest[i] = input.scale * (float)-input.zero;
    }
    float a[2], b[2];
    size_t layers = 0;
    struct float_network *network = float_network_new(model, NULL);
    float_network_run(network, bad, a);
    float_network_run_observed(network, lowest, b, count_layers, &layers);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(layers, model_layer_count(model));
    float_network_free(network);
    float_network_free(NULL);
    free(bad);
    free(lowest);
    model_close(model);
    builder_free(builder);
}

/* Weights at their limits overflow float on the way: the logits are infinite. */
static void test_overflow(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    struct builder_tensor *bias = builder_tensor(builder, "op_5.float_bias");
    for (size_t i = 0; i < bias->size; i += 4)
        memcpy(bias->data + i, "\x00\x00\x7f\x7f", 4); /* about 3.39e38 */
    struct builder_tensor *weight = builder_tensor(builder, "op_6.float_weight");
    for (size_t i = 0; i < weight->size; i += 2)
        memcpy(weight->data + i, "\xff\x7b", 2); /* 65504 */
    struct model *model = builder_open(builder);
    const size_t values = input_values(model);
    float *columns = calloc(values, sizeof *columns), p[2];
    struct float_network *network = float_network_new(model, NULL);
    float_network_run(network, columns, p);
    for (size_t i = 0; i < 2; i++)
        assert_true(p[i] == 0);
    float_network_free(network);
    free(columns);
    model_close(model);
    builder_free(builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half),          cmocka_unit_test(test_fixtures),
        cmocka_unit_test(test_rivalry),       cmocka_unit_test(test_deference),
        cmocka_unit_test(test_random_graphs), cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
