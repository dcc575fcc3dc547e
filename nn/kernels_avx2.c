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
        __m256i q = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)residual));
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

static size_t gemm_scratch_size(size_t padded_depth)
{
    return TILE_ROWS * padded_depth * sizeof(int16_t);
}

/* Bytes of up to TILE_ROWS positions, widened to 16 bits. */
static void widen(const uint8_t *in, size_t pitch, size_t rows, size_t depth, int16_t *to)
{
    for (size_t row = 0; row < rows; row++, in += pitch) {
        for (size_t i = 0; i < depth; i += LANES, to += LANES) {
            __m128i words = _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(in + i)));
            _mm_storeu_si128((__m128i *)to, words);
        }
    }
}

ALWAYS_INLINE __m256i broadcast_pair(const int16_t *pair)
{
    int bits;
    memcpy(&bits, pair, sizeof bits);
    return _mm256_set1_epi32(bits);
}

/* The sums of rows positions and groups * 8 outputs, all in registers. */
ALWAYS_INLINE void multiply(const int16_t *in, size_t depth, const int8_t *weights,
                            const int32_t *bias, size_t rows, size_t groups,
                            __m256i sums[TILE_ROWS][2])
{
#pragma GCC unroll 6
    for (size_t row = 0; row < rows; row++) {
#pragma GCC unroll 2
        for (size_t g = 0; g < groups; g++)
            sums[row][g] = _mm256_loadu_si256((const __m256i *)(bias + g * LANES));
    }
    for (size_t pair = 0; pair < depth; pair += 2, weights += groups * 2 * LANES) {
        __m256i w[2];
#pragma GCC unroll 2
        for (size_t g = 0; g < groups; g++)
            w[g] =
                _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(weights + g * 2 * LANES)));
#pragma GCC unroll 6
        for (size_t row = 0; row < rows; row++) {
            __m256i x = broadcast_pair(in + row * depth + pair);
#pragma GCC unroll 2
            for (size_t g = 0; g < groups; g++)
                sums[row][g] = _mm256_add_epi32(sums[row][g], _mm256_madd_epi16(x, w[g]));
        }
    }
}

/* One tile: rows positions from `position` on, groups * 8 outputs from `output` on. */
ALWAYS_INLINE void tile(const struct gemm_task *t, size_t position, size_t output, size_t rows,
                        size_t groups)
{
    const struct requantization *r = t->requantization;
    const struct tail tail = tail_of(r);
    const int8_t *weights = (const int8_t *)t->weights + output * t->depth;
    __m256i sums[TILE_ROWS][2];
    multiply(t->scratch, t->depth, weights, r->bias + output, rows, groups, sums);
    __m256 scale[2];
#pragma GCC unroll 2
    for (size_t g = 0; g < groups; g++)
        scale[g] = _mm256_loadu_ps(r->scale + output + g * LANES);
#pragma GCC unroll 6
    for (size_t row = 0; row < rows; row++) {
        uint8_t *out = t->out + (position + row) * t->out_pitch + output;
        const uint8_t *residual = t->residual != NULL
                                      ? t->residual + (position + row) * t->residual_pitch + output
                                      : NULL;
        __m256i low = requantize(sums[row][0], scale[0], residual, &tail);
        if (groups == 2) {
            const uint8_t *next = residual != NULL ? residual + LANES : NULL;
            __m256i high = requantize(sums[row][1], scale[1], next, &tail);
            _mm_storeu_si128((__m128i *)out, pack(low, high, tail.zero));
        } else {
            _mm_storel_epi64((__m128i *)out, pack(low, low, tail.zero));
        }
    }
}

ALWAYS_INLINE void tile_row(const struct gemm_task *t, size_t position, size_t rows)
{
    size_t output = 0;
    for (; output + 2 * LANES <= t->outputs; output += 2 * LANES)
        tile(t, position, output, rows, 2);
    if (output < t->outputs)
        tile(t, position, output, rows, 1);
}

static void gemm(const struct gemm_task *t)
{
    for (size_t position = 0; position < t->positions; position += TILE_ROWS) {
        const size_t left = t->positions - position;
        const size_t rows = left < TILE_ROWS ? left : TILE_ROWS;
        widen(t->in + position * t->in_pitch, t->in_pitch, rows, t->depth, t->scratch);
        switch (rows) {
        case 1:
            tile_row(t, position, 1);
            break;
        case 2:
            tile_row(t, position, 2);
            break;
        case 3:
            tile_row(t, position, 3);
            break;
        case 4:
            tile_row(t, position, 4);
            break;
        case 5:
            tile_row(t, position, 5);
            break;
        default:
            tile_row(t, position, 6);
        }
    }
}

