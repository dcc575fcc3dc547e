#include "nn/avx512/avx512.h"
#include "nn/avx512/tile.h"

/* A line of the kernel meets kernel[1] * in_channels neighbouring bytes of a line of the input,
 * so each line of the kernel is a matrix product whose rows overlap. A ring holds as many lines of
 * the input, padded, as the kernel has. Packed weights: as for gemm, but each block has one piece
 * for each line of the kernel. */
static size_t line_depth(const struct window *w, size_t in_channels)
{
    return round_up(w->kernel[1] * in_channels, 4);
}

size_t AVX512_NAME(conv_packed_size)(const struct window *w, size_t in_channels, size_t outputs)
{
    return round_up(outputs, LANES) * w->kernel[0] * line_depth(w, in_channels);
}

void AVX512_NAME(conv_pack)(const int8_t *weights, const struct window *w, size_t in_channels,
                            size_t outputs, void *packed)
{
    const size_t padded_outputs = round_up(outputs, HALF), line = w->kernel[1] * in_channels;
    int8_t *to = packed;
    for (size_t first = 0; first < padded_outputs;) {
        const struct block block = block_of(padded_outputs - first);
        for (size_t time = 0; time < w->kernel[0]; time++)
            to = block_pack(block, weights + time * line, w->kernel[0] * line, first, outputs, line,
                            to);
        first += block_outputs(block);
    }
}

/* Bytes of a line with padding, and 3 more that a depth which is no multiple of 4 reads. */
static size_t line_bytes(const struct window *w, size_t in_channels)
{
    return (w->in[1] + 2 * (size_t)w->padding[1]) * in_channels + 3;
}

size_t AVX512_NAME(conv_scratch_size)(const struct window *w, size_t in_channels,
                                      size_t padded_outputs)
{
    (void)padded_outputs;
    /* one more line than the kernel has: the line outside the input */
    return (w->kernel[0] + 1) * line_bytes(w, in_channels);
}

/* Lays out a line of the input, or with in NULL the line outside it. */
static void lay_out(const struct window_task *t, const uint8_t *in, uint8_t *line)
{
    const struct window *w = &t->window;
    const size_t channels = t->in_channels;
    const size_t before = w->padding[1] * channels, inside = w->in[1] * channels;
    if (in == NULL) {
        memset(line, t->in_zero, line_bytes(w, channels));
        return;
    }
    for (size_t i = 0; i < before; i++)
        line[i] = (uint8_t)t->in_zero;
    line += before;
    if (t->in_pitch == channels)
        memcpy(line, in, inside);
    for (size_t x = 0; t->in_pitch != channels && x < w->in[1]; x++)
        memcpy(line + x * channels, in + x * t->in_pitch, channels);
    for (size_t i = 0; i < before + 3; i++)
        line[inside + i] = (uint8_t)t->in_zero;
}

/* The lines of the input, laid out, that one output line needs. */
struct lines {
    const uint8_t *line[KERNEL_SIDE_MAX];
};

ALWAYS_INLINE void conv_tile(const struct window_task *t, const struct lines *lines, uint8_t *out,
                             size_t x, size_t output, bool single, size_t rows, size_t groups,
                             bool paired)
{
    const struct window *w = &t->window;
    const size_t depth = line_depth(w, t->in_channels), pitch = w->stride[1] * t->in_channels;
    const int8_t *weights = (const int8_t *)t->weights + output * w->kernel[0] * depth;
    const struct tile_end end = {.requantization = t->requantization,
                                 .out = out + x * t->out_pitch,
                                 .out_pitch = single ? 0 : t->out_pitch};
    struct sums sums;
    start_sums(&sums, t->requantization->bias + output, rows, groups, paired);
    for (unsigned time = 0; time < w->kernel[0]; time++) {
        multiply(&sums, lines->line[time] + x * pitch, single ? 0 : pitch, depth, weights, rows,
                 groups, paired);
        weights += groups * LANES * depth;
    }
    finish(&sums, &end, output, rows, groups, paired);
}

/* One output line, as gemm_block() in gemm.c. */
ALWAYS_INLINE void conv_block(const struct window_task *t, const struct lines *lines, uint8_t *out,
                              size_t output, size_t rows, size_t groups, bool paired)
{
    const size_t width = t->window.out[1];
    if (rows == 1) {
        for (size_t x = 0; x < width; x++)
            conv_tile(t, lines, out, x, output, true, rows, groups, paired);
        return;
    }
    const size_t step = paired ? 2 * rows : rows;
    for (size_t x = 0; x < width; x += step) {
        if (x + step > width)
            x = width - step;
        conv_tile(t, lines, out, x, output, false, rows, groups, paired);
    }
}

static void conv_line(const struct window_task *t, const struct lines *lines, uint8_t *out)
{
    for (size_t output = 0; output < t->out_pitch;) {
        const struct block block = block_of(t->out_pitch - output);
        const bool few = t->window.out[1] < tile_positions(block);
        WITH_CONSTANT_BLOCK(block, few, conv_block, t, lines, out, output)
        output += block_outputs(block);
    }
}

void AVX512_NAME(conv)(const struct window_task *t)
{
    const struct window *w = &t->window;
    const size_t bytes = line_bytes(w, t->in_channels);
    uint8_t *ring = t->scratch, *outside = ring + w->kernel[0] * bytes;
    unsigned laid_out = 0; /* lines of the input */
    lay_out(t, NULL, outside);
    for (unsigned time = 0; time < w->out[0]; time++) {
        struct lines lines;
        for (unsigned k = 0; k < w->kernel[0]; k++) {
            const unsigned y = time * w->stride[0] + k - w->padding[0]; /* huge before the start */
            lines.line[k] = y < w->in[0] ? ring + y % w->kernel[0] * bytes : outside;
            for (; y < w->in[0] && laid_out <= y; laid_out++)
                lay_out(t, t->in + (size_t)laid_out * w->in[1] * t->in_pitch,
                        ring + laid_out % w->kernel[0] * bytes);
        }
        conv_line(t, &lines, t->out + (size_t)time * w->out[1] * t->out_pitch);
    }
}
