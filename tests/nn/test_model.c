#include "nn/model.h"

#include "nn/model_layers.h"
#include "tests/nn/support/fixtures.h"
#include "tests/nn/support/model_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* --- refusals ------------------------------------------------------------------------ */

/* Writes what the builder has become, and expects a refusal whose sentence names the file and holds
 * `reason`. Frees the builder. */
static void refuse_as(struct builder *builder, enum tutti_status status, const char *reason)
{
    size_t size;
    unsigned char *file = builder_write(builder, &size);
    struct tutti_error error = {0};
    struct model *model = model_read(file, size, "broken.safetensors", &error);
    if (model != NULL || strstr(error.text, reason) == NULL)
        print_error("expected \"%s\", got \"%s\"\n", reason,
                    model == NULL ? error.text : "success");
    assert_null(model);
    assert_non_null(strstr(error.text, reason));
    assert_ptr_equal(strstr(error.text, "broken.safetensors: "), error.text);
    assert_int_equal(error.status, status);
    assert_null(model_read(file, size, "broken.safetensors", NULL));
    free(file);
    builder_free(builder);
}

static void refuse(struct builder *builder, const char *reason)
{
    refuse_as(builder, TUTTI_ERROR_FORMAT, reason);
}

/* One text of the tiny model replaced. */
static void refuse_edit(const char *key, const char *from, const char *to, const char *reason)
{
    struct builder *builder = builder_tiny();
    builder_edit(builder, key, from, to);
    refuse(builder, reason);
}

static void refuse_text(const char *key, const char *text, const char *reason)
{
    struct builder *builder = builder_tiny();
    builder_set(builder, key, text);
    refuse(builder, reason);
}

static void test_metadata(void **state)
{
    (void)state;
    static const char *const keys[] = {"tutti.format",   "tutti.name",   "tutti.labels",
                                       "tutti.frontend", "tutti.layers", "tutti.calibration",
                                       "tutti.training"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char reason[80];
        snprintf(reason, sizeof reason, "the key \"%s\" is missing", keys[i]);
        refuse_text(keys[i], NULL, reason);
        if (i < 2)
            continue;
        snprintf(reason, sizeof reason, "%s: not valid JSON", keys[i]);
        refuse_text(keys[i], "", reason);
        refuse_text(keys[i], "{", reason);
        snprintf(reason, sizeof reason, "%s: something follows", keys[i]);
        refuse_text(keys[i], "1 1", reason);
        snprintf(reason, sizeof reason, "%s: the key \"a\" is there twice", keys[i]);
        refuse_text(keys[i], "{\"a\": 1, \"b\": 2, \"a\": 3}", reason);
        refuse_text(keys[i], "3", "is expected");
    }
    struct builder *builder = builder_tiny();
    builder_set(builder, "tutti.format", "2");
    refuse_as(builder, TUTTI_ERROR_UNSUPPORTED, "the version is \"2\", this build reads \"1\"");
    builder = builder_tiny();
    builder_set(builder, "tutti.format", "1.0");
    refuse_as(builder, TUTTI_ERROR_UNSUPPORTED, "\"1.0\"");
    refuse_text("tutti.training", "[]", "tutti.training: an object is expected");
}

static void test_name_and_labels(void **state)
{
    (void)state;
    char name[80] = {0};
    memset(name, 'n', 64);
    refuse_text("tutti.name", "", "tutti.name: 1 to 63 bytes");
    refuse_text("tutti.name", name, "tutti.name: 1 to 63 bytes");
    refuse_text("tutti.name", "a\\nb\x7f", "tutti.name: it holds a control character");
    refuse_text("tutti.labels", "[]", "0 elements where 1 to 256");
    refuse_text("tutti.labels", "[\"a\", \"a\"]", "\"a\" is there twice");
    refuse_text("tutti.labels", "[\"a\", \"\"]", "label 1 is no text");
    refuse_text("tutti.labels", "[\"a\", 1]", "label 1 is no text");
    refuse_text("tutti.labels", "[\"A\", \"b\"]", "label 0 is no text");
    refuse_text("tutti.labels", "[\"a b\", \"b\"]", "label 0 is no text");
    refuse_text("tutti.labels", "[\"\\u00e9\", \"b\"]", "label 0 is no text");
    char label[100];
    snprintf(label, sizeof label, "[\"%.64s\", \"b\"]", name);
    refuse_text("tutti.labels", label, "label 0 is no text");
    char many[257 * 8] = "[\"l0\"";
    for (int i = 1; i < 257; i++)
        snprintf(many + strlen(many), 8, ",\"%d\"", i);
    refuse_text("tutti.labels", strcat(many, "]"), "257 elements where 1 to 256");
    refuse_text("tutti.labels", "[\"a\"]", "2 elements where 1 to 1");
}

