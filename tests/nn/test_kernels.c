/* Matrices, sums and gates of channels, rounding, and the choice of a table.
 * Every table against the portable one, bit for bit, over random shapes and extreme values. On x86
 * there are two tables more than in the library: avx-vnni and avx512-vnni with their instructions
 * replaced by AVX2's.
 */
#include "tests/nn/support/kernel_cases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- matrices ------------------------------------------------------------------------ */

struct gemm_case {
    size_t positions, depth, outputs;
    bool residual;
    enum mood mood;
    uint64_t seed;
    const int8_t *weights;
};

/* Runs a case; the result is [positions][padded outputs], or with real not NULL [outputs]. */
static uint8_t *run_gemm(const struct kernels *k, const struct gemm_case *c, float **real)
{
    const size_t depth = round_up(c->depth, k->channel_multiple);
    const size_t outputs = round_up(c->outputs, k->channel_multiple);
    struct parameters p =
        parameters_for(k, random_parameters(c->seed, c->outputs, outputs, c->depth), c->weights,
                       c->outputs, c->depth);
    uint8_t *in = random_tensor(k, c->seed + 1, c->positions, c->depth, depth, c->mood);
    uint8_t *residual = random_tensor(k, c->seed + 2, c->positions, c->outputs, outputs, c->mood);
    void *packed = buffer(k->gemm_packed_size(c->outputs, c->depth));
    void *scratch = buffer(k->gemm_scratch_size(depth, outputs));
    uint8_t *out = buffer(c->positions * outputs);
    k->gemm_pack(c->weights, c->outputs, c->depth, packed);
    if (c->residual) {
        /* a padding channel's residual is its tensor's zero, as any kernel leaves it */
        for (size_t i = 0; i < c->positions * outputs; i++) {
            if (i % outputs >= c->outputs)
                residual[i] = (uint8_t)p.requantization.residual_zero;
        }
    }
    struct gemm_task task = {in,
                             depth,
                             c->residual ? residual : NULL,
                             outputs,
                             out,
                             outputs,
                             c->positions,
                             depth,
                             outputs,
                             packed,
                             &p.requantization,
                             scratch};
    if (real != NULL) {
        *real = buffer(outputs * sizeof **real);
        k->gemm_real(&task, *real);
    } else {
        k->gemm(&task);
    }
    free(in);
    free(residual);
    free(packed);
    free(scratch);
    free_parameters(&p);
    return out;
}

static void check_gemm(const struct kernels *k, uint64_t seed)
{
    struct random_source r = {seed * 2 + 1};
    struct gemm_case c = {
        .positions = (size_t)random_between(&r, 1, seed % 10 ? 20 : 250),
        .depth = (size_t)random_between(&r, 1, seed % 4 ? 40 : 300),
        .outputs = (size_t)random_between(&r, 1, seed % 4 ? 70 : 20),
        .residual = random_between(&r, 0, 1) == 1,
        .mood = (enum mood)random_between(&r, 0, MOODS - 1),
        .seed = random_bits(&r),
    };
    int8_t *weights = random_weights(&r, c.outputs, c.depth, c.mood);
    c.weights = weights;
    struct parameters p = random_parameters(c.seed, c.outputs, c.outputs, c.depth);
    uint8_t *expected = run_gemm(&kernels_portable, &c, NULL), *result = run_gemm(k, &c, NULL);
    compare(k, seed, result, expected, c.positions, c.outputs, p.requantization.zero);
    free(expected);
    free(result);
    free_parameters(&p);

    float *expected_real, *real;
    free(run_gemm(&kernels_portable, &c, &expected_real));
    free(run_gemm(k, &c, &real));
    assert_memory_equal(real, expected_real, c.outputs * sizeof *real);
    free(expected_real);
    free(real);
    free(weights);
}

static void test_gemm(void **state)
{
    (void)state;
    for_each_table(check_gemm, 1500);
}

