#include "nn/avx512/avx512.h"
#include "nn/avx512/lanes.h"
#include "nn/line_sums.h"

#include <string.h>

/* Four neighbours on the time axis are multiplied at once. Lines of the input are interleaved by
 * fours: [group of 4 lines][place][channel][4 lines], for 16 channels or the last 8, with padding
 * at both ends. As many output lines as these lines are enough for are computed from them, each
 * with its weights at other lines. 8 channels are computed for two neighbouring places in one
 * register.
 * Packed weights: [16 channels][kernel frequency][group of 4 lines][output line][channel][4], zero
 * where the kernel of that output line does not reach; for 8 channels, they are there twice. */
#define COLUMNS 4 /* registers of places that are computed at once, from the same weights */

/* How many groups of 4 lines, and how many output lines they are enough for. */
struct strip {
    size_t groups, outputs;
};

static struct strip strip_of(const struct window *w)
{
    const size_t groups = (w->kernel[0] + 3) / 4;
    return (struct strip){groups, (groups * 4 - w->kernel[0]) / w->stride[0] + 1};
}

static size_t block_weights(const struct window *w)
{
    const struct strip strip = strip_of(w);
    return w->kernel[1] * strip.groups * strip.outputs * VECTOR;
}

size_t AVX512_NAME(depthwise_packed_size)(const struct window *w, size_t channels)
{
    return round_up(channels, LANES) / LANES * block_weights(w);
}

void AVX512_NAME(depthwise_pack)(const int8_t *weights, const struct window *w, size_t channels,
                                 void *packed)
{
    const struct strip strip = strip_of(w);
    const size_t padded = round_up(channels, HALF), taps = (size_t)w->kernel[0] * w->kernel[1];
    const size_t per_frequency = strip.groups * strip.outputs * VECTOR;
    int8_t *to = packed;
    for (size_t block = 0; block < padded; block += LANES) {
        const size_t width = padded - block < LANES ? HALF : LANES;
        for (size_t i = 0; i < block_weights(w); i++, to++) {
            const size_t frequency = i / per_frequency, group = i / (strip.outputs * VECTOR);
            const size_t output = i / VECTOR % strip.outputs, channel = block + i / 4 % width;
            const size_t time =
                group % strip.groups * 4 + i % 4 - output * w->stride[0]; /* or huge */
            *to = 0;
            if (channel < channels && time < w->kernel[0])
                *to = weights[channel * taps + time * w->kernel[1] + frequency];
        }
    }
}

/* Places of a line, for a number of output places that is a multiple of 2 * COLUMNS. */
static size_t line_places(const struct window *w)
{
    return (round_up(w->out[1], 2 * COLUMNS) - 1) * w->stride[1] + w->kernel[1];
}

size_t AVX512_NAME(depthwise_scratch_size)(const struct window *w, size_t pitch)
{
    (void)pitch;
    return strip_of(w).groups * line_places(w) * VECTOR;
}

/* --- interleaving -------------------------------------------------------------------- */

/* 4 lines at a place; outside the input a step is 0. */
struct lines {
    const uint8_t *at[4];
    size_t step[4];
};

ALWAYS_INLINE __m256i load_2_lines(const struct lines *l, size_t first, size_t place)
{
    const __m128i low = load_16_bytes(l->at[first] + place * l->step[first]);
    const uint8_t *next = l->at[first + 1] + place * l->step[first + 1];
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), load_16_bytes(next), 1);
}

ALWAYS_INLINE void interleave_16(const struct lines *l, size_t place, uint8_t *to)
{
    const __m512i order =
        _mm512_set_epi32(0x3f2f1f0f, 0x3e2e1e0e, 0x3d2d1d0d, 0x3c2c1c0c, 0x3b2b1b0b, 0x3a2a1a0a,
                         0x39291909, 0x38281808, 0x37271707, 0x36261606, 0x35251505, 0x34241404,
                         0x33231303, 0x32221202, 0x31211101, 0x30201000);
    const __m512i low = _mm512_castsi256_si512(load_2_lines(l, 0, place));
    const __m512i v = _mm512_inserti64x4(low, load_2_lines(l, 2, place), 1);
    _mm512_storeu_si512(to, _mm512_permutexvar_epi8(order, v));
}

ALWAYS_INLINE void interleave_8(const struct lines *l, size_t place, uint8_t *to)
{
    const __m128i low = _mm_unpacklo_epi8(load_8_bytes(l->at[0] + place * l->step[0]),
                                          load_8_bytes(l->at[1] + place * l->step[1]));
    const __m128i high = _mm_unpacklo_epi8(load_8_bytes(l->at[2] + place * l->step[2]),
                                           load_8_bytes(l->at[3] + place * l->step[3]));
    _mm_storeu_si128((__m128i *)(void *)to, _mm_unpacklo_epi16(low, high));
    _mm_storeu_si128((__m128i *)(void *)(to + 16), _mm_unpackhi_epi16(low, high));
}

