/* Convolutions and depthwise convolutions: strides, paddings, odd numbers of channels.
 * Every table against the portable one, bit for bit, over random shapes and extreme values. On x86
 * there are two tables more than in the library: avx-vnni and avx512-vnni with their instructions
 * replaced by AVX2's.
 */
#include "tests/nn/support/kernel_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct window_case {
    struct window window;
    bool depthwise, summed;
    size_t in_channels, outputs; /* the same if depthwise */
    int in_zero;
    enum mood mood;
    uint64_t seed;
    const int8_t *weights;
};

static size_t area(const unsigned sides[2])
{
    return (size_t)sides[0] * sides[1];
}

/* The sums that a depthwise loop took on its way are those of its output, padding included. */
static void check_sums(const struct kernels *k, const int32_t *sums, const uint8_t *out,
                       size_t positions, size_t pitch)
{
    for (size_t c = 0; c < pitch; c++) {
        int32_t sum = 0;
        for (size_t i = 0; i < positions; i++)
            sum += k->byte_offset > 0 ? (int8_t)out[i * pitch + c] : out[i * pitch + c];
        assert_int_equal(sums[c], sum);
    }
}

/* A convolution may find its input with gaps or without. */
static uint8_t *run_window(const struct kernels *k, const struct window_case *c, size_t in_pitch)
{
    const struct window *w = &c->window;
    const size_t pitch = round_up(c->outputs, k->channel_multiple);
    const size_t per_output = area(w->kernel) * (c->depthwise ? 1 : c->in_channels);
    struct parameters p = parameters_for(k, random_parameters(c->seed, c->outputs, pitch, 9),
                                         c->weights, c->outputs, per_output);
    struct window_task task = {.window = *w,
                               .in_pitch = in_pitch,
                               .in_channels = c->in_channels,
                               .out_pitch = pitch,
                               .in_zero = c->in_zero - k->byte_offset,
                               .requantization = &p.requantization};
    uint8_t *in = random_tensor(k, c->seed + 1, area(w->in), c->in_channels, in_pitch, c->mood);
    void *packed = buffer(c->depthwise ? k->depthwise_packed_size(w, c->outputs)
                                       : k->conv_packed_size(w, c->in_channels, c->outputs));
    void *scratch = buffer(c->depthwise ? k->depthwise_scratch_size(w, in_pitch)
                                        : k->conv_scratch_size(w, c->in_channels, pitch));
    task.in = in;
    task.out = buffer(area(w->out) * pitch);
    task.weights = packed;
    task.scratch = scratch;
    if (c->depthwise) {
        task.sums = c->summed ? buffer(pitch * sizeof *task.sums) : NULL;
        k->depthwise_pack(c->weights, w, c->outputs, packed);
        k->depthwise(&task);
        if (c->summed)
            check_sums(k, task.sums, task.out, area(w->out), pitch);
        free(task.sums);
    } else {
        k->conv_pack(c->weights, w, c->in_channels, c->outputs, packed);
        k->conv(&task);
    }
    free(in);
    free(packed);
    free(scratch);
    free_parameters(&p);
    return task.out;
}

static void random_axis(struct random_source *r, struct window *w, size_t axis, int longest)
{
    const unsigned kernel = w->kernel[axis] = (unsigned)random_between(r, 0, 3) * 2 + 1;
    const unsigned stride = w->stride[axis] = (unsigned)random_between(r, 1, 2);
    const unsigned padding = w->padding[axis] =
        (unsigned)random_between(r, 0, (int)(kernel - 1) / 2);
    w->in[axis] = kernel - padding + (unsigned)random_between(r, 0, longest);
    w->out[axis] = (w->in[axis] + 2 * padding - kernel) / stride + 1;
}

/* Fills in the rest of a case and runs it. */
static void check_case(const struct kernels *k, uint64_t seed, struct random_source *r,
                       struct window_case c)
{
    c.in_zero = random_zero(r);
    c.mood = (enum mood)random_between(r, 0, MOODS - 1);
    c.seed = random_bits(r);
    c.summed = c.seed % 2 == 0;
    /* A network that remembers asks for some of the lines alone. */
    if (c.seed % 3 == 0)
        c.window.out[0] = (unsigned)random_between(r, 1, (int)c.window.out[0]);
    const unsigned *kernel = c.window.kernel;
    int8_t *weights = random_weights(r, c.outputs * kernel[0],
                                     kernel[1] * (c.depthwise ? 1 : c.in_channels), c.mood);
    c.weights = weights;
    const size_t padded = round_up(c.in_channels, k->channel_multiple);
    const size_t in_pitch = c.depthwise || seed % 2 ? padded : c.in_channels;
    struct parameters p = random_parameters(c.seed, c.outputs, c.outputs, 9);
    uint8_t *expected = run_window(&kernels_portable, &c, c.in_channels);
    uint8_t *result = run_window(k, &c, in_pitch);
    compare(k, seed, result, expected, area(c.window.out), c.outputs, p.requantization.zero);
    free(expected);
    free(result);
    free(weights);
    free_parameters(&p);
}

