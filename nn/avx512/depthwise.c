#include "nn/avx512/avx512.h"
#include "nn/avx512/lanes.h"
#include "nn/line_sums.h"

#include <string.h>

/* Four neighbours on the time axis are multiplied at once. So lines of the input are interleaved by
 * fours: [group of 4 lines][place][channel][4 lines], with padding at both ends. As many output
 * lines as these lines are enough for are computed from them, each with its weights at other lines.
 * A register holds 16 neighbouring values of an output line. Where the channels are no multiple of
 * 16, some of these are of the next place, and everything repeats itself after two places.
 * Packed weights: [16 values of a period][kernel frequency][group of 4 lines][output line][value]
 * [4], zero where the kernel of that output line does not reach. */
#define COLUMNS 4   /* periods that are computed at once, from the same weights */
#define LINES 2     /* output lines likewise */
#define HELD_TAPS 6 /* so many registers of weights stay in registers: those of a 3x3 kernel */
#define MAX_GROUPS ((KERNEL_SIDE_MAX + 3) / 4)

/* How many groups of 4 lines, and how many output lines they are enough for. */
struct strip {
    size_t groups, outputs;
};

static struct strip strip_of(const struct window *w)
{
    const size_t groups = (w->kernel[0] + 3) / 4;
    return (struct strip){groups, (groups * 4 - w->kernel[0]) / w->stride[0] + 1};
}

/* The values of a period, after which registers meet the same channels again. */
static size_t period_of(size_t pitch)
{
    return pitch % LANES == 0 ? pitch : 2 * pitch;
}

static size_t block_weights(const struct window *w)
{
    const struct strip strip = strip_of(w);
    return w->kernel[1] * strip.groups * strip.outputs * VECTOR;
}

size_t AVX512_NAME(depthwise_packed_size)(const struct window *w, size_t channels)
{
    const size_t padded = round_up(channels, HALF);
    return period_of(padded) / LANES * block_weights(w);
}

void AVX512_NAME(depthwise_pack)(const int8_t *weights, const struct window *w, size_t channels,
                                 void *packed)
{
    const struct strip strip = strip_of(w);
    const size_t padded = round_up(channels, HALF), taps = (size_t)w->kernel[0] * w->kernel[1];
    const size_t per_frequency = strip.groups * strip.outputs * VECTOR;
    int8_t *to = packed;
    for (size_t block = 0; block < period_of(padded); block += LANES) {
        for (size_t i = 0; i < block_weights(w); i++, to++) {
            const size_t frequency = i / per_frequency, group = i / (strip.outputs * VECTOR);
            const size_t output = i / VECTOR % strip.outputs;
            const size_t channel = (block + i / 4 % LANES) % padded;
            const size_t time =
                group % strip.groups * 4 + i % 4 - output * w->stride[0]; /* or huge */
            *to = 0;
            if (channel < channels && time < w->kernel[0])
                *to = weights[channel * taps + time * w->kernel[1] + frequency];
        }
    }
}

/* --- scratch memory ------------------------------------------------------------------ */

/* Bytes of 4 lines. Columns may begin up to 2 * COLUMNS - 1 places behind the last one, and what is
 * interleaved at once may end behind it. */
static size_t group_size(const struct window *w, size_t pitch)
{
    const size_t places = w->in[1] + 2 * (size_t)w->padding[1] + 2 * COLUMNS * w->stride[1];
    return round_up(places * pitch * 4, VECTOR);
}

struct scratch {
    uint8_t *groups;
    uint8_t *outside; /* a line outside the input, without padding */
    /* For two places, because a register's values may begin at one and end at the next. */
    int32_t *bias;
    float *scale;
};

size_t AVX512_NAME(depthwise_scratch_size)(const struct window *w, size_t pitch)
{
    const size_t constants = 2 * pitch * (sizeof(int32_t) + sizeof(float));
    return strip_of(w).groups * group_size(w, pitch) + constants + w->in[1] * pitch;
}

static struct scratch scratch_begin(const struct window_task *t)
{
    const struct window *w = &t->window;
    const struct requantization *r = t->requantization;
    const size_t pitch = t->in_pitch;
    struct scratch scratch = {.groups = t->scratch};
    scratch.bias = (int32_t *)(void *)(scratch.groups + strip_of(w).groups * group_size(w, pitch));
    scratch.scale = (float *)(void *)(scratch.bias + 2 * pitch);
    scratch.outside = (uint8_t *)(scratch.scale + 2 * pitch);
    for (size_t place = 0; place < 2; place++) {
        memcpy(scratch.bias + place * pitch, r->bias, pitch * sizeof *scratch.bias);
        memcpy(scratch.scale + place * pitch, r->scale, pitch * sizeof *scratch.scale);
    }
    memset(scratch.outside, t->in_zero, w->in[1] * pitch);
    return scratch;
}

