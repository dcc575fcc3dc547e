#include "nn/avx2/avx2.h"
#include "nn/avx2/tile.h"

#include <string.h>

/* Packed weights: blocks of 16 outputs (8 in the last one, if that is all there is); in a
 * block, for each pair of inputs, 8 outputs' pairs of bytes, then the other 8 outputs'. */
size_t avx2_gemm_packed_size(size_t outputs, size_t depth)
{
    return round_up(outputs, LANES) * round_up(depth, LANES);
}

void avx2_gemm_pack(const int8_t *weights, size_t outputs, size_t depth, void *packed)
{
    const size_t padded_outputs = round_up(outputs, LANES), padded_depth = round_up(depth, LANES);
    int8_t *to = packed;
    memset(packed, 0, padded_outputs * padded_depth);
    for (size_t block = 0; block < padded_outputs; block += 2 * LANES) {
        size_t width = padded_outputs - block < 2 * LANES ? LANES : 2 * LANES;
        for (size_t pair = 0; pair < padded_depth; pair += 2) {
            for (size_t i = 0; i < 2 * width; i++, to++) {
                size_t output = block + i / 2, input = pair + i % 2;
                if (output < outputs && input < depth)
                    *to = weights[output * depth + input];
            }
        }
    }
}

size_t avx2_gemm_scratch_size(size_t padded_depth, size_t padded_outputs)
{
    (void)padded_outputs;
    return TILE_ROWS * padded_depth * sizeof(int16_t);
}

/* Bytes of up to TILE_ROWS positions, widened to 16 bits. */
static void widen(const uint8_t *in, size_t pitch, size_t rows, size_t depth, int16_t *to)
{
    for (size_t row = 0; row < rows; row++, in += pitch) {
        for (size_t i = 0; i < depth; i += LANES, to += LANES) {
            __m128i words = _mm_cvtepu8_epi16(load_8_bytes(in + i));
            store_16_bytes(to, words);
        }
    }
}

ALWAYS_INLINE void gemm_tile(const struct gemm_task *t, const struct tile_end *end, size_t output,
                             size_t rows, size_t groups)
{
    struct sums sums;
    start_sums(&sums, t->requantization->bias + output, rows, groups);
    multiply(&sums, t->scratch, t->depth, t->depth, (const int8_t *)t->weights + output * t->depth,
             rows, groups);
    finish(&sums, end, output, rows, groups);
}

ALWAYS_INLINE void gemm_rows(const struct gemm_task *t, size_t position, size_t rows)
{
    const struct tile_end end = {
        .requantization = t->requantization,
        .out = t->out + position * t->out_pitch,
        .out_pitch = t->out_pitch,
        .residual = t->residual != NULL ? t->residual + position * t->residual_pitch : NULL,
        .residual_pitch = t->residual_pitch,
    };
    size_t output = 0;
    for (; output + 2 * LANES <= t->outputs; output += 2 * LANES)
        gemm_tile(t, &end, output, rows, 2);
    if (output < t->outputs)
        gemm_tile(t, &end, output, rows, 1);
}

void avx2_gemm(const struct gemm_task *t)
{
    for (size_t position = 0; position < t->positions; position += TILE_ROWS) {
        const size_t left = t->positions - position;
        const size_t rows = left < TILE_ROWS ? left : TILE_ROWS;
        widen(t->in + position * t->in_pitch, t->in_pitch, rows, t->depth, t->scratch);
        WITH_CONSTANT_ROWS(rows, gemm_rows, t, position)
    }
}

ALWAYS_INLINE void real_tile(const struct gemm_task *t, size_t output, size_t groups, float *out)
{
    const struct requantization *r = t->requantization;
    struct sums sums;
    start_sums(&sums, r->bias + output, 1, groups);
    multiply(&sums, t->scratch, t->depth, t->depth, (const int8_t *)t->weights + output * t->depth,
             1, groups);
#pragma GCC unroll 2
    for (size_t g = 0; g < groups; g++) {
        __m256 scale = _mm256_loadu_ps(r->scale + output + g * LANES);
        _mm256_storeu_ps(out + output + g * LANES,
                         _mm256_mul_ps(_mm256_cvtepi32_ps(sums.of[0][g]), scale));
    }
}

void avx2_gemm_real(const struct gemm_task *t, float *out)
{
    size_t output = 0;
    widen(t->in, 0, 1, t->depth, t->scratch);
    for (; output + 2 * LANES <= t->outputs; output += 2 * LANES)
        real_tile(t, output, 2, out);
    if (output < t->outputs)
        real_tile(t, output, 1, out);
}
