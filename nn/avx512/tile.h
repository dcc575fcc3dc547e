/* tile.h - a tile of a matrix product in registers.
 *
 * Private to nn/avx512/. A register holds the sums of a group of 16 outputs at one
 * position. The last 8 outputs, if that is all there is, come in pairs: a register
 * holds them for two neighbouring positions. A row is one position, or a pair of them.
 * Up to 16 of the 32 registers hold sums, 4 the weights of 4 inputs, 1 those inputs. With more sums
 * the processor, which looks only so far ahead, finds nothing to multiply while it requantizes
 * them.
 *
 * Weights are packed in blocks of up to 4 groups. A block holds, for every 4 inputs,
 * each group's 16 outputs with 4 bytes each; a pair's weights are there twice.
 */
#ifndef TUTTI_NN_AVX512_TILE_H
#define TUTTI_NN_AVX512_TILE_H

#include "nn/avx512/lanes.h"

#include <string.h>

#define TILE_SUMS 16

/* How a block of outputs is computed. */
struct block {
    size_t groups; /* 1 to 4 */
    bool paired;   /* the last 8 outputs; then groups is 1 */
};

/* The block that begins where `left` outputs (a multiple of 8) are left. */
static inline struct block block_of(size_t left)
{
    const size_t groups = left / LANES;
    if (groups == 0)
        return (struct block){1, true};
    /* 5 groups are better shared out as 3 and 2 than as 4 and 1 */
    return (struct block){groups == 5 ? 3 : groups < 4 ? groups : 4, false};
}

static inline size_t block_outputs(struct block block)
{
    return block.paired ? HALF : block.groups * LANES;
}

/* Packs `depth` inputs, padded to a multiple of 4, of the outputs of a block from `first` on;
 * weights is [outputs][pitch]. Returns where the next ones go. */
static inline int8_t *block_pack(struct block block, const int8_t *weights, size_t pitch,
                                 size_t first, size_t outputs, size_t depth, int8_t *to)
{
    const size_t width = block_outputs(block);
    for (size_t input = 0; input < depth; input += 4) {
        for (size_t i = 0; i < block.groups * VECTOR; i++, to++) {
            const size_t output = first + i / 4 % width, byte = input + i % 4;
            *to = output < outputs && byte < depth ? weights[output * pitch + byte] : 0;
        }
    }
    return to;
}

struct sums {
    __m512i of[TILE_SUMS]; /* [rows][groups] */
};

ALWAYS_INLINE void start_sums(struct sums *sums, const int32_t *bias, size_t rows, size_t groups,
                              bool paired)
{
#pragma GCC unroll 4
    for (size_t g = 0; g < groups; g++) {
        const __m512i start = load_ints(bias + g * LANES, paired);
#pragma GCC unroll 12
        for (size_t row = 0; row < rows; row++)
            sums->of[row * groups + g] = start;
    }
}

/* 4 bytes in all lanes, or with paired in the first 8, and in the others those a pitch behind. */
ALWAYS_INLINE __m512i broadcast(const uint8_t *from, size_t pitch, bool paired)
{
    const __m512i first = _mm512_broadcastd_epi32(_mm_loadu_si32(from));
    if (!paired)
        return first;
    return _mm512_mask_broadcastd_epi32(first, HIGH_LANES, _mm_loadu_si32(from + pitch));
}

/* The same as multiply() with pairs of rows, where positions are so near to each other (8 bytes or
 * less) that one load has 4 rows of them. */
#define NEAR_PITCH 8
#define NEAR_ROWS 4

ALWAYS_INLINE void multiply_near(struct sums *sums, const uint8_t *in, size_t pitch, size_t depth,
                                 const int8_t *weights, size_t rows)
{
    const __mmask64 bytes = (UINT64_C(1) << ((2 * NEAR_ROWS - 1) * pitch + 4)) - 1;
    const __m512i byte = _mm512_set1_epi32(0x03020100);
    const __m512i second = _mm512_maskz_set1_epi8(UINT64_C(0xffffffff00000000), (char)pitch);
    __m512i order[NEAR_ROWS];
#pragma GCC unroll 4
    for (size_t row = 0; row < NEAR_ROWS; row++)
        order[row] = _mm512_add_epi8(_mm512_add_epi8(byte, second),
                                     _mm512_set1_epi8((char)(2 * row * pitch)));
    for (size_t input = 0; input < depth; input += 4, weights += VECTOR) {
        const __m512i w = _mm512_loadu_si512(weights);
#pragma GCC unroll 2
        for (size_t first = 0; first < rows; first += NEAR_ROWS) {
            const uint8_t *from = in + 2 * first * pitch + input;
            const __m512i x = _mm512_maskz_loadu_epi8(bytes, from);
#pragma GCC unroll 4
            for (size_t row = 0; row < NEAR_ROWS; row++)
                sums->of[first + row] =
                    dot(sums->of[first + row], _mm512_permutexvar_epi8(order[row], x), w);
        }
    }
}

