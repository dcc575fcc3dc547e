#include "nn/avx2/avx2.h"
#include "nn/avx2/tile.h"
#include "nn/line_sums.h"

#include <string.h>

/* Two neighbours on the time axis are multiplied at once. So lines of the input are laid out by
 * twos, as pairs of 16 bits: [block of 8 channels][place][channel][the values of both lines], with
 * padding at both ends. Two output lines are computed from as many pairs of lines as they need,
 * each with its weights at other lines: every pair is loaded once for both. A ring holds these
 * pairs of lines. Channels are taken CHUNK at a time, so that the ring stays in the first-level
 * cache.
 * Packed weights, 16 bits: [block][kernel frequency][pair of lines][output line][channel][2], zero
 * where the kernel of that output line does not reach. */
#define OUTPUT_LINES 2
#define COLUMNS 4               /* places of each output line that are computed at once */
#define CHUNK 64                /* a cache line of channels */
#define PLACE_BYTES (4 * LANES) /* 8 channels' pairs */
#define PAIR_WEIGHTS (OUTPUT_LINES * 2 * LANES)
#define MAX_PAIRS ((KERNEL_SIDE_MAX + 2 + 1) / 2) /* with a stride of 2 */

/* What the loops are compiled for. kernel and stride: on the time and on the frequency axis. */
struct shape {
    size_t kernel[2], stride[2];
};

static struct shape shape_of(const struct window *w)
{
    return (struct shape){{w->kernel[0], w->kernel[1]}, {w->stride[0], w->stride[1]}};
}

/* The pairs of lines that two output lines need. */
ALWAYS_INLINE size_t pairs_of(struct shape k)
{
    return (k.kernel[0] + k.stride[0] + 1) / 2;
}

/* Does the kernel of an output line reach this pair? */
ALWAYS_INLINE bool reaches(struct shape k, size_t output, size_t pair)
{
    const size_t first = output * k.stride[0];
    return 2 * pair + 1 >= first && 2 * pair < first + k.kernel[0];
}

static size_t block_weights(struct shape k)
{
    return k.kernel[1] * pairs_of(k) * PAIR_WEIGHTS;
}

size_t AVX2_NAME(depthwise_packed_size)(const struct window *w, size_t channels)
{
    return round_up(channels, LANES) / LANES * block_weights(shape_of(w)) * sizeof(int16_t);
}

void AVX2_NAME(depthwise_pack)(const int8_t *weights, const struct window *w, size_t channels,
                               void *packed)
{
    const struct shape k = shape_of(w);
    const size_t taps = k.kernel[0] * k.kernel[1], pairs = pairs_of(k);
    int16_t *to = packed;
    for (size_t block = 0; block < channels; block += LANES) {
        for (size_t i = 0; i < block_weights(k); i++, to++) {
            const size_t channel = block + i / 2 % LANES, output = i / (2 * LANES) % OUTPUT_LINES;
            const size_t pair = i / PAIR_WEIGHTS % pairs, frequency = i / PAIR_WEIGHTS / pairs;
            const size_t time = 2 * pair + i % 2 - output * k.stride[0]; /* or huge */
            *to = 0;
            if (channel < channels && time < k.kernel[0])
                *to = weights[channel * taps + time * k.kernel[1] + frequency];
        }
    }
}

/* --- layout -------------------------------------------------------------------------- */

static size_t line_places(const struct window *w)
{
    return w->in[1] + 2 * (size_t)w->padding[1];
}

size_t AVX2_NAME(depthwise_scratch_size)(const struct window *w, size_t pitch)
{
    const size_t channels = pitch < CHUNK ? pitch : CHUNK;
    return pairs_of(shape_of(w)) * line_places(w) * channels / LANES * PLACE_BYTES;
}

/* 8 channels of one position, or with 2 blocks 16, in both halves. */
ALWAYS_INLINE __m256i load_blocks(const uint8_t *from, size_t blocks)
{
    if (blocks == 2)
        return _mm256_broadcastsi128_si256(load_16_bytes(from));
    return _mm256_broadcastq_epi64(load_8_bytes(from));
}

/* The lower 8 of a half's bytes, widened, in the first half, the upper 8 in the second. Quicker
 * than vpmovzxbw, which has to move bytes from one half of a register to the other. */
ALWAYS_INLINE __m256i widen_halves(__m256i same_in_both)
{
    const __m256i order =
        _mm256_set_epi8(-1, 15, -1, 14, -1, 13, -1, 12, -1, 11, -1, 10, -1, 9, -1, 8, -1, 7, -1, 6,
                        -1, 5, -1, 4, -1, 3, -1, 2, -1, 1, -1, 0);
    return _mm256_shuffle_epi8(same_in_both, order);
}

