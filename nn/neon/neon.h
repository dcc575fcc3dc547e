/* neon.h - the functions of the two NEON tables; what they do is in nn/kernels.h.
 * Private to nn/neon/.
 *
 * gemm.c and table.c are compiled twice: for Armv8.0, and with NEON_DOT for processors
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

size_t NEON_NAME(gemm_packed_size)(size_t outputs, size_t depth);
void NEON_NAME(gemm_pack)(const int8_t *weights, size_t outputs, size_t depth, void *packed);
size_t NEON_NAME(gemm_scratch_size)(size_t padded_depth, size_t padded_outputs);
void NEON_NAME(gemm)(const struct gemm_task *t);
void NEON_NAME(gemm_real)(const struct gemm_task *t, float *out);
size_t NEON_NAME(conv_packed_size)(const struct window *w, size_t in_channels, size_t outputs);
void NEON_NAME(conv_pack)(const int8_t *weights, const struct window *w, size_t in_channels,
                          size_t outputs, void *packed);
size_t NEON_NAME(conv_scratch_size)(const struct window *w, size_t in_channels,
                                    size_t padded_outputs);
void NEON_NAME(conv)(const struct window_task *t);

size_t neon_depthwise_packed_size(const struct window *w, size_t channels);
void neon_depthwise_pack(const int8_t *weights, const struct window *w, size_t channels,
                         void *packed);
size_t neon_depthwise_scratch_size(const struct window *w, size_t pitch);
void neon_depthwise(const struct window_task *t);
void neon_quantize(const float *values, size_t count, float inverse_scale, int zero, uint8_t *out);
void neon_add_channel_sums(const uint8_t *in, size_t positions, size_t pitch, size_t channels,
                           int32_t *sums);
void neon_gate(const struct gate_task *t);

/* In peak.c. */
uint64_t neon_peak(uint64_t rounds, uint32_t *sum);
uint64_t neon_dot_peak(uint64_t rounds, uint32_t *sum);

#endif