/* Adds the products of depth (a multiple of 4) bytes of positions that are a pitch apart. */
ALWAYS_INLINE void multiply(struct sums *sums, const uint8_t *in, size_t pitch, size_t depth,
                            const int8_t *weights, size_t rows, size_t groups, bool paired)
{
    if (paired && rows % NEAR_ROWS == 0 && pitch <= NEAR_PITCH) {
        multiply_near(sums, in, pitch, depth, weights, rows);
        return;
    }
    size_t input = 0;
    do {
        __m512i w[4];
#pragma GCC unroll 4
        for (size_t g = 0; g < groups; g++)
            w[g] = _mm512_loadu_si512(weights + g * VECTOR);
#pragma GCC unroll 12
        for (size_t row = 0; row < rows; row++) {
            const uint8_t *from = in + (paired ? 2 * row : row) * pitch + input;
            const __m512i x = broadcast(from, pitch, paired);
#pragma GCC unroll 4
            for (size_t g = 0; g < groups; g++)
                sums->of[row * groups + g] = dot(sums->of[row * groups + g], x, w[g]);
        }
        input += 4;
        weights += groups * VECTOR;
    } while (input < depth);
}

/* Makes other variables of the sums. The compiler, which has too few registers for what comes next,
 * would else keep some of them in memory in the loop before. */
ALWAYS_INLINE void end_multiplying(struct sums *sums, size_t count)
{
#if defined(AVX512_EMULATED)
    (void)sums;
    (void)count;
#else
#pragma GCC unroll 16
    for (size_t i = 0; i < count; i++)
        __asm__("" : "+v"(sums->of[i]));
#endif
}

/* Where a tile's bytes go. residual may be NULL. */
struct tile_end {
    const struct requantization *requantization;
    uint8_t *out;
    size_t out_pitch;
    const uint8_t *residual;
    size_t residual_pitch;
};

/* Stores 4 pieces of 16 bytes, or as many as the tile has, from the tile's piece `first` on. */
ALWAYS_INLINE void store_pieces(uint8_t *out, size_t pitch, __m512i bytes, size_t first,
                                size_t pieces, size_t groups, bool paired)
{
    const size_t outputs = paired ? HALF : groups * LANES, step = paired ? 2 * pitch : pitch;
    if (pieces == 4 && (groups == 4 || pitch == outputs)) {
        _mm512_storeu_si512(out + first / groups * step + first % groups * LANES, bytes);
    } else if (groups == 2) {
        out += first / 2 * pitch;
        _mm256_storeu_si256((void *)out, _mm512_castsi512_si256(bytes));
        if (pieces > 2)
            _mm256_storeu_si256((void *)(out + pitch), _mm512_extracti64x4_epi64(bytes, 1));
    } else {
#define STORE_PIECE(i)                                                                             \
    if (pieces > (i))                                                                              \
    store_piece(out + (first + (i)) / groups * step + (first + (i)) % groups * LANES, pitch,       \
                PIECE(bytes, i), paired)
        STORE_PIECE(0);
        STORE_PIECE(1);
        STORE_PIECE(2);
        STORE_PIECE(3);
#undef STORE_PIECE
    }
}

ALWAYS_INLINE __m128i load_residual(const struct tile_end *end, size_t row, size_t at, bool paired)
{
    const uint8_t *from = end->residual + (paired ? 2 * row : row) * end->residual_pitch + at;
    if (!paired || end->residual_pitch == HALF)
        return load_16_bytes(from);
    return _mm_unpacklo_epi64(load_8_bytes(from), load_8_bytes(from + end->residual_pitch));
}

