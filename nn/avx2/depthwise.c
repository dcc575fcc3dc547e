#include "nn/avx2/avx2.h"
#include "nn/avx2/tile.h"
#include "nn/line_sums.h"

#include <string.h>

/* Two neighbours on the frequency axis are multiplied at once. So a line of the input is laid out
 * as pairs of 16 bits: [block of 8 channels][place][channel][the values at x and x + 1], with
 * padding at both ends. With a stride of 2 every other place is never read, and left out. A ring
 * holds as many lines as the kernel has. Channels are taken CHUNK at a time, so that the ring stays
 * in the first-level cache. Packed weights, 16 bits: [block][kernel time][pair][channel][2]. */
#define SUMS 8                  /* registers of 8 outputs that are computed at once */
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

/* 8 channels of one position, or with 2 blocks 16. */
ALWAYS_INLINE __m128i load_blocks(const uint8_t *from, size_t blocks)
{
    return blocks == 2 ? load_16_bytes(from) : load_8_bytes(from);
}

/* Lays out a pair of 8 channels, or with 2 blocks of 16, the second 8 block_size bytes behind
 * the first; returns where the next pair goes. */
ALWAYS_INLINE uint8_t *lay_pair(uint8_t *to, __m128i here, __m128i next, size_t blocks,
                                size_t block_size)
{
    store_32_bytes(to, _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(here, next)));
    if (blocks == 2)
        store_32_bytes(to + block_size, _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(here, next)));
    return to + PLACE_BYTES;
}

/* Lays out 1 or 2 blocks of 8 channels of one line of the input; from: their first values. */
ALWAYS_INLINE void lay_out_blocks(const struct window_task *t, const uint8_t *from, size_t blocks,
                                  uint8_t *to)
{
    const struct window *w = &t->window;
    const size_t stride = w->stride[1], pitch = t->in_pitch, places = line_places(w);
    const size_t begin = w->padding[1], end = begin + w->in[1], block_size = places * PLACE_BYTES;
    const __m128i outside = _mm_set1_epi8((char)t->in_zero);
    size_t x = 0; /* the place of a pair's first value */
    for (; x + 1 < begin; x += stride)
        to = lay_pair(to, outside, outside, blocks, block_size);
    for (; x < begin; x += stride)
        to = lay_pair(to, outside, load_blocks(from, blocks), blocks, block_size);
    from += (x - begin) * pitch;
    for (; x + 1 < end; x += stride, from += stride * pitch)
        to = lay_pair(to, load_blocks(from, blocks), load_blocks(from + pitch, blocks), blocks,
                      block_size);
    for (; x < end; x += stride)
        to = lay_pair(to, load_blocks(from, blocks), outside, blocks, block_size);
    for (; x < places * stride; x += stride)
        to = lay_pair(to, outside, outside, blocks, block_size);
}

/* Lays out `channels` channels of one line of the input. */
static void lay_out(const struct window_task *t, const uint8_t *in, size_t channels, uint8_t *to)
{
    const size_t block_size = line_places(&t->window) * PLACE_BYTES;
    size_t block = 0;
    for (; block + 2 * LANES <= channels; block += 2 * LANES, to += 2 * block_size)
        lay_out_blocks(t, in + block, 2, to);
    if (block < channels)
        lay_out_blocks(t, in + block, 1, to);
}

/* Lays out `channels` channels of a line outside the input. */
static void lay_out_nothing(const struct window_task *t, size_t channels, uint8_t *to)
{
    const __m128i outside = _mm_set1_epi8((char)t->in_zero);
    for (size_t i = 0; i < line_places(&t->window) * channels / LANES; i++)
        to = lay_pair(to, outside, outside, 1, 0);
}

/* What stays the same while one output line of a chunk is computed. */
struct depthwise_line {
    const struct window_task *task;
    struct tail tail;
    size_t chunk, places;
    const uint8_t *in[7]; /* lines, laid out */
    uint8_t *out;         /* the line's first position, at the chunk's first channel */
};

/* The sums of columns from x on, of the chunk's `blocks` times 8 channels from `block` on, each
 * column's blocks together. A pair is step places behind the one before: 2 with a stride of 1, 1
 * with a stride of 2. */
