/* Matrix products and convolutions of AVX2: with bytes where the weights keep the pair limit, which
 * is faster, with words otherwise. Packed weights begin with which it is. */
#include "nn/avx2/avx2.h"
#include "nn/avx2/pair_limit.h"

#define HEAD_SIZE KERNEL_ALIGNMENT

struct head {
    bool bytes;
};

static bool takes_bytes(const void *packed)
{
    return ((const struct head *)packed)->bytes;
}

static void *begin(void *packed, bool bytes)
{
    *(struct head *)packed = (struct head){.bytes = bytes};
    return (unsigned char *)packed + HEAD_SIZE;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t avx2_gemm_packed_size(size_t outputs, size_t depth)
{
    return HEAD_SIZE + larger(avx2_words_gemm_packed_size(outputs, depth),
                              avx2_bytes_gemm_packed_size(outputs, depth));
}

void avx2_gemm_pack(const int8_t *weights, size_t outputs, size_t depth, void *packed)
{
    if (pairs_fit(weights, outputs, depth))
        avx2_bytes_gemm_pack(weights, outputs, depth, begin(packed, true));
    else
        avx2_words_gemm_pack(weights, outputs, depth, begin(packed, false));
}

size_t avx2_gemm_scratch_size(size_t padded_depth, size_t padded_outputs)
{
    return larger(avx2_words_gemm_scratch_size(padded_depth, padded_outputs),
                  avx2_bytes_gemm_scratch_size(padded_depth, padded_outputs));
}

static struct gemm_task behind_head(const struct gemm_task *t)
{
    struct gemm_task task = *t;
    task.weights = (const unsigned char *)t->weights + HEAD_SIZE;
    return task;
}

void avx2_gemm(const struct gemm_task *t)
{
    const struct gemm_task task = behind_head(t);
    if (takes_bytes(t->weights))
        avx2_bytes_gemm(&task);
    else
        avx2_words_gemm(&task);
}

void avx2_gemm_real(const struct gemm_task *t, float *out)
{
    const struct gemm_task task = behind_head(t);
    if (takes_bytes(t->weights))
        avx2_bytes_gemm_real(&task, out);
    else
        avx2_words_gemm_real(&task, out);
}

size_t avx2_conv_packed_size(const struct window *w, size_t in_channels, size_t outputs)
{
    return HEAD_SIZE + larger(avx2_words_conv_packed_size(w, in_channels, outputs),
                              avx2_bytes_conv_packed_size(w, in_channels, outputs));
}

void avx2_conv_pack(const int8_t *weights, const struct window *w, size_t in_channels,
                    size_t outputs, void *packed)
{
    if (pairs_fit(weights, outputs * w->kernel[0], w->kernel[1] * in_channels))
        avx2_bytes_conv_pack(weights, w, in_channels, outputs, begin(packed, true));
    else
        avx2_words_conv_pack(weights, w, in_channels, outputs, begin(packed, false));
}

size_t avx2_conv_scratch_size(const struct window *w, size_t in_channels, size_t padded_outputs)
{
    return larger(avx2_words_conv_scratch_size(w, in_channels, padded_outputs),
                  avx2_bytes_conv_scratch_size(w, in_channels, padded_outputs));
}

void avx2_conv(const struct window_task *t)
{
    struct window_task task = *t;
    task.weights = (const unsigned char *)t->weights + HEAD_SIZE;
    if (takes_bytes(t->weights))
        avx2_bytes_conv(&task);
    else
        avx2_words_conv(&task);
}
