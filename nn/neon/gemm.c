#include "nn/neon/neon.h"
#if defined(NEON_DOT)
#include "nn/neon/products_dot.h"
#else
#include "nn/neon/products.h"
#endif

#include <string.h>

/* Outputs are computed 16 at a time, or the last 8. Packed: the blocks of weights. */
#define BLOCK 16

static size_t block_groups(size_t outputs_left)
{
    return outputs_left < BLOCK ? HALF / LANES : BLOCK / LANES;
}

size_t NEON_NAME(gemm_packed_size)(size_t outputs, size_t depth)
{
    return round_up(outputs, HALF) * round_up(depth, HALF);
}

void NEON_NAME(gemm_pack)(const int8_t *weights, size_t outputs, size_t depth, void *packed)
{
    const size_t padded_outputs = round_up(outputs, HALF), padded_depth = round_up(depth, HALF);
    memset(packed, 0, NEON_NAME(gemm_packed_size)(outputs, depth));
    int8_t *to = packed;
    for (size_t output = 0; output < outputs; output++) {
        const size_t block = output / BLOCK * BLOCK, groups = block_groups(padded_outputs - block);
        for (size_t i = 0; i < depth; i++) {
            const size_t place = weight_place(output - block, i, padded_depth, groups);
            to[block * padded_depth + place] = weights[output * depth + i];
        }
    }
}

size_t NEON_NAME(gemm_scratch_size)(size_t padded_depth, size_t padded_outputs)
{
    (void)padded_depth;
    (void)padded_outputs;
    return 0;
}

/* A block of outputs: where their sums begin, what they are multiplied with. */
struct outputs {
    int32x4_t start[BLOCK / LANES];
    float32x4_t scale[BLOCK / LANES];
    const int8_t *weights;
};

ALWAYS_INLINE struct outputs outputs_at(const struct gemm_task *t, size_t output, size_t groups)
{
    struct outputs outputs;
    outputs.weights = (const int8_t *)t->weights + output * t->depth;
#pragma GCC unroll 4
    for (size_t g = 0; g < groups; g++) {
        outputs.start[g] = vld1q_s32(t->requantization->bias + output + g * LANES);
        outputs.scale[g] = vld1q_f32(t->requantization->scale + output + g * LANES);
    }
    return outputs;
}

/* The sums of rows positions from `in` on and groups * 4 outputs. */
ALWAYS_INLINE void tile_sums(const struct gemm_task *t, const struct outputs *outputs,
                             const uint8_t *in, int32x4_t *sums, size_t rows, size_t groups)
{
#pragma GCC unroll 8
    for (size_t row = 0; row < rows; row++) {
#pragma GCC unroll 4
        for (size_t g = 0; g < groups; g++)
            sums[row * groups + g] = outputs->start[g];
    }
    multiply(sums, in, t->in_pitch, t->depth, outputs->weights, rows, groups);
}

/* 8 outputs of a position, 16 bits wide. */
ALWAYS_INLINE int16x8_t words_of(const int32x4_t *sums, const float32x4_t *scale,
                                 const uint8_t *residual, const struct tail *tail)
{
    int16x8_t other = vdupq_n_s16(0);
    if (tail->residual)
        other = without_zero(residual, tail->residual_zero);
    return to_words(requantize(sums[0], scale[0], vget_low_s16(other), tail),
                    requantize(sums[1], scale[1], vget_high_s16(other), tail), tail->zero);
}

/* Where a tile's bytes go, and what is added to them. */
struct place {
    const uint8_t *in, *residual;
    uint8_t *out;
};

ALWAYS_INLINE struct place place_at(const struct gemm_task *t, struct place first, size_t position,
                                    bool residual)
{
    return (struct place){
        .in = first.in + position * t->in_pitch,
        .residual = residual ? first.residual + position * t->residual_pitch : NULL,
        .out = first.out + position * t->out_pitch,
    };
}

