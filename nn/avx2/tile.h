/* tile.h - a tile of a matrix product in registers: up to 6 positions by 16 outputs.
 *
 * Private to nn/avx2/. 12 of the 16 registers hold sums, 2 the weights of a pair of
 * inputs, 1 that pair of one position.
 */
#ifndef TUTTI_NN_AVX2_TILE_H
#define TUTTI_NN_AVX2_TILE_H

#include "nn/avx2/lanes.h"

#include <string.h>

#define TILE_ROWS 6

ALWAYS_INLINE __m256i broadcast_pair(const int16_t *pair)
{
    int bits;
    memcpy(&bits, pair, sizeof bits);
    return _mm256_set1_epi32(bits);
}

/* The sums of rows positions and groups * 8 outputs; with constant counts, all in registers. */
struct sums {
    __m256i of[TILE_ROWS][2];
};

ALWAYS_INLINE void start_sums(struct sums *sums, const int32_t *bias, size_t rows, size_t groups)
{
#pragma GCC unroll 6
    for (size_t row = 0; row < rows; row++) {
#pragma GCC unroll 2
        for (size_t g = 0; g < groups; g++)
            sums->of[row][g] = load_32_bytes((bias + g * LANES));
    }
}

/* Adds rows of depth (even) 16-bit values, row_pitch apart, times the weights. */
ALWAYS_INLINE void multiply(struct sums *sums, const int16_t *in, size_t row_pitch, size_t depth,
                            const int8_t *weights, size_t rows, size_t groups)
{
    for (size_t pair = 0; pair < depth; pair += 2, weights += groups * 2 * LANES) {
        __m256i w[2];
#pragma GCC unroll 2
        for (size_t g = 0; g < groups; g++)
            w[g] = _mm256_cvtepi8_epi16(load_16_bytes((weights + g * 2 * LANES)));
#pragma GCC unroll 6
        for (size_t row = 0; row < rows; row++) {
            __m256i x = broadcast_pair(in + row * row_pitch + pair);
#pragma GCC unroll 2
            for (size_t g = 0; g < groups; g++)
                sums->of[row][g] = _mm256_add_epi32(sums->of[row][g], _mm256_madd_epi16(x, w[g]));
        }
    }
}

/* Where a tile's bytes go. residual may be NULL. */
struct tile_end {
    const struct requantization *requantization;
    uint8_t *out;
    size_t out_pitch;
    const uint8_t *residual;
    size_t residual_pitch;
};

ALWAYS_INLINE void finish_with(const struct sums *sums, const struct tile_end *end, size_t output,
                               size_t rows, size_t groups, enum activation activation)
{
    struct tail tail = tail_of(end->requantization);
    tail.activation = activation;
    const float *scales = end->requantization->scale + output;
    __m256 scale[2];
#pragma GCC unroll 2
    for (size_t g = 0; g < groups; g++)
        scale[g] = _mm256_loadu_ps(scales + g * LANES);
#pragma GCC unroll 6
    for (size_t row = 0; row < rows; row++) {
        uint8_t *out = end->out + row * end->out_pitch + output;
        const uint8_t *residual =
            end->residual != NULL ? end->residual + row * end->residual_pitch + output : NULL;
        __m256i low = requantize(sums->of[row][0], scale[0], residual, &tail);
        if (groups == 2) {
            const uint8_t *next = residual != NULL ? residual + LANES : NULL;
            __m256i high = requantize(sums->of[row][1], scale[1], next, &tail);
            store_16_bytes(out, pack(low, high, tail.zero));
        } else {
            store_8_bytes(out, pack(low, low, tail.zero));
        }
    }
}

/* Requantizes the sums of the outputs from `output` on. */
ALWAYS_INLINE void finish(const struct sums *sums, const struct tile_end *end, size_t output,
                          size_t rows, size_t groups)
{
    switch (end->requantization->activation) {
    case ACTIVATION_NONE:
        finish_with(sums, end, output, rows, groups, ACTIVATION_NONE);
        break;
    case ACTIVATION_RELU:
        finish_with(sums, end, output, rows, groups, ACTIVATION_RELU);
        break;
    case ACTIVATION_HARDSWISH:
        finish_with(sums, end, output, rows, groups, ACTIVATION_HARDSWISH);
    }
}

/* Calls function(..., rows) with a constant number of rows, 1 to TILE_ROWS. */
#define WITH_CONSTANT_ROWS(rows, function, ...)                                                    \
    switch (rows) {                                                                                \
    case 1:                                                                                        \
        function(__VA_ARGS__, 1);                                                                  \
        break;                                                                                     \
    case 2:                                                                                        \
        function(__VA_ARGS__, 2);                                                                  \
        break;                                                                                     \
    case 3:                                                                                        \
        function(__VA_ARGS__, 3);                                                                  \
        break;                                                                                     \
    case 4:                                                                                        \
        function(__VA_ARGS__, 4);                                                                  \
        break;                                                                                     \
    case 5:                                                                                        \
        function(__VA_ARGS__, 5);                                                                  \
        break;                                                                                     \
    default:                                                                                       \
        function(__VA_ARGS__, TILE_ROWS);                                                          \
    }

#endif
