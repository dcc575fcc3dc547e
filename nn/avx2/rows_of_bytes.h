/* rows_of_bytes.h - a matrix product takes its inputs as they lie in the tensor.
 *
 * Private to nn/avx2/. For whatever multiplies unsigned bytes by signed ones.
 */
#ifndef TUTTI_NN_AVX2_ROWS_OF_BYTES_H
#define TUTTI_NN_AVX2_ROWS_OF_BYTES_H

#include "nn/avx2/lanes.h"

#include <string.h>

typedef uint8_t input_value;

/* Bytes of some positions, in the form that a matrix product takes them. */
struct rows {
    const input_value *in;
    size_t pitch;
};

static inline size_t rows_scratch_size(size_t rows, size_t depth)
{
    (void)rows;
    (void)depth;
    return 0;
}

/* Rows of depth bytes, a pitch apart: just what they are. */
ALWAYS_INLINE struct rows rows_of(const uint8_t *in, size_t pitch, size_t rows, size_t depth,
                                  void *scratch)
{
    (void)rows;
    (void)depth;
    (void)scratch;
    return (struct rows){in, pitch};
}

/* 4 bytes in all lanes. */
ALWAYS_INLINE __m256i broadcast_4_bytes(const uint8_t *from)
{
    int bits;
    memcpy(&bits, from, sizeof bits);
    return _mm256_set1_epi32(bits);
}

/* The products of 32 bytes and weights, the two of neighbours added in 16 bits. Written as
 * assembly: GCC would load the weights into registers, and keep sums in memory instead. */
ALWAYS_INLINE __m256i multiply_bytes(__m256i bytes, const int8_t *weights)
{
    __m256i pairs;
    __asm__("vpmaddubsw %2, %1, %0" : "=x"(pairs) : "x"(bytes), "m"(*(const __m256i_u *)weights));
    return pairs;
}

#endif