ALWAYS_INLINE void depthwise_sums(const struct depthwise_line *l, size_t block, size_t x,
                                  size_t columns, size_t blocks, size_t lines, size_t pairs,
                                  size_t step, __m256i *sums)
{
    const size_t channel = l->chunk + block, taps = lines * pairs * 2;
    const int16_t *w = (const int16_t *)l->task->weights + channel * taps;
    const int32_t *bias = l->task->requantization->bias + channel;
    const size_t offset = (block / LANES * l->places + x) * PLACE_BYTES;
#pragma GCC unroll 8
    for (size_t i = 0; i < columns * blocks; i++)
        sums[i] = load_32_bytes(bias + i % blocks * LANES);
#pragma GCC unroll 5
    for (size_t time = 0; time < lines; time++) {
        const uint8_t *line = l->in[time] + offset;
#pragma GCC unroll 4
        for (size_t pair = 0; pair < pairs; pair++) {
            const int16_t *weights = w + (time * pairs + pair) * 2 * LANES;
            const __m256i first = load_32_bytes(weights);
            const __m256i second = load_32_bytes(weights + (blocks - 1) * LANES * taps);
#pragma GCC unroll 8
            for (size_t c = 0; c < columns; c++) {
                const uint8_t *place = line + (c + pair * step) * PLACE_BYTES;
                sums[c * blocks] = add_products(sums[c * blocks], load_32_bytes(place), first);
                if (blocks == 2)
                    sums[2 * c + 1] = add_products(
                        sums[2 * c + 1], load_32_bytes(place + l->places * PLACE_BYTES), second);
            }
        }
    }
}

/* What comes of them. columns * blocks is SUMS or 4, or both are 1. */
ALWAYS_INLINE void depthwise_columns(const struct depthwise_line *l, size_t block, size_t x,
                                     size_t columns, size_t blocks, size_t lines, size_t pairs,
                                     size_t step)
{
    __m256i sums[SUMS];
    depthwise_sums(l, block, x, columns, blocks, lines, pairs, step, sums);
    const float *scale = l->task->requantization->scale + l->chunk + block;
#pragma GCC unroll 8
    for (size_t i = 0; i < columns * blocks; i++)
        sums[i] = requantize(sums[i], _mm256_loadu_ps(scale + i % blocks * LANES),
                             _mm_setzero_si128(), &l->tail);
    const size_t pitch = l->task->out_pitch;
    uint8_t *out = l->out + x * pitch + block;
    if (columns == 1) {
        const __m256i one[4] = {sums[0], sums[0], sums[0], sums[0]};
        store_8_bytes(out, pack(one, &l->tail).low);
        return;
    }
#pragma GCC unroll 2
    for (size_t i = 0; i < columns * blocks; i += 4) {
        const struct halves bytes = pack(sums + i, &l->tail);
        uint8_t *to = out + i / blocks * pitch;
        if (blocks == 2) {
            store_16_bytes(to, bytes.low);
            store_16_bytes(to + pitch, bytes.high);
        } else {
            store_4_times_8_bytes(to, pitch, bytes);
        }
    }
}

/* A line of `blocks` blocks, at least `columns` wide. The last columns begin earlier than need be
 * rather than be fewer: what is computed again comes out the same. */
ALWAYS_INLINE void depthwise_blocks(const struct depthwise_line *l, size_t block, size_t columns,
                                    size_t blocks, size_t lines, size_t pairs, size_t step)
{
    const size_t width = l->task->window.out[1];
    for (size_t x = 0; x < width; x += columns) {
        if (x + columns > width)
            x = width - columns;
        depthwise_columns(l, block, x, columns, blocks, lines, pairs, step);
    }
}

/* At least 4 wide. Two blocks at a time write half as many pieces. */
ALWAYS_INLINE void depthwise_line(const struct depthwise_line *l, size_t channels, size_t lines,
                                  size_t pairs, size_t step)
{
    size_t block = 0;
    for (; block + 2 * LANES <= channels; block += 2 * LANES)
        depthwise_blocks(l, block, SUMS / 2, 2, lines, pairs, step);
    if (block == channels)
        return;
    if (l->task->window.out[1] >= SUMS)
        depthwise_blocks(l, block, SUMS, 1, lines, pairs, step);
    else
        depthwise_blocks(l, block, 4, 1, lines, pairs, step);
}

/* Windows that no network here has: not worth loops of their own. */
ALWAYS_INLINE void depthwise_rare_line(const struct depthwise_line *l, size_t channels,
                                       size_t lines, size_t pairs, size_t step)
{
    for (size_t block = 0; block < channels; block += LANES) {
        if (l->task->window.out[1] >= 4)
            depthwise_blocks(l, block, 4, 1, lines, pairs, step);
        else
            depthwise_blocks(l, block, 1, 1, lines, pairs, step);
    }
}

ALWAYS_INLINE void depthwise_any_line(const struct depthwise_line *l, size_t channels)
{
    const struct window *w = &l->task->window;
    const size_t lines = w->kernel[0], pairs = pairs_of(w), step = w->stride[1] == 1 ? 2 : 1;
    if (w->out[1] < 4)
        depthwise_rare_line(l, channels, lines, pairs, step);
    else if (lines == 3 && pairs == 2 && step == 2)
        depthwise_line(l, channels, 3, 2, 2);
    else if (lines == 3 && pairs == 2)
        depthwise_line(l, channels, 3, 2, 1);
    else if (lines == 5 && pairs == 3 && step == 2)
        depthwise_line(l, channels, 5, 3, 2);
    else if (lines == 5 && pairs == 3)
        depthwise_line(l, channels, 5, 3, 1);
    else
        depthwise_rare_line(l, channels, lines, pairs, step);
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
