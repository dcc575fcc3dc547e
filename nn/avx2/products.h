/* products.h - bytes times weights, for AVX2.
 *
 * Private to nn/avx2/. Products are made of 16-bit numbers, 16 at a time (vpmaddwd).
 * vpmaddubsw would take bytes as they are, but adds pairs of products with saturation
 * to 16 bits, and 2 * 255 * 127 does not fit. So bytes are widened first, which is
 * exact for all weights; products_bytes.h is for those that allow more.
 */
#ifndef TUTTI_NN_AVX2_PRODUCTS_H
#define TUTTI_NN_AVX2_PRODUCTS_H

#include "nn/avx2/lanes.h"

/* Adds to 8 sums the products of 8 pairs of 16-bit values. */
ALWAYS_INLINE __m256i add_products(__m256i sums, __m256i values, __m256i weights)
{
    __asm__("vpaddd %1, %0, %0" : "+x"(sums) : "x"(_mm256_madd_epi16(values, weights)));
    return sums;
}

/* --- what a matrix product is made of ------------------------------------------------- */

/* A matrix product takes so many inputs of a position at once, in this form. */
#define INPUTS 2
typedef int16_t input_value;

/* The weights of 8 outputs, INPUTS bytes each. */
typedef __m256i weights_value;

ALWAYS_INLINE weights_value load_weights(const int8_t *weights)
{
    return _mm256_cvtepi8_epi16(load_16_bytes(weights));
}

/* Adds to the sums of 8 outputs what INPUTS inputs, the same for all, and their weights make. */
ALWAYS_INLINE __m256i add_inputs(__m256i sums, __m256i inputs, weights_value weights)
{
    return add_products(sums, inputs, weights);
}

/* Bytes of some positions, in the form that a matrix product takes them. */
struct rows {
    const input_value *in;
    size_t pitch;
};

static inline size_t rows_scratch_size(size_t rows, size_t depth)
{
    return rows * depth * sizeof(input_value);
}

/* Widens rows of depth bytes, a pitch apart, into the scratch memory. */
static inline struct rows rows_of(const uint8_t *in, size_t pitch, size_t rows, size_t depth,
                                  void *scratch)
{
    input_value *to = scratch;
    for (size_t row = 0; row < rows; row++, in += pitch) {
        size_t i = 0;
        for (; i + 2 * LANES <= depth; i += 2 * LANES, to += 2 * LANES)
            store_32_bytes(to, _mm256_cvtepu8_epi16(load_16_bytes(in + i)));
        for (; i < depth; i += LANES, to += LANES)
            store_16_bytes(to, _mm_cvtepu8_epi16(load_8_bytes(in + i)));
    }
    return (struct rows){scratch, depth};
}

#endif
