/* products.h - bytes times weights, for Armv8.0.
 *
 * Private to nn/neon/. Of signed bytes 2 products fit 16 bits: 2 * 128 * 127 < 2^15.
 * So 16 inputs are multiplied with 2 instructions (smull, smlal2) and added up with a
 * third (sadalp). A register holds partial sums of one output at one position; at the
 * end the 4 partial sums of 4 outputs are added across.
 *
 * Weights: for each group of 4 outputs, for 16 inputs (or the last 8), each output's.
 */
#ifndef TUTTI_NN_NEON_PRODUCTS_H
#define TUTTI_NN_NEON_PRODUCTS_H

#include "nn/neon/lanes.h"

/* A tile: positions by groups of 4 outputs. */
#define TILE_SUMS 16
#define TILE_ROWS_MAX 4

static inline size_t tile_rows(size_t groups)
{
    (void)groups;
    return 4;
}

/* Where the weight of an output and an input lies in a block of `groups` groups. */
static inline size_t weight_place(size_t output, size_t input, size_t depth, size_t groups)
{
    (void)groups;
    const size_t begin = input / 16 * 16, width = depth - begin < 16 ? 8 : 16;
    return output / LANES * LANES * depth + begin * LANES + output % LANES * width + input % 16;
}

/* Partial sums of rows positions and 4 outputs. */
struct partial {
    int32x4_t of[TILE_ROWS_MAX][LANES];
};

/* The first 8 of the bytes only, or all 16. */
ALWAYS_INLINE int8x16_t load_inputs(const void *from, size_t inputs)
{
    return inputs == 16 ? vld1q_s8(from) : vcombine_s8(vld1_s8(from), vdup_n_s8(0));
}

/* Adds the products of 16 inputs, or of 8. first: there are no sums yet. */
ALWAYS_INLINE void add_products(struct partial *partial, const uint8_t *in, size_t pitch,
                                const int8_t *weights, size_t rows, size_t inputs, bool first)
{
    int8x16_t w[LANES];
#pragma GCC unroll 4
    for (size_t o = 0; o < LANES; o++)
        w[o] = load_inputs(weights + o * inputs, inputs);
#pragma GCC unroll 4
    for (size_t row = 0; row < rows; row++, in += pitch) {
        const int8x16_t x = load_inputs(in, inputs);
#pragma GCC unroll 4
        for (size_t o = 0; o < LANES; o++) {
            int32x4_t *sums = &partial->of[row][o];
            int16x8_t products = vmull_s8(vget_low_s8(x), vget_low_s8(w[o]));
            if (inputs == 16)
                products = vmlal_high_s8(products, x, w[o]);
            *sums = first ? vpaddlq_s16(products) : vpadalq_s16(*sums, products);
        }
    }
}

/* Adds rows positions' products to a group of 4 outputs; sums are groups apart. */
ALWAYS_INLINE void multiply_group(int32x4_t *sums, const uint8_t *in, size_t pitch, size_t depth,
                                  const int8_t *weights, size_t rows, size_t groups)
{
    struct partial partial;
    size_t input = depth < 16 ? 8 : 16;
    if (input == 16)
        add_products(&partial, in, pitch, weights, rows, 16, true);
    else
        add_products(&partial, in, pitch, weights, rows, 8, true);
    for (; input + 16 <= depth; input += 16)
        add_products(&partial, in + input, pitch, weights + input * LANES, rows, 16, false);
    if (input < depth)
        add_products(&partial, in + input, pitch, weights + input * LANES, rows, 8, false);
#pragma GCC unroll 4
    for (size_t row = 0; row < rows; row++) {
        const int32x4_t low = vpaddq_s32(partial.of[row][0], partial.of[row][1]);
        const int32x4_t high = vpaddq_s32(partial.of[row][2], partial.of[row][3]);
        sums[row * groups] = vaddq_s32(sums[row * groups], vpaddq_s32(low, high));
    }
}

/* Adds the products of rows positions, a pitch apart, to sums[rows][groups]. */
ALWAYS_INLINE void multiply(int32x4_t *sums, const uint8_t *in, size_t pitch, size_t depth,
                            const int8_t *weights, size_t rows, size_t groups)
{
#pragma GCC unroll 4
    for (size_t g = 0; g < groups; g++)
        multiply_group(sums + g, in, pitch, depth, weights + g * LANES * depth, rows, groups);
}

#endif
