/* products_bytes.h - bytes times weights that keep the limit of pairs, for AVX2.
 *
 * Private to nn/avx2/. vpmaddubsw multiplies unsigned bytes by signed ones and adds the
 * products of neighbours in 16 bits, with saturation. Where no pair can reach that
 * (weight_limits.h) it is exact, and vpmaddwd with ones adds two pairs in 32 bits.
 */
#ifndef TUTTI_NN_AVX2_PRODUCTS_BYTES_H
#define TUTTI_NN_AVX2_PRODUCTS_BYTES_H

#include "nn/avx2/lanes.h"

/* A matrix product takes so many inputs of a position at once, in this form. */
#define INPUTS 4
#include "nn/avx2/rows_of_bytes.h"

typedef __m256i inputs_value;

ALWAYS_INLINE inputs_value broadcast_inputs(const input_value *inputs)
{
    return broadcast_4_bytes(inputs);
}

/* The weights of 8 outputs, INPUTS bytes each: where they are, since all registers are taken. */
typedef const int8_t *weights_value;

ALWAYS_INLINE weights_value load_weights(const int8_t *weights)
{
    return weights;
}

/* Adds to the sums of 8 outputs what INPUTS inputs, the same for all, and their weights make. */
ALWAYS_INLINE __m256i add_inputs(__m256i sums, inputs_value inputs, weights_value weights)
{
    const __m256i pairs = multiply_bytes(inputs, weights);
    const __m256i products = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    __asm__("vpaddd %1, %0, %0" : "+x"(sums) : "x"(products));
    return sums;
}

#endif
