/* The fastest way to exact sums of products that NEON has, on registers alone: that of products.h,
 * or with the dot product that of products_dot.h. */
#include "nn/neon/lanes.h"
#include "nn/neon/neon.h"

#define CHAINS 24

/* Makes the compiler believe that the register changes, so that every product is computed. */
#define CHANGED(value) __asm__ volatile("" : "+w"(value))

#if defined(NEON_DOT)
uint64_t neon_dot_peak(uint64_t rounds, uint32_t *sum)
#else
uint64_t neon_peak(uint64_t rounds, uint32_t *sum)
#endif
{
    int32x4_t sums[CHAINS];
    int8x16_t x = vdupq_n_s8(PEAK_INPUT);
    const int8x16_t w = vdupq_n_s8(PEAK_WEIGHT);
#pragma GCC unroll 24
    for (size_t chain = 0; chain < CHAINS; chain++)
        sums[chain] = vdupq_n_s32(0);
    for (uint64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 24
        for (size_t chain = 0; chain < CHAINS; chain++) {
            CHANGED(x);
#if defined(NEON_DOT)
            sums[chain] = vdotq_s32(sums[chain], x, w);
#else
            const int16x8_t products = vmull_s8(vget_low_s8(x), vget_low_s8(w));
            sums[chain] = vpadalq_s16(sums[chain], vmlal_high_s8(products, x, w));
#endif
        }
    }
    *sum = 0;
#pragma GCC unroll 24
    for (size_t chain = 0; chain < CHAINS; chain++)
        *sum += vaddvq_u32(vreinterpretq_u32_s32(sums[chain]));
    return rounds * CHAINS * 16;
}
