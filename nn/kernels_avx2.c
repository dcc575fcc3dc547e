/* AVX2: 16 products of 16-bit numbers at a time (vpmaddwd), 8 channels to a register.
 *
 * vpmaddubsw would take bytes as they are, but adds pairs of products with saturation to 16
 * bits, and 2 * 255 * 127 does not fit. So bytes are widened first, which is exact.
 */
#include "nn/kernels.h"

#include <float.h>
#include <immintrin.h>
#include <string.h>

#define LANES 8     /* 32-bit values in a register */
#define TILE_ROWS 6 /* positions that a matrix tile has; 12 of 16 registers are sums */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

static bool available(void)
{
    return __builtin_cpu_supports("avx2");
}

/* --- memory -------------------------------------------------------------------------- */

ALWAYS_INLINE __m128i load_8_bytes(const void *from)
{
    return _mm_loadl_epi64(from);
}

ALWAYS_INLINE __m128i load_16_bytes(const void *from)
{
    return _mm_loadu_si128(from);
}

ALWAYS_INLINE __m256i load_32_bytes(const void *from)
{
    return _mm256_loadu_si256(from);
}

ALWAYS_INLINE void store_8_bytes(void *to, __m128i value)
{
    _mm_storel_epi64(to, value);
}

ALWAYS_INLINE void store_16_bytes(void *to, __m128i value)
{
    _mm_storeu_si128(to, value);
}

ALWAYS_INLINE void store_32_bytes(void *to, __m256i value)
{
    _mm256_storeu_si256(to, value);
}

/* --- sums to bytes ------------------------------------------------------------------- */

/* A requantization's constants in registers. */
struct tail {
    __m256 inverse_scale, highest, residual_scale;
    __m256i zero, residual_zero; /* zero: 16-bit lanes */
    enum activation activation;
};

ALWAYS_INLINE struct tail tail_of(const struct requantization *r)
{
    return (struct tail){
        .inverse_scale = _mm256_set1_ps(r->inverse_scale),
        .highest = _mm256_set1_ps((float)(255 - r->zero)),
        .residual_scale = _mm256_set1_ps(r->residual_scale),
        .zero = _mm256_set1_epi16((short)r->zero),
        .residual_zero = _mm256_set1_epi32(r->residual_zero),
        .activation = r->activation,
    };
}

ALWAYS_INLINE __m256 activate(__m256 x, enum activation activation)
{
    if (activation == ACTIVATION_RELU)
        return _mm256_max_ps(x, _mm256_setzero_ps());
    if (activation == ACTIVATION_HARDSWISH) {
        __m256 gate = _mm256_add_ps(x, _mm256_set1_ps(3.0f));
        gate = _mm256_max_ps(gate, _mm256_setzero_ps());
        gate = _mm256_min_ps(gate, _mm256_set1_ps(6.0f));
        return _mm256_mul_ps(x, _mm256_mul_ps(gate, _mm256_set1_ps(1.0f / 6.0f)));
    }
    return x;
}

/* Rounds half to even (the default of MXCSR). What is too low for an int becomes INT_MIN,
 * which the packing below saturates; what is too high would, too, hence the minimum. */
ALWAYS_INLINE __m256i round_to_int(__m256 x, __m256 highest)
{
    return _mm256_cvtps_epi32(_mm256_min_ps(x, highest));
}

/* The output less its zero. residual points to 8 bytes or is NULL. */
ALWAYS_INLINE __m256i requantize(__m256i sum, __m256 scale, const uint8_t *residual,
                                 const struct tail *t)
{
    __m256 real = activate(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale), t->activation);
    if (residual != NULL) {
        __m256i q = _mm256_cvtepu8_epi32(load_8_bytes(residual));
        __m256 other = _mm256_cvtepi32_ps(_mm256_sub_epi32(q, t->residual_zero));
        real = _mm256_add_ps(real, _mm256_mul_ps(t->residual_scale, other));
    }
    return round_to_int(_mm256_mul_ps(real, t->inverse_scale), t->highest);
}

