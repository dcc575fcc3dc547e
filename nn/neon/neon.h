/* neon.h - the functions of the two NEON tables; what they do is in nn/kernels.h.
 * Private to nn/neon/.
 *
 * gemm.c, peak.c and table.c are compiled twice: for Armv8.0, and with NEON_DOT for processors
 * that have the dot product (optional from Armv8.2 on). The rest is the same for both.
 */
#ifndef TUTTI_NN_NEON_NEON_H
#define TUTTI_NN_NEON_NEON_H

#include "nn/kernels.h"

#if defined(NEON_DOT)
#define NEON_NAME(function) neon_dot_##function
#else
#define NEON_NAME(function) neon_##function
#endif

KERNELS_DECLARE_PRODUCTS(NEON_NAME)

#define NEON_SHARED_NAME(function) neon_##function
KERNELS_DECLARE_DEPTHWISE(NEON_SHARED_NAME)
KERNELS_DECLARE_CHANNELS(NEON_SHARED_NAME)

/* In peak.c. */
uint64_t neon_peak(uint64_t rounds, uint32_t *sum);
uint64_t neon_dot_peak(uint64_t rounds, uint32_t *sum);

#endif
