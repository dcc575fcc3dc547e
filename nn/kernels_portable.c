/* The reference: what all other kernels must equal, written to be read. */
#include "nn/kernels.h"

#include <float.h>
#include <math.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "float arithmetic has to round to float at each step");

static bool available(void)
{
    return true;
}

/* Rounds half to even. Adding 1.5 * 2^23 leaves no bits for a fraction, so that the addition
 * itself rounds, without a call into the mathematical library. |x| has to be under 2^22. */
static float round_half_even(float x)
{
    const float no_fraction = 12582912.0f;
    return (x + no_fraction) - no_fraction;
}

/* real is already divided by the output's scale */
static uint8_t to_byte(float real, int zero)
{
    const float low = (float)-zero, high = (float)(255 - zero);
    real = real < low ? low : real;
    real = real > high ? high : real;
    return (uint8_t)((int)round_half_even(real) + zero);
}

static float activate(float x, enum activation activation)
{
    if (activation == ACTIVATION_RELU)
        return x > 0 ? x : 0;
    if (activation == ACTIVATION_HARDSWISH) {
        float gate = x + 3.0f;
        gate = gate > 0 ? gate : 0;
        gate = gate < 6.0f ? gate : 6.0f;
        return x * (gate * (1.0f / 6.0f));
    }
    return x;
}

static uint8_t requantize(uint32_t sum, const struct requantization *r, size_t output,
                          const uint8_t *residual)
{
    float real = activate((float)(int32_t)sum * r->scale[output], r->activation);
    if (residual != NULL)
        real += r->residual_scale * (float)(*residual - r->residual_zero);
    return to_byte(real * r->inverse_scale, r->zero);
}

/* Unsigned, because the sum without the correction for the input's zero may wrap around; the
 * end result is then still right modulo 2^32, and known to fit. */
static uint32_t dot(const uint8_t *in, const int8_t *weights, size_t depth)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < depth; i++)
        sum += (uint32_t)(in[i] * weights[i]);
    return sum;
}

/* --- matrices ------------------------------------------------------------------------ */

static size_t gemm_packed_size(size_t outputs, size_t depth)
{
    return outputs * depth;
}

static void gemm_pack(const int8_t *weights, size_t outputs, size_t depth, void *packed)
{
    memcpy(packed, weights, outputs * depth);
}

static size_t gemm_scratch_size(size_t padded_depth)
{
    (void)padded_depth;
    return 0;
}

static void gemm(const struct gemm_task *t)
{
    const struct requantization *r = t->requantization;
    const int8_t *weights = t->weights;
    for (size_t position = 0; position < t->positions; position++) {
        const uint8_t *in = t->in + position * t->in_pitch;
        uint8_t *out = t->out + position * t->out_pitch;
        const uint8_t *residual =
            t->residual != NULL ? t->residual + position * t->residual_pitch : NULL;
        for (size_t o = 0; o < t->outputs; o++) {
            uint32_t sum = (uint32_t)r->bias[o] + dot(in, weights + o * t->depth, t->depth);
            out[o] = requantize(sum, r, o, residual != NULL ? residual + o : NULL);
        }
    }
}

static void gemm_real(const struct gemm_task *t, float *out)
{
    const struct requantization *r = t->requantization;
    const int8_t *weights = t->weights;
    for (size_t o = 0; o < t->outputs; o++) {
        uint32_t sum = (uint32_t)r->bias[o] + dot(t->in, weights + o * t->depth, t->depth);
        out[o] = (float)(int32_t)sum * r->scale[o];
    }
}

/* --- windows ------------------------------------------------------------------------- */

static size_t no_scratch(const struct window *w, size_t channels)
{
    (void)w;
    (void)channels;
    return 0;
}

static size_t conv_packed_size(const struct window *w, size_t in_channels, size_t outputs)
{
    return outputs * w->kernel[0] * w->kernel[1] * in_channels;
}

static void conv_pack(const int8_t *weights, const struct window *w, size_t in_channels,
                      size_t outputs, void *packed)
{
    memcpy(packed, weights, conv_packed_size(w, in_channels, outputs));
}

/* The input under one tap of the window at an output position; NULL in the padding. */
static const uint8_t *tap(const struct window_task *t, const unsigned out[2], unsigned kernel_time,
                          unsigned kernel_frequency)
{
    const struct window *w = &t->window;
    /* what lies before the beginning wraps around to a huge number */
    const unsigned time = out[0] * w->stride[0] + kernel_time - w->padding[0];
    const unsigned frequency = out[1] * w->stride[1] + kernel_frequency - w->padding[1];
    if (time >= w->in[0] || frequency >= w->in[1])
        return NULL;
    return t->in + ((size_t)time * w->in[1] + frequency) * t->in_pitch;
}

