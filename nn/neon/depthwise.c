#include "nn/neon/lanes.h"
#include "nn/neon/neon.h"

#include <string.h>

/* Bytes are widened to 16 bits and multiplied by weights of 16 bits, 8 channels and 4 neighbouring
 * outputs at a time. Packed weights: [8 channels][kernel time][kernel frequency][channel]. */
#define COLUMNS 4

size_t neon_depthwise_packed_size(const struct window *w, size_t channels)
{
    return round_up(channels, HALF) * w->kernel[0] * w->kernel[1] * sizeof(int16_t);
}

void neon_depthwise_pack(const int8_t *weights, const struct window *w, size_t channels,
                         void *packed)
{
    const size_t taps = (size_t)w->kernel[0] * w->kernel[1], padded = round_up(channels, HALF);
    int16_t *to = packed;
    for (size_t block = 0; block < padded; block += HALF) {
        for (size_t tap = 0; tap < taps; tap++) {
            for (size_t c = block; c < block + HALF; c++)
                *to++ = c < channels ? weights[c * taps + tap] : 0;
        }
    }
}

size_t neon_depthwise_scratch_size(const struct window *w, size_t pitch)
{
    (void)w;
    (void)pitch;
    return 0;
}

/* 8 channels of one output line. */
struct depthwise_line {
    const struct window_task *task;
    size_t channel;
    const int16_t *weights;
    const uint8_t *in[7]; /* lines of the input at the channel, or NULL: outside it */
    uint8_t *out;
};

/* 8 channels of a line at a padded place; inside: the whole line is known to exist there */
ALWAYS_INLINE int16x8_t place(const struct depthwise_line *l, const uint8_t *line, size_t x,
                              bool inside)
{
    const struct window *w = &l->task->window;
    const size_t at = x - w->padding[1]; /* huge before the beginning */
    if (!inside && (line == NULL || at >= w->in[1]))
        return vdupq_n_s16((int16_t)l->task->in_zero);
    return widen(vld1_u8(line + at * l->task->in_pitch));
}

struct sums {
    int32x4_t low[COLUMNS], high[COLUMNS];
};

/* kernel, stride: of the frequency axis */
ALWAYS_INLINE void add_line(const struct depthwise_line *l, const uint8_t *line,
                            const int16_t *weights, size_t x, struct sums *sums, size_t columns,
                            size_t kernel, size_t stride, bool inside)
{
#pragma GCC unroll 7
    for (size_t k = 0; k < kernel; k++) {
        const int16x8_t weight = vld1q_s16(weights + k * HALF);
#pragma GCC unroll 4
        for (size_t c = 0; c < columns; c++) {
            const int16x8_t q = place(l, line, (x + c) * stride + k, inside);
            sums->low[c] = vmlal_s16(sums->low[c], vget_low_s16(q), vget_low_s16(weight));
            sums->high[c] = vmlal_high_s16(sums->high[c], q, weight);
        }
    }
}

ALWAYS_INLINE void depthwise_columns(const struct depthwise_line *l, size_t x, size_t columns,
                                     size_t kernel, size_t stride, bool near_edge,
                                     const struct tail *tail)
{
    const struct window_task *t = l->task;
    const struct requantization *r = t->requantization;
    struct sums sums;
#pragma GCC unroll 4
    for (size_t c = 0; c < columns; c++) {
        sums.low[c] = vld1q_s32(r->bias + l->channel);
        sums.high[c] = vld1q_s32(r->bias + l->channel + LANES);
    }
    for (size_t time = 0; time < t->window.kernel[0]; time++) {
        const int16_t *weights = l->weights + time * kernel * HALF;
        if (near_edge || l->in[time] == NULL)
            add_line(l, l->in[time], weights, x, &sums, columns, kernel, stride, false);
        else
            add_line(l, l->in[time], weights, x, &sums, columns, kernel, stride, true);
    }
    const float32x4_t low = vld1q_f32(r->scale + l->channel);
    const float32x4_t high = vld1q_f32(r->scale + l->channel + LANES);
    const int16x4_t none = vdup_n_s16(0);
#pragma GCC unroll 4
    for (size_t c = 0; c < columns; c++) {
        const int16x8_t words = to_words(requantize(sums.low[c], low, none, tail),
                                         requantize(sums.high[c], high, none, tail), tail->zero);
        vst1_u8(l->out + (x + c) * t->out_pitch, vget_low_u8(to_bytes(words, words, tail)));
    }
}

ALWAYS_INLINE void depthwise_with(const struct depthwise_line *l, size_t kernel, size_t stride,
                                  enum activation activation)
{
    const struct window *w = &l->task->window;
    const struct tail tail = tail_of(l->task->requantization, activation, false);
    size_t x = 0;
    for (; x + COLUMNS <= w->out[1]; x += COLUMNS) {
        const size_t last = (x + COLUMNS - 1) * stride + kernel - 1;
        if (x * stride < w->padding[1] || last >= w->padding[1] + w->in[1])
            depthwise_columns(l, x, COLUMNS, kernel, stride, true, &tail);
        else
            depthwise_columns(l, x, COLUMNS, kernel, stride, false, &tail);
    }
    for (; x < w->out[1]; x++)
        depthwise_columns(l, x, 1, kernel, stride, true, &tail);
}

ALWAYS_INLINE void depthwise_line(const struct depthwise_line *l, size_t kernel, size_t stride)
{
    switch (l->task->requantization->activation) {
    case ACTIVATION_NONE:
        depthwise_with(l, kernel, stride, ACTIVATION_NONE);
        break;
    case ACTIVATION_RELU:
        depthwise_with(l, kernel, stride, ACTIVATION_RELU);
        break;
    case ACTIVATION_HARDSWISH:
        depthwise_with(l, kernel, stride, ACTIVATION_HARDSWISH);
    }
}

/* The widths of 3 and 5 with constants, all others with a general loop. */
static void depthwise_any_line(const struct depthwise_line *l)
{
    const size_t kernel = l->task->window.kernel[1], stride = l->task->window.stride[1];
    if (kernel == 3 && stride == 1)
        depthwise_line(l, 3, 1);
    else if (kernel == 3)
        depthwise_line(l, 3, 2);
    else if (kernel == 5 && stride == 1)
        depthwise_line(l, 5, 1);
    else if (kernel == 5)
        depthwise_line(l, 5, 2);
    else
        depthwise_line(l, kernel, stride);
}

void neon_depthwise(const struct window_task *t)
{
    const struct window *w = &t->window;
    struct depthwise_line l = {.task = t};
    for (size_t time = 0; time < w->out[0]; time++) {
        l.weights = t->weights;
        for (l.channel = 0; l.channel < t->in_pitch; l.channel += HALF) {
            for (unsigned k = 0; k < w->kernel[0]; k++) {
                const unsigned y = (unsigned)time * w->stride[0] + k - w->padding[0];
                const size_t line = (size_t)y * w->in[1];
                l.in[k] = y < w->in[0] ? t->in + line * t->in_pitch + l.channel : NULL;
            }
            l.out = t->out + time * w->out[1] * t->out_pitch + l.channel;
            depthwise_any_line(&l);
            l.weights += (size_t)w->kernel[0] * w->kernel[1] * HALF;
        }
    }
}
