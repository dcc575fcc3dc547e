/* avx512_emulated.h - the intrinsics of nn/avx512/ on a processor with AVX2.
 *
 * Included before all else when that folder is compiled for the tests (AVX512_EMULATED).
 *
 * SIMDe (https://github.com/simd-everywhere/simde, Debian's libsimde-dev) has most of them. The
 * others are here, in plain C, as the Intel Intrinsics Guide describes them. What a mask leaves out
 * is not touched, neither read nor written, so that sanitizers and tests see what the processor
 * would be told.
 */
#ifndef TUTTI_TESTS_NN_AVX512_EMULATED_H
#define TUTTI_TESTS_NN_AVX512_EMULATED_H

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

/* A vector as an array of what its lanes are, and back. */
#define LANES_OF(type, count, value)                                                               \
    type value##_lanes[count];                                                                     \
    memcpy(value##_lanes, &(value), sizeof value##_lanes)

/* DEFINE_LOAD(name, vector, lane's type, lanes, mask's type): the lanes of a mask, the others 0. */
#define DEFINE_LOAD(name, vector, type, count, mask_type)                                          \
    static inline vector emulated##name(mask_type mask, const void *from)                          \
    {                                                                                              \
        type lanes[count] = {0};                                                                   \
        for (unsigned i = 0; i < (count); i++) {                                                   \
            if (mask >> i & 1)                                                                     \
                memcpy(&lanes[i], (const char *)from + i * sizeof(type), sizeof(type));            \
        }                                                                                          \
        vector value;                                                                              \
        memcpy(&value, lanes, sizeof value);                                                       \
        return value;                                                                              \
    }

DEFINE_LOAD(_mm512_maskz_loadu_epi8, simde__m512i, uint8_t, 64, uint64_t)
DEFINE_LOAD(_mm256_maskz_loadu_epi8, simde__m256i, uint8_t, 32, uint32_t)
DEFINE_LOAD(_mm_maskz_loadu_epi8, simde__m128i, uint8_t, 16, uint16_t)
DEFINE_LOAD(_mm512_maskz_loadu_epi32, simde__m512i, uint32_t, 16, uint16_t)
DEFINE_LOAD(_mm512_maskz_loadu_ps, simde__m512, float, 16, uint16_t)

#define DEFINE_STORE(name, vector, type, count, mask_type)                                         \
    static inline void emulated##name(void *to, mask_type mask, vector value)                      \
    {                                                                                              \
        LANES_OF(type, count, value);                                                              \
        for (unsigned i = 0; i < (count); i++) {                                                   \
            if (mask >> i & 1)                                                                     \
                memcpy((char *)to + i * sizeof(type), &value_lanes[i], sizeof(type));              \
        }                                                                                          \
    }

DEFINE_STORE(_mm512_mask_storeu_epi8, simde__m512i, uint8_t, 64, uint64_t)
DEFINE_STORE(_mm_mask_storeu_epi8, simde__m128i, uint8_t, 16, uint16_t)
DEFINE_STORE(_mm512_mask_storeu_epi32, simde__m512i, uint32_t, 16, uint16_t)
DEFINE_STORE(_mm512_mask_storeu_ps, simde__m512, float, 16, uint16_t)

#define DEFINE_CONVERSION(name, from_vector, from_type, to_vector, to_type, count, convert)        \
    static inline to_vector emulated##name(from_vector value)                                      \
    {                                                                                              \
        LANES_OF(from_type, count, value);                                                         \
        to_type lanes[count];                                                                      \
        for (unsigned i = 0; i < (count); i++)                                                     \
            lanes[i] = (to_type)convert(value_lanes[i]);                                           \
        to_vector converted;                                                                       \
        memcpy(&converted, lanes, sizeof converted);                                               \
        return converted;                                                                          \
    }

/* Half to even; INT32_MIN, the "integer indefinite", for what an int cannot hold. */
static inline int32_t emulated_round(float value)
{
    return value >= -0x1p31f && value < 0x1p31f ? (int32_t)lrintf(value) : INT32_MIN;
}

DEFINE_CONVERSION(_mm512_cvtepu8_epi16, simde__m256i, uint8_t, simde__m512i, uint16_t, 32, )
DEFINE_CONVERSION(_mm512_cvtepu8_epi32, simde__m128i, uint8_t, simde__m512i, uint32_t, 16, )
DEFINE_CONVERSION(_mm512_cvtepu16_epi32, simde__m256i, uint16_t, simde__m512i, uint32_t, 16, )
DEFINE_CONVERSION(_mm512_cvtepi32_ps, simde__m512i, int32_t, simde__m512, float, 16, )
DEFINE_CONVERSION(_mm512_cvtps_epi32, simde__m512, float, simde__m512i, int32_t, 16, emulated_round)

/* SIMDe's adds signed numbers, which must not overflow. */
static inline simde__m512i emulated_mm512_add_epi16(simde__m512i a, simde__m512i b)
{
    LANES_OF(uint16_t, 32, a);
    LANES_OF(uint16_t, 32, b);
    for (unsigned i = 0; i < 32; i++)
        a_lanes[i] = (uint16_t)(a_lanes[i] + b_lanes[i]);
    memcpy(&a, a_lanes, sizeof a);
    return a;
}

static inline int32_t emulated_mm512_reduce_add_epi32(simde__m512i value)
{
    LANES_OF(uint32_t, 16, value);
    uint32_t sum = 0;
    for (unsigned i = 0; i < 16; i++)
        sum += value_lanes[i];
    return (int32_t)sum;
}

/* The compiler's own have these names, too, and want a processor that has them. */
#define _mm512_maskz_loadu_epi8 emulated_mm512_maskz_loadu_epi8
#define _mm256_maskz_loadu_epi8 emulated_mm256_maskz_loadu_epi8
#define _mm_maskz_loadu_epi8 emulated_mm_maskz_loadu_epi8
#define _mm512_maskz_loadu_epi32 emulated_mm512_maskz_loadu_epi32
#define _mm512_maskz_loadu_ps emulated_mm512_maskz_loadu_ps
#define _mm512_mask_storeu_epi8 emulated_mm512_mask_storeu_epi8
#define _mm_mask_storeu_epi8 emulated_mm_mask_storeu_epi8
#define _mm512_mask_storeu_epi32 emulated_mm512_mask_storeu_epi32
#define _mm512_mask_storeu_ps emulated_mm512_mask_storeu_ps
#define _mm512_cvtepu8_epi16 emulated_mm512_cvtepu8_epi16
#define _mm512_cvtepu8_epi32 emulated_mm512_cvtepu8_epi32
#define _mm512_cvtepu16_epi32 emulated_mm512_cvtepu16_epi32
#define _mm512_cvtepi32_ps emulated_mm512_cvtepi32_ps
#define _mm512_cvtps_epi32 emulated_mm512_cvtps_epi32
#undef _mm512_add_epi16
#define _mm512_add_epi16 emulated_mm512_add_epi16
#undef _mm512_reduce_add_epi32
#define _mm512_reduce_add_epi32 emulated_mm512_reduce_add_epi32

#endif
