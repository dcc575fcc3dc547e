#include "nn/line_sums.h"
#include "nn/neon/lanes.h"
#include "nn/neon/neon.h"

#include <string.h>

/* The input's lines are copied, with the padding around them, so that every window lies inside. 8
 * channels and 4 neighbouring outputs are computed at a time. Two products fit 16 bits (2 * 128 *
 * 127 < 2^15): a pair of taps is multiplied (smull, smlal), then added to sums of 32 bits (saddw,
 * saddw2). Packed: the weights as [8 channels][kernel time][kernel frequency][channel]. */
#define COLUMNS 4

size_t neon_depthwise_packed_size(const struct window *w, size_t channels)
{
    return round_up(channels, HALF) * w->kernel[0] * w->kernel[1];
}

void neon_depthwise_pack(const int8_t *weights, const struct window *w, size_t channels,
                         void *packed)
{
    const size_t taps = (size_t)w->kernel[0] * w->kernel[1];
    int8_t *to = packed;
    memset(packed, 0, neon_depthwise_packed_size(w, channels));
    for (size_t c = 0; c < channels; c++) {
        for (size_t tap = 0; tap < taps; tap++)
            to[(c / HALF * taps + tap) * HALF + c % HALF] = weights[c * taps + tap];
    }
}

/* --- the lines that windows see ------------------------------------------------------ */

/* A line's copy: [8 channels][padded place][channel] */
static size_t padded_line_size(const struct window *w, size_t pitch)
{
    return (w->in[1] + 2 * (size_t)w->padding[1]) * pitch;
}

/* A line for each of the window's, and one outside the input. */
size_t neon_depthwise_scratch_size(const struct window *w, size_t pitch)
{
    return (w->kernel[0] + (size_t)1) * padded_line_size(w, pitch);
}

/* Where the copy of an input's line lies; the line outside is the last one. */
static uint8_t *line_copy(const struct window_task *t, size_t y)
{
    const struct window *w = &t->window;
    const size_t slot = y < w->in[0] ? y % w->kernel[0] : w->kernel[0];
    return (uint8_t *)t->scratch + slot * padded_line_size(w, t->in_pitch);
}

static void copy_line(const struct window_task *t, size_t y)
{
    const struct window *w = &t->window;
    const size_t width = w->in[1], pitch = t->in_pitch, padding = (size_t)w->padding[1] * HALF;
    const uint8_t *line = t->in + y * width * pitch;
    uint8_t *to = line_copy(t, y);
    for (size_t channel = 0; channel < pitch; channel += HALF) {
        const uint8_t *from = line + channel;
        to += padding;
#pragma GCC unroll 4
        for (size_t x = 0; x < width; x++, from += pitch, to += HALF)
            vst1_u8(to, vld1_u8(from));
        to += padding;
    }
}

/* --- one line of outputs ------------------------------------------------------------- */

struct depthwise_line {
    const struct window_task *task;
    const uint8_t *in[KERNEL_SIDE_MAX]; /* copies of lines */
    uint8_t *out;
};

/* What is known to the compiler, so that loops become straight code. */
struct shape {
    size_t kernel[2], stride; /* of the frequency axis */
    size_t columns;           /* neighbouring outputs */
};

struct sums {
    int32x4_t low[COLUMNS], high[COLUMNS];
};

/* The input under a tap of the window that begins at a place. */
ALWAYS_INLINE int8x8_t input_at(const uint8_t *const *in, size_t tap, size_t place,
                                struct shape shape)
{
    const uint8_t *line = in[tap / shape.kernel[1]];
    return load_signed(line + (place + tap % shape.kernel[1]) * HALF);
}

/* in: the lines at the window of the first output */
ALWAYS_INLINE void add_taps(const uint8_t *const *in, const int8_t *weights, struct sums *sums,
                            struct shape shape)
{
    const size_t taps = shape.kernel[0] * shape.kernel[1];
#pragma GCC unroll 13
    for (size_t tap = 0; tap < taps; tap += 2) {
        const bool pair = tap + 1 < taps;
        const int8x8_t weight = vld1_s8(weights + tap * HALF);
        const int8x8_t next = pair ? vld1_s8(weights + (tap + 1) * HALF) : weight;
#pragma GCC unroll 4
        for (size_t c = 0; c < shape.columns; c++) {
            int16x8_t products = vmull_s8(input_at(in, tap, c * shape.stride, shape), weight);
            if (pair)
                products = vmlal_s8(products, input_at(in, tap + 1, c * shape.stride, shape), next);
            sums->low[c] = vaddw_s16(sums->low[c], vget_low_s16(products));
            sums->high[c] = vaddw_high_s16(sums->high[c], products);
        }
    }
}

/* 8 channels' constants */
struct channels {
    const int8_t *weights;
    int32x4_t low_start, high_start; /* of the sums */
    float32x4_t low_scale, high_scale;
};

