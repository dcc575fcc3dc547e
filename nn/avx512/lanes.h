/* lanes.h - what all AVX-512 kernels share: dot products of 4 bytes, and sums to bytes.
 *
 * Private to nn/avx512/. vpdpbusd multiplies 4 unsigned by 4 signed bytes and adds the
 * products to a 32-bit sum. Nothing saturates in it (vpdpbusds would), so it is exact.
 */
#ifndef TUTTI_NN_AVX512_LANES_H
#define TUTTI_NN_AVX512_LANES_H

#include "nn/kernels.h"

#if !defined(AVX512_EMULATED) /* which has brought its own */
#include <immintrin.h>
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANES 16             /* 32-bit values in a register */
#define HALF 8               /* pitches are multiples of it */
#define VECTOR (4 * LANES)   /* bytes of a register */
#define HIGH_LANES 0xff00    /* a mask: the second half */
#if defined(AVX512_EMULATED) /* takes long enough to compile as it is */
#define ALWAYS_INLINE static inline
#else
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#endif

/* Adds 4 unsigned bytes times 4 signed ones in each lane. Written as assembly, because GCC 12 moves
 * the sums of a loop from register to register around the intrinsic, and runs out of registers. */
ALWAYS_INLINE __m512i dot(__m512i sums, __m512i bytes, __m512i weights)
{
#if defined(AVX512_EMULATED)
    return _mm512_dpbusd_epi32(sums, bytes, weights);
#else
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(bytes), "v"(weights));
    return sums;
#endif
}

/* --- memory -------------------------------------------------------------------------- */

ALWAYS_INLINE __m128i load_8_bytes(const void *from)
{
    return _mm_loadl_epi64(from);
}

ALWAYS_INLINE __m128i load_16_bytes(const void *from)
{
    return _mm_loadu_si128(from);
}

ALWAYS_INLINE void store_8_bytes(void *to, __m128i value)
{
    _mm_storel_epi64(to, value);
}

/* 16 values, or with paired 8 values twice */
ALWAYS_INLINE __m512i load_ints(const int32_t *from, bool paired)
{
    if (paired)
        return _mm512_broadcast_i64x4(_mm256_loadu_si256((const void *)from));
    return _mm512_loadu_si512(from);
}

ALWAYS_INLINE __m512 load_floats(const float *from, bool paired)
{
    if (paired)
        return _mm512_castpd_ps(_mm512_broadcast_f64x4(_mm256_castps_pd(_mm256_loadu_ps(from))));
    return _mm512_loadu_ps(from);
}

/* --- sums to bytes ------------------------------------------------------------------- */

/* A requantization's constants in registers. */
struct tail {
    __m512 sixth, residual_scale;
    __m512i zero;  /* 16-bit lanes */
    __m512i floor; /* bytes: the least that the activation leaves */
    __m512i residual_zero;
    enum activation activation;
    bool residual;
};

ALWAYS_INLINE struct tail tail_of(const struct requantization *r, enum activation activation,
                                  bool residual)
{
    const bool positive = activation == ACTIVATION_RELU && !residual;
    return (struct tail){
        .sixth = _mm512_set1_ps(r->sixth),
        .residual_scale = _mm512_set1_ps(r->residual_scale),
        .zero = _mm512_set1_epi16((short)r->zero),
        .floor = _mm512_set1_epi8((char)(positive ? r->zero : 0)),
        .residual_zero = _mm512_set1_epi32(r->residual_zero),
        .activation = activation,
        .residual = residual,
    };
}

/* Makes the compiler keep 4 chains of operations side by side. Left alone, it does one after the
 * other, and the processor, which does not look far enough ahead, waits for every result. */
ALWAYS_INLINE void side_by_side(__m512 of[4])
{
#if defined(AVX512_EMULATED)
    (void)of;
#else
    __asm__("" : "+v"(of[0]), "+v"(of[1]), "+v"(of[2]), "+v"(of[3]));
#endif
}

/* A ReLU without a residual is left to pack(), which does it for 64 values at once. */
ALWAYS_INLINE void activate(__m512 x[4], const struct tail *t)
{
    if (t->activation == ACTIVATION_RELU && t->residual) {
        for (size_t i = 0; i < 4; i++)
            x[i] = _mm512_max_ps(x[i], _mm512_setzero_ps());
    }
    if (t->activation == ACTIVATION_HARDSWISH) {
        __m512 gate[4];
        for (size_t i = 0; i < 4; i++)
            gate[i] = _mm512_add_ps(x[i], _mm512_set1_ps(3.0f));
        side_by_side(gate);
        for (size_t i = 0; i < 4; i++)
            gate[i] =
                _mm512_min_ps(_mm512_max_ps(gate[i], _mm512_setzero_ps()), _mm512_set1_ps(6.0f));
        side_by_side(gate);
        for (size_t i = 0; i < 4; i++)
            gate[i] = _mm512_mul_ps(gate[i], t->sixth);
        side_by_side(gate);
        for (size_t i = 0; i < 4; i++)
            x[i] = _mm512_mul_ps(x[i], gate[i]);
        side_by_side(x);
    }
}

/* 4 times 16 outputs less their zero, in place. residual: 16 bytes each, unused if the tail has
 * none. The conversion rounds half to even (the default of MXCSR). */
ALWAYS_INLINE void requantize(__m512i sums[4], const __m512 scale[4], const __m128i residual[4],
                              const struct tail *t)
{
    __m512 steps[4];
    for (size_t i = 0; i < 4; i++)
        steps[i] = _mm512_cvtepi32_ps(sums[i]);
    side_by_side(steps);
    for (size_t i = 0; i < 4; i++)
        steps[i] = _mm512_mul_ps(steps[i], scale[i]);
    side_by_side(steps);
    activate(steps, t);
    if (t->residual) {
        __m512 q[4];
        for (size_t i = 0; i < 4; i++)
            q[i] = _mm512_cvtepi32_ps(
                _mm512_sub_epi32(_mm512_cvtepu8_epi32(residual[i]), t->residual_zero));
        side_by_side(q);
        for (size_t i = 0; i < 4; i++)
            q[i] = _mm512_mul_ps(t->residual_scale, q[i]);
        side_by_side(q);
        for (size_t i = 0; i < 4; i++)
            steps[i] = _mm512_add_ps(steps[i], q[i]);
        side_by_side(steps);
    }
    for (size_t i = 0; i < 4; i++)
        sums[i] = _mm512_cvtps_epi32(steps[i]);
}

/* Adds the zero and packs 4 times 16 values into 64 bytes, in their order. */
ALWAYS_INLINE __m512i pack(const __m512i of[4], __m512i zero, __m512i floor)
{
    const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(of[0], of[1]), zero);
    const __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(of[2], of[3]), zero);
    const __m512i bytes = _mm512_max_epu8(_mm512_packus_epi16(low, high), floor);
    return _mm512_permutexvar_epi32(order, bytes);
}

/* 16 of the 64 bytes; index is a constant. */
#define PIECE(bytes, index) _mm512_extracti32x4_epi32(bytes, index)

/* A piece's bytes to one place, or with paired 8 of them to each of two. */
ALWAYS_INLINE void store_piece(uint8_t *to, size_t pitch, __m128i piece, bool paired)
{
    if (paired) {
        store_8_bytes(to, piece);
        store_8_bytes(to + pitch, _mm_unpackhi_epi64(piece, piece));
    } else {
        _mm_storeu_si128((__m128i *)(void *)to, piece);
    }
}

#endif
