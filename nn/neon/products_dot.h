/* products_dot.h - bytes times weights, for processors with the dot product.
 *
 * Private to nn/neon/. sdot multiplies 4 signed bytes by 4 weights for each of 4 outputs.
 *
 * Weights: for every 4 inputs, each output's 4 bytes.
 */
#ifndef TUTTI_NN_NEON_PRODUCTS_DOT_H
#define TUTTI_NN_NEON_PRODUCTS_DOT_H

#include "nn/neon/lanes.h"

/* A tile: positions by groups of 4 outputs. */
#define TILE_SUMS 16
#define TILE_ROWS_MAX 8

static inline size_t tile_rows(size_t groups)
{
    return TILE_SUMS / groups;
}

/* Where the weight of an output and an input lies in a block of `groups` groups. */
static inline size_t weight_place(size_t output, size_t input, size_t depth, size_t groups)
{
    (void)depth;
    return (input / 4 * groups * LANES + output) * 4 + input % 4;
}

/* The weights of 4 inputs, in as few loads as can be */
ALWAYS_INLINE int8x16x4_t load_weights(const int8_t *weights, size_t groups)
{
    if (groups == 4)
        return vld1q_s8_x4(weights);
    const int8x16x2_t two = vld1q_s8_x2(weights);
    return (int8x16x4_t){{two.val[0], two.val[1], two.val[0], two.val[1]}};
}

/* 4 inputs of all rows, which dot takes from a lane of x */
#define ADD_PRODUCTS(dot, lane)                                                                    \
    do {                                                                                           \
        const int8x16x4_t w = load_weights(weights, groups);                                       \
        _Pragma("GCC unroll 4") for (size_t g = 0; g < groups; g++)                                \
        {                                                                                          \
            _Pragma("GCC unroll 8") for (size_t row = 0; row < rows; row++)                        \
                sums[row * groups + g] = dot(sums[row * groups + g], w.val[g], x[row], lane);      \
        }                                                                                          \
        weights += groups * 16;                                                                    \
    } while (0)

/* Returns where the next weights are. */
ALWAYS_INLINE const int8_t *multiply_16(int32x4_t *sums, const uint8_t *in, size_t pitch,
                                        const int8_t *weights, size_t rows, size_t groups)
{
    int8x16_t x[TILE_ROWS_MAX];
#pragma GCC unroll 8
    for (size_t row = 0; row < rows; row++)
        x[row] = vreinterpretq_s8_u8(vld1q_u8(in + row * pitch));
    ADD_PRODUCTS(vdotq_laneq_s32, 0);
    ADD_PRODUCTS(vdotq_laneq_s32, 1);
    ADD_PRODUCTS(vdotq_laneq_s32, 2);
    ADD_PRODUCTS(vdotq_laneq_s32, 3);
    return weights;
}

ALWAYS_INLINE void multiply_8(int32x4_t *sums, const uint8_t *in, size_t pitch,
                              const int8_t *weights, size_t rows, size_t groups)
{
    int8x8_t x[TILE_ROWS_MAX];
#pragma GCC unroll 8
    for (size_t row = 0; row < rows; row++)
        x[row] = load_signed(in + row * pitch);
    ADD_PRODUCTS(vdotq_lane_s32, 0);
    ADD_PRODUCTS(vdotq_lane_s32, 1);
}

#undef ADD_PRODUCTS

/* Adds the products of rows positions, a pitch apart, to sums[rows][groups]. */
ALWAYS_INLINE void multiply(int32x4_t *sums, const uint8_t *in, size_t pitch, size_t depth,
                            const int8_t *weights, size_t rows, size_t groups)
{
    size_t left = depth;
    for (; left >= 16; left -= 16, in += 16)
        weights = multiply_16(sums, in, pitch, weights, rows, groups);
    if (left > 0)
        multiply_8(sums, in, pitch, weights, rows, groups);
}

#endif
