/* products_vnni.h - bytes times weights, for AVX-VNNI.
 *
 * Private to nn/avx2/. vpdpbusd multiplies 4 unsigned bytes by 4 signed ones for each of
 * 8 outputs and adds the products to their 32-bit sums, vpdpwssd 2 pairs of 16-bit
 * numbers. Neither saturates: a sum wraps around as with vpmaddwd and vpaddd.
 *
 * AVX_VNNI_EMULATED puts AVX2 instructions in the place of these two, for the tests alone
 * (tests/nn/meson.build): so every processor with AVX2 proves that the packing, the
 * layout, the tails and the memory that is touched are right. What the two instructions
 * themselves do, and that their operands stand in the right order, only a processor that
 * has them can prove; the same tests do it there.
 */
#ifndef TUTTI_NN_AVX2_PRODUCTS_VNNI_H
#define TUTTI_NN_AVX2_PRODUCTS_VNNI_H

#include "nn/avx2/lanes.h"
#include "nn/avx2/rows_of_bytes.h"

/* The weights of 8 outputs, INPUTS bytes each. */
typedef __m256i weights_value;

ALWAYS_INLINE weights_value load_weights(const int8_t *weights)
{
    return load_32_bytes(weights);
}

#if defined(AVX_VNNI_EMULATED)

ALWAYS_INLINE __m256i add_products(__m256i sums, __m256i values, __m256i weights)
{
    return _mm256_add_epi32(sums, _mm256_madd_epi16(values, weights));
}

/* The bytes at even places, then those at odd ones, widened. */
ALWAYS_INLINE __m256i add_inputs(__m256i sums, __m256i inputs, weights_value weights)
{
    const __m256i even = _mm256_and_si256(inputs, _mm256_set1_epi16(0xff));
    const __m256i even_weights = _mm256_srai_epi16(_mm256_slli_epi16(weights, 8), 8);
    sums = add_products(sums, even, even_weights);
    return add_products(sums, _mm256_srli_epi16(inputs, 8), _mm256_srai_epi16(weights, 8));
}

#else

/* Adds to 8 sums the products of 8 pairs of 16-bit values. */
ALWAYS_INLINE __m256i add_products(__m256i sums, __m256i values, __m256i weights)
{
    __asm__("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sums) : "x"(values), "x"(weights));
    return sums;
}

/* Adds to the sums of 8 outputs what INPUTS inputs, the same for all, and their weights make. */
ALWAYS_INLINE __m256i add_inputs(__m256i sums, __m256i inputs, weights_value weights)
{
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sums) : "x"(inputs), "x"(weights));
    return sums;
}

#endif

#endif