ALWAYS_INLINE struct channels channels_at(const struct window_task *t, size_t channel, size_t taps)
{
    const int32_t *bias = t->requantization->bias + channel;
    const float *scale = t->requantization->scale + channel;
    return (struct channels){
        .weights = (const int8_t *)t->weights + channel * taps,
        .low_start = vld1q_s32(bias),
        .high_start = vld1q_s32(bias + LANES),
        .low_scale = vld1q_f32(scale),
        .high_scale = vld1q_f32(scale + LANES),
    };
}

ALWAYS_INLINE void depthwise_columns(const uint8_t *const *in, const struct channels *channels,
                                     uint8_t *out, size_t pitch, struct shape shape,
                                     const struct tail *tail)
{
    struct sums sums;
#pragma GCC unroll 4
    for (size_t c = 0; c < shape.columns; c++) {
        sums.low[c] = channels->low_start;
        sums.high[c] = channels->high_start;
    }
    add_taps(in, channels->weights, &sums, shape);
    int16x8_t words[COLUMNS];
    const int16x4_t none = vdup_n_s16(0);
#pragma GCC unroll 4
    for (size_t c = 0; c < shape.columns; c++)
        words[c] = to_words(requantize(sums.low[c], channels->low_scale, none, tail),
                            requantize(sums.high[c], channels->high_scale, none, tail), tail->zero);
#pragma GCC unroll 2
    for (size_t c = 0; c < shape.columns; c += 2) {
        const bool pair = c + 1 < shape.columns;
        const int8x16_t bytes = to_bytes(words[c], words[pair ? c + 1 : c], tail);
        store_signed(out + c * pitch, vget_low_s8(bytes));
        if (pair)
            store_signed(out + (c + 1) * pitch, vget_high_s8(bytes));
    }
}

/* 8 channels of a line. The last outputs begin earlier than need be rather than be fewer: what is
 * computed again comes out the same. */
ALWAYS_INLINE void depthwise_channels(const struct depthwise_line *l, size_t channel,
                                      struct shape shape, const struct tail *tail)
{
    const struct window *w = &l->task->window;
    const size_t width = w->out[1], pitch = l->task->out_pitch, step = shape.stride * HALF;
    const size_t begin = channel * (w->in[1] + 2 * (size_t)w->padding[1]);
    const struct channels channels =
        channels_at(l->task, channel, shape.kernel[0] * shape.kernel[1]);
    const uint8_t *in[KERNEL_SIDE_MAX];
    uint8_t *out = l->out + channel;
#pragma GCC unroll 5
    for (size_t k = 0; k < shape.kernel[0]; k++)
        in[k] = l->in[k] + begin;
    for (size_t x = 0; x < width;) {
        depthwise_columns(in, &channels, out, pitch, shape, tail);
        x += shape.columns;
        size_t next = shape.columns;
        if (x < width && x + shape.columns > width) {
            next -= x + shape.columns - width;
            x = width - shape.columns;
        }
        out += next * pitch;
#pragma GCC unroll 5
        for (size_t k = 0; k < shape.kernel[0]; k++)
            in[k] += next * step;
    }
}

ALWAYS_INLINE void depthwise_with(const struct depthwise_line *l, struct shape shape,
                                  enum activation activation)
{
    const struct window_task *t = l->task;
    const struct tail tail = tail_of(t->requantization, activation, false);
    shape.columns = COLUMNS;
    struct shape narrow = shape;
    narrow.columns = 1;
    const bool wide = t->window.out[1] >= COLUMNS;
    for (size_t channel = 0; channel < t->in_pitch; channel += HALF) {
        if (wide)
            depthwise_channels(l, channel, shape, &tail);
        else
            depthwise_channels(l, channel, narrow, &tail);
    }
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
        depthwise_line(
            l, (struct shape){.kernel = {w->kernel[0], w->kernel[1]}, .stride = w->stride[1]});
}

/* --- all lines ----------------------------------------------------------------------- */

void neon_depthwise(const struct window_task *t)
{
    const struct window *w = &t->window;
    struct depthwise_line l = {.task = t, .out = t->out};
    struct line_sums sums = line_sums_begin(t, 0, t->out_pitch, neon_add_channel_sums);
    size_t copied = 0;
    memset(t->scratch, t->in_zero, neon_depthwise_scratch_size(w, t->in_pitch));
    for (size_t time = 0; time < w->out[0]; time++, l.out += w->out[1] * t->out_pitch) {
        const size_t first = time * w->stride[0]; /* line of the window, in padded places */
        for (; copied + w->padding[0] < first + w->kernel[0] && copied < w->in[0]; copied++)
            copy_line(t, copied);
        for (size_t k = 0; k < w->kernel[0]; k++)
            l.in[k] = line_copy(t, first + k - w->padding[0]); /* huge before the beginning */
        depthwise_any_line(&l);
        line_sums_written(&sums, w->out[1]);
    }
    line_sums_end(&sums);
}
