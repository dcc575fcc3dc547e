#include "nn/avx512/avx512.h"
#include "nn/avx512/lanes.h"

#include <float.h>
#include <string.h>

/* A mask of the first `count` of `size` lanes. */
ALWAYS_INLINE uint64_t first_lanes(size_t count, size_t size)
{
    return count >= size ? ~UINT64_C(0) >> (64 - size) : (UINT64_C(1) << count) - 1;
}

void AVX512_NAME(quantize)(const float *values, size_t count, float inverse_scale, int zero,
                           uint8_t *out)
{
    const __m512 inverse = _mm512_set1_ps(inverse_scale);
    const __m512 highest = _mm512_set1_ps((float)(255 - zero));
    const __m512 largest = _mm512_set1_ps(FLT_MAX);
    const __m512 lowest = _mm512_set1_ps((float)-zero);
    const __m512i zeros = _mm512_set1_epi16((short)zero);
    for (size_t i = 0; i < count; i += VECTOR) {
        __m512i rounded[4];
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++) {
            const size_t begin = i + k * LANES, left = begin < count ? count - begin : 0;
            const __mmask16 lanes = (__mmask16)first_lanes(left, LANES);
            const __m512 x = _mm512_maskz_loadu_ps(lanes, left > 0 ? values + begin : values);
            const __mmask16 finite = _mm512_cmp_ps_mask(_mm512_abs_ps(x), largest, _CMP_LE_OQ);
            const __m512 steps = _mm512_mask_mul_ps(lowest, finite, x, inverse);
            /* What is too low for an int becomes INT_MIN, which pack() saturates; what is too high
             * would, too, hence the minimum. */
            rounded[k] = _mm512_cvtps_epi32(_mm512_min_ps(steps, highest));
        }
        _mm512_mask_storeu_epi8(out + i, first_lanes(count - i, VECTOR),
                                pack(rounded, zeros, _mm512_setzero_si512()));
    }
}

/* 16 bits hold the sum of 257 bytes. */
#define SHORT_SUM 257

/* Adds up to SHORT_SUM positions of 32 channels, or as many as the mask has, to the sums. */
static void add_positions(const uint8_t *in, size_t positions, size_t pitch, int32_t *sums,
                          __mmask32 lanes)
{
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < positions; i++, in += pitch)
        sum = _mm512_add_epi16(sum, _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(lanes, in)));
    const __m512i low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(sum));
    const __m512i high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(sum, 1));
    const __mmask16 first = (__mmask16)lanes, second = (__mmask16)(lanes >> LANES);
    _mm512_mask_storeu_epi32(sums, first,
                             _mm512_add_epi32(low, _mm512_maskz_loadu_epi32(first, sums)));
    if (second != 0)
        _mm512_mask_storeu_epi32(
            sums + LANES, second,
            _mm512_add_epi32(high, _mm512_maskz_loadu_epi32(second, sums + LANES)));
}

void AVX512_NAME(add_channel_sums)(const uint8_t *in, size_t positions, size_t pitch,
                                   size_t channels, int32_t *sums)
{
    for (size_t begin = 0; begin < positions; begin += SHORT_SUM) {
        const size_t count = positions - begin < SHORT_SUM ? positions - begin : SHORT_SUM;
        for (size_t c = 0; c < channels; c += 2 * LANES)
            add_positions(in + begin * pitch + c, count, pitch, sums + c,
                          (__mmask32)first_lanes(channels - c, 2 * LANES));
    }
}

struct gate_constants {
    __m512i in_zero, out_zero;
};

/* 16 channels, or as many as the mask has, of all positions. */
static void gate_lanes(const struct gate_task *t, const struct gate_constants *k, size_t channel,
                       __mmask16 lanes)
{
    const __m512 scale = _mm512_maskz_loadu_ps(lanes, t->scale + channel);
    for (size_t position = 0; position < t->positions; position += 4) {
        const uint8_t *in = t->in + position * t->pitch + channel;
        uint8_t *out = t->out + position * t->pitch + channel;
        const size_t count = t->positions - position < 4 ? t->positions - position : 4;
        __m512i gated[4];
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) {
            const uint8_t *from = in + (i < count ? i : 0) * t->pitch;
            const __m512i bytes = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(lanes, from));
            const __m512 q = _mm512_cvtepi32_ps(_mm512_sub_epi32(bytes, k->in_zero));
            gated[i] = _mm512_cvtps_epi32(_mm512_mul_ps(q, scale));
        }
        const __m512i packed = pack(gated, k->out_zero, _mm512_setzero_si512());
        uint8_t bytes[VECTOR];
        _mm512_storeu_si512(bytes, packed);
        for (size_t i = 0; i < count; i++)
            _mm_mask_storeu_epi8(out + i * t->pitch, lanes, load_16_bytes(bytes + i * LANES));
    }
}

void AVX512_NAME(gate)(const struct gate_task *t)
{
    const struct gate_constants k = {
        .in_zero = _mm512_set1_epi32(t->in_zero),
        .out_zero = _mm512_set1_epi16((short)t->out_zero),
    };
    for (size_t c = 0; c < t->pitch; c += LANES)
        gate_lanes(t, &k, c, (__mmask16)first_lanes(t->pitch - c, LANES));
}
