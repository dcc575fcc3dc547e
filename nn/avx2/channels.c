#include "nn/avx2/avx2.h"
#include "nn/avx2/lanes.h"

#include <float.h>
#include <string.h>

void avx2_quantize(const float *values, size_t count, float inverse_scale, int zero, uint8_t *out)
{
    const __m256 inverse = _mm256_set1_ps(inverse_scale);
    const __m256 highest = _mm256_set1_ps((float)(255 - zero));
    const __m256 largest = _mm256_set1_ps(FLT_MAX), sign = _mm256_set1_ps(-0.0f);
    const __m256 lowest = _mm256_set1_ps((float)-zero);
    const __m256i zeros = _mm256_set1_epi16((short)zero);
    for (size_t i = 0; i < count; i += LANES) {
        float rest[LANES] = {0};
        const size_t left = count - i < LANES ? count - i : LANES;
        const float *from = values + i;
        if (left < LANES) {
            memcpy(rest, from, left * sizeof *from);
            from = rest;
        }
        __m256 x = _mm256_loadu_ps(from);
        __m256 finite = _mm256_cmp_ps(_mm256_andnot_ps(sign, x), largest, _CMP_LE_OQ);
        x = _mm256_blendv_ps(lowest, _mm256_mul_ps(x, inverse), finite);
        __m128i bytes = pack(round_to_int(x, highest), _mm256_setzero_si256(), zeros);
        uint8_t packed[16];
        store_16_bytes(packed, bytes);
        memcpy(out + i, packed, left);
    }
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

void avx2_channel_sums(const uint8_t *in, size_t positions, size_t pitch, int32_t *sums)
{
    memset(sums, 0, pitch * sizeof *sums);
    for (size_t begin = 0; begin < positions; begin += SHORT_SUM) {
        const size_t count = positions - begin < SHORT_SUM ? positions - begin : SHORT_SUM;
        const uint8_t *from = in + begin * pitch;
        size_t c = 0;
        for (; c + 2 * LANES <= pitch; c += 2 * LANES)
            add_positions(from + c, count, pitch, sums + c, 2);
        if (c < pitch)
            add_positions(from + c, count, pitch, sums + c, 1);
    }
}

struct gate_constants {
    __m256 in_scale, inverse, highest;
    __m256i in_zero, out_zero;
};

/* The low 8 bytes times 8 gates; less the output's zero. */
ALWAYS_INLINE __m256i gate_lanes(__m128i bytes, const float *gate, const struct gate_constants *k)
{
    const __m256i q = _mm256_sub_epi32(_mm256_cvtepu8_epi32(bytes), k->in_zero);
    const __m256 real = _mm256_mul_ps(k->in_scale, _mm256_cvtepi32_ps(q));
    const __m256 gated = _mm256_mul_ps(real, _mm256_loadu_ps(gate));
    return round_to_int(_mm256_mul_ps(gated, k->inverse), k->highest);
}

void avx2_gate(const struct gate_task *t)
{
    const struct gate_constants k = {
        .in_scale = _mm256_set1_ps(t->in_scale),
        .inverse = _mm256_set1_ps(t->inverse_out_scale),
        .highest = _mm256_set1_ps((float)(255 - t->out_zero)),
        .in_zero = _mm256_set1_epi32(t->in_zero),
        .out_zero = _mm256_set1_epi16((short)t->out_zero),
    };
    for (size_t position = 0; position < t->positions; position++) {
        const uint8_t *in = t->in + position * t->pitch;
        uint8_t *out = t->out + position * t->pitch;
        size_t c = 0;
        for (; c + 2 * LANES <= t->pitch; c += 2 * LANES) {
            const __m128i bytes = load_16_bytes(in + c);
            const __m256i low = gate_lanes(bytes, t->gate + c, &k);
            const __m256i high =
                gate_lanes(_mm_unpackhi_epi64(bytes, bytes), t->gate + c + LANES, &k);
            store_16_bytes(out + c, pack(low, high, k.out_zero));
        }
        if (c < t->pitch) {
            const __m256i low = gate_lanes(load_8_bytes(in + c), t->gate + c, &k);
            store_8_bytes(out + c, pack(low, low, k.out_zero));
        }
    }
}