/* Lays out 8 channels at a place, or with 2 blocks 16, the second 8 block_size bytes behind the
 * first; returns where the next place is. */
ALWAYS_INLINE uint8_t *lay_place(uint8_t *to, __m256i first, __m256i second, size_t blocks,
                                 size_t block_size)
{
    store_32_bytes(to, widen_halves(_mm256_unpacklo_epi8(first, second)));
    if (blocks == 2)
        store_32_bytes(to + block_size, widen_halves(_mm256_unpackhi_epi8(first, second)));
    return to + PLACE_BYTES;
}

/* A line of the input, or with a step of 0 one position that stands for a line outside it. */
struct line {
    const uint8_t *at;
    size_t step;
};

/* Lays out 1 or 2 blocks, from `channel` on, of two lines. */
ALWAYS_INLINE void lay_out_blocks(const struct window_task *t, const struct line lines[2],
                                  size_t channel, size_t blocks, uint8_t *to)
{
    const struct window *w = &t->window;
    const size_t block_size = line_places(w) * PLACE_BYTES;
    const uint8_t *first = lines[0].at + channel, *second = lines[1].at + channel;
    const size_t first_step = lines[0].step, second_step = lines[1].step;
    const __m256i outside = _mm256_set1_epi8((char)t->in_zero);
    for (size_t x = 0; x < w->padding[1]; x++)
        to = lay_place(to, outside, outside, blocks, block_size);
    for (size_t x = 0; x < w->in[1]; x++, first += first_step, second += second_step)
        to = lay_place(to, load_blocks(first, blocks), load_blocks(second, blocks), blocks,
                       block_size);
    for (size_t x = 0; x < w->padding[1]; x++)
        to = lay_place(to, outside, outside, blocks, block_size);
}

/* Lays out `channels` channels, from `chunk` on, of the lines y and y + 1. A line before the first
 * one has a huge number. */
static void lay_out(const struct window_task *t, unsigned y, size_t chunk, size_t channels,
                    uint8_t *to)
{
    const size_t block_size = line_places(&t->window) * PLACE_BYTES;
    uint8_t outside[CHUNK];
    struct line lines[2];
    memset(outside, t->in_zero, sizeof outside);
    for (unsigned i = 0; i < 2; i++) {
        const size_t line = (size_t)(y + i) * t->window.in[1];
        lines[i] = y + i < t->window.in[0]
                       ? (struct line){t->in + line * t->in_pitch + chunk, t->in_pitch}
                       : (struct line){outside, 0};
    }
    size_t channel = 0;
    for (; channel + 2 * LANES <= channels; channel += 2 * LANES, to += 2 * block_size)
        lay_out_blocks(t, lines, channel, 2, to);
    if (channel < channels)
        lay_out_blocks(t, lines, channel, 1, to);
}

/* --- products ------------------------------------------------------------------------ */

/* What stays the same while two output lines of a chunk are computed. */
struct strip {
    const struct window_task *task;
    const struct tail *tail;
    size_t chunk, places;
    size_t lines;                 /* output lines that exist */
    const uint8_t *in[MAX_PAIRS]; /* pairs of lines, laid out */
    uint8_t *out;                 /* the first line's first position, at the chunk */
};

/* The sums of the columns from x on, of 8 of the chunk's channels. */
ALWAYS_INLINE void strip_sums(const struct strip *s, size_t block, size_t x, size_t columns,
                              struct shape k, __m256i sums[OUTPUT_LINES][COLUMNS])
{
    const size_t channel = s->chunk + block;
    const int16_t *weights = (const int16_t *)s->task->weights + channel / LANES * block_weights(k);
    const size_t offset = (block / LANES * s->places + x * k.stride[1]) * PLACE_BYTES;
    const __m256i bias = load_32_bytes(s->task->requantization->bias + channel);
#pragma GCC unroll 4
    for (size_t c = 0; c < columns; c++)
        sums[0][c] = sums[1][c] = bias;
#pragma GCC unroll 5
    for (size_t frequency = 0; frequency < k.kernel[1]; frequency++) {
#pragma GCC unroll 4
        for (size_t pair = 0; pair < pairs_of(k); pair++, weights += PAIR_WEIGHTS) {
            const uint8_t *place = s->in[pair] + offset + frequency * PLACE_BYTES;
            const __m256i first = load_32_bytes(weights);
            const __m256i second = load_32_bytes(weights + 2 * LANES);
#pragma GCC unroll 4
            for (size_t c = 0; c < columns; c++, place += k.stride[1] * PLACE_BYTES) {
                const __m256i values = load_32_bytes(place);
                if (reaches(k, 0, pair))
                    sums[0][c] = add_products(sums[0][c], values, first);
                if (reaches(k, 1, pair))
                    sums[1][c] = add_products(sums[1][c], values, second);
            }
        }
    }
}

