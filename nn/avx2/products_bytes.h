/* products_bytes.h - bytes times weights that keep the pair limit, for AVX2.
 *
 * Private to nn/avx2/. vpmaddubsw multiplies unsigned bytes by signed ones and adds the
 * products of neighbours in 16 bits, with saturation. Where no pair can reach that
 * (pair_limit.h) it is exact, and vpmaddwd with ones adds two pairs in 32 bits.
 */
#ifndef TUTTI_NN_AVX2_PRODUCTS_BYTES_H
#define TUTTI_NN_AVX2_PRODUCTS_BYTES_H

#include "nn/avx2/lanes.h"
#include "nn/avx2/rows_of_bytes.h"

/* The weights of 8 outputs, INPUTS bytes each: where they are, since all registers are taken. */
typedef const int8_t *weights_value;

ALWAYS_INLINE weights_value load_weights(const int8_t *weights)
{
    return weights;
}

/* Written as assembly: GCC would load the weights into registers, and keep sums in memory instead.
 * Adds to the sums of 8 outputs what INPUTS inputs, the same for all, and their weights make. */
ALWAYS_INLINE __m256i add_inputs(__m256i sums, __m256i inputs, weights_value weights)
{
    __m256i pairs;
    __asm__("vpmaddubsw %2, %1, %0" : "=x"(pairs) : "x"(inputs), "m"(*(const __m256i_u *)weights));
    const __m256i products = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    __asm__("vpaddd %1, %0, %0" : "+x"(sums) : "x"(products));
    return sums;
}

#endif
