/* kernels.h - the inner loops of the int8 network, one table per instruction set.
 *
 * Private to nn/. A table holds every loop that is worth writing for a processor; the
 * rest of the network is written once, in network.c. "portable" is the reference: all
 * other tables must give the same bytes (tests/nn/test_kernels*.c). A table packs the
 * weights into whatever order its loops like to read.
 *
 * Layout: activations are [position][pitch] bytes, channels at the start of each
 * position, pitch a multiple of the table's channel_multiple. The channels beyond the
 * real ones exist: a loop may read them (their weights are zero) and writes them (bias
 * and scale there are zero, so they come out as the output's zero).
 *
 * A table whose processor multiplies signed bytes alone has a byte_offset of 128: its activations
 * hold q - 128, and all zeros that a task names are less by 128, too.
 *
 * Packed memory and scratch memory are aligned to KERNEL_ALIGNMENT; tensors may begin at any
 * position of a larger one. Nothing here allocates, and tables are immutable.
 */
#ifndef TUTTI_NN_KERNELS_H
#define TUTTI_NN_KERNELS_H

#include "nn/model_layers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_ALIGNMENT 64

/* How an accumulator becomes a byte; the order of operations is in models/FORMAT.md. Values are
 * counted in steps of the output's scale, and below 2^31, which a model file has to warrant. */
struct requantization {
    const int32_t *bias; /* per output, padded; corrected for the input's zero */
    /* Per output, padded: what 1 in the accumulator is, in steps. With a hardswish, and where the
     * output is not quantized, it is the real value instead. */
    const float *scale;
    enum activation activation;
    float sixth;          /* of a hardswish: in steps */
    int zero;             /* the output's */
    float residual_scale; /* what 1 in the residual is, in steps */
    int residual_zero;
};

/* Every position's bytes times a matrix: 1x1 convolution, linear. */
struct gemm_task {
    const uint8_t *in;
    size_t in_pitch;
    const uint8_t *residual; /* NULL: none */
    size_t residual_pitch;
    uint8_t *out;
    size_t out_pitch;
    size_t positions;
    size_t depth;        /* inputs per position, padded */
    size_t outputs;      /* padded */
    const void *weights; /* packed by gemm_pack */
    const struct requantization *requantization;
    void *scratch; /* gemm_scratch_size() bytes */
};

/* The shapes of a window that moves over the input. Index 0: time, 1: frequency. */
struct window {
    unsigned in[2], out[2];
    unsigned kernel[2], stride[2], padding[2];
};

/* A matrix for each window (conv), or each channel's own small window (depthwise). */
struct window_task {
    struct window window;
    const uint8_t *in;
    size_t in_pitch, in_channels; /* conv reads the real channels, depthwise the padded ones */
    uint8_t *out;
    size_t out_pitch; /* the padded number of outputs; depthwise: in_pitch */
    int in_zero;
    const void *weights; /* packed by conv_pack or depthwise_pack */
    const struct requantization *requantization;
    int32_t *sums; /* depthwise, or NULL: per channel, padded; becomes the sum of the output's q */
    void *scratch; /* conv_scratch_size() or depthwise_scratch_size() bytes */
};

/* out = quantized(real in * the channel's gate) */
struct gate_task {
    const uint8_t *in;
    uint8_t *out; /* may be in */
    size_t positions, pitch;
    const float *scale; /* per channel, padded: what 1 in the input is when gated, in steps of the
                           output's scale; the output is below 2^31 of them */
    int in_zero, out_zero;
};

/* One way in which an instruction set multiplies bytes and adds the products up in 32 bits,
 * exactly: what no kernel of the table can beat. */
struct kernel_peak {
    const char *instructions; /* for a person */
    /* Does rounds of it on registers alone, in chains that are independent of each other. Every
     * product is PEAK_INPUT * PEAK_WEIGHT; *sum becomes the sum of them all, modulo 2^32. Returns
     * the number of products. */
    uint64_t (*run)(uint64_t rounds, uint32_t *sum);
};
#define PEAK_INPUT 3
#define PEAK_WEIGHT 5
#define PEAKS_MAX 2

struct kernels {
    const char *name;
    bool (*available)(void);
    size_t channel_multiple; /* pitches and depths are multiples of this */
    int byte_offset;         /* activations hold q less this: 0, or 128 for signed bytes */