static void test_frontend(void **state)
{
    (void)state;
    static const char f[] = "tutti.frontend";
    static const char *const cases[][3] = {
        {"\"rate_hz\": 32000, ", "", "\"rate_hz\" is missing"},
        {"\"rate_hz\": 32000", "\"rate_hz\": 32000, \"gain\": 2", "unknown key \"gain\""},
        {"32000", "\"32000\"", "\"rate_hz\" is no number"},
        {"32000", "7999", "\"rate_hz\" is 7999, allowed are 8000 to 192000"},
        {"32000", "192001", "\"rate_hz\" is 192001"},
        {"32000", "32000.5", "a whole number"},
        {"32000", "1e999", "\"rate_hz\" is inf"},
        {"\"fft_frames\": 1024", "\"fft_frames\": 1023", "no power of two"},
        {"\"fft_frames\": 1024", "\"fft_frames\": 32", "\"fft_frames\" is 32"},
        {"\"fft_frames\": 1024", "\"fft_frames\": 32768", "\"fft_frames\" is 32768"},
        {"\"window_frames\": 800", "\"window_frames\": 1", "\"window_frames\" is 1"},
        {"\"window_frames\": 800", "\"window_frames\": 1025", "\"window_frames\" is 1025"},
        {"\"hop_frames\": 320", "\"hop_frames\": 0", "\"hop_frames\" is 0"},
        {"\"hop_frames\": 320", "\"hop_frames\": 1025", "\"hop_frames\" is 1025"},
        {"\"mel_bands\": 8", "\"mel_bands\": 0", "\"mel_bands\" is 0"},
        {"\"mel_bands\": 8", "\"mel_bands\": 513", "\"mel_bands\" is 513"},
        {"\"columns\": 12", "\"columns\": 0", "\"columns\" is 0"},
        {"\"columns\": 12", "\"columns\": 4097", "\"columns\" is 4097"},
        {"hann_symmetric", "hann", "only \"hann_symmetric\" is known"},
        {"\"hann_symmetric\"", "1", "\"window\" is no text"},
        {"\"kaldi\"", "\"htk\"", "only \"kaldi\" is known"},
        {"\"low_hz\": 0", "\"low_hz\": -1", "\"low_hz\" is -1"},
        {"\"low_hz\": 0", "\"low_hz\": 15000", "\"low_hz\" is not below"},
        {"\"high_hz\": 15000", "\"high_hz\": 16001", "\"high_hz\" is 16001"},
        {"\"high_hz\": 15000", "\"high_hz\": null", "\"high_hz\" is no number"},
        {"0.97", "1.01", "\"preemphasis\" is 1.01"},
        {"0.97", "-0.1", "\"preemphasis\" is -0.1"},
        {"1e-5", "0", "\"log_offset\" is 0"},
        {"1e-5", "-1e-5", "\"log_offset\" is -1e-05"},
        {"\"add\": 4.5", "\"add\": 1e7", "\"add\" is 1e+07"},
        {"\"divide\": 5", "\"divide\": 0", "\"divide\" is 0"},
        {"\"divide\": 5", "\"divide\": 1e-7", "\"divide\" is 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse_edit(f, cases[i][0], cases[i][1], cases[i][2]);
}

static void test_calibration(void **state)
{
    (void)state;
    static const char c[] = "tutti.calibration";
    refuse_edit(c, "\"scale\": [1, 1]", "\"scale\": [1]", "1 elements where 2 to 2");
    refuse_edit(c, "\"scale\": [1, 1]", "\"scale\": [1, 1, 1]", "3 elements where 2 to 2");
    refuse_edit(c, "\"scale\": [1, 1]", "\"scale\": 1", "an array is expected");
    refuse_edit(c, "\"scale\": [1, 1]", "\"scale\": [1, null]", "\"scale\": element 1");
    refuse_edit(c, "\"scale\": [1, 1]", "\"scale\": [1e7, 1]", "\"scale\": element 0");
    refuse_edit(c, "\"offset\": [0.5", "\"offset\": [1e999", "\"offset\": element 0");
    refuse_edit(c, "\"threshold\": [0.5", "\"threshold\": [0", "\"threshold\": element 0");
    refuse_edit(c, "\"threshold\": [0.5", "\"threshold\": [1", "\"threshold\": element 0");
    refuse_edit(c, "\"offset\"", "\"ofset\"", "unknown key \"ofset\"");
    refuse_edit(c, "{", "{\"rivalry\": -0.1, ", "\"rivalry\" is no number from 0 to 10");
    refuse_edit(c, "{", "{\"rivalry\": 11, ", "\"rivalry\" is no number from 0 to 10");
    refuse_edit(c, "{", "{\"rivalry\": [1, 1], ", "\"rivalry\" is no number from 0 to 10");
}

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

/* --- tensors ------------------------------------------------------------------------- */

static void test_tensors_missing(void **state)
{
    (void)state;
    struct builder *all = builder_tiny();
    size_t count = 0;
    for (struct builder_tensor *t = all->tensors; t != NULL; t = t->next, count++) {
        struct builder *builder = builder_tiny();
        char reason[200];
        builder_remove_tensor(builder, t->name);
        snprintf(reason, sizeof reason, "tensor \"%s\": it is missing", t->name);
        refuse(builder, reason);
    }
    assert_int_equal(count, 5 * 7);
    builder_free(all);
}

static void test_tensors_of_another_type(void **state)
{
    (void)state;
    struct builder *all = builder_tiny();
    for (struct builder_tensor *t = all->tensors; t != NULL; t = t->next) {
        /* another type of the same size, so that nothing else is wrong */
        const char *other = strcmp(t->type, "I8") == 0    ? "U8"
                            : strcmp(t->type, "F16") == 0 ? "BF16"
                            : strcmp(t->type, "F32") == 0 ? "I32"
                                                          : "F32";
        struct builder *builder = builder_tiny();
        strcpy(builder_tensor(builder, t->name)->type, other);
        char reason[200];
        snprintf(reason, sizeof reason, "tensor \"%s\": its type is %s, %s is expected", t->name,
                 other, t->type);
        refuse(builder, reason);
    }
    builder_free(all);
}

static void test_tensors_of_another_shape(void **state)
{
    (void)state;
    struct builder *all = builder_tiny();
    for (struct builder_tensor *t = all->tensors; t != NULL; t = t->next) {
        char reason[200];
        snprintf(reason, sizeof reason, "tensor \"%s\": its shape is [", t->name);
        /* one side more, of length 1 */
        struct builder *builder = builder_tiny();
        struct builder_tensor *changed = builder_tensor(builder, t->name);
        changed->shape[changed->rank++] = 1;
        refuse(builder, reason);
        /* the same number of values in one row */
        if (t->rank == 1)
            continue;
        builder = builder_tiny();
        changed = builder_tensor(builder, t->name);
        for (changed->rank = 1; changed->rank < t->rank; changed->rank++)
            changed->shape[0] *= changed->shape[changed->rank];
        changed->rank = 1;
        refuse(builder, reason);
    }
    builder_free(all);
}

/* Fits the offsets to a tensor with a row less. */
static void test_tensor_too_small(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    struct builder_tensor *weight = builder_tensor(builder, "op_3.weight");
    weight->shape[0]--;
    weight->size -= weight->shape[1];
    refuse(builder, "tensor \"op_3.weight\": its shape is [2, 3], [3, 3] is expected");
}

static void refuse_value(const char *name, const void *bytes, size_t size, const char *reason)
{
    struct builder *builder = builder_tiny();
    struct builder_tensor *tensor = builder_tensor(builder, name);
    memcpy(tensor->data + tensor->size - size, bytes, size); /* the last value */
    refuse(builder, reason);
}

static void test_tensor_values(void **state)
{
    (void)state;
    refuse_value("op_0.weight", "\x80", 1, "\"op_0.weight\": a value is -128");
    refuse_value("op_1.weight", "\x80", 1, "\"op_1.weight\": a value is -128");
    refuse_value("op_2.expand.weight", "\x80", 1, "\"op_2.expand.weight\": a value is -128");
    refuse_value("op_0.float_weight", "\x00\x7c", 2, "\"op_0.float_weight\": a value is not");
    refuse_value("op_0.float_weight", "\x01\xfe", 2, "\"op_0.float_weight\": a value is not");
    refuse_value("op_0.scale", "\x00\x00\xc0\x7f", 4, "\"op_0.scale\": a value is not in 0 to");
    refuse_value("op_0.scale", "\x00\x00\x80\x7f", 4, "\"op_0.scale\": a value is not in 0 to");
    refuse_value("op_0.scale", "\x00\x00\x80\xbf", 4, "\"op_0.scale\": a value is not in 0 to");
    refuse_value("op_0.scale", "\x01\x24\x74\x49", 4, "\"op_0.scale\": a value is not in 0 to");
    refuse_value("op_6.float_bias", "\x00\x00\x80\xff", 4, "\"op_6.float_bias\": a value is not");
    refuse_value("op_6.float_bias", "\x00\x00\xc0\x7f", 4, "\"op_6.float_bias\": a value is not");
}

static void test_offsets(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    builder_tensor(builder, "op_0.weight")->end_offset = 1;
    refuse(builder, "tensor \"op_0.weight\": its shape and type need another number of bytes");
    builder = builder_tiny();
    builder_tensor(builder, "op_0.scale")->begin_offset = -4;
    builder_tensor(builder, "op_0.scale")->end_offset = -4;
    refuse(builder, "overlaps another tensor");
    builder = builder_tiny();
    builder_tensor(builder, "op_6.float_bias")->begin_offset = 4;
    builder_tensor(builder, "op_6.float_bias")->end_offset = 4;
    refuse(builder, "tensor \"op_6.float_bias\": it lies beyond the end of the file");
}

/* --- files --------------------------------------------------------------------------- */

static void refuse_file(const char *path, enum tutti_status status, const char *reason)
{
    struct tutti_error error;
    assert_null(model_open(path, &error));
    if (strstr(error.text, reason) == NULL)
        print_error("%s\n", error.text);
    assert_non_null(strstr(error.text, reason));
    assert_int_equal(error.status, status);
    assert_null(model_open(path, NULL));
}

static void test_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/tutti-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/m", folder);
    refuse_file(path, TUTTI_ERROR_NOT_FOUND, "/m: cannot open it: No such file");
    refuse_file(folder, TUTTI_ERROR_IO, "not a regular file");
    refuse_file("", TUTTI_ERROR_NOT_FOUND, "cannot open it");

    assert_int_equal(mkfifo(path, 0600), 0);
    refuse_file(path, TUTTI_ERROR_IO, "not a regular file");
    assert_int_equal(unlink(path), 0);

    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    refuse_file(path, TUTTI_ERROR_FORMAT, "cut short (0 bytes");
    fputs("RIFF, and other things that are no model", file);
    fflush(file);
    refuse_file(path, TUTTI_ERROR_FORMAT, "is this a safetensors file?");
    assert_int_equal(ftruncate(fileno(file), (off_t)MODEL_FILE_MAX + 1), 0); /* sparse */
    refuse_file(path, TUTTI_ERROR_FORMAT, "a model has at most 67108864");
    fclose(file);
    unlink(path);

    char deep[5000];
    memset(deep, 'x', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    refuse_file(deep, TUTTI_ERROR_IO, "cannot open it: File name too long");
    rmdir(folder);
    assert_null(model_read(NULL, MODEL_FILE_MAX + 1, "large", NULL));
    assert_null(model_read(NULL, 0, "empty", NULL));
    model_close(NULL);
}

/* --- sound models -------------------------------------------------------------------- */

static void test_getters(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    builder_edit(builder, "tutti.calibration", "\"threshold\": [0.5", "\"threshold\": [0.25");
    struct model *model = builder_open(builder);
    assert_string_equal(model_name(model), "a test");
    assert_int_equal(strlen(model_sha256(model)), 64);
    assert_int_equal(model_label_count(model), 2);
    assert_string_equal(model_label(model, 1), "label_1");
    assert_true(model_threshold(model, 0) == 0.25f);
    assert_true(model_threshold(model, 1) == 0.5f);
    assert_string_equal(model_training_json(model), "{\"licence\": \"none\"}");
    const struct model_frontend *f = model_frontend(model);
    assert_int_equal(f->rate_hz, 32000);
    assert_int_equal(f->fft_frames, 1024);
    assert_int_equal(f->window_frames, 800);
    assert_int_equal(f->hop_frames, 320);
    assert_int_equal(f->mel_bands, 8);
    assert_int_equal(f->columns, 12);
    assert_true(f->low_hz == 0 && f->high_hz == 15000 && f->preemphasis == 0.97);
    assert_true(f->log_offset == 1e-5 && f->add == 4.5 && f->divide == 5);
    model_close(model);
    builder_free(builder);
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

/* Tensors that no layer asks for are allowed; so is a model without them at hand. */
static void test_more_tensors(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    builder_add_tensor(builder, "unused", "F64", 2, 16);
    builder_add_tensor(builder, "empty", "U8", 0, 0);
    model_close(builder_open(builder));
    builder_free(builder);
}

static void test_fixture(void **state)
{
    (void)state;
    char path[512];
    fixture_path("tiny.safetensors", path, sizeof path);
    struct tutti_error error;
    struct model *model = model_open(path, &error);
    if (model == NULL)
        print_error("%s\n", error.text);
    assert_non_null(model);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(model_file_size(model), status.st_size);
    assert_true(model_multiply_adds(model) > 0);
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_name_and_labels),
        cmocka_unit_test(test_frontend),
        cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_graph),
        cmocka_unit_test(test_graph_shapes),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_attention_fields),
        cmocka_unit_test(test_attention_tensors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_accumulator),
        cmocka_unit_test(test_tensors_missing),
        cmocka_unit_test(test_tensors_of_another_type),
        cmocka_unit_test(test_tensors_of_another_shape),
        cmocka_unit_test(test_tensor_too_small),
        cmocka_unit_test(test_tensor_values),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_getters),
        cmocka_unit_test(test_layers_described),
        cmocka_unit_test(test_more_tensors),
        cmocka_unit_test(test_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