/* memset() of a few times 32 bytes; returns the end. */
ALWAYS_INLINE uint8_t *fill(uint8_t *to, size_t size, int value)
{
    for (uint8_t *end = to + size; to < end; to += VECTOR / 2)
        _mm256_storeu_si256((void *)to, _mm256_set1_epi8((char)value));
    return to;
}

/* The lines from y on (which may lie before the first one, as a huge number). */
ALWAYS_INLINE void interleave(const struct window_task *t, size_t channel, unsigned y, uint8_t *to,
                              bool paired)
{
    const struct window *w = &t->window;
    const size_t before = w->padding[1], inside = w->in[1], places = line_places(w);
    const size_t size = paired ? VECTOR / 2 : VECTOR;
    uint8_t outside[LANES];
    struct lines lines;
    memset(outside, t->in_zero, sizeof outside);
    for (unsigned i = 0; i < 4; i++) {
        const bool exists = y + i < w->in[0];
        const size_t line = (size_t)(y + i) * w->in[1];
        lines.at[i] = exists ? t->in + line * t->in_pitch + channel : outside;
        lines.step[i] = exists ? t->in_pitch : 0;
    }
    to = fill(to, before * size, t->in_zero);
    const size_t filled = inside < places - before ? inside : places - before;
    for (size_t place = 0; place < filled; place++, to += size) {
        if (paired)
            interleave_8(&lines, place, to);
        else
            interleave_16(&lines, place, to);
    }
    fill(to, (places - before - filled) * size, t->in_zero);
}

/* --- products ------------------------------------------------------------------------ */

/* A strip of output lines of 16 channels. */
struct depthwise_strip {
    const struct window_task *task;
    struct strip strip;
    size_t channel, places;
    unsigned y;   /* the first input line; huge, if before the beginning */
    size_t lines; /* output lines that exist */
    const int8_t *weights;
    uint8_t *out; /* the first line's first place, at the channel */
};

/* What the loops are compiled for. */
struct shape {
    size_t outputs, kernel, groups; /* kernel: on the frequency axis */
    bool paired;
};

/* COLUMNS registers of each output line's sums, for the places from x on. */
struct sums {
    __m512i of[4][COLUMNS];
};

ALWAYS_INLINE void add_products(const struct depthwise_strip *s, size_t x, struct shape k,
                                struct sums *sums)
{
    const size_t size = k.paired ? VECTOR / 2 : VECTOR, stride = s->task->window.stride[1] * size;
    const size_t step = k.paired ? 2 * stride : stride;
    const uint8_t *in = (const uint8_t *)s->task->scratch + x * stride;
    const int8_t *weights = s->weights;
#pragma GCC unroll 5
    for (size_t frequency = 0; frequency < k.kernel; frequency++, in += size) {
#pragma GCC unroll 2
        for (size_t g = 0; g < k.groups; g++, weights += k.outputs * VECTOR) {
            const uint8_t *from = in + g * s->places * size;
            __m512i bytes[COLUMNS];
#pragma GCC unroll 4
            for (size_t c = 0; c < COLUMNS; c++, from += step) {
                bytes[c] = _mm512_loadu_si512(from);
                if (k.paired && stride > size)
                    bytes[c] = _mm512_inserti64x4(
                        bytes[c], _mm256_loadu_si256((const void *)(from + stride)), 1);
            }
#pragma GCC unroll 4
            for (size_t o = 0; o < k.outputs; o++) {
                const __m512i weight = _mm512_loadu_si512(weights + o * VECTOR);
#pragma GCC unroll 4
                for (size_t c = 0; c < COLUMNS; c++)
                    sums->of[o][c] = dot(sums->of[o][c], bytes[c], weight);
            }
        }
    }
}

/* Stores the bytes of one line's places, as many as there are. */
ALWAYS_INLINE void store_columns(uint8_t *out, size_t pitch, __m512i bytes, size_t places,
                                 bool paired)
{
    const size_t size = paired ? HALF : LANES, next = paired ? 2 * pitch : pitch;
    if (pitch == size && places >= VECTOR / size) {
        _mm512_storeu_si512(out, bytes);
    } else if (places >= VECTOR / size) {
        store_piece(out, pitch, PIECE(bytes, 0), paired);
        store_piece(out + next, pitch, PIECE(bytes, 1), paired);
        store_piece(out + 2 * next, pitch, PIECE(bytes, 2), paired);
        store_piece(out + 3 * next, pitch, PIECE(bytes, 3), paired);
    } else {
        uint8_t all[VECTOR];
        _mm512_storeu_si512(all, bytes);
        for (size_t i = 0; i < places; i++)
            memcpy(out + i * pitch, all + i * size, size);
    }
}

