/* The fastest way to exact sums of products that AVX-512 VNNI has, on registers alone: vpdpbusd,
 * as the kernels of this folder use it. */
#include "nn/avx512/avx512.h"
#include "nn/avx512/lanes.h"

#define CHAINS 24

/* Makes the compiler believe that the register changes, so that every product is computed. */
#if defined(AVX512_EMULATED)
#define CHANGED(value) __asm__ volatile("" : "+m"(value))
#else
#define CHANGED(value) __asm__ volatile("" : "+v"(value))
#endif

uint64_t AVX512_NAME(peak)(uint64_t rounds, uint32_t *sum)
{
    __m512i sums[CHAINS], x = _mm512_set1_epi8(PEAK_INPUT);
    const __m512i w = _mm512_set1_epi8(PEAK_WEIGHT);
#pragma GCC unroll 24
    for (size_t chain = 0; chain < CHAINS; chain++)
        sums[chain] = _mm512_setzero_si512();
    for (uint64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 24
        for (size_t chain = 0; chain < CHAINS; chain++) {
            CHANGED(x);
            sums[chain] = dot(sums[chain], x, w);
        }
    }
    *sum = 0;
#pragma GCC unroll 24
    for (size_t chain = 0; chain < CHAINS; chain++)
        *sum += (uint32_t)_mm512_reduce_add_epi32(sums[chain]);
    return rounds * CHAINS * VECTOR;
}
