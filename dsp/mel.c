#include "dsp/mel.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MAX_BANDS = 512, MAX_FFT_FRAMES = 65536 };

struct band {
    unsigned first; /* bin */
    unsigned count; /* bins, each with a weight */
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
            *next++ = (float)weight;
        }
        mel->band[b] = (struct band){.first = start, .count = bin - start};
    }
}

struct mel *mel_new(unsigned rate_hz, unsigned fft_frames, unsigned bands, double low_hz,
                    double high_hz)
{
    bool fft_fits =
        fft_frames >= 2 && fft_frames <= MAX_FFT_FRAMES && (fft_frames & (fft_frames - 1)) == 0;
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
    mel->weights = calloc(3 * (size_t)mel->bins, sizeof *mel->weights);
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

void mel_apply(const struct mel *mel, const float *power, float *sums)
{
    const float *weights = mel->weights;
    for (unsigned b = 0; b < mel->bands; b++) {
        const float *bins = power + mel->band[b].first;
        unsigned count = mel->band[b].count;
        float sum = 0.0f;
        for (unsigned i = 0; i < count; i++)
            sum += weights[i] * bins[i];
        sums[b] = sum;
        weights += count;
    }
}