/* What comes of them. columns is COLUMNS or 1. */
ALWAYS_INLINE void strip_columns(const struct strip *s, size_t block, size_t x, size_t columns,
                                 struct shape k)
{
    __m256i sums[OUTPUT_LINES][COLUMNS];
    strip_sums(s, block, x, columns, k, sums);
    const __m256 scale = _mm256_loadu_ps(s->task->requantization->scale + s->chunk + block);
    const size_t pitch = s->task->out_pitch;
    uint8_t *out = s->out + x * pitch + block;
#pragma GCC unroll 2
    for (size_t line = 0; line < OUTPUT_LINES; line++, out += s->task->window.out[1] * pitch) {
        if (line == s->lines)
            break;
        __m256i values[COLUMNS];
#pragma GCC unroll 4
        for (size_t c = 0; c < COLUMNS; c++)
            values[c] = c < columns ? requantize(sums[line][c], scale, _mm_setzero_si128(), s->tail)
                                    : values[0];
        if (columns == COLUMNS)
            store_4_times_8_bytes(out, pitch, pack(values, s->tail));
        else
            store_8_bytes(out, pack(values, s->tail).low);
    }
}

/* The last columns begin earlier than need be rather than be fewer: what is computed again comes
 * out the same. */
ALWAYS_INLINE void strip_with(const struct strip *s, size_t channels, size_t columns,
                              struct shape k)
{
    const size_t width = s->task->window.out[1];
    for (size_t block = 0; block < channels; block += LANES) {
        for (size_t x = 0; x < width; x += columns) {
            if (x + columns > width)
                x = width - columns;
            strip_columns(s, block, x, columns, k);
        }
    }
}

/* The squares of 3 and 5 with constants, all others with a general loop. */
ALWAYS_INLINE void strip_any(const struct strip *s, size_t channels)
{
    const struct window *w = &s->task->window;
    const bool square = w->kernel[0] == w->kernel[1] && w->stride[0] == w->stride[1];
    const size_t size = square ? w->kernel[0] : 0;
    if (w->out[1] < COLUMNS)
        strip_with(s, channels, 1, shape_of(w));
    else if (size == 3 && w->stride[0] == 1)
        strip_with(s, channels, COLUMNS, (struct shape){{3, 3}, {1, 1}});
    else if (size == 3)
        strip_with(s, channels, COLUMNS, (struct shape){{3, 3}, {2, 2}});
    else if (size == 5 && w->stride[0] == 1)
        strip_with(s, channels, COLUMNS, (struct shape){{5, 5}, {1, 1}});
    else if (size == 5)
        strip_with(s, channels, COLUMNS, (struct shape){{5, 5}, {2, 2}});
    else
        strip_with(s, channels, COLUMNS, shape_of(w));
}

ALWAYS_INLINE void depthwise_chunk(const struct window_task *t, size_t chunk, size_t channels,
                                   const struct tail *tail)
{
    const struct window *w = &t->window;
    const size_t pairs = pairs_of(shape_of(w)), places = line_places(w);
    const size_t pair_size = places * channels / LANES * PLACE_BYTES;
    struct strip s = {.task = t, .tail = tail, .chunk = chunk, .places = places};
    struct line_sums sums = line_sums_begin(t, chunk, channels, avx2_add_channel_sums);
    size_t laid_out = 0; /* pairs of lines; the first begins with the padding */
    for (unsigned time = 0; time < w->out[0]; time += OUTPUT_LINES) {
        const size_t first = time * w->stride[0] / 2;
        for (size_t i = 0; i < pairs; i++)
            s.in[i] = (uint8_t *)t->scratch + (first + i) % pairs * pair_size;
        for (; laid_out < first + pairs; laid_out++)
            lay_out(t, (unsigned)(2 * laid_out) - w->padding[0], chunk, channels,
                    (uint8_t *)t->scratch + laid_out % pairs * pair_size);
        s.lines = w->out[0] - time < OUTPUT_LINES ? 1 : OUTPUT_LINES;
        s.out = t->out + (size_t)time * w->out[1] * t->out_pitch + chunk;
        strip_any(&s, channels);
        line_sums_written(&sums, s.lines * w->out[1]);
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