ALWAYS_INLINE void gemm_tile(const struct gemm_task *t, struct outputs *outputs, struct place at,
                             size_t rows, size_t groups, const struct tail *tail)
{
    int32x4_t all[TILE_SUMS], *sums = all;
    /* to be read from memory, in order to leave the registers to the sums */
    __asm__("" : "+m"(*outputs));
    tile_sums(t, outputs, at.in, sums, rows, groups);
    float32x4_t scale[BLOCK / LANES];
    __asm__("" : "+m"(*outputs));
#pragma GCC unroll 4
    for (size_t g = 0; g < groups; g++)
        scale[g] = outputs->scale[g];
#pragma GCC unroll 8
    for (size_t row = 0; row < rows; row++, sums += groups) {
        int16x8_t words = words_of(sums, scale, at.residual, tail);
        if (groups == 4) {
            const uint8_t *next = tail->residual ? at.residual + HALF : NULL;
            const int16x8_t high = words_of(sums + 2, scale + 2, next, tail);
            vst1q_u8(at.out, vreinterpretq_u8_s8(to_bytes(words, high, tail)));
        } else {
            store_signed(at.out, vget_low_s8(to_bytes(words, words, tail)));
        }
        at.out += t->out_pitch;
        if (tail->residual)
            at.residual += t->residual_pitch;
    }
}

/* Some positions of a block of outputs. The last tile begins earlier than need be rather than be
 * smaller: what it computes again comes out the same. */
ALWAYS_INLINE void gemm_block_with(const struct gemm_task *task, size_t begin, size_t end,
                                   size_t output, size_t groups, enum activation activation,
                                   bool residual)
{
    /* a copy, which stores of bytes cannot change in the compiler's eyes */
    const struct gemm_task t = *task;
    const struct tail tail = tail_of(t.requantization, activation, residual);
    struct outputs outputs = outputs_at(&t, output, groups);
    const size_t rows = tile_rows(groups), count = end - begin;
    const struct place first = {
        .in = t.in + begin * t.in_pitch,
        .residual = residual ? t.residual + begin * t.residual_pitch + output : NULL,
        .out = t.out + begin * t.out_pitch + output};
    if (count < rows) {
        for (size_t position = 0; position < count; position++)
            gemm_tile(&t, &outputs, place_at(&t, first, position, residual), 1, groups, &tail);
        return;
    }
    for (size_t position = 0; position < count; position += rows) {
        if (position + rows > count)
            position = count - rows;
        gemm_tile(&t, &outputs, place_at(&t, first, position, residual), rows, groups, &tail);
    }
}

ALWAYS_INLINE void gemm_block(const struct gemm_task *t, size_t begin, size_t end, size_t output,
                              size_t groups)
{
    const enum activation activation = t->requantization->activation;
    if (t->residual != NULL && activation == ACTIVATION_NONE)
        gemm_block_with(t, begin, end, output, groups, ACTIVATION_NONE, true);
    else if (t->residual != NULL && activation == ACTIVATION_RELU)
        gemm_block_with(t, begin, end, output, groups, ACTIVATION_RELU, true);
    else if (t->residual != NULL)
        gemm_block_with(t, begin, end, output, groups, ACTIVATION_HARDSWISH, true);
    else if (activation == ACTIVATION_NONE)
        gemm_block_with(t, begin, end, output, groups, ACTIVATION_NONE, false);
    else if (activation == ACTIVATION_RELU)
        gemm_block_with(t, begin, end, output, groups, ACTIVATION_RELU, false);
    else
        gemm_block_with(t, begin, end, output, groups, ACTIVATION_HARDSWISH, false);
}

/* Positions whose inputs and outputs stay in the first-level cache: all outputs are computed for
 * them before the next ones. A multiple of a tile's positions. */
#define CHUNK 48

void NEON_NAME(gemm)(const struct gemm_task *t)
{
    for (size_t begin = 0; begin < t->positions;) {
        const size_t left = t->positions - begin;
        const size_t end = left < 2 * CHUNK ? t->positions : begin + CHUNK;
        for (size_t output = 0; output < t->outputs; output += BLOCK) {
            if (block_groups(t->outputs - output) == BLOCK / LANES)
                gemm_block(t, begin, end, output, BLOCK / LANES);
            else
                gemm_block(t, begin, end, output, HALF / LANES);
        }
        begin = end;
    }
}

ALWAYS_INLINE void real_block(const struct gemm_task *t, size_t output, float *out, size_t groups)
{
    const struct outputs outputs = outputs_at(t, output, groups);
    int32x4_t sums[BLOCK / LANES];
    tile_sums(t, &outputs, t->in, sums, 1, groups);
#pragma GCC unroll 4
    for (size_t g = 0; g < groups; g++)
        vst1q_f32(out + output + g * LANES, vmulq_f32(vcvtq_f32_s32(sums[g]), outputs.scale[g]));
}