ALWAYS_INLINE void depthwise_columns(const struct depthwise_strip *s, size_t x, struct shape k,
                                     const struct tail *tail)
{
    const struct requantization *r = s->task->requantization;
    const size_t width = s->task->window.out[1], pitch = s->task->out_pitch;
    const __m512i start = load_ints(r->bias + s->channel, k.paired);
    struct sums sums;
#pragma GCC unroll 4
    for (size_t o = 0; o < k.outputs; o++) {
#pragma GCC unroll 4
        for (size_t c = 0; c < COLUMNS; c++)
            sums.of[o][c] = start;
    }
    add_products(s, x, k, &sums);
    const __m512 scale = load_floats(r->scale + s->channel, k.paired);
    const __m512 scales[COLUMNS] = {scale, scale, scale, scale};
#pragma GCC unroll 4
    for (size_t o = 0; o < k.outputs; o++) {
        if (o == s->lines)
            break;
        requantize(sums.of[o], scales, NULL, tail);
        store_columns(s->out + (o * width + x) * pitch, pitch,
                      pack(sums.of[o], tail->zero, tail->floor), width - x, k.paired);
    }
}

ALWAYS_INLINE void depthwise_with(const struct depthwise_strip *s, struct shape k,
                                  enum activation activation)
{
    const struct tail tail = tail_of(s->task->requantization, activation, false);
    for (size_t x = 0; x < s->task->window.out[1]; x += (k.paired ? 2 : 1) * COLUMNS)
        depthwise_columns(s, x, k, &tail);
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

/* The squares of 3 and 5 with constants, all others with a general loop. */
ALWAYS_INLINE void depthwise_any_strip(const struct depthwise_strip *s, bool paired)
{
    const size_t outputs = s->strip.outputs, kernel = s->task->window.kernel[1];
    const size_t groups = s->strip.groups;
    if (kernel == 3 && groups == 1 && outputs == 1)
        depthwise_strip(s, (struct shape){1, 3, 1, paired});
    else if (kernel == 3 && groups == 1 && outputs == 2)
        depthwise_strip(s, (struct shape){2, 3, 1, paired});
    else if (kernel == 5 && groups == 2 && outputs == 2)
        depthwise_strip(s, (struct shape){2, 5, 2, paired});
    else if (kernel == 5 && groups == 2 && outputs == 4)
        depthwise_strip(s, (struct shape){4, 5, 2, paired});
    else if (outputs == 1)
        depthwise_strip(s, (struct shape){1, kernel, groups, paired});
    else if (outputs == 2)
        depthwise_strip(s, (struct shape){2, kernel, groups, paired});
    else
        depthwise_strip(s, (struct shape){4, kernel, groups, paired});
}

/* 16 channels of a strip, or the last 8. */
ALWAYS_INLINE void depthwise_block(const struct depthwise_strip *s, bool paired)
{
    const size_t line_size = s->places * (paired ? VECTOR / 2 : VECTOR);
    for (unsigned g = 0; g < s->strip.groups; g++)
        interleave(s->task, s->channel, s->y + 4 * g, (uint8_t *)s->task->scratch + g * line_size,
                   paired);
    depthwise_any_strip(s, paired);
}

void AVX512_NAME(depthwise)(const struct window_task *t)
{
    const struct window *w = &t->window;
    struct depthwise_strip s = {.task = t, .strip = strip_of(w), .places = line_places(w)};
    struct line_sums sums = line_sums_begin(t, 0, t->out_pitch, AVX512_NAME(add_channel_sums));
    for (size_t time = 0; time < w->out[0]; time += s.strip.outputs) {
        s.y = (unsigned)time * w->stride[0] - w->padding[0];
        s.lines = w->out[0] - time < s.strip.outputs ? w->out[0] - time : s.strip.outputs;
        s.weights = t->weights;
        s.channel = 0;
        s.out = t->out + time * w->out[1] * t->out_pitch;
        for (; s.channel + LANES <= t->in_pitch; s.channel += LANES) {
            depthwise_block(&s, false);
            s.weights += block_weights(w);
            s.out += LANES;
        }
        if (s.channel < t->in_pitch)
            depthwise_block(&s, true);
        line_sums_written(&sums, s.lines * w->out[1]);
    }
    line_sums_end(&sums);
}