/* Adds the zero and packs 16 values into bytes, each half of 8 in its order. */
ALWAYS_INLINE __m128i pack(__m256i low, __m256i high, __m256i zero)
{
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    words = _mm256_adds_epi16(words, zero);
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

/* --- matrices ------------------------------------------------------------------------ */

/* Packed weights: blocks of 16 outputs (8 in the last one, if that is all there is); in a
 * block, for each pair of inputs, 8 outputs' pairs of bytes, then the other 8 outputs'. */
static size_t gemm_packed_size(size_t outputs, size_t depth)
{
    return round_up(outputs, LANES) * round_up(depth, LANES);
}

static void gemm_pack(const int8_t *weights, size_t outputs, size_t depth, void *packed)
{
    const size_t padded_outputs = round_up(outputs, LANES), padded_depth = round_up(depth, LANES);
    int8_t *to = packed;
    memset(packed, 0, padded_outputs * padded_depth);
    for (size_t block = 0; block < padded_outputs; block += 2 * LANES) {
        size_t width = padded_outputs - block < 2 * LANES ? LANES : 2 * LANES;
        for (size_t pair = 0; pair < padded_depth; pair += 2) {
            for (size_t i = 0; i < 2 * width; i++, to++) {
                size_t output = block + i / 2, input = pair + i % 2;
                if (output < outputs && input < depth)
                    *to = weights[output * depth + input];
            }
        }
    }
}

static size_t gemm_scratch_size(size_t padded_depth, size_t padded_outputs)
{
    (void)padded_outputs;
    return TILE_ROWS * padded_depth * sizeof(int16_t);
}

/* Bytes of up to TILE_ROWS positions, widened to 16 bits. */
static void widen(const uint8_t *in, size_t pitch, size_t rows, size_t depth, int16_t *to)
{
    for (size_t row = 0; row < rows; row++, in += pitch) {
        for (size_t i = 0; i < depth; i += LANES, to += LANES) {
            __m128i words = _mm_cvtepu8_epi16(load_8_bytes(in + i));
            store_16_bytes(to, words);
        }
    }
}

ALWAYS_INLINE __m256i broadcast_pair(const int16_t *pair)
{
    int bits;
    memcpy(&bits, pair, sizeof bits);
    return _mm256_set1_epi32(bits);
}

/* The sums of rows positions and groups * 8 outputs; with constant counts, all in registers. */
struct sums {
    __m256i of[TILE_ROWS][2];
};

ALWAYS_INLINE void start_sums(struct sums *sums, const int32_t *bias, size_t rows, size_t groups)
{
#pragma GCC unroll 6
    for (size_t row = 0; row < rows; row++) {
#pragma GCC unroll 2
        for (size_t g = 0; g < groups; g++)
            sums->of[row][g] = load_32_bytes((bias + g * LANES));
    }
}

/* Adds rows of depth (even) 16-bit values, row_pitch apart, times the weights. */
ALWAYS_INLINE void multiply(struct sums *sums, const int16_t *in, size_t row_pitch, size_t depth,
                            const int8_t *weights, size_t rows, size_t groups)
{
    for (size_t pair = 0; pair < depth; pair += 2, weights += groups * 2 * LANES) {
        __m256i w[2];
#pragma GCC unroll 2
        for (size_t g = 0; g < groups; g++)
            w[g] = _mm256_cvtepi8_epi16(load_16_bytes((weights + g * 2 * LANES)));
#pragma GCC unroll 6
        for (size_t row = 0; row < rows; row++) {
            __m256i x = broadcast_pair(in + row * row_pitch + pair);
#pragma GCC unroll 2
            for (size_t g = 0; g < groups; g++)
                sums->of[row][g] = _mm256_add_epi32(sums->of[row][g], _mm256_madd_epi16(x, w[g]));
        }
    }
}

/* Where a tile's bytes go. residual may be NULL. */
struct tile_end {
    const struct requantization *requantization;
    uint8_t *out;
    size_t out_pitch;
    const uint8_t *residual;
    size_t residual_pitch;
};

/* Requantizes the sums of the outputs from `output` on. */
ALWAYS_INLINE void finish(const struct sums *sums, const struct tile_end *end, size_t output,
                          size_t rows, size_t groups)
{
    const struct tail tail = tail_of(end->requantization);
    const float *scales = end->requantization->scale + output;
    __m256 scale[2];
#pragma GCC unroll 2
    for (size_t g = 0; g < groups; g++)
        scale[g] = _mm256_loadu_ps(scales + g * LANES);
#pragma GCC unroll 6
    for (size_t row = 0; row < rows; row++) {
        uint8_t *out = end->out + row * end->out_pitch + output;
        const uint8_t *residual =
            end->residual != NULL ? end->residual + row * end->residual_pitch + output : NULL;
        __m256i low = requantize(sums->of[row][0], scale[0], residual, &tail);
        if (groups == 2) {
            const uint8_t *next = residual != NULL ? residual + LANES : NULL;
            __m256i high = requantize(sums->of[row][1], scale[1], next, &tail);
            store_16_bytes(out, pack(low, high, tail.zero));
        } else {
            store_8_bytes(out, pack(low, low, tail.zero));
        }
    }
}

ALWAYS_INLINE void gemm_tile(const struct gemm_task *t, const struct tile_end *end, size_t output,
                             size_t rows, size_t groups)
{
    struct sums sums;
    start_sums(&sums, t->requantization->bias + output, rows, groups);
    multiply(&sums, t->scratch, t->depth, t->depth, (const int8_t *)t->weights + output * t->depth,
             rows, groups);
    finish(&sums, end, output, rows, groups);
}

ALWAYS_INLINE void gemm_rows(const struct gemm_task *t, size_t position, size_t rows)
{
    const struct tile_end end = {
        .requantization = t->requantization,
        .out = t->out + position * t->out_pitch,
        .out_pitch = t->out_pitch,
        .residual = t->residual != NULL ? t->residual + position * t->residual_pitch : NULL,
        .residual_pitch = t->residual_pitch,
    };
    size_t output = 0;
    for (; output + 2 * LANES <= t->outputs; output += 2 * LANES)
        gemm_tile(t, &end, output, rows, 2);
    if (output < t->outputs)
        gemm_tile(t, &end, output, rows, 1);
}

/* Calls function(..., rows) with a constant number of rows, 1 to TILE_ROWS. */
#define WITH_CONSTANT_ROWS(rows, function, ...)                                                    \
    switch (rows) {                                                                                \
    case 1:                                                                                        \
        function(__VA_ARGS__, 1);                                                                  \
        break;                                                                                     \
    case 2:                                                                                        \
        function(__VA_ARGS__, 2);                                                                  \
        break;                                                                                     \
    case 3:                                                                                        \
        function(__VA_ARGS__, 3);                                                                  \
        break;                                                                                     \
    case 4:                                                                                        \
        function(__VA_ARGS__, 4);                                                                  \
        break;                                                                                     \
    case 5:                                                                                        \
        function(__VA_ARGS__, 5);                                                                  \
        break;                                                                                     \
    default:                                                                                       \
        function(__VA_ARGS__, TILE_ROWS);                                                          \
    }

static void gemm(const struct gemm_task *t)
{
    for (size_t position = 0; position < t->positions; position += TILE_ROWS) {
        const size_t left = t->positions - position;
        const size_t rows = left < TILE_ROWS ? left : TILE_ROWS;
        widen(t->in + position * t->in_pitch, t->in_pitch, rows, t->depth, t->scratch);
        WITH_CONSTANT_ROWS(rows, gemm_rows, t, position)
    }
}

ALWAYS_INLINE void real_tile(const struct gemm_task *t, size_t output, size_t groups, float *out)
{
    const struct requantization *r = t->requantization;
    struct sums sums;
    start_sums(&sums, r->bias + output, 1, groups);
    multiply(&sums, t->scratch, t->depth, t->depth, (const int8_t *)t->weights + output * t->depth,
             1, groups);
#pragma GCC unroll 2
    for (size_t g = 0; g < groups; g++) {
        __m256 scale = _mm256_loadu_ps(r->scale + output + g * LANES);
        _mm256_storeu_ps(out + output + g * LANES,
                         _mm256_mul_ps(_mm256_cvtepi32_ps(sums.of[0][g]), scale));
    }
}

static void gemm_real(const struct gemm_task *t, float *out)
{
    size_t output = 0;
    widen(t->in, 0, 1, t->depth, t->scratch);
    for (; output + 2 * LANES <= t->outputs; output += 2 * LANES)
        real_tile(t, output, 2, out);
    if (output < t->outputs)
        real_tile(t, output, 1, out);
}

/* --- convolution --------------------------------------------------------------------- */

/* A line of the kernel meets kernel[1] * in_channels neighbouring values of a line of the input,
 * so each line of the kernel is a matrix product whose rows overlap. A ring holds as many lines of
 * the input, widened and padded, as the kernel has. Packed weights: as for gemm, but each block has
 * one piece for each line of the kernel. */
static size_t conv_line_depth(const struct window *w, size_t in_channels)
{
    return round_up(w->kernel[1] * in_channels, 2);
}

static size_t conv_packed_size(const struct window *w, size_t in_channels, size_t outputs)
{
    return round_up(outputs, LANES) * w->kernel[0] * conv_line_depth(w, in_channels);
}

static void conv_pack(const int8_t *weights, const struct window *w, size_t in_channels,
                      size_t outputs, void *packed)
{
    const size_t padded_outputs = round_up(outputs, LANES);
    const size_t line = w->kernel[1] * in_channels, line_depth = conv_line_depth(w, in_channels);
    int8_t *to = packed;
    memset(packed, 0, conv_packed_size(w, in_channels, outputs));
    for (size_t block = 0; block < padded_outputs; block += 2 * LANES) {
        const size_t width = padded_outputs - block < 2 * LANES ? LANES : 2 * LANES;
        for (size_t time = 0; time < w->kernel[0]; time++) {
            for (size_t i = 0; i < width * line_depth; i++, to++) {
                const size_t output = block + i / 2 % width, input = i / (2 * width) * 2 + i % 2;
                if (output < outputs && input < line)
                    *to = weights[(output * w->kernel[0] + time) * line + input];
            }
        }
    }
}

/* Values of a widened line: with padding, and one more that an odd depth reads. */
static size_t conv_line_values(const struct window *w, size_t in_channels)
{
    return round_up((w->in[1] + 2 * (size_t)w->padding[1]) * in_channels + 1, LANES);
}

static size_t conv_scratch_size(const struct window *w, size_t in_channels, size_t padded_outputs)
{
    (void)padded_outputs;
    /* one more line than the kernel has: the line outside the input */
    return (w->kernel[0] + 1) * conv_line_values(w, in_channels) * sizeof(int16_t);
}

static void conv_lay_out(const struct window_task *t, const uint8_t *in, int16_t *line)
{
    const struct window *w = &t->window;
    const size_t values = conv_line_values(w, t->in_channels);
    const size_t before = w->padding[1] * t->in_channels, inside = w->in[1] * t->in_channels;
    size_t i = 0;
    for (; i < before || (in == NULL && i < values); i++)
        line[i] = (int16_t)t->in_zero;
    if (in != NULL && t->in_pitch == t->in_channels) {
        for (size_t k = 0; k < inside; k++)
            line[i++] = in[k];
    } else if (in != NULL) {
        for (size_t x = 0; x < w->in[1]; x++, in += t->in_pitch) {
            for (size_t c = 0; c < t->in_channels; c++)
                line[i++] = in[c];
        }
    }
    for (; i < values; i++)
        line[i] = (int16_t)t->in_zero;
}

/* The lines of the input, laid out, that one output line needs. */
struct conv_lines {
    const int16_t *line[7];
};

ALWAYS_INLINE void conv_tile(const struct window_task *t, const struct conv_lines *lines,
                             const struct tile_end *end, size_t x, size_t output, size_t rows,
                             size_t groups)
{
    const struct window *w = &t->window;
    const size_t line_depth = conv_line_depth(w, t->in_channels);
    const size_t row_pitch = w->stride[1] * t->in_channels;
    const int8_t *weights = (const int8_t *)t->weights + output * w->kernel[0] * line_depth;
    struct sums sums;
    start_sums(&sums, t->requantization->bias + output, rows, groups);
    for (unsigned time = 0; time < w->kernel[0]; time++) {
        multiply(&sums, lines->line[time] + x * row_pitch, row_pitch, line_depth, weights, rows,
                 groups);
        weights += groups * LANES * line_depth;
    }
    finish(&sums, end, output, rows, groups);
}

ALWAYS_INLINE void conv_rows(const struct window_task *t, const struct conv_lines *lines,
                             uint8_t *out, size_t x, size_t rows)
{
    const struct tile_end end = {.requantization = t->requantization,
                                 .out = out + x * t->out_pitch,
                                 .out_pitch = t->out_pitch};
    size_t output = 0;
    for (; output + 2 * LANES <= t->out_pitch; output += 2 * LANES)
        conv_tile(t, lines, &end, x, output, rows, 2);
    if (output < t->out_pitch)
        conv_tile(t, lines, &end, x, output, rows, 1);
}

static void conv(const struct window_task *t)
{
    const struct window *w = &t->window;
    const size_t values = conv_line_values(w, t->in_channels);
    int16_t *ring = t->scratch, *outside = ring + w->kernel[0] * values;
    unsigned laid_out = 0; /* lines of the input */
    conv_lay_out(t, NULL, outside);
    for (unsigned time = 0; time < w->out[0]; time++) {
        struct conv_lines lines;
        for (unsigned k = 0; k < w->kernel[0]; k++) {
            const unsigned y = time * w->stride[0] + k - w->padding[0]; /* huge before the start */
            lines.line[k] = y < w->in[0] ? ring + y % w->kernel[0] * values : outside;
            for (; y < w->in[0] && laid_out <= y; laid_out++)
                conv_lay_out(t, t->in + (size_t)laid_out * w->in[1] * t->in_pitch,
                             ring + laid_out % w->kernel[0] * values);
        }
        uint8_t *out = t->out + (size_t)time * w->out[1] * t->out_pitch;
        for (size_t x = 0; x < w->out[1]; x += TILE_ROWS) {
            const size_t rows = w->out[1] - x < TILE_ROWS ? w->out[1] - x : TILE_ROWS;
            WITH_CONSTANT_ROWS(rows, conv_rows, t, &lines, out, x)
        }
    }
}

/* --- depthwise ----------------------------------------------------------------------- */

/* Two neighbours on the frequency axis are multiplied at once. So a line of the input is laid out
 * as pairs of 16 bits: [block of 8 channels][place][channel][the values at x and x + 1], with
 * padding at both ends. With a stride of 2 every other place is never read, and left out. A ring
 * holds as many lines as the kernel has. Channels are taken CHUNK at a time, so that the ring stays
 * in the first-level cache. Packed weights, 16 bits: [block][kernel time][pair][channel][2]. */
#define COLUMNS 4               /* outputs that are computed at once, with the same weights */
#define CHUNK 64                /* a cache line of channels */
#define PLACE_BYTES (4 * LANES) /* 8 channels' pairs */

static size_t pairs_of(const struct window *w)
{
    return (w->kernel[1] + 1) / 2;
}

static size_t depthwise_packed_size(const struct window *w, size_t channels)
{
    return round_up(channels, LANES) * w->kernel[0] * pairs_of(w) * 2 * sizeof(int16_t);
}

static void depthwise_pack(const int8_t *weights, const struct window *w, size_t channels,
                           void *packed)
{
    const size_t taps = (size_t)w->kernel[0] * w->kernel[1];
    int16_t *to = packed;
    memset(packed, 0, depthwise_packed_size(w, channels));
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

static size_t depthwise_scratch_size(const struct window *w, size_t pitch)
{
    /* one more line than the kernel has: the line outside the input */
    const size_t channels = pitch < CHUNK ? pitch : CHUNK;
    return (w->kernel[0] + 1) * line_places(w) * channels / LANES * PLACE_BYTES;
}

/* 8 channels of a line at the padded place x, or the zero outside. */
ALWAYS_INLINE __m128i padded(const struct window_task *t, const uint8_t *in, size_t x)
{
    const size_t place = x - t->window.padding[1]; /* huge before the beginning */
    if (place >= t->window.in[1])
        return _mm_set1_epi8((char)t->in_zero);
    return load_8_bytes(in + place * t->in_pitch);
}

ALWAYS_INLINE void store_pairs(uint8_t *to, __m128i here, __m128i next)
{
    store_32_bytes(to, _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(here, next)));
}

/* Lays out `channels` channels of one line of the input, or with in NULL a line outside it. */
static void lay_out(const struct window_task *t, const uint8_t *in, size_t channels, uint8_t *line)
{
    const struct window *w = &t->window;
    const size_t places = line_places(w), stride = w->stride[1], pitch = t->in_pitch;
    const __m128i outside = _mm_set1_epi8((char)t->in_zero);
    /* from the first to the last place whose two values both lie inside */
    const size_t begin = (w->padding[1] + stride - 1) / stride;
    const size_t inside = (w->padding[1] + w->in[1] - 1 + stride - 1) / stride;
    const size_t end = in == NULL ? 0 : inside < places ? inside : places;
    for (size_t block = 0; block < channels; block += LANES) {
        size_t i = 0;
        for (; in != NULL && i < begin && i < places; i++, line += PLACE_BYTES)
            store_pairs(line, padded(t, in + block, i * stride),
                        padded(t, in + block, i * stride + 1));
        const uint8_t *from = in != NULL ? in + block + (i * stride - w->padding[1]) * pitch : NULL;
        for (; i < end; i++, line += PLACE_BYTES, from += stride * pitch)
            store_pairs(line, load_8_bytes(from), load_8_bytes(from + pitch));
        for (; in != NULL && i < places; i++, line += PLACE_BYTES)
            store_pairs(line, padded(t, in + block, i * stride),
                        padded(t, in + block, i * stride + 1));
        for (; i < places; i++, line += PLACE_BYTES)
            store_pairs(line, outside, outside);
    }
}

/* What stays the same while one output line of a chunk is computed. */
struct depthwise_line {
    const struct window_task *task;
    struct tail tail;
    size_t chunk, places;
    const uint8_t *in[7]; /* lines, laid out */
    uint8_t *out;         /* the line's first position, at the chunk's first channel */
};

/* Columns from x on, of the chunk's 8 channels from `block` on. A pair is step places behind the
 * one before: 2 with a stride of 1, 1 with a stride of 2. */
ALWAYS_INLINE void depthwise_columns(const struct depthwise_line *l, size_t block, size_t x,
                                     size_t columns, size_t pairs, size_t step)
{
    const struct window_task *t = l->task;
    const size_t lines = t->window.kernel[0], channel = l->chunk + block;
    const int16_t *w = (const int16_t *)t->weights + channel * lines * pairs * 2;
    const size_t offset = (block / LANES * l->places + x) * PLACE_BYTES;
    __m256i sums[COLUMNS];
#pragma GCC unroll 4
    for (size_t c = 0; c < columns; c++)
        sums[c] = load_32_bytes((t->requantization->bias + channel));
    for (size_t time = 0; time < lines; time++) {
        const uint8_t *line = l->in[time] + offset;
#pragma GCC unroll 4
        for (size_t pair = 0; pair < pairs; pair++, w += 2 * LANES) {
            const __m256i weight = load_32_bytes(w);
#pragma GCC unroll 4
            for (size_t c = 0; c < columns; c++) {
                const uint8_t *from = line + (c + pair * step) * PLACE_BYTES;
                const __m256i q = load_32_bytes(from);
                sums[c] = _mm256_add_epi32(sums[c], _mm256_madd_epi16(q, weight));
            }
        }
    }
    const __m256 scale = _mm256_loadu_ps(t->requantization->scale + channel);
    uint8_t *out = l->out + x * t->out_pitch + block;
#pragma GCC unroll 4
    for (size_t c = 0; c < columns; c += 2, out += 2 * t->out_pitch) {
        const __m256i low = requantize(sums[c], scale, NULL, &l->tail);
        const __m256i high = c + 1 < columns ? requantize(sums[c + 1], scale, NULL, &l->tail) : low;
        const __m128i bytes = pack(low, high, l->tail.zero);
        store_8_bytes(out, bytes);
        if (c + 1 < columns)
            store_8_bytes((out + t->out_pitch), _mm_unpackhi_epi64(bytes, bytes));
    }
}

ALWAYS_INLINE void depthwise_line(const struct depthwise_line *l, size_t channels, size_t pairs,
                                  size_t step)
{
    const size_t width = l->task->window.out[1];
    for (size_t block = 0; block < channels; block += LANES) {
        size_t x = 0;
        for (; x + COLUMNS <= width; x += COLUMNS)
            depthwise_columns(l, block, x, COLUMNS, pairs, step);
        for (; x < width; x++)
            depthwise_columns(l, block, x, 1, pairs, step);
    }
}

static void depthwise_any_line(const struct depthwise_line *l, size_t channels)
{
    switch (pairs_of(&l->task->window) * 2 + l->task->window.stride[1] - 1) {
    case 1 * 2:
        depthwise_line(l, channels, 1, 2);
        break;
    case 1 * 2 + 1:
        depthwise_line(l, channels, 1, 1);
        break;
    case 2 * 2:
        depthwise_line(l, channels, 2, 2);
        break;
    case 2 * 2 + 1:
        depthwise_line(l, channels, 2, 1);
        break;
    case 3 * 2:
        depthwise_line(l, channels, 3, 2);
        break;
    case 3 * 2 + 1:
        depthwise_line(l, channels, 3, 1);
        break;
    case 4 * 2:
        depthwise_line(l, channels, 4, 2);
        break;
    default:
        depthwise_line(l, channels, 4, 1);
    }
}

static void depthwise_chunk(const struct window_task *t, size_t chunk, size_t channels)
{
    const struct window *w = &t->window;
    struct depthwise_line l = {.task = t, .tail = tail_of(t->requantization), .chunk = chunk};
    l.places = line_places(w);
    const size_t line_size = l.places * channels / LANES * PLACE_BYTES;
    const uint8_t *in = t->in + chunk;
    uint8_t *ring = t->scratch, *outside = ring + w->kernel[0] * line_size;
    unsigned laid_out = 0; /* lines of the input */
    lay_out(t, NULL, channels, outside);
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
    }
}

