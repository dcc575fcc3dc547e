#include "nn/neon/lanes.h"
#include "nn/neon/neon.h"

#include <string.h>

/* The input's lines are copied, shifted by 128 to be signed and with the padding around them, so
 * that every window lies inside. 8 channels and 4 neighbouring outputs are computed at a time. Two
 * products fit 16 bits (2 * 128 * 127 < 2^15): a pair of taps is multiplied (smull, smlal), then
 * added to sums of 32 bits (saddw, saddw2).
 * Packed: for each padded channel the number that makes up for the shift, then the weights as
 * [8 channels][kernel time][kernel frequency][channel]. */
#define COLUMNS 4
#define KERNEL_MAX 7 /* lines of a window; nn/model.c refuses more */

size_t neon_depthwise_packed_size(const struct window *w, size_t channels)
{
    return round_up(channels, HALF) *
           (sizeof(int32_t) + (size_t)w->kernel[0] * w->kernel[1] * sizeof(int8_t));
}

void neon_depthwise_pack(const int8_t *weights, const struct window *w, size_t channels,
                         void *packed)
{
    const size_t taps = (size_t)w->kernel[0] * w->kernel[1], padded = round_up(channels, HALF);
    int32_t *shift = packed;
    int8_t *to = (int8_t *)(shift + padded);
    memset(packed, 0, neon_depthwise_packed_size(w, channels));
    for (size_t c = 0; c < channels; c++) {
        for (size_t tap = 0; tap < taps; tap++) {
            const int8_t weight = weights[c * taps + tap];
            shift[c] += 128 * weight;
            to[(c / HALF * taps + tap) * HALF + c % HALF] = weight;
        }
    }
}

/* --- the lines that windows see ------------------------------------------------------ */

static size_t padded_line_size(const struct window *w, size_t pitch)
{
    return (w->in[1] + 2 * (size_t)w->padding[1]) * pitch;
}

/* A line for each of the window's, and one outside the input. */
size_t neon_depthwise_scratch_size(const struct window *w, size_t pitch)
{
    return (w->kernel[0] + (size_t)1) * padded_line_size(w, pitch);
}

static void copy_shifted(const uint8_t *from, size_t size, uint8_t *to)
{
    const uint8x16_t shift = vdupq_n_u8(128);
    size_t i = 0;
    for (; i + 64 <= size; i += 64) {
        const uint8x16x4_t bytes = vld1q_u8_x4(from + i);
        vst1q_u8(to + i, veorq_u8(bytes.val[0], shift));
        vst1q_u8(to + i + 16, veorq_u8(bytes.val[1], shift));
        vst1q_u8(to + i + 32, veorq_u8(bytes.val[2], shift));
        vst1q_u8(to + i + 48, veorq_u8(bytes.val[3], shift));
    }
    for (; i < size; i += HALF)
        vst1_u8(to + i, veor_u8(vld1_u8(from + i), vget_low_u8(shift)));
}

/* Where the copy of an input's line lies; the line outside is the last one. */
static uint8_t *line_copy(const struct window_task *t, size_t slot)
{
    return (uint8_t *)t->scratch + slot * padded_line_size(&t->window, t->in_pitch);
}

/* --- one line of outputs ------------------------------------------------------------- */

/* 8 channels of one output line. */
struct depthwise_line {
    const struct window_task *task;
    size_t channel, pitch;
    const int8_t *weights;
    const int8_t *in[KERNEL_MAX]; /* copies of lines, at the channel */
    uint8_t *out;
};

struct sums {
    int32x4_t low[COLUMNS], high[COLUMNS];
};

/* The constants of a line; known to the compiler, they make the loops straight code. */
struct shape {
    size_t kernel[2], stride; /* of the frequency axis */
    size_t columns;
};

ALWAYS_INLINE int8x8_t input_at(const struct depthwise_line *l, size_t tap, size_t x,
                                struct shape shape)
{
    return vld1_s8(l->in[tap / shape.kernel[1]] + (x + tap % shape.kernel[1]) * l->pitch);
}

/* x: of the first output's window */
ALWAYS_INLINE void add_taps(const struct depthwise_line *l, size_t x, struct sums *sums,
                            struct shape shape)
{
    const size_t taps = shape.kernel[0] * shape.kernel[1];
#pragma GCC unroll 13
    for (size_t tap = 0; tap < taps; tap += 2) {
        const int8x8_t weight = vld1_s8(l->weights + tap * HALF);
        int8x8_t next = vdup_n_s8(0);
        if (tap + 1 < taps)
            next = vld1_s8(l->weights + (tap + 1) * HALF);
#pragma GCC unroll 4
        for (size_t c = 0; c < shape.columns; c++) {
            const size_t at = x + c * shape.stride;
            int16x8_t products = vmull_s8(input_at(l, tap, at, shape), weight);
            if (tap + 1 < taps)
                products = vmlal_s8(products, input_at(l, tap + 1, at, shape), next);
            sums->low[c] = vaddw_s16(sums->low[c], vget_low_s16(products));
            sums->high[c] = vaddw_high_s16(sums->high[c], products);
        }
    }
}

