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

#define AVX2_DECLARE_PRODUCTS(name)                                                                \
    size_t name(gemm_packed_size)(size_t outputs, size_t depth);                                   \
    void name(gemm_pack)(const int8_t *weights, size_t outputs, size_t depth, void *packed);       \
    size_t name(gemm_scratch_size)(size_t padded_depth, size_t padded_outputs);                    \
    void name(gemm)(const struct gemm_task *);                                                     \
    void name(gemm_real)(const struct gemm_task *, float *out);                                    \
    size_t name(conv_packed_size)(const struct window *, size_t in_channels, size_t outputs);      \
    void name(conv_pack)(const int8_t *weights, const struct window *, size_t in_channels,         \
                         size_t outputs, void *packed);                                            \
    size_t name(conv_scratch_size)(const struct window *, size_t in_channels,                      \
                                   size_t padded_outputs);                                         \
    void name(conv)(const struct window_task *);

AVX2_DECLARE_PRODUCTS(AVX2_NAME)
#if !defined(AVX_VNNI) && !defined(AVX2_WORDS) && !defined(AVX2_BYTES)
#define AVX2_WORDS_NAME(function) avx2_words_##function
#define AVX2_BYTES_NAME(function) avx2_bytes_##function
AVX2_DECLARE_PRODUCTS(AVX2_WORDS_NAME)
AVX2_DECLARE_PRODUCTS(AVX2_BYTES_NAME)
#endif

#if !defined(AVX2_WORDS) && !defined(AVX2_BYTES)
size_t AVX2_NAME(depthwise_packed_size)(const struct window *w, size_t channels);
void AVX2_NAME(depthwise_pack)(const int8_t *weights, const struct window *w, size_t channels,
                               void *packed);
size_t AVX2_NAME(depthwise_scratch_size)(const struct window *w, size_t pitch);
void AVX2_NAME(depthwise)(const struct window_task *t);
#endif

void avx2_quantize(const float *values, size_t count, float inverse_scale, int zero, uint8_t *out);
void avx2_add_channel_sums(const uint8_t *in, size_t positions, size_t pitch, size_t channels,
                           int32_t *sums);
void avx2_gate(const struct gate_task *t);

#if defined(AVX_VNNI)
/* In peak_vnni.c. */
uint64_t AVX2_NAME(peak)(uint64_t rounds, uint32_t *sum);
#else
/* In peak.c. */
uint64_t avx2_peak_words(uint64_t rounds, uint32_t *sum);
uint64_t avx2_peak_bytes(uint64_t rounds, uint32_t *sum);
#endif

#endif
