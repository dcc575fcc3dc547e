/* avx512.h - the functions of the AVX-512-VNNI table; what they do is in nn/kernels.h.
 * Private to nn/avx512/.
 *
 * For the tests, the folder is compiled once more, with AVX512_EMULATED: every intrinsic is then a
 * function that does the same with AVX2 (tests/nn/support/avx512_emulated.h).
 */
#ifndef TUTTI_NN_AVX512_AVX512_H
#define TUTTI_NN_AVX512_AVX512_H

#include "nn/kernels.h"

#if defined(AVX512_EMULATED)
#define AVX512_NAME(function) avx512_emulated_##function
#else
#define AVX512_NAME(function) avx512_##function
#endif

KERNELS_DECLARE_PRODUCTS(AVX512_NAME)
KERNELS_DECLARE_DEPTHWISE(AVX512_NAME)
KERNELS_DECLARE_CHANNELS(AVX512_NAME)

/* In peak.c. */
uint64_t AVX512_NAME(peak)(uint64_t rounds, uint32_t *sum);

#endif