/* The portable matrix product itself, worked out by hand: 3 positions of 2 inputs. */
static void test_gemm_by_hand(void **state)
{
    (void)state;
    static const uint8_t in[] = {10, 20, 0, 255, 100, 7};
    static const int8_t weights[] = {1, 127, -2, 0}; /* as packed: outputs last */
    uint32_t scratch[2];
    static const int32_t bias[] = {50, -1270};
    static const float scale[] = {0.5f, 0.125f};
    const struct requantization r = {.bias = bias, .scale = scale, .zero = 10};
    uint8_t out[6];
    struct gemm_task task = {.in = in,
                             .in_pitch = 2,
                             .out = out,
                             .out_pitch = 2,
                             .positions = 3,
                             .depth = 2,
                             .outputs = 2,
                             .weights = weights,
                             .requantization = &r,
                             .scratch = scratch};
    kernels_portable.gemm(&task);
    /* (50 + 10 - 40) / 2 = 10; (-1270 + 1270) / 8 = 0; (50 - 510) / 2 = -230, too low;
     * -158.75; (50 + 100 - 14) / 2 = 68; (-1270 + 12700) / 8 = 1428.75, too high */
    static const uint8_t expected[] = {20, 10, 0, 0, 78, 255};
    assert_memory_equal(out, expected, sizeof out);
}

/* Halves go to the even neighbour, on both sides of the zero and of 0. */
static void test_rounding(void **state)
{
    (void)state;
    static const float values[] = {0.5f,  1.5f,  2.5f,   -0.5f,  -1.5f,    -2.5f,
                                   0.49f, 0.51f, 126.5f, 127.5f, -100.49f, 1e30f};
    static const uint8_t expected[] = {100, 102, 102, 100, 98, 98, 100, 101, 226, 228, 0, 255};
    uint8_t out[12];
    for (size_t i = 0; kernels_at(i) != NULL; i++) {
        if (!kernels_at(i)->available())
            continue;
        const struct kernels *k = kernels_at(i);
        k->quantize(values, 12, 1, 100 - k->byte_offset, out);
        for (size_t v = 0; v < sizeof out; v++)
            assert_int_equal(out[v], byte_of(k, expected[v]));
    }
}

/* --- the rest ------------------------------------------------------------------------ */

static void check_quantize(const struct kernels *k, uint64_t seed)
{
    static const float special[] = {NAN,   INFINITY, -INFINITY, 3.4e38f, -3.4e38f, 1e-45f,
                                    -0.0f, 0.5f,     -0.5f,     1e9f,    -1e9f,    2147483648.0f};
    struct random_source r = {seed * 2 + 1};
    const size_t count = (size_t)random_between(&r, 0, 70);
    const int zero = random_zero(&r);
    const float inverse = seed % 3 ? 1.0f / (0.001f + random_unit(&r)) : 1;
    float *values = malloc((count + 1) * sizeof *values);
    uint8_t *expected = malloc(count + 1), *result = malloc(count + 1);
    assert_true(values != NULL && expected != NULL && result != NULL);
    for (size_t i = 0; i < count; i++)
        values[i] =
            random_bits(&r) % 4 ? (random_unit(&r) - 0.5f) * 4 : special[random_between(&r, 0, 11)];
    result[count] = 77;
    kernels_portable.quantize(values, count, inverse, zero, expected);
    k->quantize(values, count, inverse, zero - k->byte_offset, result);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(result[i], byte_of(k, expected[i]));
    assert_int_equal(result[count], 77);
    free(values);
    free(expected);
    free(result);
}

static void test_quantize(void **state)
{
    (void)state;
    static const float values[] = {NAN, INFINITY, -INFINITY, 0, 1, -1, 1e38f, -1e38f};
    static const uint8_t expected[] = {0, 0, 0, 100, 110, 90, 255, 0};
    uint8_t out[8];
    kernels_portable.quantize(values, 8, 10, 100, out);
    assert_memory_equal(out, expected, sizeof out);
    for_each_table(check_quantize, 1000);
}

enum { START = -70000 };

