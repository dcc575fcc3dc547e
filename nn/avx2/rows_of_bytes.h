/* rows_of_bytes.h - a matrix product takes its inputs as they lie in the tensor.
 *
 * Private to nn/avx2/. For whatever multiplies 4 unsigned bytes by 4 signed ones for each of 8
 * outputs.
 */
#ifndef TUTTI_NN_AVX2_ROWS_OF_BYTES_H
#define TUTTI_NN_AVX2_ROWS_OF_BYTES_H

#include "nn/avx2/lanes.h"

/* A matrix product takes so many inputs of a position at once, in this form. */
#define INPUTS 4
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

#endif
