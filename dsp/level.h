/* level.h - how loud the input is, as a person reads it on a meter.
 *
 * Feed it mono samples as they arrive, in chunks of any size; ask for the
 * level at any time. Peak falls slowly so that the eye can catch it; clipping
 * is remembered until it has been read once.
 *
 * Not thread-safe: one meter belongs to one thread. Nothing here allocates
 * except level_new().
 */
#ifndef TUTTI_DSP_LEVEL_H
#define TUTTI_DSP_LEVEL_H

#include <stdbool.h>
#include <stddef.h>

#define LEVEL_FLOOR_DBFS (-120.0f) /* what digital silence reads */

struct level; /* opaque */

struct level_reading {
    /* Over the last 400 ms, renewed every 10 ms; LEVEL_FLOOR_DBFS ... +3, and more
     * only for samples beyond full scale. 0 is a full-scale sine, so +3 is a
     * full-scale square wave (AES17). What lies before the first sample is silence. */
    float rms_dbfs;
    /* The largest sample, falling by 20 dB/s; LEVEL_FLOOR_DBFS ...
     * +inf excluded. 0 is full scale. */
    float peak_dbfs;
    /* Since the last reading there was a sample at or beyond full scale that was the
     * third or a later one in a row, all of one sign. Full scale is 32767/32768 here, because that
     * is the largest positive sample of a 16-bit converter. */
    bool clipped;
};

/* A meter for samples at rate_hz (1,000 to 384,000). NULL if the rate is out
 * of range or memory is short. Free it with level_free(). */
struct level *level_new(unsigned rate_hz);

/* Frees the meter; NULL is fine. */
void level_free(struct level *level);

/* Takes n mono samples, full scale +-1. NaN counts as 0, an infinite sample as
 * the largest finite one. Constant time per sample; safe to call from a
 * real-time thread. */
void level_feed(struct level *level, const float *samples, size_t n);

/* The reading now. Clears the clip memory. */
struct level_reading level_read(struct level *level);

#endif
