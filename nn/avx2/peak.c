/* The fastest ways to exact sums of products that AVX2 has, on registers alone.
 *
 * "words" takes all weights, "bytes" those that keep the pair limit (pair_limit.h). */
#include "nn/avx2/avx2.h"
#include "nn/avx2/lanes.h"

#define CHAINS 12 /* as many sums as the kernels' tiles have */

/* Makes the compiler believe that the register changes, so that every product is computed, and
 * that the sums stay where they are. */
#define CHANGED(value) __asm__ volatile("" : "+x"(value))

ALWAYS_INLINE uint32_t add_up(const __m256i *sums)
{
    int32_t lanes[LANES];
    uint32_t sum = 0;
#pragma GCC unroll 12
    for (size_t chain = 0; chain < CHAINS; chain++) {
        store_32_bytes(lanes, sums[chain]);
        for (size_t lane = 0; lane < LANES; lane++)
            sum += (uint32_t)lanes[lane];
    }
    return sum;
}

uint64_t avx2_peak_words(uint64_t rounds, uint32_t *sum)
{
    __m256i sums[CHAINS], x = _mm256_set1_epi16(PEAK_INPUT);
    const __m256i w = _mm256_set1_epi16(PEAK_WEIGHT);
#pragma GCC unroll 12
    for (size_t chain = 0; chain < CHAINS; chain++)
        sums[chain] = _mm256_setzero_si256();
    for (uint64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 12
        for (size_t chain = 0; chain < CHAINS; chain++) {
            CHANGED(x);
            sums[chain] = _mm256_add_epi32(sums[chain], _mm256_madd_epi16(x, w));
            CHANGED(sums[chain]);
        }
    }
    *sum = add_up(sums);
    return rounds * CHAINS * 2 * LANES;
}

uint64_t avx2_peak_bytes(uint64_t rounds, uint32_t *sum)
{
    __m256i sums[CHAINS], x = _mm256_set1_epi8(PEAK_INPUT);
    const __m256i w = _mm256_set1_epi8(PEAK_WEIGHT), ones = _mm256_set1_epi16(1);
#pragma GCC unroll 12
    for (size_t chain = 0; chain < CHAINS; chain++)
        sums[chain] = _mm256_setzero_si256();
    for (uint64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 12
        for (size_t chain = 0; chain < CHAINS; chain++) {
            CHANGED(x);
            const __m256i pairs = _mm256_maddubs_epi16(x, w);
            sums[chain] = _mm256_add_epi32(sums[chain], _mm256_madd_epi16(pairs, ones));
            CHANGED(sums[chain]);
        }
    }
    *sum = add_up(sums);
    return rounds * CHAINS * 4 * LANES;
}