/* What stays the same while output lines are computed from the same lines of the input. */
struct depthwise_strip {
    const struct window_task *task;
    struct scratch scratch;
    size_t pitch;
    const uint8_t *groups[MAX_GROUPS];
    size_t lines; /* output lines that exist */
    uint8_t *out; /* the first of them */
};

/* --- interleaving -------------------------------------------------------------------- */

/* Interleaves 32 bytes of 4 lines, or as many as the mask has. */
ALWAYS_INLINE void interleave_bytes(const uint8_t *const lines[4], size_t at, __mmask32 mask,
                                    uint8_t *to)
{
    const __m512i low_half =
        _mm512_set_epi32(0x6f4f2f0f, 0x6e4e2e0e, 0x6d4d2d0d, 0x6c4c2c0c, 0x6b4b2b0b, 0x6a4a2a0a,
                         0x69492909, 0x68482808, 0x67472707, 0x66462606, 0x65452505, 0x64442404,
                         0x63432303, 0x62422202, 0x61412101, 0x60402000);
    const __m512i high_half = _mm512_or_si512(low_half, _mm512_set1_epi8(LANES));
    __m256i line[4];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        line[i] = mask == UINT32_MAX ? _mm256_loadu_si256((const void *)(lines[i] + at))
                                     : _mm256_maskz_loadu_epi8(mask, lines[i] + at);
    const __m512i first = _mm512_inserti64x4(_mm512_castsi256_si512(line[0]), line[1], 1);
    const __m512i second = _mm512_inserti64x4(_mm512_castsi256_si512(line[2]), line[3], 1);
    _mm512_storeu_si512(to, _mm512_permutex2var_epi8(first, low_half, second));
    _mm512_storeu_si512(to + VECTOR, _mm512_permutex2var_epi8(first, high_half, second));
}

/* memset() of a few times 32 bytes; returns the end. */
ALWAYS_INLINE uint8_t *fill(uint8_t *to, size_t size, int value)
{
    for (uint8_t *end = to + size; to < end; to += VECTOR / 2)
        _mm256_storeu_si256((void *)to, _mm256_set1_epi8((char)value));
    return to;
}

/* The lines from y on (which may lie before the first one, as a huge number). */
static void interleave(const struct depthwise_strip *s, unsigned y, uint8_t *to)
{
    const struct window_task *t = s->task;
    const struct window *w = &t->window;
    const size_t size = w->in[1] * s->pitch, padding = w->padding[1] * s->pitch * 4;
    const uint8_t *lines[4];
    size_t at = 0;
    for (unsigned i = 0; i < 4; i++)
        lines[i] = y + i < w->in[0] ? t->in + (size_t)(y + i) * size : s->scratch.outside;
    to = fill(to, padding, t->in_zero);
    for (; at + VECTOR / 2 <= size; at += VECTOR / 2)
        interleave_bytes(lines, at, UINT32_MAX, to + at * 4);
    if (at < size)
        interleave_bytes(lines, at, (UINT32_C(1) << (size - at)) - 1, to + at * 4);
    fill(to + size * 4, padding, t->in_zero);
}

/* --- products ------------------------------------------------------------------------ */

/* What the loops are compiled for. kernel, stride: on the frequency axis. apart: the two halves of
 * a register may belong to places that lie apart in the input. */
struct shape {
    size_t outputs, groups, kernel, stride;
    bool apart;
};

ALWAYS_INLINE size_t taps_of(struct shape k)
{
    return k.kernel * k.groups * k.outputs;
}

/* 16 values of a period. */
struct block {
    size_t in;             /* the first column's bytes in a group */
    size_t second, column; /* from the first half to the second, from a column to the next */
    const int8_t *weights;
    __m512i held[HELD_TAPS];
    __m512i bias;
    __m512 scale;
};

struct sums {
    __m512i of[LINES][COLUMNS];
};

