/* tile.h - a tile of a matrix product in registers.
 *
 * Private to nn/avx2/. A register holds the sums of a group of 8 outputs at one position. 12 of the
 * 16 registers hold sums, 1 INPUTS inputs of one position, and the rest their weights, or what a
 * product needs. Outputs are taken in blocks of up to 2 groups; what is packed for a block lies
 * together: for every INPUTS inputs, each group's 8 outputs with INPUTS bytes each.
 */
#ifndef TUTTI_NN_AVX2_TILE_H
#define TUTTI_NN_AVX2_TILE_H

#include "nn/avx2/lanes.h"
#if defined(AVX_VNNI)
#include "nn/avx2/products_vnni.h"
#elif defined(AVX2_BYTES)
#include "nn/avx2/products_bytes.h"
#else
#include "nn/avx2/products.h"
#endif

#include <string.h>

#define TILE_SUMS 12

/* How many groups are computed at once where `left` outputs (a multiple of 8) are left. */
static inline size_t block_groups(size_t left)
{
    return left < 2 * LANES ? 1 : 2;
}

/* The rows of a tile of 1 and of 2 groups. */
#define TILE_ROWS_1 8
#define TILE_ROWS_2 6

/* Packs `depth` inputs, padded to a multiple of INPUTS, of a block's outputs from `first` on;
 * weights is [outputs][pitch]. Returns where the next ones go. */
static inline int8_t *block_pack(size_t groups, const int8_t *weights, size_t pitch, size_t first,
                                 size_t outputs, size_t depth, int8_t *to)
{
    for (size_t input = 0; input < depth; input += INPUTS) {
        for (size_t i = 0; i < groups * INPUTS * LANES; i++, to++) {
            const size_t output = first + i / INPUTS, byte = input + i % INPUTS;
            *to = output < outputs && byte < depth ? weights[output * pitch + byte] : 0;
        }
    }
    return to;
}

ALWAYS_INLINE __m256i broadcast_inputs(const input_value *inputs)
{
    int bits;
    memcpy(&bits, inputs, sizeof bits);
    return _mm256_set1_epi32(bits);
}

/* The sums of rows positions and groups * 8 outputs; with constant counts, all in registers. */
struct sums {
    __m256i of[TILE_SUMS]; /* [rows][groups] */
};

ALWAYS_INLINE void start_sums(struct sums *sums, const int32_t *bias, size_t rows, size_t groups)
{
#pragma GCC unroll 2
    for (size_t g = 0; g < groups; g++) {
        const __m256i start = load_32_bytes(bias + g * LANES);
#pragma GCC unroll 8
        for (size_t row = 0; row < rows; row++)
            sums->of[row * groups + g] = start;
    }
}

/* Adds rows of depth (a multiple of INPUTS, not 0) values, row_pitch apart, times the weights. */
ALWAYS_INLINE void multiply(struct sums *sums, const input_value *in, size_t row_pitch,
                            size_t depth, const int8_t *weights, size_t rows, size_t groups)
{
    const input_value *end = in + depth;
    do {
        weights_value w[2];
#pragma GCC unroll 2
        for (size_t g = 0; g < groups; g++)
            w[g] = load_weights(weights + g * INPUTS * LANES);
#pragma GCC unroll 8
        for (size_t row = 0; row < rows; row++) {
            const __m256i x = broadcast_inputs(in + row * row_pitch);
#pragma GCC unroll 2
            for (size_t g = 0; g < groups; g++)
                sums->of[row * groups + g] = add_inputs(sums->of[row * groups + g], x, w[g]);
        }
        in += INPUTS;
        weights += groups * INPUTS * LANES;
    } while (in < end);
}

/* Where a tile's bytes go. */
struct tile_end {
    uint8_t *out;
    size_t out_pitch;
    const uint8_t *residual; /* unused if the tail has none */
    size_t residual_pitch;
};

/* Requantizes the sums of outputs with these scales. rows: 1 or an even number; with one group, 1
 * or a multiple of 4. */
ALWAYS_INLINE void finish(const struct sums *sums, const struct tile_end *end, const float *scales,
                          const struct tail *tail, size_t rows, size_t groups)
{
    __m256 scale[2];
#pragma GCC unroll 2
    for (size_t g = 0; g < groups; g++)
        scale[g] = _mm256_loadu_ps(scales + g * LANES);
    __m256i values[TILE_SUMS];
#pragma GCC unroll 12
    for (size_t i = 0; i < rows * groups; i++) {
        const size_t row = i / groups, g = i % groups;
        __m128i other = _mm_setzero_si128();
        if (tail->residual)
            other = load_8_bytes(end->residual + row * end->residual_pitch + g * LANES);
        values[i] = requantize(sums->of[i], scale[g], other, tail);
    }
#pragma GCC unroll 4
    for (size_t i = rows * groups; i % 4 != 0; i++)
        values[i] = values[0];
#pragma GCC unroll 3
    for (size_t first = 0; first < rows * groups; first += 4) {
        const struct halves bytes = pack(values + first, tail);
        uint8_t *to = end->out + first / groups * end->out_pitch;
        if (groups == 1 && rows == 1) {
            store_8_bytes(to, bytes.low);
        } else if (groups == 1) {
            store_4_times_8_bytes(to, end->out_pitch, bytes);
        } else {
            store_16_bytes(to, bytes.low);
            if (rows > 1)
                store_16_bytes(to + end->out_pitch, bytes.high);
        }
    }
}

/* Calls function(..., activation) with a constant. */
#define WITH_CONSTANT_ACTIVATION(activation, function, ...)                                        \
    switch (activation) {                                                                          \
    case ACTIVATION_NONE:                                                                          \
        function(__VA_ARGS__, ACTIVATION_NONE);                                                    \
        break;                                                                                     \
    case ACTIVATION_RELU:                                                                          \
        function(__VA_ARGS__, ACTIVATION_RELU);                                                    \
        break;                                                                                     \
    case ACTIVATION_HARDSWISH:                                                                     \
        function(__VA_ARGS__, ACTIVATION_HARDSWISH);                                               \
    }

#endif
