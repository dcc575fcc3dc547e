/* products_fours.h - bytes times weights that keep the limit of fours, for AVX2.
 *
 * Private to nn/avx2/. As products_bytes.h; but what vpmaddubsw makes of 4 inputs and of the 4 next
 * ones is added in 16 bits, where that fits (weight_limits.h), before vpmaddwd with ones adds the
 * rest in 32 bits: three multiplications in the place of four.
 */
#ifndef TUTTI_NN_AVX2_PRODUCTS_FOURS_H
#define TUTTI_NN_AVX2_PRODUCTS_FOURS_H

#include "nn/avx2/lanes.h"

/* A matrix product takes so many inputs of a position at once, in this form. */
#define INPUTS 8
#include "nn/avx2/rows_of_bytes.h"

/* The first 4 inputs in all lanes, and the others. */
typedef struct {
    __m256i first, second;
} inputs_value;

ALWAYS_INLINE inputs_value broadcast_inputs(const input_value *inputs)
{
    return (inputs_value){broadcast_4_bytes(inputs), broadcast_4_bytes(inputs + 4)};
}

/* The weights of 8 outputs: where they are, since all registers are taken. */
typedef const int8_t *weights_value;

ALWAYS_INLINE weights_value load_weights(const int8_t *weights)
{
    return weights;
}

/* Adds to the sums of 8 outputs what INPUTS inputs, the same for all, and their weights make. */
ALWAYS_INLINE __m256i add_inputs(__m256i sums, inputs_value inputs, weights_value weights)
{
    const __m256i pairs = multiply_bytes(inputs.first, weights);
    const __m256i others = multiply_bytes(inputs.second, weights + 4 * LANES);
    const __m256i fours = _mm256_add_epi16(pairs, others);
    const __m256i products = _mm256_madd_epi16(fours, _mm256_set1_epi16(1));
    __asm__("vpaddd %1, %0, %0" : "+x"(sums) : "x"(products));
    return sums;
}

#endif
