#include "nn/avx2/avx2.h"
#include "nn/avx2/lanes.h"

#include <float.h>
#include <string.h>

struct quantize_constants {
    __m256 inverse, highest, lowest;
    __m256i zero;
};

/* 8 values, quantized; less the zero. */
ALWAYS_INLINE __m256i quantize_lanes(const float *values, const struct quantize_constants *k)
{
    const __m256 largest = _mm256_set1_ps(FLT_MAX), sign = _mm256_set1_ps(-0.0f);
    const __m256 x = _mm256_loadu_ps(values);
    const __m256 finite = _mm256_cmp_ps(_mm256_andnot_ps(sign, x), largest, _CMP_LE_OQ);
    const __m256 steps = _mm256_blendv_ps(k->lowest, _mm256_mul_ps(x, k->inverse), finite);
    /* What is too low for an int becomes INT_MIN, which narrow_4() saturates; what is too high
     * would, too, hence the minimum. */
    return _mm256_cvtps_epi32(_mm256_min_ps(steps, k->highest));
}

/* 32 values to bytes. */
ALWAYS_INLINE __m256i quantize_32(const float *values, const struct quantize_constants *k)
{
    __m256i quantized[4];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        quantized[i] = quantize_lanes(values + i * LANES, k);
    return in_order(narrow_4(quantized, k->zero));
}

void avx2_quantize(const float *values, size_t count, float inverse_scale, int zero, uint8_t *out)
{
    const struct quantize_constants k = {
        .inverse = _mm256_set1_ps(inverse_scale),
        .highest = _mm256_set1_ps((float)(255 - zero)),
        .lowest = _mm256_set1_ps((float)-zero),
        .zero = _mm256_set1_epi16((short)zero),
    };
    size_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES)
        store_32_bytes(out + i, quantize_32(values + i, &k));
    if (i == count)
        return;
    float rest[4 * LANES] = {0};
    uint8_t bytes[4 * LANES];
    memcpy(rest, values + i, (count - i) * sizeof *values);
    store_32_bytes(bytes, quantize_32(rest, &k));
    memcpy(out + i, bytes, count - i);
}

/* 16 bits hold the sum of 257 bytes. */
#define SHORT_SUM 257

/* Adds up to SHORT_SUM positions of groups * 8 channels to the sums. */
ALWAYS_INLINE void add_positions(const uint8_t *in, size_t positions, size_t pitch, int32_t *sums,
                                 size_t groups)
{
    __m256i sum = _mm256_setzero_si256();
    for (size_t i = 0; i < positions; i++, in += pitch) {
        const __m128i bytes = groups == 2 ? load_16_bytes(in) : load_8_bytes(in);
        sum = _mm256_add_epi16(sum, _mm256_cvtepu8_epi16(bytes));
    }
    const __m128i halves[2] = {_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1)};
#pragma GCC unroll 2
    for (size_t g = 0; g < groups; g++, sums += LANES)
        store_32_bytes(sums,
                       _mm256_add_epi32(load_32_bytes(sums), _mm256_cvtepu16_epi32(halves[g])));
}

void avx2_add_channel_sums(const uint8_t *in, size_t positions, size_t pitch, size_t channels,
                           int32_t *sums)
{
    for (size_t begin = 0; begin < positions; begin += SHORT_SUM) {
        const size_t count = positions - begin < SHORT_SUM ? positions - begin : SHORT_SUM;
        const uint8_t *from = in + begin * pitch;
        size_t c = 0;
        for (; c + 2 * LANES <= channels; c += 2 * LANES)
            add_positions(from + c, count, pitch, sums + c, 2);
        if (c < channels)
            add_positions(from + c, count, pitch, sums + c, 1);
    }
}

struct gate_constants {
    __m256i in_zero, out_zero;
};

/* 8 bytes times 8 scales; less the output's zero. */
ALWAYS_INLINE __m256i gate_lanes(const uint8_t *bytes, __m256 scale, const struct gate_constants *k)
{
    const __m256i q = _mm256_sub_epi32(_mm256_cvtepu8_epi32(load_8_bytes(bytes)), k->in_zero);
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(q), scale));
}

/* 32 channels of all positions. */
static void gate_4_lanes(const struct gate_task *t, const struct gate_constants *k, size_t channel)
{
    const float *scales = t->scale + channel;
    const __m256 scale[4] = {_mm256_loadu_ps(scales), _mm256_loadu_ps(scales + LANES),
                             _mm256_loadu_ps(scales + 2 * LANES),
                             _mm256_loadu_ps(scales + 3 * LANES)};
    const uint8_t *in = t->in + channel;
    uint8_t *out = t->out + channel;
    for (size_t i = 0; i < t->positions; i++, in += t->pitch, out += t->pitch) {
        const __m256i gated[4] = {gate_lanes(in, scale[0], k), gate_lanes(in + LANES, scale[1], k),
                                  gate_lanes(in + 2 * LANES, scale[2], k),
                                  gate_lanes(in + 3 * LANES, scale[3], k)};
        store_32_bytes(out, in_order(narrow_4(gated, k->out_zero)));
    }
}

/* 8 channels of all positions, 4 positions at a time. */
static void gate_1_lane(const struct gate_task *t, const struct gate_constants *k, size_t channel)
{
    const __m256 scale = _mm256_loadu_ps(t->scale + channel);
    const uint8_t *in = t->in + channel;
    uint8_t *out = t->out + channel;
    size_t left = t->positions;
    for (; left >= 4; left -= 4, in += 4 * t->pitch, out += 4 * t->pitch) {
        const __m256i gated[4] = {gate_lanes(in, scale, k), gate_lanes(in + t->pitch, scale, k),
                                  gate_lanes(in + 2 * t->pitch, scale, k),
                                  gate_lanes(in + 3 * t->pitch, scale, k)};
        store_4_times_8_bytes(out, t->pitch, halves_in_order(narrow_4(gated, k->out_zero)));
    }
    for (; left > 0; left--, in += t->pitch, out += t->pitch) {
        const __m256i one = gate_lanes(in, scale, k), gated[4] = {one, one, one, one};
        store_8_bytes(out, halves_in_order(narrow_4(gated, k->out_zero)).low);
    }
}

void avx2_gate(const struct gate_task *t)
{
    const struct gate_constants k = {
        .in_zero = _mm256_set1_epi32(t->in_zero),
        .out_zero = _mm256_set1_epi16((short)t->out_zero),
    };
    size_t channel = 0;
    for (; channel + 4 * LANES <= t->pitch; channel += 4 * LANES)
        gate_4_lanes(t, &k, channel);
    for (; channel < t->pitch; channel += LANES)
        gate_1_lane(t, &k, channel);
}