void NEON_NAME(gemm_real)(const struct gemm_task *t, float *out)
{
    for (size_t output = 0; output < t->outputs; output += BLOCK) {
        if (block_groups(t->outputs - output) == BLOCK / LANES)
            real_block(t, output, out, BLOCK / LANES);
        else
            real_block(t, output, out, HALF / LANES);
    }
}

/* --- convolution --------------------------------------------------------------------- */

/* The windows of one output line are copied one behind the other, as positions of a matrix
 * product. */
static size_t conv_depth(const struct window *w, size_t in_channels)
{
    return (size_t)w->kernel[0] * w->kernel[1] * in_channels;
}

size_t NEON_NAME(conv_packed_size)(const struct window *w, size_t in_channels, size_t outputs)
{
    return NEON_NAME(gemm_packed_size)(outputs, conv_depth(w, in_channels));
}

void NEON_NAME(conv_pack)(const int8_t *weights, const struct window *w, size_t in_channels,
                          size_t outputs, void *packed)
{
    NEON_NAME(gemm_pack)(weights, outputs, conv_depth(w, in_channels), packed);
}

size_t NEON_NAME(conv_scratch_size)(const struct window *w, size_t in_channels,
                                    size_t padded_outputs)
{
    (void)padded_outputs;
    return w->out[1] * round_up(conv_depth(w, in_channels), HALF);
}

/* A window's line of at most this many bytes is copied as that many at once. */
#define SMALL_LINE 8

/* Copies one line of the window at x from the input line (NULL: outside). */
static void copy_window_line(const struct window_task *t, const uint8_t *line, size_t x,
                             uint8_t *to)
{
    const struct window *w = &t->window;
    const size_t channels = t->in_channels;
    for (size_t k = 0; k < w->kernel[1]; k++, to += channels) {
        const size_t place = x * w->stride[1] + k - w->padding[1]; /* huge before the start */
        if (line != NULL && place < w->in[1])
            memcpy(to, line + place * t->in_pitch, channels);
        else
            memset(to, t->in_zero, channels);
    }
}

/* Copies line k of all windows; their inputs' line is y. What a small line's copy writes beyond it
 * is the next line's place, or meets weights of 0. */
static void copy_windows_line(const struct window_task *t, size_t k, size_t y, size_t pitch)
{
    const struct window *w = &t->window;
    const size_t size = w->kernel[1] * t->in_channels, step = w->stride[1] * t->in_pitch;
    const uint8_t *line = y < w->in[0] ? t->in + y * w->in[1] * t->in_pitch : NULL;
    uint8_t *to = (uint8_t *)t->scratch + k * size;
    const size_t first = (w->padding[1] + w->stride[1] - 1) / w->stride[1]; /* inside */
    size_t x = 0;
    if (line != NULL && t->in_pitch == t->in_channels && size <= SMALL_LINE &&
        k * size + SMALL_LINE <= pitch && first < w->out[1]) {
        for (; x < first; x++, to += pitch)
            copy_window_line(t, line, x, to);
        const size_t line_size = w->in[1] * t->in_pitch;
        size_t from = (x * w->stride[1] - w->padding[1]) * t->in_pitch;
        for (; x < w->out[1] && from + SMALL_LINE <= line_size; x++, from += step, to += pitch)
            vst1_u8(to, vld1_u8(line + from));
    }
    for (; x < w->out[1]; x++, to += pitch)
        copy_window_line(t, line, x, to);
}

void NEON_NAME(conv)(const struct window_task *t)
{
    const struct window *w = &t->window;
    const size_t depth = round_up(conv_depth(w, t->in_channels), HALF);
    struct gemm_task line = {.in = t->scratch,
                             .in_pitch = depth,
                             .out = t->out,
                             .out_pitch = t->out_pitch,
                             .positions = w->out[1],
                             .depth = depth,
                             .outputs = t->out_pitch,
                             .weights = t->weights,
                             .requantization = t->requantization};
    memset(t->scratch, 0, w->out[1] * depth);
    for (unsigned time = 0; time < w->out[0]; time++, line.out += w->out[1] * t->out_pitch) {
        for (unsigned k = 0; k < w->kernel[0]; k++)
            copy_windows_line(t, k, (size_t)time * w->stride[0] + k - w->padding[0], depth);
        NEON_NAME(gemm)(&line);
    }
}
