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

static size_t depthwise_packed_size(size_t channels, const unsigned kernel[2])
{
    return channels * kernel[0] * kernel[1];
}

static void depthwise_pack(const int8_t *weights, size_t channels, const unsigned kernel[2],
                           void *packed)
{
    memcpy(packed, weights, depthwise_packed_size(channels, kernel));
}

static size_t depthwise_scratch_size(size_t pitch, unsigned in_frequency, const unsigned kernel[2],
                                     const unsigned padding[2])
{
    (void)pitch;
    (void)in_frequency;
    (void)kernel;
    (void)padding;
    return 0;
}

/* The sum of one channel's window at an output position. Padding counts as the input's zero. */
static uint32_t depthwise_sum(const struct depthwise_task *t, unsigned out_time,
                              unsigned out_frequency, size_t channel, const int8_t *weights)
{
    uint32_t sum = 0;
    for (unsigned kt = 0; kt < t->kernel[0]; kt++) {
        /* wraps to a huge number before the beginning */
        unsigned time = out_time * t->stride[0] + kt - t->padding[0];
        for (unsigned kf = 0; kf < t->kernel[1]; kf++) {
            unsigned frequency = out_frequency * t->stride[1] + kf - t->padding[1];
            int q = t->in_zero;
            if (time < t->in_time && frequency < t->in_frequency)
                q = t->in[((size_t)time * t->in_frequency + frequency) * t->pitch + channel];
            sum += (uint32_t)(q * weights[kt * t->kernel[1] + kf]);
        }
    }
    return sum;
}

static void depthwise(const struct depthwise_task *t)
{
    const struct requantization *r = t->requantization;
    const int8_t *weights = t->weights;
    size_t taps = (size_t)t->kernel[0] * t->kernel[1];
    uint8_t *out = t->out;
    for (unsigned time = 0; time < t->out_time; time++) {
        for (unsigned frequency = 0; frequency < t->out_frequency; frequency++) {
            for (size_t c = 0; c < t->pitch; c++) {
                uint32_t sum =
                    (uint32_t)r->bias[c] + depthwise_sum(t, time, frequency, c, weights + c * taps);
                *out++ = requantize(sum, r, c, NULL);
            }
        }
    }
}

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
    .depthwise_packed_size = depthwise_packed_size,
    .depthwise_pack = depthwise_pack,
    .depthwise_scratch_size = depthwise_scratch_size,
    .depthwise = depthwise,
    .quantize = quantize,
    .channel_sums = channel_sums,
    .gate = gate,
};
