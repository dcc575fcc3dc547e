#include "dsp/level.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    BLOCKS_PER_S = 100,
    RMS_BLOCKS = 40, /* 400 ms */
    CLIP_RUN = 3,
    MIN_RATE_HZ = 1000,
    MAX_RATE_HZ = 384000,
};

#define PEAK_FALL_DB_PER_S 20.0
#define INAUDIBLE 1e-7 /* -140 dBFS, below the floor */
#define FULL_SCALE (32767.0f / 32768.0f)

/* The mean square is summed anew from blocks of 10 ms at every reading: a sum that
 * is only added to and taken from drifts. */
struct level {
    unsigned rate_hz;
    double peak;
    double peak_fall; /* factor per sample */
    double energy[RMS_BLOCKS];
    size_t block; /* where the next finished block goes */
    double block_energy;
    unsigned block_frames;
    unsigned block_length; /* of the block being filled */
    uint64_t block_number; /* modulo BLOCKS_PER_S is enough to find its length */
    unsigned positive_run;
    unsigned negative_run;
    bool clipped;
};

/* Blocks end at whole hundredths of a second, so that their lengths add up to the
 * rate even where it is no multiple of 100. */
static unsigned block_length(const struct level *level)
{
    uint64_t number = level->block_number % BLOCKS_PER_S;
    return (unsigned)((number + 1) * level->rate_hz / BLOCKS_PER_S -
                      number * level->rate_hz / BLOCKS_PER_S);
}

struct level *level_new(unsigned rate_hz)
{
    if (rate_hz < MIN_RATE_HZ || rate_hz > MAX_RATE_HZ)
        return NULL;
    struct level *level = calloc(1, sizeof *level);
    if (level == NULL)
        return NULL;
    level->rate_hz = rate_hz;
    level->peak_fall = pow(10.0, -PEAK_FALL_DB_PER_S / 20.0 / rate_hz);
    level->block_length = block_length(level);
    return level;
}

void level_free(struct level *level)
{
    free(level);
}

static float sane(float sample)
{
    if (isnan(sample))
        return 0.0f;
    return sample > FLT_MAX ? FLT_MAX : sample < -FLT_MAX ? -FLT_MAX : sample;
}

/* How many in a row, counted up to CLIP_RUN. */
static unsigned run(unsigned before, bool full_scale)
{
    if (!full_scale)
        return 0;
    return before < CLIP_RUN ? before + 1 : CLIP_RUN;
}

static void finish_block(struct level *level)
{
    level->energy[level->block] = level->block_energy;
    level->block = (level->block + 1) % RMS_BLOCKS;
    level->block_energy = 0.0;
    level->block_frames = 0;
    if (level->peak < INAUDIBLE)
        level->peak = 0.0; /* before it becomes subnormal, which is slow */
    level->block_number++;
    level->block_length = block_length(level);
}

void level_feed(struct level *level, const float *samples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double sample = (double)sane(samples[i]);
        double fallen = level->peak * level->peak_fall;
        double magnitude = fabs(sample);
        level->peak = magnitude > fallen ? magnitude : fallen;

        level->positive_run = run(level->positive_run, sample >= (double)FULL_SCALE);
        level->negative_run = run(level->negative_run, sample <= -(double)FULL_SCALE);
        if (level->positive_run == CLIP_RUN || level->negative_run == CLIP_RUN)
            level->clipped = true;

        level->block_energy += sample * sample;
        if (++level->block_frames == level->block_length)
            finish_block(level);
    }
}

static float decibels(double ratio)
{
    double db = 20.0 * log10(fmax(ratio, 1e-30));
    return fmaxf((float)db, LEVEL_FLOOR_DBFS);
}

struct level_reading level_read(struct level *level)
{
    double energy = 0.0;
    for (size_t i = 0; i < RMS_BLOCKS; i++)
        energy += level->energy[i];
    /* Over the whole 400 ms, also where they have not passed yet: silence before. */
    double frames = (double)level->rate_hz * RMS_BLOCKS / BLOCKS_PER_S;
    struct level_reading reading = {
        .rms_dbfs = decibels(sqrt(2.0 * energy / frames)), /* AES17: a full-scale sine is 0 */
        .peak_dbfs = decibels(level->peak),
        .clipped = level->clipped,
    };
    level->clipped = false;
    return reading;
}
