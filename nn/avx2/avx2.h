/* avx2.h - the functions of the AVX2 and the AVX-VNNI table; what they do is in
 * nn/kernels.h. Private to nn/avx2/.
 *
 * conv.c, depthwise.c, gemm.c and table.c are compiled for AVX2, and with AVX_VNNI for
 * processors that have VNNI for registers of 256 bits, with or without AVX-512. The rest
 * of the table is the same for both. For AVX2, conv.c and gemm.c are compiled twice, with
 * AVX2_WORDS and with AVX2_BYTES, between which choice.c chooses. For the tests, all are
 * compiled once more, with AVX_VNNI and AVX_VNNI_EMULATED (products_vnni.h).
 */
#ifndef TUTTI_NN_AVX2_AVX2_H
#define TUTTI_NN_AVX2_AVX2_H

#include "nn/kernels.h"

#if defined(AVX_VNNI_EMULATED)
#define AVX2_NAME(function) avx_vnni_emulated_##function
#elif defined(AVX_VNNI)
#define AVX2_NAME(function) avx_vnni_##function
#elif defined(AVX2_BYTES)
#define AVX2_NAME(function) avx2_bytes_##function
#elif defined(AVX2_WORDS)
#define AVX2_NAME(function) avx2_words_##function
#else
#define AVX2_NAME(function) avx2_##function
#endif

KERNELS_DECLARE_PRODUCTS(AVX2_NAME)
#if !defined(AVX_VNNI) && !defined(AVX2_WORDS) && !defined(AVX2_BYTES)
#define AVX2_WORDS_NAME(function) avx2_words_##function
#define AVX2_BYTES_NAME(function) avx2_bytes_##function
KERNELS_DECLARE_PRODUCTS(AVX2_WORDS_NAME)
KERNELS_DECLARE_PRODUCTS(AVX2_BYTES_NAME)
#endif

#if !defined(AVX2_WORDS) && !defined(AVX2_BYTES)
KERNELS_DECLARE_DEPTHWISE(AVX2_NAME)
#endif

#define AVX2_SHARED_NAME(function) avx2_##function
KERNELS_DECLARE_CHANNELS(AVX2_SHARED_NAME)

#if defined(AVX_VNNI)
/* In peak_vnni.c. */
uint64_t AVX2_NAME(peak)(uint64_t rounds, uint32_t *sum);
#else
/* In peak.c. */
uint64_t avx2_peak_words(uint64_t rounds, uint32_t *sum);
uint64_t avx2_peak_bytes(uint64_t rounds, uint32_t *sum);
#endif

#endif