static void depthwise(const struct window_task *t)
{
    for (size_t chunk = 0; chunk < t->in_pitch; chunk += CHUNK)
        depthwise_chunk(t, chunk, t->in_pitch - chunk < CHUNK ? t->in_pitch - chunk : CHUNK);
}

/* --- the rest ------------------------------------------------------------------------ */

static void quantize(const float *values, size_t count, float inverse_scale, int zero, uint8_t *out)
{
    const __m256 inverse = _mm256_set1_ps(inverse_scale);
    const __m256 highest = _mm256_set1_ps((float)(255 - zero));
    const __m256 largest = _mm256_set1_ps(FLT_MAX), sign = _mm256_set1_ps(-0.0f);
    const __m256 lowest = _mm256_set1_ps((float)-zero);
    const __m256i zeros = _mm256_set1_epi16((short)zero);
    for (size_t i = 0; i < count; i += LANES) {
        float rest[LANES] = {0};
        const size_t left = count - i < LANES ? count - i : LANES;
        const float *from = values + i;
        if (left < LANES) {
            memcpy(rest, from, left * sizeof *from);
            from = rest;
        }
        __m256 x = _mm256_loadu_ps(from);
        __m256 finite = _mm256_cmp_ps(_mm256_andnot_ps(sign, x), largest, _CMP_LE_OQ);
        x = _mm256_blendv_ps(lowest, _mm256_mul_ps(x, inverse), finite);
        __m128i bytes = pack(round_to_int(x, highest), _mm256_setzero_si256(), zeros);
        uint8_t packed[16];
        store_16_bytes(packed, bytes);
        memcpy(out + i, packed, left);
    }
}

