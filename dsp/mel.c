#include "dsp/mel.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_BANDS = 512,
    MIN_FFT_FRAMES = 8,
    MAX_FFT_FRAMES = 65536,
    LANES = 4, /* sums of a band, each of every fourth bin, that a processor adds at once */
};

struct band {
    unsigned first; /* bin */
    unsigned count; /* bins, each with a weight: whole lanes, so the outermost may weigh 0 */
};

struct mel {
    unsigned bands;
    unsigned bins;
    struct band *band;
    float *weights; /* of all bands, one after another */
};

static double mel_from_hz(double hz)
{
    return 1127.0 * log1p(hz / 700.0);
}

static double triangle(double mel, double left, double step)
{
    double up = (mel - left) / step;
    double down = (left + 2.0 * step - mel) / step;
    return fmin(up, down);
}

/* The band of the `count` bins from `first` on, whose weights are at `weights` with zeros after
 * them. Where bins are missing at the end to fill the lanes, those before them are taken. */
static struct band whole_lanes(float *weights, unsigned first, unsigned count, unsigned bins)
{
    unsigned whole = (count + LANES - 1) / LANES * LANES;
    unsigned before = first + whole > bins ? first + whole - bins : 0;
    memmove(weights + before, weights, count * sizeof *weights);
    memset(weights, 0, before * sizeof *weights);
    return (struct band){.first = first - before, .count = whole};
}

static void make_bands(struct mel *mel, double bin_hz, double low_hz, double high_hz)
{
    double low = mel_from_hz(low_hz);
    double step = (mel_from_hz(high_hz) - low) / (mel->bands + 1);
    float *next = mel->weights;
    unsigned start = 0;
    for (unsigned b = 0; b < mel->bands; b++) {
        double left = low + b * step;
        while (start < mel->bins && mel_from_hz(start * bin_hz) <= left)
            start++; /* the next band begins no further left */
        unsigned bin = start;
        for (; bin < mel->bins; bin++) {
            double weight = triangle(mel_from_hz(bin * bin_hz), left, step);
            if (weight <= 0.0)
                break;
            next[bin - start] = (float)weight;
        }
        mel->band[b] = whole_lanes(next, start, bin - start, mel->bins);
        next += mel->band[b].count;
    }
}

struct mel *mel_new(unsigned rate_hz, unsigned fft_frames, unsigned bands, double low_hz,
                    double high_hz)
{
    bool fft_fits = fft_frames >= MIN_FFT_FRAMES && fft_frames <= MAX_FFT_FRAMES &&
                    (fft_frames & (fft_frames - 1)) == 0;
    bool range_fits = low_hz >= 0.0 && low_hz < high_hz && high_hz <= rate_hz / 2.0;
    if (!fft_fits || !range_fits || bands < 1 || bands > MAX_BANDS)
        return NULL;
    struct mel *mel = calloc(1, sizeof *mel);
    if (mel == NULL)
        return NULL;
    mel->bands = bands;
    mel->bins = fft_frames / 2;
    mel->band = calloc(bands, sizeof *mel->band);
    /* A bin lies under two triangles; under three where rounding makes it so. */
    size_t weights = 3 * (size_t)mel->bins + (size_t)bands * (LANES - 1);
    mel->weights = calloc(weights, sizeof *mel->weights);
    if (mel->band == NULL || mel->weights == NULL) {
        mel_free(mel);
        return NULL;
    }
    make_bands(mel, (double)rate_hz / fft_frames, low_hz, high_hz);
    return mel;
}

void mel_free(struct mel *mel)
{
    if (mel == NULL)
        return;
    free(mel->weights);
    free(mel->band);
    free(mel);
}

static float weighted_sum(const float *weights, const float *bins, size_t count)
{
    float sum[LANES] = {0};
    for (size_t i = 0; i < count; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            sum[lane] += weights[i + lane] * bins[i + lane];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

void mel_apply(const struct mel *mel, const float *power, float *sums)
{
    const float *weights = mel->weights;
    for (unsigned b = 0; b < mel->bands; b++) {
        sums[b] = weighted_sum(weights, power + mel->band[b].first, mel->band[b].count);
        weights += mel->band[b].count;
    }
}
