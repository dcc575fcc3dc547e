/* line_sums.h - sums over the lines that a depthwise loop writes, taken while they are still in
 * the first-level cache, so that the mean of a squeeze-excite behind it reads no memory again.
 *
 * Private to nn/'s tables.
 */
#ifndef TUTTI_NN_LINE_SUMS_H
#define TUTTI_NN_LINE_SUMS_H

#include "nn/kernels.h"

/* So many bytes of output wait at most, and what was written last: a quarter of a small first-level
 * cache. */
#define LINE_SUMS_WAITING 8192

struct line_sums {
    /* Adds positions of a number of channels to sums[channels]. */
    void (*add)(const uint8_t *in, size_t positions, size_t pitch, size_t channels, int32_t *sums);
    size_t pitch, channels;
    int32_t *sums;          /* NULL: nobody wants them */
    const uint8_t *waiting; /* the first line that has not been added */
    size_t positions;       /* that wait */
};

/* For the channels from `channel` on; clears their sums. */
static inline struct line_sums
line_sums_begin(const struct window_task *t, size_t channel, size_t channels,
                void (*add)(const uint8_t *, size_t, size_t, size_t, int32_t *))
{
    int32_t *sums = t->sums != NULL ? t->sums + channel : NULL;
    for (size_t c = 0; sums != NULL && c < channels; c++)
        sums[c] = 0;
    return (struct line_sums){.add = add,
                              .pitch = t->out_pitch,
                              .channels = channels,
                              .sums = sums,
                              .waiting = t->out + channel};
}

static inline void line_sums_end(struct line_sums *s)
{
    if (s->sums == NULL)
        return;
    s->add(s->waiting, s->positions, s->pitch, s->channels, s->sums);
    s->waiting += s->positions * s->pitch;
    s->positions = 0;
}

/* So many positions more have been written. */
static inline void line_sums_written(struct line_sums *s, size_t positions)
{
    s->positions += positions;
    if (s->positions * s->channels >= LINE_SUMS_WAITING)
        line_sums_end(s);
}

#endif
