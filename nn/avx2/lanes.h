/* lanes.h - what all AVX2 kernels share: memory access, and sums to bytes.
 *
 * Private to nn/avx2/.
 */
#ifndef TUTTI_NN_AVX2_LANES_H
#define TUTTI_NN_AVX2_LANES_H

#include "nn/kernels.h"

#include <immintrin.h>
#include <stdbool.h>
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

ALWAYS_INLINE void store_high_8_bytes(void *to, __m128i value)
{
    _mm_storeh_pd(to, _mm_castsi128_pd(value));
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
    __m256 sixth, residual_scale;
    __m256i zero;  /* 16-bit lanes */
    __m256i floor; /* bytes: the least that a ReLU leaves */
    __m256i residual_zero;
    enum activation activation;
    bool residual;
};

ALWAYS_INLINE struct tail tail_of(const struct requantization *r, enum activation activation,
                                  bool residual)
{
    return (struct tail){
        .sixth = _mm256_set1_ps(r->sixth),
        .residual_scale = _mm256_set1_ps(r->residual_scale),
        .zero = _mm256_set1_epi16((short)r->zero),
        .floor = _mm256_set1_epi8((char)r->zero),
        .residual_zero = _mm256_set1_epi32(r->residual_zero),
        .activation = activation,
        .residual = residual,
    };
}

/* A ReLU without a residual is left to pack(), which does it for 32 values at once. */
ALWAYS_INLINE __m256 activate(__m256 x, const struct tail *t)
{
    if (t->activation == ACTIVATION_RELU && t->residual)
        return _mm256_max_ps(x, _mm256_setzero_ps());
    if (t->activation == ACTIVATION_HARDSWISH) {
        __m256 gate = _mm256_add_ps(x, _mm256_set1_ps(3.0f));
        gate = _mm256_max_ps(gate, _mm256_setzero_ps());
        gate = _mm256_min_ps(gate, _mm256_set1_ps(6.0f));
        return _mm256_mul_ps(x, _mm256_mul_ps(gate, t->sixth));
    }
    return x;
}

/* The output less its zero. residual: 8 bytes, unused if the tail has none. The conversion rounds
 * half to even (the default of MXCSR). */
ALWAYS_INLINE __m256i requantize(__m256i sum, __m256 scale, __m128i residual, const struct tail *t)
{
    __m256 steps = activate(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale), t);
    if (t->residual) {
        __m256i q = _mm256_sub_epi32(_mm256_cvtepu8_epi32(residual), t->residual_zero);
        steps = _mm256_add_ps(steps, _mm256_mul_ps(t->residual_scale, _mm256_cvtepi32_ps(q)));
    }
    return _mm256_cvtps_epi32(steps);
}

/* Adds the zero (16-bit lanes) and narrows 4 times 8 values to bytes: the lower 4 of each, then the
 * upper 4 of each. */
ALWAYS_INLINE __m256i narrow_4(const __m256i of[4], __m256i zero)
{
    const __m256i first = _mm256_adds_epi16(_mm256_packs_epi32(of[0], of[1]), zero);
    const __m256i second = _mm256_adds_epi16(_mm256_packs_epi32(of[2], of[3]), zero);
    return _mm256_packus_epi16(first, second);
}

/* What was narrowed, in the order of before. */
ALWAYS_INLINE __m256i in_order(__m256i narrowed)
{
    return _mm256_permutevar8x32_epi32(narrowed, _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0));
}

/* The same for whoever stores it in pieces, which is quicker. */
struct halves {
    __m128i low, high;
};

ALWAYS_INLINE struct halves halves_in_order(__m256i narrowed)
{
    const __m128i lower = _mm256_castsi256_si128(narrowed);
    const __m128i upper = _mm256_extracti128_si256(narrowed, 1);
    return (struct halves){_mm_unpacklo_epi32(lower, upper), _mm_unpackhi_epi32(lower, upper)};
}

/* The bytes of 4 times 8 requantized values. */
ALWAYS_INLINE struct halves pack(const __m256i of[4], const struct tail *t)
{
    const __m256i narrowed = narrow_4(of, t->zero);
    if (t->activation == ACTIVATION_RELU && !t->residual)
        return halves_in_order(_mm256_max_epu8(narrowed, t->floor));
    return halves_in_order(narrowed);
}

/* Stores 4 pieces of 8 bytes a pitch apart. */
ALWAYS_INLINE void store_4_times_8_bytes(uint8_t *to, size_t pitch, struct halves bytes)
{
    store_8_bytes(to, bytes.low);
    store_high_8_bytes(to + pitch, bytes.low);
    store_8_bytes(to + 2 * pitch, bytes.high);
    store_high_8_bytes(to + 3 * pitch, bytes.high);
}

#endif