ALWAYS_INLINE void real_tile(const struct gemm_task *t, size_t output, size_t groups, float *out)
{
    const struct requantization *r = t->requantization;
    __m256i sums[TILE_ROWS][2];
    multiply(t->scratch, t->depth, (const int8_t *)t->weights + output * t->depth, r->bias + output,
             1, groups, sums);
#pragma GCC unroll 2
    for (size_t g = 0; g < groups; g++) {
        __m256 scale = _mm256_loadu_ps(r->scale + output + g * LANES);
        _mm256_storeu_ps(out + output + g * LANES,
                         _mm256_mul_ps(_mm256_cvtepi32_ps(sums[0][g]), scale));
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

/* --- depthwise ----------------------------------------------------------------------- */

/* Two neighbours on the frequency axis are multiplied at once. So a line of the input is
 * laid out as pairs: [block of 8 channels][x][channel][the values at x and x + 1], with
 * padding at both ends. A ring holds as many lines as the kernel has. Packed weights:
 * [block of 8 channels][kernel time][pair][channel][2] of 16 bits. */
#define COLUMNS 4 /* outputs that are computed at once, with the same weights */

static size_t pairs_of(unsigned kernel_frequency)
{
    return (kernel_frequency + 1) / 2;
}

static size_t depthwise_packed_size(size_t channels, const unsigned kernel[2])
{
    return round_up(channels, LANES) * kernel[0] * pairs_of(kernel[1]) * 2 * sizeof(int16_t);
}

static void depthwise_pack(const int8_t *weights, size_t channels, const unsigned kernel[2],
                           void *packed)
{
    const size_t pairs = pairs_of(kernel[1]), taps = (size_t)kernel[0] * kernel[1];
    int16_t *to = packed;
    memset(packed, 0, depthwise_packed_size(channels, kernel));
    for (size_t block = 0; block < channels; block += LANES) {
        for (size_t time = 0; time < kernel[0]; time++) {
            for (size_t i = 0; i < pairs * LANES * 2; i++, to++) {
                size_t channel = block + i / 2 % LANES;
                size_t frequency = i / (2 * LANES) * 2 + i % 2;
                if (channel < channels && frequency < kernel[1])
                    *to = weights[channel * taps + time * kernel[1] + frequency];
            }
        }
    }
}

/* Places of a line, with padding. The last place's partner is only met by zero weights. */
static size_t line_places(unsigned in_frequency, const unsigned padding[2])
{
    return in_frequency + 2 * (size_t)padding[1];
}

static size_t depthwise_scratch_size(size_t pitch, unsigned in_frequency, const unsigned kernel[2],
                                     const unsigned padding[2])
{
    /* one more line than the kernel has: the line of zeros */
    return (kernel[0] + 1) * line_places(in_frequency, padding) * pitch * 2;
}

/* Lays out one line of the input, or with in NULL a line outside it. */
static void lay_out(const struct depthwise_task *t, const uint8_t *in, uint8_t *line)
{
    const size_t places = line_places(t->in_frequency, t->padding);
    const size_t padding = t->padding[1];
    const __m128i outside = _mm_set1_epi8((char)t->in_zero);
    if (in == NULL) {
        memset(line, t->in_zero, places * t->pitch * 2);
        return;
    }
    for (size_t block = 0; block < t->pitch; block += LANES) {
        __m128i here = outside;
        for (size_t x = 0; x < places; x++, line += 2 * LANES) {
            size_t next_x = x + 1 - padding; /* wraps to a huge number before the beginning */
            __m128i next = outside;
            if (next_x < t->in_frequency)
                next = _mm_loadl_epi64((const __m128i *)(in + next_x * t->pitch + block));
            if (x == 0 && padding == 0)
                here = _mm_loadl_epi64((const __m128i *)(in + block));
            _mm_storeu_si128((__m128i *)line, _mm_unpacklo_epi8(here, next));
            here = next;
        }
    }
}

/* What stays the same over a whole depthwise layer. */
struct depthwise_frame {
    const struct depthwise_task *task;
    struct tail tail;
    size_t places; /* of a line */
    const uint8_t *lines[7];
};

/* One output line's columns from x on, of the 8 channels from `block` on. */
ALWAYS_INLINE void depthwise_columns(const struct depthwise_frame *f, size_t block, uint8_t *out,
                                     size_t x, size_t columns, size_t pairs)
{
    const struct depthwise_task *t = f->task;
    const struct requantization *r = t->requantization;
    const int16_t *w = (const int16_t *)t->weights + block * t->kernel[0] * pairs * 2;
    const size_t step = (size_t)t->stride[1] * 2 * LANES;
    const size_t offset = block * f->places * 2 + x * step;
    __m256i sums[COLUMNS];
#pragma GCC unroll 4
    for (size_t c = 0; c < columns; c++)
        sums[c] = _mm256_loadu_si256((const __m256i *)(r->bias + block));
    for (unsigned time = 0; time < t->kernel[0]; time++) {
        const uint8_t *line = f->lines[time] + offset;
#pragma GCC unroll 4
        for (size_t pair = 0; pair < pairs; pair++, w += 2 * LANES) {
            __m256i weight = _mm256_loadu_si256((const __m256i *)w);
#pragma GCC unroll 4
            for (size_t c = 0; c < columns; c++) {
                const uint8_t *from = line + c * step + pair * 4 * LANES;
                __m256i q = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)from));
                sums[c] = _mm256_add_epi32(sums[c], _mm256_madd_epi16(q, weight));
            }
        }
    }
    const __m256 scale = _mm256_loadu_ps(r->scale + block);
    out += x * t->pitch + block;