ALWAYS_INLINE void depthwise_columns(const struct depthwise_line *l, size_t x, struct shape shape,
                                     const struct tail *tail)
{
    const struct window_task *t = l->task;
    const struct requantization *r = t->requantization;
    const int32_t *shift = (const int32_t *)t->weights + l->channel, *bias = r->bias + l->channel;
    const int32x4_t low_start = vaddq_s32(vld1q_s32(bias), vld1q_s32(shift));
    const int32x4_t high_start = vaddq_s32(vld1q_s32(bias + LANES), vld1q_s32(shift + LANES));
    struct sums sums;
#pragma GCC unroll 4
    for (size_t c = 0; c < shape.columns; c++) {
        sums.low[c] = low_start;
        sums.high[c] = high_start;
    }
    add_taps(l, x * shape.stride, &sums, shape);
    const float32x4_t low = vld1q_f32(r->scale + l->channel);
    const float32x4_t high = vld1q_f32(r->scale + l->channel + LANES);
    const int16x4_t none = vdup_n_s16(0);
#pragma GCC unroll 4
    for (size_t c = 0; c < shape.columns; c++) {
        const int16x8_t words = to_words(requantize(sums.low[c], low, none, tail),
                                         requantize(sums.high[c], high, none, tail), tail->zero);
        vst1_u8(l->out + (x + c) * l->pitch, vget_low_u8(to_bytes(words, words, tail)));
    }
}

/* The last outputs begin earlier than need be rather than be fewer: what is computed again comes
 * out the same. */
ALWAYS_INLINE void depthwise_with(const struct depthwise_line *l, struct shape shape,
                                  enum activation activation)
{
    const size_t width = l->task->window.out[1];
    const struct tail tail = tail_of(l->task->requantization, activation, false);
    shape.columns = width < COLUMNS ? 1 : COLUMNS;
    if (width < COLUMNS) {
        shape.columns = 1;
        for (size_t x = 0; x < width; x++)
            depthwise_columns(l, x, shape, &tail);
        return;
    }
    shape.columns = COLUMNS;
    for (size_t x = 0; x < width; x += COLUMNS)
        depthwise_columns(l, x + COLUMNS > width ? width - COLUMNS : x, shape, &tail);
}

ALWAYS_INLINE void depthwise_line(const struct depthwise_line *l, struct shape shape)
{
    switch (l->task->requantization->activation) {
    case ACTIVATION_NONE:
        depthwise_with(l, shape, ACTIVATION_NONE);
        break;
    case ACTIVATION_RELU:
        depthwise_with(l, shape, ACTIVATION_RELU);
        break;
    case ACTIVATION_HARDSWISH:
        depthwise_with(l, shape, ACTIVATION_HARDSWISH);
    }
}

/* Windows of 3 by 3 and 5 by 5 with constants, all others with a general loop. */
static void depthwise_any_line(const struct depthwise_line *l)
{
    const struct window *w = &l->task->window;
    const bool three = w->kernel[0] == 3 && w->kernel[1] == 3;
    const bool five = w->kernel[0] == 5 && w->kernel[1] == 5;
    if (three && w->stride[1] == 1)
        depthwise_line(l, (struct shape){.kernel = {3, 3}, .stride = 1});
    else if (three && w->stride[1] == 2)
        depthwise_line(l, (struct shape){.kernel = {3, 3}, .stride = 2});
    else if (five && w->stride[1] == 1)
        depthwise_line(l, (struct shape){.kernel = {5, 5}, .stride = 1});
    else if (five && w->stride[1] == 2)
        depthwise_line(l, (struct shape){.kernel = {5, 5}, .stride = 2});
    else
        depthwise_line(l, (struct shape){.kernel = {w->kernel[0], w->kernel[1]},
                                         .stride = w->stride[1]});
}

/* --- all lines ----------------------------------------------------------------------- */

/* Copies the lines up to `end` that no window has seen yet. */
static void copy_lines(const struct window_task *t, size_t *copied, size_t end)
{
    const struct window *w = &t->window;
    const size_t size = w->in[1] * t->in_pitch;
    for (; *copied < end && *copied < w->in[0]; (*copied)++)
        copy_shifted(t->in + *copied * size, size,
                     line_copy(t, *copied % w->kernel[0]) + w->padding[1] * t->in_pitch);
}

void neon_depthwise(const struct window_task *t)
{
    const struct window *w = &t->window;
    const size_t taps = (size_t)w->kernel[0] * w->kernel[1];
    size_t copied = 0;
    memset(t->scratch, t->in_zero ^ 128, neon_depthwise_scratch_size(w, t->in_pitch));
    for (size_t time = 0; time < w->out[0]; time++) {
        const size_t first = time * w->stride[0]; /* line of the window, in padded places */
        if (first + w->kernel[0] > w->padding[0])
            copy_lines(t, &copied, first + w->kernel[0] - w->padding[0]);
        struct depthwise_line l = {.task = t, .pitch = t->in_pitch};
        l.weights = (const int8_t *)((const int32_t *)t->weights + t->in_pitch);
        l.out = t->out + time * w->out[1] * t->out_pitch;
        const int8_t *lines[KERNEL_MAX];
        for (size_t k = 0; k < w->kernel[0]; k++) {
            const size_t y = first + k - w->padding[0]; /* huge before the beginning */
            lines[k] = (const int8_t *)line_copy(t, y < w->in[0] ? y % w->kernel[0] : w->kernel[0]);
        }
        for (; l.channel < t->in_pitch; l.channel += HALF, l.out += HALF, l.weights += taps * HALF) {
            for (size_t k = 0; k < w->kernel[0]; k++)
                l.in[k] = lines[k] + l.channel;
            depthwise_any_line(&l);
        }
    }
}
