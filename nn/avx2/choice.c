/* Matrix products and convolutions of AVX2: with the fastest products that the weights allow.
 * Packed weights begin with which these are. */
#include "nn/avx2/avx2.h"
#include "nn/avx2/weight_limits.h"

#define HEAD_SIZE KERNEL_ALIGNMENT

enum products { PRODUCTS_OF_WORDS, PRODUCTS_OF_BYTES, PRODUCTS_OF_FOURS };

struct head {
    enum products products;
};

static enum products products_of(const void *packed)
{
    return ((const struct head *)packed)->products;
}

static void *begin(void *packed, enum products products)
{
    *(struct head *)packed = (struct head){.products = products};
    return (unsigned char *)packed + HEAD_SIZE;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t avx2_gemm_packed_size(size_t outputs, size_t depth)
{
    return HEAD_SIZE + larger(avx2_words_gemm_packed_size(outputs, depth),
                              larger(avx2_bytes_gemm_packed_size(outputs, depth),
                                     avx2_fours_gemm_packed_size(outputs, depth)));
}

void avx2_gemm_pack(const int8_t *weights, size_t outputs, size_t depth, void *packed)
{
    if (fours_fit(weights, outputs, depth))
        avx2_fours_gemm_pack(weights, outputs, depth, begin(packed, PRODUCTS_OF_FOURS));
    else if (pairs_fit(weights, outputs, depth))
        avx2_bytes_gemm_pack(weights, outputs, depth, begin(packed, PRODUCTS_OF_BYTES));
    else
        avx2_words_gemm_pack(weights, outputs, depth, begin(packed, PRODUCTS_OF_WORDS));
}

size_t avx2_gemm_scratch_size(size_t padded_depth, size_t padded_outputs)
{
    return larger(avx2_words_gemm_scratch_size(padded_depth, padded_outputs),
                  larger(avx2_bytes_gemm_scratch_size(padded_depth, padded_outputs),
                         avx2_fours_gemm_scratch_size(padded_depth, padded_outputs)));
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
    switch (products_of(t->weights)) {
    case PRODUCTS_OF_WORDS:
        avx2_words_gemm(&task);
        break;
    case PRODUCTS_OF_BYTES:
        avx2_bytes_gemm(&task);
        break;
    case PRODUCTS_OF_FOURS:
        avx2_fours_gemm(&task);
    }
}

void avx2_gemm_real(const struct gemm_task *t, float *out)
{
    const struct gemm_task task = behind_head(t);
    switch (products_of(t->weights)) {
    case PRODUCTS_OF_WORDS:
        avx2_words_gemm_real(&task, out);
        break;
    case PRODUCTS_OF_BYTES:
        avx2_bytes_gemm_real(&task, out);
        break;
    case PRODUCTS_OF_FOURS:
        avx2_fours_gemm_real(&task, out);
    }
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
        avx2_bytes_conv_pack(weights, w, in_channels, outputs, begin(packed, PRODUCTS_OF_BYTES));
    else
        avx2_words_conv_pack(weights, w, in_channels, outputs, begin(packed, PRODUCTS_OF_WORDS));
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
    if (products_of(t->weights) == PRODUCTS_OF_BYTES)
        avx2_bytes_conv(&task);
    else
        avx2_words_conv(&task);
}