/* The products for the output lines from `output` on, as many as the sums have. */
ALWAYS_INLINE void add_products(const struct depthwise_strip *s, const struct block *b,
                                struct shape k, size_t output, size_t lines, struct sums *sums)
{
    size_t in = b->in, tap = output;
#pragma GCC unroll 5
    for (size_t frequency = 0; frequency < k.kernel; frequency++, in += s->pitch * 4) {
#pragma GCC unroll 2
        for (size_t g = 0; g < k.groups; g++, tap += k.outputs) {
            const uint8_t *from = s->groups[g] + in;
            __m512i bytes[COLUMNS];
#pragma GCC unroll 4
            for (size_t c = 0; c < COLUMNS; c++, from += b->column) {
                bytes[c] = _mm512_loadu_si512(from);
                if (k.apart)
                    bytes[c] = _mm512_inserti64x4(
                        bytes[c], _mm256_loadu_si256((const void *)(from + b->second)), 1);
            }
#pragma GCC unroll 4
            for (size_t o = 0; o < lines; o++) {
                const __m512i weight = taps_of(k) <= HELD_TAPS
                                           ? b->held[tap + o]
                                           : _mm512_loadu_si512(b->weights + (tap + o) * VECTOR);
#pragma GCC unroll 4
                for (size_t c = 0; c < COLUMNS; c++)
                    sums->of[o][c] = dot(sums->of[o][c], bytes[c], weight);
            }
        }
    }
}

/* Stores the columns of one line, of whose values so many are left. */
ALWAYS_INLINE void store_columns(uint8_t *out, size_t period, __m512i bytes, size_t left)
{
    if (left < (COLUMNS - 1) * period + LANES) {
        uint8_t all[VECTOR];
        _mm512_storeu_si512(all, bytes);
        for (size_t c = 0; c < COLUMNS && c * period < left; c++) {
            const size_t of_column = left - c * period;
            memcpy(out + c * period, all + c * LANES, of_column < LANES ? of_column : LANES);
        }
    } else if (period == LANES) {
        _mm512_storeu_si512(out, bytes);
    } else {
        _mm_storeu_si128((void *)out, PIECE(bytes, 0));
        _mm_storeu_si128((void *)(out + period), PIECE(bytes, 1));
        _mm_storeu_si128((void *)(out + 2 * period), PIECE(bytes, 2));
        _mm_storeu_si128((void *)(out + 3 * period), PIECE(bytes, 3));
    }
}

/* The columns of output lines from `output` on; left: values from the first column on. */
ALWAYS_INLINE void depthwise_columns(const struct depthwise_strip *s, const struct block *b,
                                     struct shape k, size_t output, uint8_t *out, size_t left,
                                     const struct tail *tail)
{
    const size_t lines = k.outputs < LINES ? k.outputs : LINES;
    const size_t line = s->task->window.out[1] * s->pitch, period = period_of(s->pitch);
    const __m512 scale[COLUMNS] = {b->scale, b->scale, b->scale, b->scale};
    const __m128i no_residual[COLUMNS] = {_mm_setzero_si128()};
    struct sums sums;
#pragma GCC unroll 2
    for (size_t o = 0; o < lines; o++) {
#pragma GCC unroll 4
        for (size_t c = 0; c < COLUMNS; c++)
            sums.of[o][c] = b->bias;
    }
    add_products(s, b, k, output, lines, &sums);
#pragma GCC unroll 2
    for (size_t o = 0; o < lines; o++) {
        if (output + o == s->lines)
            break;
        requantize(sums.of[o], scale, no_residual, tail);
        store_columns(out + (output + o) * line, period, pack(sums.of[o], tail->zero, tail->floor),
                      left);
    }
}

/* 16 values of each period of the output lines; value: the first one. */
ALWAYS_INLINE void depthwise_block(const struct depthwise_strip *s, size_t value, struct shape k,
                                   const struct tail *tail)
{
    const size_t pitch = s->pitch, period = period_of(pitch), end = s->task->window.out[1] * pitch;
    const size_t place = value < pitch ? 0 : 1, channel = value - place * pitch;
    const bool next = channel + LANES > pitch; /* is where the second half is */
    struct block b = {
        .in = (place * k.stride * pitch + channel) * 4,
        .second = (HALF + (next ? (k.stride - 1) * pitch : 0)) * 4,
        .column = period * k.stride * 4,
        .weights = (const int8_t *)s->task->weights + value / LANES * taps_of(k) * VECTOR,
        .bias = _mm512_loadu_si512(s->scratch.bias + value),
        .scale = _mm512_loadu_ps(s->scratch.scale + value),
    };
    if (taps_of(k) <= HELD_TAPS) {
#pragma GCC unroll 6
        for (size_t tap = 0; tap < taps_of(k); tap++)
            b.held[tap] = _mm512_loadu_si512(b.weights + tap * VECTOR);
    }
    for (size_t at = value; at < end; at += COLUMNS * period, b.in += COLUMNS * b.column) {
        for (size_t output = 0; output < k.outputs && output < s->lines; output += LINES)
            depthwise_columns(s, &b, k, output, s->out + at, end - at, tail);
    }
}