static void channel_sums(const uint8_t *in, size_t positions, size_t pitch, int32_t *sums)
{
    for (size_t block = 0; block < pitch; block += LANES) {
        const uint8_t *from = in + block;
        __m256i sum = _mm256_setzero_si256();
        for (size_t i = 0; i < positions; i++, from += pitch)
            sum = _mm256_add_epi32(sum, _mm256_cvtepu8_epi32(load_8_bytes(from)));
        store_32_bytes((sums + block), sum);
    }
}

static void gate(const struct gate_task *t)
{
    const __m256 in_scale = _mm256_set1_ps(t->in_scale);
    const __m256 inverse = _mm256_set1_ps(t->inverse_out_scale);
    const __m256 highest = _mm256_set1_ps((float)(255 - t->out_zero));
    const __m256i in_zero = _mm256_set1_epi32(t->in_zero);
    const __m256i out_zero = _mm256_set1_epi16((short)t->out_zero);
    for (size_t position = 0; position < t->positions; position++) {
        const uint8_t *in = t->in + position * t->pitch;
        uint8_t *out = t->out + position * t->pitch;
        for (size_t c = 0; c < t->pitch; c += LANES) {
            __m256i q = _mm256_cvtepu8_epi32(load_8_bytes(in + c));
            __m256 x = _mm256_cvtepi32_ps(_mm256_sub_epi32(q, in_zero));
            x = _mm256_mul_ps(_mm256_mul_ps(in_scale, x), _mm256_loadu_ps(t->gate + c));
            __m256i lanes = round_to_int(_mm256_mul_ps(x, inverse), highest);
            store_8_bytes((out + c), pack(lanes, lanes, out_zero));
        }
    }
}

const struct kernels kernels_avx2 = {
    .name = "avx2",
    .available = available,
    .channel_multiple = LANES,
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
    .channel_sums = channel_sums,
    .gate = gate,
};