    /* weights: [outputs][depth] without padding; packed: gemm_packed_size() bytes */
    size_t (*gemm_packed_size)(size_t outputs, size_t depth);
    void (*gemm_pack)(const int8_t *weights, size_t outputs, size_t depth, void *packed);
    size_t (*gemm_scratch_size)(size_t padded_depth, size_t padded_outputs);
    void (*gemm)(const struct gemm_task *);
    /* One position, to real values instead of bytes: out[padded outputs]. Uses in,
     * depth, outputs, weights, bias, scale and scratch of the task. */
    void (*gemm_real)(const struct gemm_task *, float *out);

    /* weights: [outputs][kernel time][kernel frequency][in_channels] */
    size_t (*conv_packed_size)(const struct window *, size_t in_channels, size_t outputs);
    void (*conv_pack)(const int8_t *weights, const struct window *, size_t in_channels,
                      size_t outputs, void *packed);
    size_t (*conv_scratch_size)(const struct window *, size_t in_channels, size_t padded_outputs);
    void (*conv)(const struct window_task *);

    /* weights: [channels][kernel time][kernel frequency] */
    size_t (*depthwise_packed_size)(const struct window *, size_t channels);
    void (*depthwise_pack)(const int8_t *weights, const struct window *, size_t channels,
                           void *packed);
    size_t (*depthwise_scratch_size)(const struct window *, size_t pitch);
    void (*depthwise)(const struct window_task *);

    /* q = quantized(value); 0 for what is not finite */
    void (*quantize)(const float *values, size_t count, float inverse_scale, int zero,
                     uint8_t *out);
    /* Adds q over all positions to sums[channels]; channels: padded, all or the first ones */
    void (*add_channel_sums)(const uint8_t *in, size_t positions, size_t pitch, size_t channels,
                             int32_t *sums);
    void (*gate)(const struct gate_task *);

    struct kernel_peak peak[PEAKS_MAX]; /* run is NULL in those that are not there */
};

/* Declare the functions of a table, as named by the macro `name`: matrix products and convolutions;
 * depthwise convolutions; what is done to single channels. */
#define KERNELS_DECLARE_PRODUCTS(name)                                                             \
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
#define KERNELS_DECLARE_DEPTHWISE(name)                                                            \
    size_t name(depthwise_packed_size)(const struct window *, size_t channels);                    \
    void name(depthwise_pack)(const int8_t *weights, const struct window *, size_t channels,       \
                              void *packed);                                                       \
    size_t name(depthwise_scratch_size)(const struct window *, size_t pitch);                      \
    void name(depthwise)(const struct window_task *);
#define KERNELS_DECLARE_CHANNELS(name)                                                             \
    void name(quantize)(const float *values, size_t count, float inverse_scale, int zero,          \
                        uint8_t *out);                                                             \
    void name(add_channel_sums)(const uint8_t *in, size_t positions, size_t pitch,                 \
                                size_t channels, int32_t *sums);                                   \
    void name(gate)(const struct gate_task *);

extern const struct kernels kernels_portable;
#if defined(TUTTI_KERNELS_AVX2)
extern const struct kernels kernels_avx2;
#endif
#if defined(TUTTI_KERNELS_AVX_VNNI)
extern const struct kernels kernels_avx_vnni;
#endif
#if defined(TUTTI_KERNELS_AVX_VNNI_EMULATED) /* for tests alone */
extern const struct kernels kernels_avx_vnni_emulated;
#endif
#if defined(TUTTI_KERNELS_AVX512)
extern const struct kernels kernels_avx512;
#endif
#if defined(TUTTI_KERNELS_AVX512_EMULATED) /* for tests alone */
extern const struct kernels kernels_avx512_emulated;
#endif
#if defined(TUTTI_KERNELS_NEON)
extern const struct kernels kernels_neon, kernels_neon_dot;
#endif

/* In nn/peak_portable.c. */
uint64_t peak_portable(uint64_t rounds, uint32_t *sum);

/* Table index, slowest first; NULL from the last one on. Index 0 is portable. */
const struct kernels *kernels_at(size_t index);

/* The table of that name, or for NULL the fastest available one. NULL with *error
 * filled where there is none, or the processor does not have it. */
const struct kernels *kernels_choose(const char *name, struct tutti_error *error);

static inline size_t round_up(size_t size, size_t multiple)
{
    return (size + multiple - 1) / multiple * multiple;
}

#endif