ALWAYS_INLINE void depthwise_with(const struct depthwise_strip *s, struct shape k,
                                  enum activation activation)
{
    const struct tail tail = tail_of(s->task->requantization, activation, false);
    for (size_t value = 0; value < period_of(s->pitch); value += LANES)
        depthwise_block(s, value, k, &tail);
}

ALWAYS_INLINE void depthwise_strip(const struct depthwise_strip *s, struct shape k)
{
    switch (s->task->requantization->activation) {
    case ACTIVATION_NONE:
        depthwise_with(s, k, ACTIVATION_NONE);
        break;
    case ACTIVATION_RELU:
        depthwise_with(s, k, ACTIVATION_RELU);
        break;
    case ACTIVATION_HARDSWISH:
        depthwise_with(s, k, ACTIVATION_HARDSWISH);
    }
}

/* The squares of 3 and 5 with constants, all others with a general loop. Kernels have an odd number
 * of lines, so that 1 or 3 of a strip's lines are left over: 1, 2 or 4 output lines, never 3. */
static void depthwise_any_strip(const struct depthwise_strip *s)
{
    const struct window *w = &s->task->window;
    const struct strip strip = strip_of(w);
    const size_t kernel = w->kernel[1], stride = w->stride[1];
    const bool square = w->kernel[0] == kernel && w->stride[0] == stride;
    const bool apart = stride > 1 && s->pitch % LANES != 0;
    if (square && kernel == 3 && stride == 1)
        depthwise_strip(s, (struct shape){2, 1, 3, 1, false});
    else if (square && kernel == 3 && stride == 2 && apart)
        depthwise_strip(s, (struct shape){1, 1, 3, 2, true});
    else if (square && kernel == 3 && stride == 2)
        depthwise_strip(s, (struct shape){1, 1, 3, 2, false});
    else if (square && kernel == 5 && stride == 1)
        depthwise_strip(s, (struct shape){4, 2, 5, 1, false});
    else if (square && kernel == 5 && stride == 2 && !apart)
        depthwise_strip(s, (struct shape){2, 2, 5, 2, false});
    else if (strip.outputs == 1)
        depthwise_strip(s, (struct shape){1, strip.groups, kernel, stride, apart});
    else if (strip.outputs == 2)
        depthwise_strip(s, (struct shape){2, strip.groups, kernel, stride, apart});
    else
        depthwise_strip(s, (struct shape){4, strip.groups, kernel, stride, apart});
}

/* Interleaves the lines from y on. Where that is 4 lines further on than the last time, the first
 * groups are there already. */
static void begin_strip(struct depthwise_strip *s, size_t number, unsigned y)
{
    const struct window *w = &s->task->window;
    const struct strip strip = strip_of(w);
    const bool again = number > 0 && strip.outputs * w->stride[0] == 4;
    for (unsigned g = 0; g < strip.groups; g++) {
        uint8_t *group = s->scratch.groups + (number + g) % strip.groups * group_size(w, s->pitch);
        s->groups[g] = group;
        if (!again || g + 1 == strip.groups)
            interleave(s, y + 4 * g, group);
    }
}

void AVX512_NAME(depthwise)(const struct window_task *t)
{
    const struct window *w = &t->window;
    const size_t outputs = strip_of(w).outputs, line = w->out[1] * t->out_pitch;
    struct depthwise_strip s = {.task = t, .scratch = scratch_begin(t), .pitch = t->in_pitch};
    struct line_sums sums = line_sums_begin(t, 0, t->out_pitch, AVX512_NAME(add_channel_sums));
    for (size_t number = 0, time = 0; time < w->out[0]; number++, time += outputs) {
        begin_strip(&s, number, (unsigned)time * w->stride[0] - w->padding[0]);
        s.lines = w->out[0] - time < outputs ? w->out[0] - time : outputs;
        s.out = t->out + time * line;
        depthwise_any_strip(&s);
        line_sums_written(&sums, s.lines * w->out[1]);
    }
    line_sums_end(&sums);
}
