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

static uint8_t to_byte(float steps, int zero)
{
    const float low = (float)-zero, high = (float)(255 - zero);
    steps = steps < low ? low : steps;
    steps = steps > high ? high : steps;
    return (uint8_t)((int)round_half_even(steps) + zero);
}

static float activate(float x, const struct requantization *r)
{
    if (r->activation == ACTIVATION_RELU)
        return x > 0 ? x : 0;
    if (r->activation == ACTIVATION_HARDSWISH) {
        float gate = x + 3.0f;
        gate = gate > 0 ? gate : 0;
        gate = gate < 6.0f ? gate : 6.0f;
        return x * (gate * r->sixth);
    }
    return x;
}

/* One position's sums to bytes. residual: the other tensor's bytes there, or NULL. */
static void requantize(const uint32_t *sums, size_t outputs, const struct requantization *r,
                       const uint8_t *residual, uint8_t *out)
{
    for (size_t o = 0; o < outputs; o++) {
        float steps = activate((float)(int32_t)sums[o] * r->scale[o], r);
        if (residual != NULL)
            steps += r->residual_scale * (float)(residual[o] - r->residual_zero);
        out[o] = to_byte(steps, r->zero);
    }
}

/* Unsigned, because the sum without the correction for the input's zero may wrap around; the
 * end result is then still right modulo 2^32, and known to fit. */
static void start_sums(uint32_t *sums, const int32_t *bias, size_t outputs)
{
    for (size_t o = 0; o < outputs; o++)
        sums[o] = (uint32_t)bias[o];
}

/* Adds depth inputs times [depth][outputs] weights. */
static void multiply(uint32_t *restrict sums, const uint8_t *in, size_t depth,
                     const int8_t *restrict weights, size_t outputs)
{
    for (size_t i = 0; i < depth; i++, weights += outputs) {
        const int x = in[i];
        for (size_t o = 0; o < outputs; o++)
            sums[o] += (uint32_t)(x * weights[o]);
    }
}

/* [rows][columns] to [columns][rows]: outputs go last, so that the inner loops run along them */
static void transpose(const int8_t *from, size_t rows, size_t columns, void *to)
{
    int8_t *out = to;
    for (size_t column = 0; column < columns; column++) {
        for (size_t row = 0; row < rows; row++)
            *out++ = from[row * columns + column];
    }
}

/* --- matrices ------------------------------------------------------------------------ */

static size_t gemm_packed_size(size_t outputs, size_t depth)
{
    return outputs * depth;
}

static void gemm_pack(const int8_t *weights, size_t outputs, size_t depth, void *packed)
{
    transpose(weights, outputs, depth, packed);
}

static size_t gemm_scratch_size(size_t padded_depth, size_t padded_outputs)
{
    (void)padded_depth;
    return padded_outputs * sizeof(uint32_t);
}

static void gemm(const struct gemm_task *t)
{
    uint32_t *sums = t->scratch;
    for (size_t position = 0; position < t->positions; position++) {
        const uint8_t *residual =
            t->residual != NULL ? t->residual + position * t->residual_pitch : NULL;
        start_sums(sums, t->requantization->bias, t->outputs);
        multiply(sums, t->in + position * t->in_pitch, t->depth, t->weights, t->outputs);
        requantize(sums, t->outputs, t->requantization, residual, t->out + position * t->out_pitch);
    }
}

static void gemm_real(const struct gemm_task *t, float *out)
{
    uint32_t *sums = t->scratch;
    start_sums(sums, t->requantization->bias, t->outputs);
    multiply(sums, t->in, t->depth, t->weights, t->outputs);
    for (size_t o = 0; o < t->outputs; o++)
        out[o] = (float)(int32_t)sums[o] * t->requantization->scale[o];
}

/* --- windows ------------------------------------------------------------------------- */

/* Scratch memory: a position's sums, then a position of the input's zeros, for the padding. */
static size_t conv_scratch_size(const struct window *w, size_t in_channels, size_t padded_outputs)
{
    (void)w;
    return padded_outputs * sizeof(uint32_t) + in_channels;
}

static size_t depthwise_scratch_size(const struct window *w, size_t pitch)
{
    return conv_scratch_size(w, pitch, pitch);
}

static size_t conv_packed_size(const struct window *w, size_t in_channels, size_t outputs)
{
    return outputs * w->kernel[0] * w->kernel[1] * in_channels;
}

static void conv_pack(const int8_t *weights, const struct window *w, size_t in_channels,
                      size_t outputs, void *packed)
{
    transpose(weights, outputs, w->kernel[0] * w->kernel[1] * in_channels, packed);
}

