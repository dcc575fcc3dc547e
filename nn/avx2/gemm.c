#include "nn/avx2/avx2.h"
#include "nn/avx2/tile.h"

size_t AVX2_NAME(gemm_packed_size)(size_t outputs, size_t depth)
{
    return round_up(outputs, LANES) * round_up(depth, LANES);
}

void AVX2_NAME(gemm_pack)(const int8_t *weights, size_t outputs, size_t depth, void *packed)
{
    const size_t padded_outputs = round_up(outputs, LANES), padded_depth = round_up(depth, LANES);
    memset(packed, 0, AVX2_NAME(gemm_packed_size)(outputs, depth));
    for (size_t first = 0; first < padded_outputs;) {
        const size_t groups = block_groups(padded_outputs - first);
        int8_t *to = (int8_t *)packed + first * padded_depth;
        block_pack(groups, weights, depth, first, outputs, depth, to);
        first += groups * LANES;
    }
}

/* Positions whose inputs, in the form that products take, and outputs stay in the first-level
 * cache: all outputs are computed for them before the next ones. A multiple of every tile's rows.
 */
#define CHUNK 24

size_t AVX2_NAME(gemm_scratch_size)(size_t padded_depth, size_t padded_outputs)
{
    (void)padded_outputs;
    return rows_scratch_size(2 * CHUNK, padded_depth);
}

/* The outputs of a block at `count` positions, at least as many as a tile has rows. The last tile
 * begins earlier than need be rather than be smaller: what it computes again comes out the same. */
ALWAYS_INLINE void gemm_block(const struct gemm_task *t, const struct rows *in,
                              const struct tail *tail, size_t output, size_t begin, size_t count,
                              size_t rows, size_t groups)
{
    const int8_t *weights = (const int8_t *)t->weights + output * t->depth;
    for (size_t i = 0; i < count; i += rows) {
        if (i + rows > count)
            i = count - rows;
        const size_t position = begin + i;
        const struct tile_end end = {
            .out = t->out + position * t->out_pitch + output,
            .out_pitch = t->out_pitch,
            .residual = tail->residual ? t->residual + position * t->residual_pitch + output : NULL,
            .residual_pitch = t->residual_pitch,
        };
        struct sums sums;
        start_sums(&sums, t->requantization->bias + output, rows, groups);
        multiply(&sums, in->in + i * in->pitch, in->pitch, t->depth, weights, rows, groups);
        finish(&sums, &end, t->requantization->scale + output, tail, rows, groups);
    }
}

ALWAYS_INLINE void gemm_chunk(const struct gemm_task *t, const struct rows *in,
                              const struct tail *tail, size_t begin, size_t count)
{
    size_t output = 0;
    for (; output + 2 * LANES <= t->outputs; output += 2 * LANES) {
        if (count >= TILE_ROWS_2)
            gemm_block(t, in, tail, output, begin, count, TILE_ROWS_2, 2);
        else
            gemm_block(t, in, tail, output, begin, count, 1, 2);
    }
    if (output < t->outputs) {
        if (count >= TILE_ROWS_1)
            gemm_block(t, in, tail, output, begin, count, TILE_ROWS_1, 1);
        else
            gemm_block(t, in, tail, output, begin, count, 1, 1);
    }
}

ALWAYS_INLINE void gemm_with(const struct gemm_task *t, bool residual, enum activation activation)
{
    const struct tail tail = tail_of(t->requantization, activation, residual);
    for (size_t begin = 0; begin < t->positions;) {
        const size_t left = t->positions - begin;
        const size_t count = left < 2 * CHUNK ? left : CHUNK;
        const struct rows in =
            rows_of(t->in + begin * t->in_pitch, t->in_pitch, count, t->depth, t->scratch);
        gemm_chunk(t, &in, &tail, begin, count);
        begin += count;
    }
}

void AVX2_NAME(gemm)(const struct gemm_task *t)
{
    if (t->residual != NULL)
        WITH_CONSTANT_ACTIVATION(t->requantization->activation, gemm_with, t, true)
    else
        WITH_CONSTANT_ACTIVATION(t->requantization->activation, gemm_with, t, false)
}

ALWAYS_INLINE void real_block(const struct gemm_task *t, const struct rows *in, size_t output,
                              size_t groups, float *out)
{
    const struct requantization *r = t->requantization;
    struct sums sums;
    start_sums(&sums, r->bias + output, 1, groups);
    multiply(&sums, in->in, in->pitch, t->depth, (const int8_t *)t->weights + output * t->depth, 1,
             groups);
#pragma GCC unroll 2
    for (size_t g = 0; g < groups; g++) {
        const __m256 scale = _mm256_loadu_ps(r->scale + output + g * LANES);
        _mm256_storeu_ps(out + output + g * LANES,
                         _mm256_mul_ps(_mm256_cvtepi32_ps(sums.of[g]), scale));
    }
}

void AVX2_NAME(gemm_real)(const struct gemm_task *t, float *out)
{
    size_t output = 0;
    const struct rows in = rows_of(t->in, 0, 1, t->depth, t->scratch);
    for (; output + 2 * LANES <= t->outputs; output += 2 * LANES)
        real_block(t, &in, output, 2, out);
    if (output < t->outputs)
        real_block(t, &in, output, 1, out);
}
