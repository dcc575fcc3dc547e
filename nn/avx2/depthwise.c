#include "nn/avx2/avx2.h"
#include "nn/avx2/tile.h"
#include "nn/line_sums.h"

#include <string.h>

/* Two neighbours on the frequency axis are multiplied at once. So a line of the input is laid out
 * as pairs of 16 bits: [block of 8 channels][place][channel][the values at x and x + 1], with
 * padding at both ends. With a stride of 2 every other place is never read, and left out. A ring
 * holds as many lines as the kernel has. Channels are taken CHUNK at a time, so that the ring stays
 * in the first-level cache. Packed weights, 16 bits: [block][kernel time][pair][channel][2]. */
#define COLUMNS 8               /* outputs that are computed at once, with the same weights */
#define CHUNK 64                /* a cache line of channels */
#define PLACE_BYTES (4 * LANES) /* 8 channels' pairs */

static size_t pairs_of(const struct window *w)
{
    return (w->kernel[1] + 1) / 2;
}

size_t AVX2_NAME(depthwise_packed_size)(const struct window *w, size_t channels)
{
    return round_up(channels, LANES) * w->kernel[0] * pairs_of(w) * 2 * sizeof(int16_t);
}

void AVX2_NAME(depthwise_pack)(const int8_t *weights, const struct window *w, size_t channels,
                               void *packed)
{
    const size_t taps = (size_t)w->kernel[0] * w->kernel[1];
    int16_t *to = packed;
    memset(packed, 0, AVX2_NAME(depthwise_packed_size)(w, channels));
    for (size_t block = 0; block < channels; block += LANES) {
        for (size_t time = 0; time < w->kernel[0]; time++) {
            for (size_t i = 0; i < pairs_of(w) * LANES * 2; i++, to++) {
                const size_t channel = block + i / 2 % LANES;
                const size_t frequency = i / (2 * LANES) * 2 + i % 2;
                if (channel < channels && frequency < w->kernel[1])
                    *to = weights[channel * taps + time * w->kernel[1] + frequency];
            }
        }
    }
}

/* Places of a line: the beginnings of pairs, from the padding before to the padding behind. The
 * last place's partner is only met by weights of zero. */
static size_t line_places(const struct window *w)
{
    return (w->in[1] + 2 * (size_t)w->padding[1] + w->stride[1] - 1) / w->stride[1];
}

size_t AVX2_NAME(depthwise_scratch_size)(const struct window *w, size_t pitch)
{
    /* one more line than the kernel has: the line outside the input */
    const size_t channels = pitch < CHUNK ? pitch : CHUNK;
    return (w->kernel[0] + 1) * line_places(w) * channels / LANES * PLACE_BYTES;
}

/* Lays out a pair of 8 channels; returns where the next one goes. */
ALWAYS_INLINE uint8_t *lay_pair(uint8_t *to, __m128i here, __m128i next)
{
    store_32_bytes(to, _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(here, next)));
    return to + PLACE_BYTES;
}

/* Lays out `channels` channels of one line of the input. */
static void lay_out(const struct window_task *t, const uint8_t *in, size_t channels, uint8_t *to)
{
    const struct window *w = &t->window;
    const size_t stride = w->stride[1], pitch = t->in_pitch;
    const size_t begin = w->padding[1], end = begin + w->in[1], places = line_places(w) * stride;
    const __m128i outside = _mm_set1_epi8((char)t->in_zero);
    for (size_t block = 0; block < channels; block += LANES) {
        const uint8_t *from = in + block;
        size_t x = 0; /* the place of a pair's first value */
        for (; x + 1 < begin; x += stride)
            to = lay_pair(to, outside, outside);
        for (; x < begin; x += stride)
            to = lay_pair(to, outside, load_8_bytes(from));
        from += (x - begin) * pitch;
        for (; x + 1 < end; x += stride, from += stride * pitch)
            to = lay_pair(to, load_8_bytes(from), load_8_bytes(from + pitch));
        for (; x < end; x += stride)
            to = lay_pair(to, load_8_bytes(from), outside);
        for (; x < places; x += stride)
            to = lay_pair(to, outside, outside);
    }
}

/* Lays out `channels` channels of a line outside the input. */
static void lay_out_nothing(const struct window_task *t, size_t channels, uint8_t *to)
{
    const __m128i outside = _mm_set1_epi8((char)t->in_zero);
    for (size_t i = 0; i < line_places(&t->window) * channels / LANES; i++)
        to = lay_pair(to, outside, outside);
}

/* What stays the same while one output line of a chunk is computed. */
struct depthwise_line {
    const struct window_task *task;
    struct tail tail;
    size_t chunk, places;
    const uint8_t *in[7]; /* lines, laid out */
    uint8_t *out;         /* the line's first position, at the chunk's first channel */
};

/* Columns (1, 4 or COLUMNS) from x on, of the chunk's 8 channels from `block` on. A pair is step
 * places behind the one before: 2 with a stride of 1, 1 with a stride of 2. */