ALWAYS_INLINE void finish_with(const struct sums *sums, const struct tile_end *end, size_t output,
                               size_t rows, size_t groups, bool paired, enum activation activation,
                               bool residual)
{
    const struct tail tail = tail_of(end->requantization, activation, residual);
    const size_t count = rows * groups;
    __m512 scale[4];
#pragma GCC unroll 4
    for (size_t g = 0; g < groups; g++)
        scale[g] = load_floats(end->requantization->scale + output + g * LANES, paired);
#pragma GCC unroll 12
    for (size_t first = 0; first < count; first += 4) {
        const size_t pieces = count - first < 4 ? count - first : 4;
        __m512i values[4];
        __m512 scales[4];
        __m128i others[4];
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) {
            const size_t piece = i < pieces ? first + i : first, g = piece % groups;
            values[i] = sums->of[piece];
            scales[i] = scale[g];
            others[i] = _mm_setzero_si128();
            if (residual && i < pieces)
                others[i] = load_residual(end, piece / groups, output + g * LANES, paired);
        }
        requantize(values, scales, others, &tail);
        store_pieces(end->out + output, end->out_pitch, pack(values, tail.zero, tail.floor), first,
                     pieces, groups, paired);
    }
}

/* Requantizes the sums of the outputs from `output` on. */
ALWAYS_INLINE void finish(struct sums *sums, const struct tile_end *end, size_t output, size_t rows,
                          size_t groups, bool paired)
{
    end_multiplying(sums, rows * groups);
    const enum activation activation = end->requantization->activation;
    if (end->residual != NULL && activation == ACTIVATION_NONE)
        finish_with(sums, end, output, rows, groups, paired, ACTIVATION_NONE, true);
    else if (end->residual != NULL && activation == ACTIVATION_RELU)
        finish_with(sums, end, output, rows, groups, paired, ACTIVATION_RELU, true);
    else if (end->residual != NULL)
        finish_with(sums, end, output, rows, groups, paired, ACTIVATION_HARDSWISH, true);
    else if (activation == ACTIVATION_NONE)
        finish_with(sums, end, output, rows, groups, paired, ACTIVATION_NONE, false);
    else if (activation == ACTIVATION_RELU)
        finish_with(sums, end, output, rows, groups, paired, ACTIVATION_RELU, false);
    else
        finish_with(sums, end, output, rows, groups, paired, ACTIVATION_HARDSWISH, false);
}

/* Calls function(..., rows, groups, paired) with constants. one: a single row, else as many as
 * the registers hold. */
#define WITH_CONSTANT_BLOCK(block, one, function, ...)                                             \
    switch ((block).paired ? 0 : (block).groups) {                                                 \
    case 0:                                                                                        \
        if (one)                                                                                   \
            function(__VA_ARGS__, 1, 1, true);                                                     \
        else                                                                                       \
            function(__VA_ARGS__, tile_rows(0), 1, true);                                          \
        break;                                                                                     \
    case 1:                                                                                        \
        if (one)                                                                                   \
            function(__VA_ARGS__, 1, 1, false);                                                    \
        else                                                                                       \
            function(__VA_ARGS__, tile_rows(1), 1, false);                                         \
        break;                                                                                     \
    case 2:                                                                                        \
        if (one)                                                                                   \
            function(__VA_ARGS__, 1, 2, false);                                                    \
        else                                                                                       \
            function(__VA_ARGS__, tile_rows(2), 2, false);                                         \
        break;                                                                                     \
    case 3:                                                                                        \
        if (one)                                                                                   \
            function(__VA_ARGS__, 1, 3, false);                                                    \
        else                                                                                       \
            function(__VA_ARGS__, tile_rows(3), 3, false);                                         \
        break;                                                                                     \
    default:                                                                                       \
        if (one)                                                                                   \
            function(__VA_ARGS__, 1, 4, false);                                                    \
        else                                                                                       \
            function(__VA_ARGS__, tile_rows(4), 4, false);                                         \
    }

/* The rows of a tile of that many groups; 0: paired. */
ALWAYS_INLINE size_t tile_rows(size_t groups)
{
    return groups == 2 ? 6 : groups > 2 ? 4 : 8;
}

/* The positions of a full tile. */
static inline size_t tile_positions(struct block block)
{
    return block.paired ? 2 * tile_rows(0) : tile_rows(block.groups);
}

#endif
