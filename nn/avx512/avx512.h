/* avx512.h - the functions of the AVX-512-VNNI table; what they do is in nn/kernels.h.
 * Private to nn/avx512/.
 */
#ifndef TUTTI_NN_AVX512_AVX512_H
#define TUTTI_NN_AVX512_AVX512_H

#include "nn/kernels.h"

size_t avx512_gemm_packed_size(size_t outputs, size_t depth);
void avx512_gemm_pack(const int8_t *weights, size_t outputs, size_t depth, void *packed);
size_t avx512_gemm_scratch_size(size_t padded_depth, size_t padded_outputs);
void avx512_gemm(const struct gemm_task *t);
void avx512_gemm_real(const struct gemm_task *t, float *out);
size_t avx512_conv_packed_size(const struct window *w, size_t in_channels, size_t outputs);
void avx512_conv_pack(const int8_t *weights, const struct window *w, size_t in_channels,
                      size_t outputs, void *packed);
size_t avx512_conv_scratch_size(const struct window *w, size_t in_channels, size_t padded_outputs);
void avx512_conv(const struct window_task *t);
size_t avx512_depthwise_packed_size(const struct window *w, size_t channels);
void avx512_depthwise_pack(const int8_t *weights, const struct window *w, size_t channels,
                           void *packed);
size_t avx512_depthwise_scratch_size(const struct window *w, size_t pitch);
void avx512_depthwise(const struct window_task *t);
void avx512_quantize(const float *values, size_t count, float inverse_scale, int zero,
                     uint8_t *out);
void avx512_add_channel_sums(const uint8_t *in, size_t positions, size_t pitch, size_t channels,
                             int32_t *sums);
void avx512_gate(const struct gate_task *t);

/* In peak.c. */
uint64_t avx512_peak(uint64_t rounds, uint32_t *sum);

#endif