ALWAYS_INLINE void depthwise_columns(const struct depthwise_line *l, size_t block, size_t x,
                                     size_t columns, size_t lines, size_t pairs, size_t step)
{
    const struct window_task *t = l->task;
    const size_t channel = l->chunk + block;
    const int16_t *w = (const int16_t *)t->weights + channel * lines * pairs * 2;
    const size_t offset = (block / LANES * l->places + x) * PLACE_BYTES;
    __m256i sums[COLUMNS];
#pragma GCC unroll 8
    for (size_t c = 0; c < columns; c++)
        sums[c] = load_32_bytes(t->requantization->bias + channel);
#pragma GCC unroll 5
    for (size_t time = 0; time < lines; time++) {
        const uint8_t *line = l->in[time] + offset;
#pragma GCC unroll 4
        for (size_t pair = 0; pair < pairs; pair++) {
            const __m256i weight = load_32_bytes(w + (time * pairs + pair) * 2 * LANES);
#pragma GCC unroll 8
            for (size_t c = 0; c < columns; c++) {
                const __m256i q = load_32_bytes(line + (c + pair * step) * PLACE_BYTES);
                sums[c] = add_products(sums[c], q, weight);
            }
        }
    }
    const __m256 scale = _mm256_loadu_ps(t->requantization->scale + channel);
#pragma GCC unroll 8
    for (size_t c = 0; c < columns; c++)
        sums[c] = requantize(sums[c], scale, _mm_setzero_si128(), &l->tail);
    uint8_t *out = l->out + x * t->out_pitch + block;
    if (columns < 4) {
        const __m256i one[4] = {sums[0], sums[0], sums[0], sums[0]};
        store_8_bytes(out, pack(one, &l->tail).low);
        return;
    }
#pragma GCC unroll 2
    for (size_t c = 0; c < columns; c += 4)
        store_4_times_8_bytes(out + c * t->out_pitch, t->out_pitch, pack(sums + c, &l->tail));
}

ALWAYS_INLINE void depthwise_line(const struct depthwise_line *l, size_t channels, size_t lines,
                                  size_t pairs, size_t step)
{
    const size_t width = l->task->window.out[1];
    for (size_t block = 0; block < channels; block += LANES) {
        size_t x = 0;
        for (; x + COLUMNS <= width; x += COLUMNS)
            depthwise_columns(l, block, x, COLUMNS, lines, pairs, step);
        for (; x + 4 <= width; x += 4)
            depthwise_columns(l, block, x, 4, lines, pairs, step);
        for (; x < width; x++)
            depthwise_columns(l, block, x, 1, lines, pairs, step);
    }
}

ALWAYS_INLINE void depthwise_any_line(const struct depthwise_line *l, size_t channels)
{
    const struct window *w = &l->task->window;
    const size_t lines = w->kernel[0], pairs = pairs_of(w), step = w->stride[1] == 1 ? 2 : 1;
    if (lines == 3 && pairs == 2 && step == 2)
        depthwise_line(l, channels, 3, 2, 2);
    else if (lines == 3 && pairs == 2)
        depthwise_line(l, channels, 3, 2, 1);
    else if (lines == 5 && pairs == 3 && step == 2)
        depthwise_line(l, channels, 5, 3, 2);
    else if (lines == 5 && pairs == 3)
        depthwise_line(l, channels, 5, 3, 1);
    else
        depthwise_line(l, channels, lines, pairs, step);
}

ALWAYS_INLINE void depthwise_chunk(const struct window_task *t, size_t chunk, size_t channels,
                                   const struct tail *tail)
{
    const struct window *w = &t->window;
    struct depthwise_line l = {.task = t, .tail = *tail, .chunk = chunk};
    struct line_sums sums = line_sums_begin(t, chunk, channels, avx2_add_channel_sums);
    l.places = line_places(w);
    const size_t line_size = l.places * channels / LANES * PLACE_BYTES;
    const uint8_t *in = t->in + chunk;
    uint8_t *ring = t->scratch, *outside = ring + w->kernel[0] * line_size;
    unsigned laid_out = 0; /* lines of the input */
    lay_out_nothing(t, channels, outside);
    for (unsigned time = 0; time < w->out[0]; time++) {
        for (unsigned k = 0; k < w->kernel[0]; k++) {
            const unsigned y = time * w->stride[0] + k - w->padding[0]; /* huge before the start */
            l.in[k] = y < w->in[0] ? ring + y % w->kernel[0] * line_size : outside;
            for (; y < w->in[0] && laid_out <= y; laid_out++)
                lay_out(t, in + (size_t)laid_out * w->in[1] * t->in_pitch, channels,
                        ring + laid_out % w->kernel[0] * line_size);
        }
        l.out = t->out + (size_t)time * w->out[1] * t->out_pitch + chunk;
        depthwise_any_line(&l, channels);
        line_sums_written(&sums, w->out[1]);
    }
    line_sums_end(&sums);
}

ALWAYS_INLINE void depthwise_with(const struct window_task *t, enum activation activation)
{
    const struct tail tail = tail_of(t->requantization, activation, false);
    for (size_t chunk = 0; chunk < t->in_pitch; chunk += CHUNK) {
        const size_t left = t->in_pitch - chunk;
        depthwise_chunk(t, chunk, left < CHUNK ? left : CHUNK, &tail);
    }
}

void AVX2_NAME(depthwise)(const struct window_task *t)
{
    WITH_CONSTANT_ACTIVATION(t->requantization->activation, depthwise_with, t)
}
