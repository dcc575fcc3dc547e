/* avx2.h - the functions of the AVX2 table; what they do is in nn/kernels.h. Private
 * to nn/avx2/.
 */
#ifndef TUTTI_NN_AVX2_AVX2_H
#define TUTTI_NN_AVX2_AVX2_H

#include "nn/kernels.h"

size_t avx2_gemm_packed_size(size_t outputs, size_t depth);
void avx2_gemm_pack(const int8_t *weights, size_t outputs, size_t depth, void *packed);
size_t avx2_gemm_scratch_size(size_t padded_depth, size_t padded_outputs);
void avx2_gemm(const struct gemm_task *t);
void avx2_gemm_real(const struct gemm_task *t, float *out);
size_t avx2_conv_packed_size(const struct window *w, size_t in_channels, size_t outputs);
void avx2_conv_pack(const int8_t *weights, const struct window *w, size_t in_channels,
                    size_t outputs, void *packed);
size_t avx2_conv_scratch_size(const struct window *w, size_t in_channels, size_t padded_outputs);
void avx2_conv(const struct window_task *t);
size_t avx2_depthwise_packed_size(const struct window *w, size_t channels);
void avx2_depthwise_pack(const int8_t *weights, const struct window *w, size_t channels,
                         void *packed);
size_t avx2_depthwise_scratch_size(const struct window *w, size_t pitch);
void avx2_depthwise(const struct window_task *t);
void avx2_quantize(const float *values, size_t count, float inverse_scale, int zero, uint8_t *out);
void avx2_channel_sums(const uint8_t *in, size_t positions, size_t pitch, int32_t *sums);
void avx2_gate(const struct gate_task *t);

/* In peak.c. */
uint64_t avx2_peak_words(uint64_t rounds, uint32_t *sum);
uint64_t avx2_peak_bytes(uint64_t rounds, uint32_t *sum);

#endif
