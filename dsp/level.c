#include "dsp/level.h"

#include "dsp/limit_samples.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCKS_PER_S = 100,
    RMS_BLOCKS = 40, /* 400 ms */
    CLIP_RUN = 3,
    MIN_RATE_HZ = 1000,
    MAX_RATE_HZ = 384000,
    LANES = 8, /* sums of a block, each of every eighth sample, that a processor adds at once */
    SPAN = 32, /* the most samples taken at once: whole lanes */
};

#define PEAK_FALL_DB_PER_S 20.0
#define INAUDIBLE 1e-7 /* -140 dBFS, below the floor */
#define FULL_SCALE (32767.0f / 32768.0f)

/* The mean square is summed anew from blocks of 10 ms at every reading: a sum that
 * is only added to and taken from drifts.
 *
 * Which samples are added up in one lane, and when the peak is rounded, follows from their place in
 * the block alone: so no bit depends on the chunks in which they come. */
struct level {
    unsigned rate_hz;
    double peak; /* so many samples ago: by now it is peak * fallen[peak_age] */
    unsigned peak_age;
    double energy[RMS_BLOCKS];
    size_t block; /* where the next finished block goes */
    double block_energy[LANES];
    unsigned block_frames;
    unsigned block_length; /* of the block being filled */
    uint64_t block_number; /* modulo BLOCKS_PER_S is enough to find its length */
    unsigned positive_run;
    unsigned negative_run;
    bool clipped;
    double fallen[]; /* factor after 0 ... longest block samples */
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
    unsigned longest_block = rate_hz / BLOCKS_PER_S + 1;
    struct level *level = calloc(1, sizeof *level + (longest_block + 1) * sizeof *level->fallen);
    if (level == NULL)
        return NULL;
    level->rate_hz = rate_hz;
    for (unsigned i = 0; i <= longest_block; i++)
        level->fallen[i] = pow(10.0, -PEAK_FALL_DB_PER_S / 20.0 * i / rate_hz);
    level->block_length = block_length(level);
    return level;
}

void level_free(struct level *level)
{
    free(level);
}

/* How many in a row, counted up to CLIP_RUN. */
static unsigned run(unsigned before, bool full_scale)
{
    if (!full_scale)
        return 0;
    return before < CLIP_RUN ? before + 1 : CLIP_RUN;
}

static void find_clipping(struct level *level, const float *samples, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        level->positive_run = run(level->positive_run, samples[i] >= FULL_SCALE);
        level->negative_run = run(level->negative_run, samples[i] <= -FULL_SCALE);
        if (level->positive_run == CLIP_RUN || level->negative_run == CLIP_RUN)
            level->clipped = true;
    }
}

/* From peak to peak: what has fallen so far is not computed from sample to sample, which would have
 * to wait for each other. */
static void find_peak(struct level *level, const float *samples, unsigned n)
{
    const double *fallen = level->fallen + level->peak_age + 1;
    double peak = level->peak;
    unsigned begin = 0;
    for (unsigned i = 0; i < n; i++) {
        while (i < n && (double)fabsf(samples[i]) <= peak * fallen[i - begin])
            i++;
        if (i < n) {
            peak = (double)fabsf(samples[i]);
            fallen = level->fallen + 1;
            begin = i + 1;
        }
    }
    level->peak = peak;
    level->peak_age = (unsigned)(fallen - level->fallen) - 1 + n - begin;
}

/* Written so that NaN is not below. */
static bool all_below(const float samples[SPAN], float limit)
{
    unsigned reached = 0;
    for (unsigned i = 0; i < SPAN; i++)
        reached |= !(fabsf(samples[i]) < limit);
    return reached == 0;
}

/* Below this, n more samples raise no peak. More than 0, for what is silent. */
static float least_peak(const struct level *level, unsigned n)
{
    float fallen = (float)(level->peak * level->fallen[level->peak_age + n]);
    return fallen > FLT_TRUE_MIN ? fallen : FLT_TRUE_MIN;
}

static void add_energy(const float samples[SPAN], double energy[LANES])
{
    for (unsigned i = 0; i < SPAN; i += LANES)
        for (unsigned lane = 0; lane < LANES; lane++)
            energy[lane] += (double)samples[i + lane] * (double)samples[i + lane];
}

/* n samples, which do not reach past their span; `at` is where in it they begin. The rest of a span
 * that is not whole counts as 0, which changes nothing. */
static void take_span(struct level *level, const float *samples, unsigned at, unsigned n)
{
    float span[SPAN];
    if (n < SPAN) {
        memset(span, 0, sizeof span);
        memcpy(span + at, samples, n * sizeof *samples);
        samples = span;
    }
    if (!all_below(samples, FULL_SCALE)) {
        if (n == SPAN)
            memcpy(span, samples, sizeof span);
        limit_samples(span, SPAN, FLT_MAX);
        samples = span;
        find_clipping(level, samples + at, n);
    } else {
        level->positive_run = 0;
        level->negative_run = 0;
    }
    if (all_below(samples, least_peak(level, n)))
        level->peak_age += n;
    else
        find_peak(level, samples + at, n);
    add_energy(samples, level->block_energy);
}

static void finish_block(struct level *level)
{
    double energy = 0.0;
    for (size_t lane = 0; lane < LANES; lane++) {
        energy += level->block_energy[lane];
        level->block_energy[lane] = 0.0;
    }
    level->energy[level->block] = energy;
    level->block = (level->block + 1) % RMS_BLOCKS;
    level->block_frames = 0;
    level->peak *= level->fallen[level->peak_age];
    level->peak_age = 0;
    if (level->peak < INAUDIBLE)
        level->peak = 0.0; /* before it becomes subnormal, which is slow */
    level->block_number++;
    level->block_length = block_length(level);
}

void level_feed(struct level *level, const float *samples, size_t n)
{
    while (n > 0) {
        unsigned at = level->block_frames % SPAN;
        unsigned count = SPAN - at;
        if (count > level->block_length - level->block_frames)
            count = level->block_length - level->block_frames;
        if (count > n)
            count = (unsigned)n;
        take_span(level, samples, at, count);
        level->block_frames += count;
        if (level->block_frames == level->block_length)
            finish_block(level);
        samples += count;
        n -= count;
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
        .peak_dbfs = decibels(level->peak * level->fallen[level->peak_age]),
        .clipped = level->clipped,
    };
    level->clipped = false;
    return reading;
}
