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

size_t AVX512_NAME(gemm_packed_size)(size_t outputs, size_t depth);
void AVX512_NAME(gemm_pack)(const int8_t *weights, size_t outputs, size_t depth, void *packed);
size_t AVX512_NAME(gemm_scratch_size)(size_t padded_depth, size_t padded_outputs);
void AVX512_NAME(gemm)(const struct gemm_task *t);
void AVX512_NAME(gemm_real)(const struct gemm_task *t, float *out);
size_t AVX512_NAME(conv_packed_size)(const struct window *w, size_t in_channels, size_t outputs);
void AVX512_NAME(conv_pack)(const int8_t *weights, const struct window *w, size_t in_channels,
                            size_t outputs, void *packed);
size_t AVX512_NAME(conv_scratch_size)(const struct window *w, size_t in_channels,
                                      size_t padded_outputs);
void AVX512_NAME(conv)(const struct window_task *t);
size_t AVX512_NAME(depthwise_packed_size)(const struct window *w, size_t channels);
void AVX512_NAME(depthwise_pack)(const int8_t *weights, const struct window *w, size_t channels,
                                 void *packed);
size_t AVX512_NAME(depthwise_scratch_size)(const struct window *w, size_t pitch);
void AVX512_NAME(depthwise)(const struct window_task *t);
void AVX512_NAME(quantize)(const float *values, size_t count, float inverse_scale, int zero,
                           uint8_t *out);
void AVX512_NAME(add_channel_sums)(const uint8_t *in, size_t positions, size_t pitch,
                                   size_t channels, int32_t *sums);
void AVX512_NAME(gate)(const struct gate_task *t);

/* In peak.c. */
uint64_t AVX512_NAME(peak)(uint64_t rounds, uint32_t *sum);

#endif
