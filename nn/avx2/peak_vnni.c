/* The fastest way to exact sums of products that AVX-VNNI has, on registers alone: vpdpbusd, as the
 * matrix products of this folder use it. */
#include "nn/avx2/avx2.h"
#include "nn/avx2/products_vnni.h"

#define CHAINS 12 /* as many sums as the kernels' tiles have */

/* Makes the compiler believe that the register changes, so that every product is computed. */
#define CHANGED(value) __asm__ volatile("" : "+x"(value))

uint64_t AVX2_NAME(peak)(uint64_t rounds, uint32_t *sum)
{
    __m256i sums[CHAINS], x = _mm256_set1_epi8(PEAK_INPUT);
    const __m256i w = _mm256_set1_epi8(PEAK_WEIGHT);
#pragma GCC unroll 12
    for (size_t chain = 0; chain < CHAINS; chain++)
        sums[chain] = _mm256_setzero_si256();
    for (uint64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 12
        for (size_t chain = 0; chain < CHAINS; chain++) {
            CHANGED(x);
            sums[chain] = add_inputs(sums[chain], x, w);
        }
    }
    *sum = 0;
#pragma GCC unroll 12
    for (size_t chain = 0; chain < CHAINS; chain++) {
        int32_t lanes[LANES];
        store_32_bytes(lanes, sums[chain]);
        for (size_t lane = 0; lane < LANES; lane++)
            *sum += (uint32_t)lanes[lane];
    }
    return rounds * CHAINS * INPUTS * LANES;
}