static void check_window(const struct kernels *k, uint64_t seed, bool depthwise)
{
    struct random_source r = {seed * 2 + 1};
    struct window_case c = {.depthwise = depthwise};
    random_axis(&r, &c.window, 0, 14);
    random_axis(&r, &c.window, 1, seed % 10 ? 14 : 60);
    c.in_channels = (size_t)random_between(&r, 1, depthwise ? (seed % 4 ? 40 : 150) : 12);
    c.outputs = depthwise ? c.in_channels : (size_t)random_between(&r, 1, 40);
    check_case(k, seed, &r, c);
}

/* As the bundled network begins: 3 by 3 of one channel, with a stride of 2. */
static void check_first_conv(const struct kernels *k, uint64_t seed)
{
    struct random_source r = {seed * 2 + 1};
    struct window_case c = {.in_channels = 1, .outputs = (size_t)random_between(&r, 1, 40)};
    for (size_t axis = 0; axis < 2; axis++) {
        const unsigned padding = (unsigned)random_between(&r, 0, 1);
        c.window.kernel[axis] = 3;
        c.window.stride[axis] = 2;
        c.window.padding[axis] = padding;
        c.window.in[axis] = 3 - padding + (unsigned)random_between(&r, 0, axis == 0 ? 8 : 45);
        c.window.out[axis] = (c.window.in[axis] + 2 * padding - 3) / 2 + 1;
    }
    check_case(k, seed, &r, c);
}

static void check_conv(const struct kernels *k, uint64_t seed)
{
    check_window(k, seed, false);
}

static void check_depthwise(const struct kernels *k, uint64_t seed)
{
    check_window(k, seed, true);
}

static void test_conv(void **state)
{
    (void)state;
    for_each_table(check_conv, 700);
}

static void test_first_conv(void **state)
{
    (void)state;
    for_each_table(check_first_conv, 200);
}

static void test_depthwise(void **state)
{
    (void)state;
    for_each_table(check_depthwise, 2000);
}

/* A 3 x 3 window of ones over 2 x 2 values, worked out by hand: padding adds nothing. */
static void test_windows_by_hand(void **state)
{
    (void)state;
    static const uint8_t in[] = {11, 12, 14, 18}; /* 1, 2, 4, 8 over a zero of 10 */
    static const int8_t ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    static const int32_t bias[] = {-90}; /* corrected: - zero * 9 */
    static const float scale[] = {1};
    const struct requantization r = {.bias = bias, .scale = scale};
    uint8_t out[4];
    uint32_t scratch[2];
    struct window_task task = {.window = {.in = {2, 2},
                                          .out = {2, 2},
                                          .kernel = {3, 3},
                                          .stride = {1, 1},
                                          .padding = {1, 1}},
                               .in = in,
                               .in_pitch = 1,
                               .in_channels = 1,
                               .out = out,
                               .out_pitch = 1,
                               .in_zero = 10,
                               .weights = ones,
                               .requantization = &r,
                               .scratch = scratch};
    static const uint8_t everywhere[] = {15, 15, 15, 15};
    kernels_portable.depthwise(&task);
    assert_memory_equal(out, everywhere, sizeof out);
    kernels_portable.conv(&task);
    assert_memory_equal(out, everywhere, sizeof out);

    /* Different weights, one tap each way: the window is not mirrored, time comes first. */
    static const int8_t next_time[9] = {0, 0, 0, 0, 0, 0, 0, 1, 0};
    static const int32_t bias_of_one[] = {-10};
    static const uint8_t shifted[] = {4, 8, 0, 0};
    const struct requantization one = {.bias = bias_of_one, .scale = scale};
    task.requantization = &one;
    task.weights = next_time;
    kernels_portable.depthwise(&task);
    assert_memory_equal(out, shifted, sizeof out);
    kernels_portable.conv(&task);
    assert_memory_equal(out, shifted, sizeof out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_by_hand),
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_first_conv),
        cmocka_unit_test(test_depthwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