#pragma GCC unroll 4
    for (size_t c = 0; c < columns; c += 2, out += 2 * t->pitch) {
        __m256i low = requantize(sums[c], scale, NULL, &f->tail);
        __m256i high = c + 1 < columns ? requantize(sums[c + 1], scale, NULL, &f->tail) : low;
        __m128i bytes = pack(low, high, f->tail.zero);
        _mm_storel_epi64((__m128i *)out, bytes);
        if (c + 1 < columns)
            _mm_storel_epi64((__m128i *)(out + t->pitch), _mm_unpackhi_epi64(bytes, bytes));
    }
}

ALWAYS_INLINE void depthwise_line(const struct depthwise_frame *f, uint8_t *out, size_t pairs)
{
    const size_t width = f->task->out_frequency;
    for (size_t block = 0; block < f->task->pitch; block += LANES) {
        size_t x = 0;
        for (; x + COLUMNS <= width; x += COLUMNS)
            depthwise_columns(f, block, out, x, COLUMNS, pairs);
        for (; x < width; x++)
            depthwise_columns(f, block, out, x, 1, pairs);
    }
}

static void depthwise(const struct depthwise_task *t)
{
    struct depthwise_frame f = {.task = t, .tail = tail_of(t->requantization)};
    f.places = line_places(t->in_frequency, t->padding);
    const size_t line_size = f.places * t->pitch * 2, in_line = t->in_frequency * t->pitch;
    uint8_t *ring = t->scratch, *outside = ring + t->kernel[0] * line_size;
    unsigned laid_out = 0; /* lines of the input */
    lay_out(t, NULL, outside);
    for (unsigned time = 0; time < t->out_time; time++) {
        for (unsigned k = 0; k < t->kernel[0]; k++) {
            unsigned y = time * t->stride[0] + k - t->padding[0]; /* huge before the beginning */
            f.lines[k] = y < t->in_time ? ring + y % t->kernel[0] * line_size : outside;
            for (; y < t->in_time && laid_out <= y; laid_out++)
                lay_out(t, t->in + laid_out * in_line, ring + laid_out % t->kernel[0] * line_size);
        }
        uint8_t *out = t->out + (size_t)time * t->out_frequency * t->pitch;
        switch (pairs_of(t->kernel[1])) {
        case 1:
            depthwise_line(&f, out, 1);
            break;
        case 2:
            depthwise_line(&f, out, 2);
            break;
        case 3:
            depthwise_line(&f, out, 3);
            break;
        default:
            depthwise_line(&f, out, 4);
        }
    }
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
        _mm_storeu_si128((__m128i *)packed, bytes);
        memcpy(out + i, packed, left);
    }
}

static void channel_sums(const uint8_t *in, size_t positions, size_t pitch, int32_t *sums)
{
    for (size_t block = 0; block < pitch; block += LANES) {
        const uint8_t *from = in + block;
        __m256i sum = _mm256_setzero_si256();
        for (size_t i = 0; i < positions; i++, from += pitch)
            sum =
                _mm256_add_epi32(sum, _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)from)));
        _mm256_storeu_si256((__m256i *)(sums + block), sum);
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
            __m256i q = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(in + c)));
            __m256 x = _mm256_cvtepi32_ps(_mm256_sub_epi32(q, in_zero));
            x = _mm256_mul_ps(_mm256_mul_ps(in_scale, x), _mm256_loadu_ps(t->gate + c));
            __m256i lanes = round_to_int(_mm256_mul_ps(x, inverse), highest);
            _mm_storel_epi64((__m128i *)(out + c), pack(lanes, lanes, out_zero));
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
    .depthwise_packed_size = depthwise_packed_size,
    .depthwise_pack = depthwise_pack,
    .depthwise_scratch_size = depthwise_scratch_size,
    .depthwise = depthwise,
    .quantize = quantize,
    .channel_sums = channel_sums,
    .gate = gate,
};
