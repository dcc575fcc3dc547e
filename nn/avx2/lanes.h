/* lanes.h - what all AVX2 kernels share: memory access, and sums to bytes.
 *
 * Private to nn/avx2/. Products are made of 16-bit numbers, 16 at a time (vpmaddwd).
 * vpmaddubsw would take bytes as they are, but adds pairs of products with saturation
 * to 16 bits, and 2 * 255 * 127 does not fit. So bytes are widened first, which is
 * exact.
 */
#ifndef TUTTI_NN_AVX2_LANES_H
#define TUTTI_NN_AVX2_LANES_H

#include "nn/kernels.h"

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define LANES 8 /* 32-bit values in a register; pitches are multiples of it */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* --- memory -------------------------------------------------------------------------- */

ALWAYS_INLINE __m128i load_8_bytes(const void *from)
{
    return _mm_loadl_epi64(from);
}

ALWAYS_INLINE __m128i load_16_bytes(const void *from)
{
    return _mm_loadu_si128(from);
}

ALWAYS_INLINE __m256i load_32_bytes(const void *from)
{
    return _mm256_loadu_si256(from);
}

ALWAYS_INLINE void store_8_bytes(void *to, __m128i value)
{
    _mm_storel_epi64(to, value);
}

ALWAYS_INLINE void store_16_bytes(void *to, __m128i value)
{
    _mm_storeu_si128(to, value);
}

ALWAYS_INLINE void store_32_bytes(void *to, __m256i value)
{
    _mm256_storeu_si256(to, value);
}

/* --- sums to bytes ------------------------------------------------------------------- */

/* A requantization's constants in registers. */
struct tail {
    __m256 inverse_scale, highest, residual_scale;
    __m256i zero, residual_zero; /* zero: 16-bit lanes */
    enum activation activation;
};

ALWAYS_INLINE struct tail tail_of(const struct requantization *r)
{
    return (struct tail){
        .inverse_scale = _mm256_set1_ps(r->inverse_scale),
        .highest = _mm256_set1_ps((float)(255 - r->zero)),
        .residual_scale = _mm256_set1_ps(r->residual_scale),
        .zero = _mm256_set1_epi16((short)r->zero),
        .residual_zero = _mm256_set1_epi32(r->residual_zero),
        .activation = r->activation,
    };
}

ALWAYS_INLINE __m256 activate(__m256 x, enum activation activation)
{
    if (activation == ACTIVATION_RELU)
        return _mm256_max_ps(x, _mm256_setzero_ps());
    if (activation == ACTIVATION_HARDSWISH) {
        __m256 gate = _mm256_add_ps(x, _mm256_set1_ps(3.0f));
        gate = _mm256_max_ps(gate, _mm256_setzero_ps());
        gate = _mm256_min_ps(gate, _mm256_set1_ps(6.0f));
        return _mm256_mul_ps(x, _mm256_mul_ps(gate, _mm256_set1_ps(1.0f / 6.0f)));
    }
    return x;
}

/* Rounds half to even (the default of MXCSR). What is too low for an int becomes INT_MIN,
 * which the packing below saturates; what is too high would, too, hence the minimum. */
ALWAYS_INLINE __m256i round_to_int(__m256 x, __m256 highest)
{
    return _mm256_cvtps_epi32(_mm256_min_ps(x, highest));
}

/* The output less its zero. residual points to 8 bytes or is NULL. */
ALWAYS_INLINE __m256i requantize(__m256i sum, __m256 scale, const uint8_t *residual,
                                 const struct tail *t)
{
    __m256 real = activate(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale), t->activation);
    if (residual != NULL) {
        __m256i q = _mm256_cvtepu8_epi32(load_8_bytes(residual));
        __m256 other = _mm256_cvtepi32_ps(_mm256_sub_epi32(q, t->residual_zero));
        real = _mm256_add_ps(real, _mm256_mul_ps(t->residual_scale, other));
    }
    return round_to_int(_mm256_mul_ps(real, t->inverse_scale), t->highest);
}

/* Adds the zero and packs 16 values into bytes, each half of 8 in its order. */
ALWAYS_INLINE __m128i pack(__m256i low, __m256i high, __m256i zero)
{
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    words = _mm256_adds_epi16(words, zero);
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

#endif