static size_t depthwise_packed_size(const struct window *w, size_t channels)
{
    return channels * w->kernel[0] * w->kernel[1];
}

static void depthwise_pack(const int8_t *weights, const struct window *w, size_t channels,
                           void *packed)
{
    transpose(weights, channels, (size_t)w->kernel[0] * w->kernel[1], packed);
}

/* Each channel with its own weight. */
static void multiply_channels(uint32_t *restrict sums, const uint8_t *restrict in,
                              const int8_t *restrict weights, size_t channels)
{
    for (size_t c = 0; c < channels; c++)
        sums[c] += (uint32_t)(in[c] * weights[c]);
}

/* The input under one tap of the window at an output position, or `outside`. */
static const uint8_t *tap(const struct window_task *t, const unsigned out[2], unsigned kernel_time,
                          unsigned kernel_frequency, const uint8_t *outside)
{
    const struct window *w = &t->window;
    /* what lies before the beginning wraps around to a huge number */
    const unsigned time = out[0] * w->stride[0] + kernel_time - w->padding[0];
    const unsigned frequency = out[1] * w->stride[1] + kernel_frequency - w->padding[1];
    if (time >= w->in[0] || frequency >= w->in[1])
        return outside;
    return t->in + ((size_t)time * w->in[1] + frequency) * t->in_pitch;
}

/* The sums of one output position; padding counts as the input's zero. */
static void window_sums(const struct window_task *t, const unsigned out[2], bool depthwise,
                        uint32_t *sums, const uint8_t *outside)
{
    const struct window *w = &t->window;
    const int8_t *weights = t->weights;
    const size_t step = depthwise ? t->out_pitch : t->out_pitch * t->in_channels;
    start_sums(sums, t->requantization->bias, t->out_pitch);
    for (unsigned kt = 0; kt < w->kernel[0]; kt++) {
        for (unsigned kf = 0; kf < w->kernel[1]; kf++, weights += step) {
            const uint8_t *in = tap(t, out, kt, kf, outside);
            if (depthwise)
                multiply_channels(sums, in, weights, t->out_pitch);
            else
                multiply(sums, in, t->in_channels, weights, t->out_pitch);
        }
    }
}

static void run_windows(const struct window_task *t, bool depthwise)
{
    const struct window *w = &t->window;
    uint32_t *sums = t->scratch;
    uint8_t *outside = (uint8_t *)t->scratch + t->out_pitch * sizeof *sums, *to = t->out;
    memset(outside, t->in_zero, depthwise ? t->out_pitch : t->in_channels);
    for (unsigned out[2] = {0, 0}; out[0] < w->out[0]; out[0]++) {
        for (out[1] = 0; out[1] < w->out[1]; out[1]++, to += t->out_pitch) {
            window_sums(t, out, depthwise, sums, outside);
            requantize(sums, t->out_pitch, t->requantization, NULL, to);
        }
    }
}

static void conv(const struct window_task *t)
{
    run_windows(t, false);
}

static void add_channel_sums(const uint8_t *in, size_t positions, size_t pitch, size_t channels,
                             int32_t *sums)
{
    for (size_t position = 0; position < positions; position++, in += pitch) {
        for (size_t c = 0; c < channels; c++)
            sums[c] += in[c];
    }
}

static void depthwise(const struct window_task *t)
{
    const struct window *w = &t->window;
    run_windows(t, true);
    if (t->sums == NULL)
        return;
    memset(t->sums, 0, t->out_pitch * sizeof *t->sums);
    add_channel_sums(t->out, (size_t)w->out[0] * w->out[1], t->out_pitch, t->out_pitch, t->sums);
}

/* --- the rest ------------------------------------------------------------------------ */

static void quantize(const float *values, size_t count, float inverse_scale, int zero, uint8_t *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = isfinite(values[i]) ? to_byte(values[i] * inverse_scale, zero) : 0;
}

static void gate(const struct gate_task *t)
{
    for (size_t position = 0; position < t->positions; position++) {
        const uint8_t *in = t->in + position * t->pitch;
        uint8_t *out = t->out + position * t->pitch;
        for (size_t c = 0; c < t->pitch; c++)
            out[c] = to_byte((float)(in[c] - t->in_zero) * t->scale[c], t->out_zero);
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
    .conv_scratch_size = conv_scratch_size,
    .conv = conv,
    .depthwise_packed_size = depthwise_packed_size,
    .depthwise_pack = depthwise_pack,
    .depthwise_scratch_size = depthwise_scratch_size,
    .depthwise = depthwise,
    .quantize = quantize,
    .add_channel_sums = add_channel_sums,
    .gate = gate,
    .peak = {{"plain C", peak_portable}},
};