static void check_channels(const struct kernels *k, uint64_t seed)
{
    struct random_source r = {seed * 2 + 1};
    const size_t positions = (size_t)random_between(&r, 1, seed % 8 ? 40 : 3000);
    const size_t channels = (size_t)random_between(&r, 1, 40);
    const size_t pitch = round_up(channels, k->channel_multiple);
    const size_t some = round_up((size_t)random_between(&r, 1, (int)channels), k->channel_multiple);
    const enum mood mood = (enum mood)random_between(&r, 0, MOODS - 1);
    uint8_t *narrow = random_tensor(&kernels_portable, seed, positions, channels, channels, mood);
    uint8_t *wide = random_tensor(k, seed, positions, channels, pitch, mood);
    int32_t *expected = buffer(channels * sizeof *expected), *sums = buffer(pitch * sizeof *sums);
    for (size_t c = 0; c < pitch; c++)
        sums[c] = START;
    memset(expected, 0, channels * sizeof *expected);
    kernels_portable.add_channel_sums(narrow, positions, channels, channels, expected);
    k->add_channel_sums(wide, positions, pitch, some, sums);
    for (size_t c = 0; c < pitch; c++) {
        if (c >= some)
            assert_int_equal(sums[c], START);
        else if (c < channels)
            assert_int_equal(sums[c] - START, expected[c] - (int)positions * k->byte_offset);
    }

    float *scale = buffer(pitch * sizeof *scale);
    const float largest = random_unit(&r) / (0.001f + random_unit(&r));
    for (size_t c = 0; c < pitch; c++)
        scale[c] = c < channels ? random_unit(&r) * largest : 0;
    struct gate_task task = {.in = narrow,
                             .out = buffer(positions * channels),
                             .positions = positions,
                             .pitch = channels,
                             .scale = scale,
                             .in_zero = random_zero(&r),
                             .out_zero = random_zero(&r)};
    uint8_t *right = task.out;
    kernels_portable.gate(&task);
    task.in = task.out = wide; /* in place, as networks do */
    task.pitch = pitch;
    const int out_zero = task.out_zero;
    task.in_zero -= k->byte_offset;
    task.out_zero -= k->byte_offset;
    k->gate(&task);
    compare(k, seed, wide, right, positions, channels, out_zero);
    free(narrow);
    free(wide);
    free(expected);
    free(sums);
    free(scale);
    free(right);
}

/* Sums of nothing but 255 or 0, in which any narrower counter would overflow. */
static void check_full_sums(const struct kernels *k, uint64_t seed)
{
    const size_t positions = 250 + (size_t)seed * 5, pitch = round_up(24, k->channel_multiple);
    uint8_t *in = buffer(positions * pitch);
    int32_t *sums = buffer(pitch * sizeof *sums);
    const int q = seed % 2 ? 0 : 255;
    memset(in, byte_of(k, q), positions * pitch);
    memset(sums, 0, pitch * sizeof *sums);
    k->add_channel_sums(in, positions, pitch, pitch, sums);
    for (size_t c = 0; c < pitch; c++)
        assert_int_equal(sums[c], (q - k->byte_offset) * (int)positions);
    free(in);
    free(sums);
}

static void test_channels(void **state)
{
    (void)state;
    for_each_table(check_full_sums, 200);
    for_each_table(check_channels, 600);
}

/* --- choice -------------------------------------------------------------------------- */

static void test_choice(void **state)
{
    (void)state;
    struct tutti_error error;
    assert_null(kernels_choose("fast", &error));
    assert_int_equal(error.status, TUTTI_ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "\"fast\""));
    assert_non_null(strstr(error.text, "portable"));
    assert_null(kernels_choose("", NULL));
    assert_ptr_equal(kernels_choose("portable", NULL), &kernels_portable);
    assert_ptr_equal(kernels_at(0), &kernels_portable);

    const struct kernels *best = &kernels_portable;
    for (size_t i = 0; kernels_at(i) != NULL; i++) {
        const struct kernels *k = kernels_at(i), *chosen = kernels_choose(k->name, &error);
        assert_ptr_equal(chosen, k->available() ? k : NULL);
        if (chosen == NULL)
            assert_int_equal(error.status, TUTTI_ERROR_UNSUPPORTED);
        else
            best = chosen;
    }
    assert_ptr_equal(kernels_choose(NULL, &error), best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),   cmocka_unit_test(test_gemm_by_hand),
        cmocka_unit_test(test_rounding), cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_quantize), cmocka_unit_test(test_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
