#include "nn/avx2/avx2.h"
#include "nn/avx2/tile.h"

#include <string.h>

/* A line of the kernel meets kernel[1] * in_channels neighbouring values of a line of the input,
 * so each line of the kernel is a matrix product whose rows overlap. A ring holds as many lines of
 * the input, padded and in the form that products take, as the kernel has. Packed weights: as for
 * gemm, but each block has one piece for each line of the kernel. */
static size_t conv_line_depth(const struct window *w, size_t in_channels)
{
    return round_up(w->kernel[1] * in_channels, INPUTS);
}

size_t AVX2_NAME(conv_packed_size)(const struct window *w, size_t in_channels, size_t outputs)
{
    return round_up(outputs, LANES) * w->kernel[0] * conv_line_depth(w, in_channels);
}

void AVX2_NAME(conv_pack)(const int8_t *weights, const struct window *w, size_t in_channels,
                          size_t outputs, void *packed)
{
    const size_t padded_outputs = round_up(outputs, LANES);
    const size_t line = w->kernel[1] * in_channels;
    int8_t *to = packed;
    memset(packed, 0, AVX2_NAME(conv_packed_size)(w, in_channels, outputs));
    for (size_t first = 0; first < padded_outputs;) {
        const size_t groups = block_groups(padded_outputs - first);
        for (size_t time = 0; time < w->kernel[0]; time++)
            to = block_pack(groups, weights + time * line, w->kernel[0] * line, first, outputs,
                            line, to);
        first += groups * LANES;
    }
}

/* Values of a line laid out: with padding, and those behind it that a padded depth reads. */
static size_t conv_line_values(const struct window *w, size_t in_channels)
{
    return round_up((w->in[1] + 2 * (size_t)w->padding[1]) * in_channels + INPUTS - 1, LANES);
}

size_t AVX2_NAME(conv_scratch_size)(const struct window *w, size_t in_channels,
                                    size_t padded_outputs)
{
    (void)padded_outputs;
    /* one more line than the kernel has: the line outside the input */
    return (w->kernel[0] + 1) * conv_line_values(w, in_channels) * sizeof(input_value);
}

/* For a line outside the input, and for the padding around those inside, which stays. */
static void conv_fill_with_zero(const struct window_task *t, input_value *line)
{
    const size_t values = conv_line_values(&t->window, t->in_channels);
    for (size_t i = 0; i < values; i++)
        line[i] = (input_value)t->in_zero;
}

static void conv_lay_out(const struct window_task *t, const uint8_t *restrict in,
                         input_value *restrict line)
{
    const struct window *w = &t->window;
    line += w->padding[1] * t->in_channels;
    if (t->in_pitch == t->in_channels) {
        for (size_t i = 0; i < w->in[1] * t->in_channels; i++)
            line[i] = in[i];
        return;
    }
    for (size_t x = 0; x < w->in[1]; x++, in += t->in_pitch) {
        for (size_t c = 0; c < t->in_channels; c++)
            *line++ = in[c];
    }
}

/* The lines of the input, laid out, that one output line needs. */
struct conv_lines {
    const input_value *line[KERNEL_SIDE_MAX];
};

/* What the loops are compiled for. */
struct conv_shape {
    size_t lines, line_depth, row_pitch;
};

/* The outputs of a block at the places from x on. */
ALWAYS_INLINE void conv_tile(const struct window_task *t, const struct conv_lines *lines,
                             const struct tail *tail, uint8_t *out, size_t x, size_t output,
                             struct conv_shape k, size_t rows, size_t groups)
{
    const int8_t *weights = (const int8_t *)t->weights + output * k.lines * k.line_depth;
    const struct tile_end end = {.out = out + x * t->out_pitch + output, .out_pitch = t->out_pitch};
    struct sums sums;
    start_sums(&sums, t->requantization->bias + output, rows, groups);
#pragma GCC unroll 3
    for (size_t time = 0; time < k.lines; time++) {
        multiply(&sums, lines->line[time] + x * k.row_pitch, k.row_pitch, k.line_depth, weights,
                 rows, groups);
        weights += groups * LANES * k.line_depth;
    }
    finish(&sums, &end, t->requantization->scale + output, tail, rows, groups);
}

ALWAYS_INLINE void conv_block(const struct window_task *t, const struct conv_lines *lines,
                              const struct tail *tail, uint8_t *out, size_t output,
                              struct conv_shape k, size_t rows, size_t groups)
{
    const size_t width = t->window.out[1];
    size_t x = 0;
    for (; x + rows <= width; x += rows)
        conv_tile(t, lines, tail, out, x, output, k, rows, groups);
    for (; x < width; x++)
        conv_tile(t, lines, tail, out, x, output, k, 1, groups);
}

ALWAYS_INLINE void conv_line_with(const struct window_task *t, const struct conv_lines *lines,
                                  const struct tail *tail, uint8_t *out, struct conv_shape k)
{
    size_t output = 0;
    for (; output + 2 * LANES <= t->out_pitch; output += 2 * LANES)
        conv_block(t, lines, tail, out, output, k, TILE_ROWS_2, 2);
    if (output < t->out_pitch)
        conv_block(t, lines, tail, out, output, k, TILE_ROWS_1, 1);
}

/* One line of the output. What 3 by 3 of one channel with a stride of 2 comes to has loops of its
 * own: finding addresses would take as long as the products. */
ALWAYS_INLINE void conv_line(const struct window_task *t, const struct conv_lines *lines,
                             const struct tail *tail, uint8_t *out)
{
    const struct window *w = &t->window;
    const struct conv_shape k = {
        .lines = w->kernel[0],
        .line_depth = conv_line_depth(w, t->in_channels),
        .row_pitch = w->stride[1] * t->in_channels,
    };
    if (k.lines == 3 && k.line_depth == 4 && k.row_pitch == 2)
        conv_line_with(t, lines, tail, out, (struct conv_shape){3, 4, 2});
    else
        conv_line_with(t, lines, tail, out, k);
}

ALWAYS_INLINE void conv_with(const struct window_task *t, enum activation activation)
{
    const struct tail tail = tail_of(t->requantization, activation, false);
    const struct window *w = &t->window;
    const size_t values = conv_line_values(w, t->in_channels);
    input_value *ring = t->scratch, *outside = ring + w->kernel[0] * values;
    unsigned laid_out = 0; /* lines of the input */
    for (size_t k = 0; k <= w->kernel[0]; k++)
        conv_fill_with_zero(t, ring + k * values);
    for (unsigned time = 0; time < w->out[0]; time++) {
        struct conv_lines lines;
        for (unsigned k = 0; k < w->kernel[0]; k++) {
            const unsigned y = time * w->stride[0] + k - w->padding[0]; /* huge before the start */
            lines.line[k] = y < w->in[0] ? ring + y % w->kernel[0] * values : outside;
            for (; y < w->in[0] && laid_out <= y; laid_out++)
                conv_lay_out(t, t->in + (size_t)laid_out * w->in[1] * t->in_pitch,
                             ring + laid_out % w->kernel[0] * values);
        }
        conv_line(t, &lines, &tail, t->out + (size_t)time * w->out[1] * t->out_pitch);
    }
}

void AVX2_NAME(conv)(const struct window_task *t)
{
    WITH_CONSTANT_ACTIVATION(t->requantization->activation, conv_with, t)
}