/* The sum over the window at an output position. first is the input channel to start from, channels
 * how many there are. Padding counts as the input's zero. */
static uint32_t window_sum(const struct window_task *t, const unsigned out[2], size_t first,
                           size_t channels, const int8_t *weights)
{
    const struct window *w = &t->window;
    uint32_t sum = 0;
    for (unsigned kt = 0; kt < w->kernel[0]; kt++) {
        for (unsigned kf = 0; kf < w->kernel[1]; kf++, weights += channels) {
            const uint8_t *in = tap(t, out, kt, kf);
            for (size_t c = 0; c < channels; c++)
                sum += (uint32_t)((in != NULL ? in[first + c] : t->in_zero) * weights[c]);
        }
    }
    return sum;
}

static void conv(const struct window_task *t)
{
    const struct requantization *r = t->requantization;
    const struct window *w = &t->window;
    const size_t depth = (size_t)w->kernel[0] * w->kernel[1] * t->in_channels;
    const int8_t *weights = t->weights;
    uint8_t *to = t->out;
    for (unsigned out[2] = {0, 0}; out[0] < w->out[0]; out[0]++) {
        for (out[1] = 0; out[1] < w->out[1]; out[1]++) {
            for (size_t o = 0; o < t->out_pitch; o++) {
                uint32_t sum = window_sum(t, out, 0, t->in_channels, weights + o * depth);
                *to++ = requantize((uint32_t)r->bias[o] + sum, r, o, NULL);
            }
        }
    }
}

static size_t depthwise_packed_size(const struct window *w, size_t channels)
{
    return channels * w->kernel[0] * w->kernel[1];
}

static void depthwise_pack(const int8_t *weights, const struct window *w, size_t channels,
                           void *packed)
{
    memcpy(packed, weights, depthwise_packed_size(w, channels));
}

static void depthwise(const struct window_task *t)
{
    const struct requantization *r = t->requantization;
    const struct window *w = &t->window;
    const size_t depth = (size_t)w->kernel[0] * w->kernel[1];
    const int8_t *weights = t->weights;
    uint8_t *to = t->out;
    for (unsigned out[2] = {0, 0}; out[0] < w->out[0]; out[0]++) {
        for (out[1] = 0; out[1] < w->out[1]; out[1]++) {
            for (size_t c = 0; c < t->out_pitch; c++) {
                uint32_t sum = window_sum(t, out, c, 1, weights + c * depth);
                *to++ = requantize((uint32_t)r->bias[c] + sum, r, c, NULL);
            }
        }
    }
}

/* --- the rest ------------------------------------------------------------------------ */

static void quantize(const float *values, size_t count, float inverse_scale, int zero, uint8_t *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = isfinite(values[i]) ? to_byte(values[i] * inverse_scale, zero) : 0;
}

static void channel_sums(const uint8_t *in, size_t positions, size_t pitch, int32_t *sums)
{
    memset(sums, 0, pitch * sizeof *sums);
    for (size_t position = 0; position < positions; position++, in += pitch) {
        for (size_t c = 0; c < pitch; c++)
            sums[c] += in[c];
    }
}

static void gate(const struct gate_task *t)
{
    for (size_t position = 0; position < t->positions; position++) {
        const uint8_t *in = t->in + position * t->pitch;
        uint8_t *out = t->out + position * t->pitch;
        for (size_t c = 0; c < t->pitch; c++) {
            float real = t->in_scale * (float)(in[c] - t->in_zero);
            out[c] = to_byte(real * t->gate[c] * t->inverse_out_scale, t->out_zero);
        }
    }
}

const struct kernels kernels_portable = {
    .name = "portable",
    .available = available,
    .channel_multiple = 1,
    .gemm_packed_size = gemm_packed_size,
    .gemm_pack = gemm_pack,
    .gemm_scratch_size = gemm_scratch_size,
    .gemm = gemm,
    .gemm_real = gemm_real,
    .conv_packed_size = conv_packed_size,
    .conv_pack = conv_pack,
    .conv_scratch_size = no_scratch,
    .conv = conv,
    .depthwise_packed_size = depthwise_packed_size,
    .depthwise_pack = depthwise_pack,
    .depthwise_scratch_size = no_scratch,
    .depthwise = depthwise,
    .quantize = quantize,
    .channel_sums = channel_sums,
    .gate = gate,
};
