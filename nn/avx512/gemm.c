#include "nn/avx512/avx512.h"
#include "nn/avx512/tile.h"

size_t AVX512_NAME(gemm_packed_size)(size_t outputs, size_t depth)
{
    return round_up(outputs, LANES) * round_up(depth, HALF);
}

void AVX512_NAME(gemm_pack)(const int8_t *weights, size_t outputs, size_t depth, void *packed)
{
    const size_t padded_outputs = round_up(outputs, HALF), padded_depth = round_up(depth, HALF);
    memset(packed, 0, AVX512_NAME(gemm_packed_size)(outputs, depth));
    for (size_t first = 0; first < padded_outputs;) {
        const struct block block = block_of(padded_outputs - first);
        int8_t *to = (int8_t *)packed + first * padded_depth;
        block_pack(block, weights, depth, first, outputs, depth, to);
        first += block_outputs(block);
    }
}

size_t AVX512_NAME(gemm_scratch_size)(size_t padded_depth, size_t padded_outputs)
{
    (void)padded_depth;
    (void)padded_outputs;
    return 0;
}

/* single: one position, which is both halves of a pair */
ALWAYS_INLINE void gemm_tile(const struct gemm_task *t, size_t output, size_t position, bool single,
                             size_t rows, size_t groups, bool paired)
{
    const struct tile_end end = {
        .requantization = t->requantization,
        .out = t->out + position * t->out_pitch,
        .out_pitch = single ? 0 : t->out_pitch,
        .residual = t->residual != NULL ? t->residual + position * t->residual_pitch : NULL,
        .residual_pitch = single ? 0 : t->residual_pitch,
    };
    struct sums sums;
    start_sums(&sums, t->requantization->bias + output, rows, groups, paired);
    multiply(&sums, t->in + position * t->in_pitch, single ? 0 : t->in_pitch, t->depth,
             (const int8_t *)t->weights + output * t->depth, rows, groups, paired);
    finish(&sums, &end, output, rows, groups, paired);
}

/* Some positions: at least as many as a tile has, unless rows is 1. The last tile begins earlier
 * than need be rather than be smaller: what it computes again comes out the same. */
ALWAYS_INLINE void gemm_block(const struct gemm_task *t, size_t output, size_t begin, size_t end,
                              size_t rows, size_t groups, bool paired)
{
    if (rows == 1) {
        for (size_t position = begin; position < end; position++)
            gemm_tile(t, output, position, true, rows, groups, paired);
        return;
    }
    const size_t step = paired ? 2 * rows : rows;
    for (size_t position = begin; position < end; position += step) {
        if (position + step > end)
            position = end - step;
        gemm_tile(t, output, position, false, rows, groups, paired);
    }
}

/* Positions whose inputs and outputs stay in the first-level cache: all outputs are computed for
 * them before the next ones. A multiple of every tile's positions. */
#define CHUNK 48

void AVX512_NAME(gemm)(const struct gemm_task *t)
{
    for (size_t begin = 0; begin < t->positions;) {
        const size_t left = t->positions - begin;
        const size_t end = left < 2 * CHUNK ? t->positions : begin + CHUNK;
        for (size_t output = 0; output < t->outputs;) {
            const struct block block = block_of(t->outputs - output);
            const bool few = end - begin < tile_positions(block);
            WITH_CONSTANT_BLOCK(block, few, gemm_block, t, output, begin, end)
            output += block_outputs(block);
        }
        begin = end;
    }
}

ALWAYS_INLINE void real_block(const struct gemm_task *t, size_t output, float *out, size_t rows,
                              size_t groups, bool paired)
{
    const struct requantization *r = t->requantization;
    struct sums sums;
    start_sums(&sums, r->bias + output, rows, groups, paired);
    multiply(&sums, t->in, 0, t->depth, (const int8_t *)t->weights + output * t->depth, rows,
             groups, paired);
#pragma GCC unroll 4
    for (size_t g = 0; g < groups; g++) {
        const __m512 scale = load_floats(r->scale + output + g * LANES, paired);
        const __m512 real = _mm512_mul_ps(_mm512_cvtepi32_ps(sums.of[g]), scale);
        _mm512_mask_storeu_ps(out + output + g * LANES, (__mmask16)(paired ? 0xff : 0xffff), real);
    }
}

void AVX512_NAME(gemm_real)(const struct gemm_task *t, float *out)
{
    for (size_t output = 0; output < t->outputs;) {
        const struct block block = block_of(t->outputs - output);
        WITH_CONSTANT_BLOCK(block, true, real_block, t, output, out)
        output += block_outputs(block);
    }
}
