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

/* 24 outputs without a gap between positions: 2 positions have 3 registers of them. The first
 * register and half of the second are of the first position. */
#define TWIN_OUTPUTS (LANES + HALF)
#define TWIN_ROWS 4

static bool are_twins(const struct gemm_task *t)
{
    return t->outputs == TWIN_OUTPUTS && t->out_pitch == TWIN_OUTPUTS &&
           (t->residual == NULL || t->residual_pitch == TWIN_OUTPUTS) &&
           t->positions >= 2 * TWIN_ROWS;
}

ALWAYS_INLINE __m512i two_halves(const int8_t *low, const int8_t *high)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256((const void *)low)),
                              _mm256_loadu_si256((const void *)high), 1);
}

ALWAYS_INLINE void multiply_twins(struct sums *sums, const uint8_t *in, size_t pitch, size_t depth,
                                  const int8_t *weights)
{
    const int8_t *last = weights + LANES * depth; /* the weights of the last 8 outputs */
    for (size_t input = 0; input < depth; input += 4, weights += VECTOR, last += VECTOR) {
        const __m512i w[3] = {_mm512_loadu_si512(weights), two_halves(last, weights),
                              two_halves(weights + VECTOR / 2, last)};
#pragma GCC unroll 4
        for (size_t row = 0; row < TWIN_ROWS; row++) {
            const uint8_t *from = in + 2 * row * pitch + input;
            const __m512i first = broadcast(from, pitch, false);
            const __m512i second = broadcast(from + pitch, pitch, false);
            __m512i *of = &sums->of[row * 3];
            of[0] = dot(of[0], first, w[0]);
            of[1] = dot(of[1], _mm512_mask_blend_epi32(HIGH_LANES, first, second), w[1]);
            of[2] = dot(of[2], second, w[2]);
        }
    }
}

/* Two positions are taken for one with 48 outputs. */
static void gemm_twins(const struct gemm_task *t)
{
    const size_t step = 2 * TWIN_ROWS;
    struct requantization requantization = *t->requantization;
    int32_t bias[2 * TWIN_OUTPUTS];
    float scale[2 * TWIN_OUTPUTS];
    for (size_t i = 0; i < 2 * TWIN_OUTPUTS; i++) {
        bias[i] = requantization.bias[i % TWIN_OUTPUTS];
        scale[i] = requantization.scale[i % TWIN_OUTPUTS];
    }
    requantization.scale = scale;
    for (size_t position = 0; position < t->positions; position += step) {
        if (position + step > t->positions)
            position = t->positions - step;
        const size_t at = position * TWIN_OUTPUTS;
        const struct tile_end end = {.requantization = &requantization,
                                     .out = t->out + at,
                                     .out_pitch = 2 * TWIN_OUTPUTS,
                                     .residual = t->residual != NULL ? t->residual + at : NULL,
                                     .residual_pitch = 2 * TWIN_OUTPUTS};
        struct sums sums;
        start_sums(&sums, bias, TWIN_ROWS, 3, false);
        multiply_twins(&sums, t->in + position * t->in_pitch, t->in_pitch, t->depth, t->weights);
        finish(&sums, &end, 0, TWIN_ROWS, 3, false);
    }
}

/* Positions whose inputs and outputs stay in the first-level cache: all outputs are computed for
 * them before the next ones. A multiple of every tile's positions. */
#define CHUNK 48

void AVX512_NAME(gemm)(const struct gemm_task *t)
{
    if (are_twins(t)) {
        gemm_twins(t);
        return;
    }
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
