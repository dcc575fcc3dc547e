#include "nn/model.h"

#include "nn/model_layers.h"
#include "tests/nn/support/model_builder.h"
#include "tests/nn/support/model_refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_graph(void **state)
{
    (void)state;
    static const char l[] = "tutti.layers";
    static const char *const cases[][3] = {
        {"\"input\": {\"scale\": 0.02", "\"input\": {\"scale\": 0", "\"input\": \"scale\" is 0"},
        {"\"input\": {\"scale\": 0.02", "\"input\": {\"scale\": -1", "\"scale\" is -1"},
        {"\"input\": {\"scale\": 0.02", "\"input\": {\"scale\": 1e-10", "\"scale\" is 1e-10"},
        {"\"input\": {\"scale\": 0.02", "\"input\": {\"scale\": 1e7", "\"scale\" is 1e+07"},
        {"\"zero\": 70", "\"zero\": 256", "\"zero\" is 256"},
        {"\"zero\": 70", "\"zero\": -1", "\"zero\" is -1"},
        {"\"zero\": 70", "\"zero\": 1.5", "\"zero\" is 1.5, a whole number"},
        {"\"zero\": 70", "\"zero\": 70, \"bits\": 8", "unknown key \"bits\""},
        {"\"op\": \"conv\"", "\"op\": \"convolution\"", "op 0 (op_0): the op \"convolution\" is"},
        {"\"op\": \"conv\"", "\"op\": 1", "\"op\" is no text"},
        {"\"op\": \"conv\", ", "", "\"op\" is no text"},
        {"{\"op\": \"conv\", ", "1, {\"op\": \"conv\", ", "op 0: an object is expected"},
        {"\"name\": \"op_1\"", "\"name\": \"op_0\"", "op 1: another op before it has the same"},
        {"\"name\": \"op_1\"", "\"name\": \"\"", "op 1: \"name\" is not 1 to 63"},
        {"\"name\": \"op_1\"", "\"name\": \"op 1\"", "op 1: \"name\" is not 1 to 63"},
        {"\"name\": \"op_1\", ", "", "op 1: \"name\" is no text"},
        {"\"in\": 1", "\"in\": 2", "op 0 (op_0): \"in\" is 2, but its input has 1 channels"},
        {"\"in\": 1", "\"in\": 1.5", "\"in\" is 1.5"},
        {"\"in\": 1, ", "", "op 0 (op_0): the key \"in\" is missing"},
        {"\"out\": 3", "\"out\": 0", "\"out\" is 0"},
        {"\"out\": 3", "\"out\": 4097", "\"out\" is 4097"},
        {"\"out\": 3", "\"out\": 4", "op 1 (op_1): \"channels\" is 3, but its input has 4"},
        {"\"out\": 3", "\"out\": 3, \"groups\": 3", "unknown key \"groups\""},
        {"\"kernel\": [3, 3]", "\"kernel\": [3, 2]", "\"kernel\": a side is not 1, 3, 5 or 7"},
        {"\"kernel\": [3, 3]", "\"kernel\": [9, 3]", "\"kernel\": whole numbers from 1 to 7"},
        {"\"kernel\": [3, 3]", "\"kernel\": [3]", "1 elements where 2 to 2"},
        {"\"kernel\": [3, 3]", "\"kernel\": 3", "\"kernel\": an array"},
        {"\"kernel\": [3, 3]", "\"kernel\": [3, \"3\"]", "\"kernel\": whole numbers"},
        {"\"stride\": [2, 2]", "\"stride\": [2, 3]", "\"stride\": whole numbers from 1 to 2"},
        {"\"stride\": [2, 2]", "\"stride\": [0, 2]", "\"stride\": whole numbers from 1 to 2"},
        {"\"stride\": [2, 2]", "\"stride\": [1.5, 2]", "\"stride\": whole numbers from 1 to 2"},
        {"\"padding\": [1, 1]", "\"padding\": [1, 2]", "\"padding\" is more than"},
        {"\"padding\": [1, 1]", "\"padding\": [-1, 1]", "\"padding\": whole numbers from 0 to 3"},
        {"hardswish", "swish", "unknown \"activation\""},
        {"\"hardswish\"", "null", "\"activation\" is no text"},
        {"\"squeezed\": 2", "\"squeezed\": 0", "op 2 (op_2): \"squeezed\" is 0"},
        {"\"pooled\": {", "\"pooled\": {\"a\": 1, ", "op 2 (op_2), \"pooled\": unknown key \"a\""},
        {"\"hidden\": {", "\"hiden\": {", "unknown key \"hiden\""},
        {"\"residual\": \"op_0\"", "\"residual\": \"op_9\"",
         "op 3 (op_3): its \"residual\" is no op"},
        {"\"residual\": \"op_0\"", "\"residual\": \"op_3\"", "its \"residual\" is no op before it"},
        {"\"residual\": \"op_0\"", "\"residual\": \"op_4\"", "its \"residual\" is no op before it"},
        {"\"residual\": \"op_0\"", "\"residual\": null", "\"residual\" is no text"},
        {"\"in\": 3, \"out\": 5, ", "\"in\": 4, \"out\": 5, ", "op 5 (op_5): \"in\" is 4"},
        {"\"activation\": \"none\", \"output\": null", "\"activation\": \"relu\", \"output\": null",
         "the last op has to be an attention, or linear with activation"},
        {"\"output\": null", "\"output\": {\"scale\": 1, \"zero\": 0}", "the last op has to be"},
        {", \"output\": null", "", "op 6 (op_6): the key \"output\" is missing"},
        {"\"output\": null}]",
         "\"output\": null}, {\"op\": \"mean\", \"name\": \"more\", "
         "\"channels\": 2, \"output\": null}]",
         "op 6 (op_6): \"output\" is null, which only the last op"},
        {"\"ops\": [", "\"ops\": 1, \"more\": [", "unknown key \"more\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse_edit(l, cases[i][0], cases[i][1], cases[i][2]);
}

static void test_graph_shapes(void **state)
{
    (void)state;
    static const unsigned five[2] = {5, 5}, two[2] = {2, 2}, one[2] = {1, 1};

    struct builder *builder = builder_new(1, 8, 8, 1); /* no layer at all */
    refuse(builder, "\"ops\": 0 elements where 1 to 512");

    builder = builder_new(1, 8, 8, 1); /* a kernel of 5, padding 1, needs 4 */
    builder_conv(builder, 1, five, one, one, "none");
    builder_conv(builder, 1, five, two, one, "none");
    builder_conv(builder, 1, five, two, one, "none");
    refuse(builder, "op 2 (op_2): its input is smaller than its kernel less the padding");

    builder = builder_new(1, 8, 8, 1); /* linear on more than one position */
    builder_linear(builder, 4, "relu");
    refuse(builder, "op 0 (op_0): its input has more than one position");

    builder = builder_new(1, 8, 8, 1); /* the outputs are not the labels */
    builder_mean(builder);
    builder_head(builder, 2);
    refuse(builder, "op 1 (op_1): it has 2 outputs for 1 labels");

    builder = builder_new(1, 8, 8, 1); /* residual of another shape */
    builder_pointwise(builder, 3, "none", -1);
    builder_pointwise(builder, 4, "none", 0);
    refuse(builder, "op 1 (op_1): its \"residual\" has another shape");

    builder = builder_new(1, 8, 8, 1); /* a model has to end with real numbers */
    builder_mean(builder);
    refuse(builder, "op 0 (op_0): the last op has to be an attention, or linear");

    builder = builder_new(1, 4, 4, 1);
    for (int i = 0; i < 513; i++)
        builder_pointwise(builder, 1, "none", -1);
    refuse(builder, "513 elements where 1 to 512");
}

static void attention_over(struct builder *builder, unsigned labels)
{
    builder_time_steps(builder);
    builder_pointwise(builder, 5, "hardswish", -1);
    builder_attention(builder, labels);
}

static void test_attention(void **state)
{
    (void)state;
    struct builder *builder = builder_new(1, 8, 6, 2);
    attention_over(builder, 2);
    struct model *model = builder_open(builder);
    struct model_layer_info info;
    model_layer_describe(model, 0, &info);
    assert_string_equal(info.kind, "time_steps");
    assert_true(info.out.time == 9 && info.out.frequency == 1 && info.out.channels == 1);
    model_layer_describe(model, 2, &info);
    assert_string_equal(info.kind, "attention");
    assert_true(info.out.time == 1 && info.out.frequency == 1 && info.out.channels == 2);
    assert_int_equal(info.multiply_adds, 2 * 9 * 2 * 5); /* both matrices on all rows */
    assert_int_equal(info.weights, 2 * 2 * 5);
    model_close(model);
    builder_free(builder);

    builder = builder_new(1, 8, 6, 2); /* an attention that is not the last */
    attention_over(builder, 2);
    builder_pointwise(builder, 2, "none", -1);
    refuse(builder, "op 2 (op_2): an attention has to be the last op");

    builder = builder_new(1, 8, 6, 2); /* over more than time */
    builder_attention(builder, 2);
    refuse(builder, "op 0 (op_0): its input is not one row per time step");

    builder = builder_new(1, 8, 6, 2); /* over one row, which would be the mean of no step */
    builder_mean(builder);
    builder_attention(builder, 2);
    refuse(builder, "op 1 (op_1): its input is not one row per time step");

    builder = builder_new(1, 8, 6, 2); /* the outputs are not the labels */
    attention_over(builder, 3);
    refuse(builder, "op 2 (op_2): it has 3 outputs for 2 labels");

    builder = builder_new(1, 8, 6, 2);
    attention_over(builder, 2);
    builder_edit(builder, "tutti.layers", "\"output\": null",
                 "\"output\": {\"scale\": 1, \"zero\": 0}");
    refuse(builder, "op 2 (op_2): the last op has to be an attention");
}

static void refuse_attention_edit(const char *from, const char *to, const char *reason)
{
    struct builder *builder = builder_new(1, 8, 6, 2);
    attention_over(builder, 2);
    builder_edit(builder, "tutti.layers", from, to);
    refuse(builder, reason);
}

static void test_attention_fields(void **state)
{
    (void)state;
    static const char steps[] = "\"channels\": 1", head[] = "\"in\": 5, \"out\": 2";
    refuse_attention_edit(steps, "\"channels\": 2",
                          "op 0 (op_0): \"channels\" is 2, but its input has 1 channels");
    refuse_attention_edit(steps, "\"channel\": 1", "op 0 (op_0): unknown key \"channel\"");
    refuse_attention_edit(steps, "\"channels\": 1, \"steps\": 8",
                          "op 0 (op_0): unknown key \"steps\"");
    refuse_attention_edit(head, "\"in\": 6, \"out\": 2",
                          "op 2 (op_2): \"in\" is 6, but its input has 5 channels");
    refuse_attention_edit(head, "\"in\": 5, \"out\": 0", "op 2 (op_2): \"out\" is 0, allowed are");
    refuse_attention_edit(head, "\"in\": 5, \"out\": 4097",
                          "op 2 (op_2): \"out\" is 4097, allowed");
    refuse_attention_edit(head, "\"in\": 5", "op 2 (op_2): the key \"out\" is missing");
    refuse_attention_edit(head, "\"in\": 5, \"out\": 2, \"activation\": \"none\"",
                          "op 2 (op_2): unknown key \"activation\"");
    refuse_attention_edit(head, "\"in\": 5, \"out\": 2, \"residual\": \"op_1\"",
                          "op 2 (op_2): unknown key \"residual\"");

    struct builder *builder = builder_new(1, 8, 6, 2); /* steps that stay real */
    builder_time_steps(builder);
    builder_set(builder, "tutti.layers",
                "{\"input\": {\"scale\": 1, \"zero\": 0}, \"ops\": [{\"op\": \"time_steps\", "
                "\"name\": \"op_0\", \"channels\": 1, \"output\": null}]}");
    refuse(builder, "op 0 (op_0): \"output\" is null, which only the last op, a linear or an "
                    "attention, may have");
}

/* Less padding than half of a kernel moves the steps, the more the later in the network. */
static void test_where_steps_lie(void **state)
{
    (void)state;
    static const unsigned one[] = {1, 1}, two[] = {2, 1}, none[] = {0, 0}, three[] = {3, 1};
    struct builder *builder = builder_new(1, 60, 6, 2);
    builder_conv(builder, 3, (unsigned[]){5, 3}, two, (unsigned[]){2, 1}, "relu");
    builder_depthwise(builder, (unsigned[]){7, 1}, two, (unsigned[]){1, 0}, "relu");
    builder_depthwise(builder, three, one, none, "relu");
    attention_over(builder, 2);
    struct model *model = builder_open(builder);
    assert_int_equal(model_step_columns(model), 4);
    assert_int_equal(model_first_step_column(model), (3 - 1) * 2 + 1 * 4);
    model_close(model);
    builder_free(builder);

    builder = builder_new(1, 8, 6, 2);
    attention_over(builder, 2);
    model = builder_open(builder);
    assert_int_equal(model_first_step_column(model), 0);
    model_close(model);
    builder_free(builder);
}

static void refuse_gate(const char *bytes, const char *reason)
{
    struct builder *builder = builder_new(1, 8, 6, 2);
    attention_over(builder, 2);
    memcpy(builder_tensor(builder, "op_2.gate")->data + 4, bytes, 4);
    refuse(builder, reason);
}

static void test_attention_tensors(void **state)
{
    (void)state;
    static const char *const names[] = {"op_2.score.weight", "op_2.attention.bias", "op_2.gate"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct builder *builder = builder_new(1, 8, 6, 2);
        attention_over(builder, 2);
        builder_remove_tensor(builder, names[i]);
        char reason[100];
        snprintf(reason, sizeof reason, "tensor \"%s\": it is missing", names[i]);
        refuse(builder, reason);
    }
    for (size_t i = 0; i < 2; i++) { /* a matrix turned, the gate as a matrix of one row */
        struct builder *builder = builder_new(1, 8, 6, 2);
        attention_over(builder, 2);
        struct builder_tensor *t = builder_tensor(builder, names[2 * i]);
        const size_t rows = t->shape[0];
        t->shape[0] = t->rank == 2 ? t->shape[1] : 1;
        t->shape[1] = rows;
        t->rank = 2;
        char reason[100];
        snprintf(reason, sizeof reason, "tensor \"%s\": its shape is [", names[2 * i]);
        refuse(builder, reason);
    }
    refuse_gate("\x00\x00\xc0\x7f", "tensor \"op_2.gate\": a value is not in 0 to 1"); /* NaN */
    refuse_gate("\x01\x00\x80\x3f", "tensor \"op_2.gate\": a value is not in 0 to 1"); /* > 1 */
    refuse_gate("\x00\x00\x80\xbf", "tensor \"op_2.gate\": a value is not in 0 to 1"); /* -1 */
}

static void test_limits(void **state)
{
    (void)state;
    struct builder *builder = builder_new(1, 4096, 512, 1); /* 2 Mi positions */
    builder_pointwise(builder, 31, "none", -1);
    builder_pointwise(builder, 1, "none", -1);
    refuse(builder, "op 1 (op_1): the activations up to here are more than 64 MiB");

    builder = builder_new(1, 2000, 500, 1);
    builder_pointwise(builder, 30, "none", -1);
    builder_pointwise(builder, 34, "none", -1);
    refuse(builder, "op 1 (op_1): the multiply-adds up to here are more than 1,000,000,000");
}

static void set_bias(struct builder *builder, const char *name, int64_t value)
{
    struct builder_tensor *bias = builder_tensor(builder, name);
    for (unsigned i = 0; i < 4; i++)
        bias->data[i] = (unsigned char)((uint64_t)value >> 8 * i);
}

/* One linear layer of depth 1 on a mean with a zero of 55: the accumulator reaches
 * |bias| + 127 * 200. */
static struct builder *accumulating(int64_t bias)
{
    struct builder *builder = builder_new(3, 4, 4, 1);
    builder->zero = 55;
    builder_mean(builder);
    builder_head(builder, 1);
    builder_tensor(builder, "op_1.weight")->data[0] = 127;
    set_bias(builder, "op_1.bias", bias);
    return builder;
}

static void test_accumulator(void **state)
{
    (void)state;
    const int64_t most = INT32_MAX - 127 * 200;
    static const char reason[] =
        "tensor \"op_1.bias\": the accumulator of output 0 could overflow 32 bits";
    refuse(accumulating(most + 1), reason);
    refuse(accumulating(-most - 1), reason);
    refuse(accumulating(INT32_MIN), reason);
    for (int sign = -1; sign <= 1; sign += 2) {
        struct builder *builder = accumulating(sign * most);
        model_close(builder_open(builder));
        builder_free(builder);
    }
    static const char *const biases[] = {"op_2.score.bias", "op_2.attention.bias"};
    for (size_t i = 0; i < 2; i++) {
        struct builder *builder = builder_new(1, 8, 6, 2);
        attention_over(builder, 2);
        set_bias(builder, biases[i], INT32_MAX);
        char wanted[100];
        snprintf(wanted, sizeof wanted, "tensor \"%s\": the accumulator of output 0", biases[i]);
        refuse(builder, wanted);
    }
}

static void set_one(struct builder *builder, const char *name)
{
    static const unsigned char one[] = {0, 0, 0x80, 0x3f};
    memcpy(builder_tensor(builder, name)->data, one, sizeof one);
}

/* A 1x1 layer whose output reaches (|bias| + 127 * 185) / 2, stored in steps of 2^-10, and one that
 * takes that and adds it. */
static struct builder *reaching(int64_t bias, int64_t residual_bias)
{
    struct builder *builder = builder_new(3, 4, 4, 1);
    builder_edit(builder, "tutti.layers", "0.02", "0.5");
    builder->scale = 0.0009765625;
    builder->zero = 70;
    builder_pointwise(builder, 1, "none", -1);
    builder_pointwise(builder, 1, "hardswish", 0);
    builder_mean(builder);
    builder_head(builder, 1);
    static const char *const names[] = {"op_0", "op_1"};
    const int64_t biases[] = {bias, residual_bias};
    for (size_t i = 0; i < 2; i++) {
        char name[20];
        snprintf(name, sizeof name, "%s.weight", names[i]);
        builder_tensor(builder, name)->data[0] = 127;
        snprintf(name, sizeof name, "%s.scale", names[i]);
        set_one(builder, name);
        snprintf(name, sizeof name, "%s.bias", names[i]);
        set_bias(builder, name, biases[i]);
    }
    return builder;
}

static void test_steps(void **state)
{
    (void)state;
    const int64_t most = (1 << 21) - 127 * 185;                     /* 2^30 steps of 2^-10, twice */
    const int64_t most_with_residual = (1 << 30) - 255 - 127 * 185; /* its unit is a step */
    struct builder *builder = reaching(-most, most_with_residual);
    model_close(builder_open(builder));
    builder_free(builder);
    refuse(reaching(most + 1, 0), "tensor \"op_0.scale\": output 0 could be more than 2^30 times");
    refuse(reaching(-most - 1, 0), "tensor \"op_0.scale\": output 0 could be more than 2^30 times");
    refuse(reaching(0, most_with_residual + 1), "tensor \"op_1.scale\": output 0 could be more");
}

/* A squeeze_excite on values up to 255 * 2^19, stored in steps of `scale`. */
static struct builder *gated(double scale)
{
    struct builder *builder = builder_new(3, 4, 4, 1);
    builder->scale = 524288;
    builder_pointwise(builder, 1, "none", -1);
    builder->scale = scale;
    builder_squeeze_excite(builder, 1);
    builder->scale = 0;
    builder_mean(builder);
    builder_head(builder, 1);
    return builder;
}

static void test_gated_steps(void **state)
{
    (void)state;
    struct builder *builder = gated(255.0 / 2048);
    model_close(builder_open(builder));
    builder_free(builder);
    refuse(gated(254.9 / 2048), "op 1 (op_1): its input could be more than 2^30 times the scale");
    builder = gated(1);
    set_bias(builder, "op_1.reduce.bias", (1 << 30) + 1);
    set_one(builder, "op_1.reduce.scale");
    refuse(builder, "tensor \"op_1.reduce.scale\": output 0 could be more than 2^30 times");
}

static void test_layers_described(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    struct model *model = builder_open(builder);
    struct model_layer_info info;
    assert_int_equal(model_layer_count(model), 7);
    model_layer_describe(model, 0, &info);
    assert_string_equal(info.name, "op_0");
    assert_string_equal(info.kind, "conv");
    assert_string_equal(info.activation, "hardswish");
    assert_null(info.residual);
    assert_int_equal(info.in.time, 12);
    assert_int_equal(info.in.frequency, 8);
    assert_int_equal(info.in.channels, 1);
    assert_int_equal(info.out.time, 6);
    assert_int_equal(info.out.frequency, 4);
    assert_int_equal(info.out.channels, 3);
    assert_int_equal(info.kernel[0], 3);
    assert_int_equal(info.stride[1], 2);
    assert_int_equal(info.weights, 27);
    assert_int_equal(info.multiply_adds, 27 * 24);
    model_layer_describe(model, 3, &info);
    assert_string_equal(info.kind, "pointwise");
    assert_string_equal(info.residual, "op_0");
    assert_int_equal(info.kernel[0], 1);
    assert_int_equal(info.stride[0], 1);
    model_layer_describe(model, 2, &info);
    assert_int_equal(info.weights, 12);
    assert_int_equal(info.multiply_adds, 12);
    /* conv, depthwise, squeeze_excite, pointwise, linear, head */
    assert_int_equal(model_weight_bytes(model), 27 + 27 + 12 + 9 + 15 + 10);
    assert_int_equal(model_multiply_adds(model), 24 * (27 + 27 + 9) + 12 + 15 + 10);
    assert_int_equal(model_step_columns(model), 2);
    model_close(model);
    builder_free(builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graph),
        cmocka_unit_test(test_graph_shapes),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_attention_fields),
        cmocka_unit_test(test_where_steps_lie),
        cmocka_unit_test(test_attention_tensors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_accumulator),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_gated_steps),
        cmocka_unit_test(test_layers_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
