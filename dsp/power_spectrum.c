#include "dsp/power_spectrum.h"

#include <fftw3.h>

#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 4 };

typedef float vector __attribute__((vector_size(LANES * sizeof(float))));

struct power_spectrum {
    unsigned half; /* of the points: of the complex FFT */
    float *points;
    fftwf_complex *bins; /* [half + 1], the last one as the first */
    fftwf_plan plan;
    /* exp(-2 pi i k / points) for k = 0 ... half / 2 - 1 */
    float *cosine;
    float *minus_sine;
};

/* FFTW: only fftwf_execute() may be called by several threads at once. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

struct power_spectrum *power_spectrum_new(unsigned points)
{
    if (points < 16 || points > POWER_SPECTRUM_MAX_POINTS || (points & (points - 1)) != 0)
        return NULL;
    struct power_spectrum *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->half = points / 2;
    s->points = fftwf_alloc_real(points);
    s->bins = fftwf_alloc_complex(s->half + 1);
    s->cosine = calloc(s->half / 2, sizeof *s->cosine);
    s->minus_sine = calloc(s->half / 2, sizeof *s->minus_sine);
    if (s->points != NULL && s->bins != NULL && s->cosine != NULL && s->minus_sine != NULL) {
        memset(s->points, 0, points * sizeof *s->points);
        for (unsigned k = 0; k < s->half / 2; k++) {
            s->cosine[k] = (float)cos(2.0 * acos(-1.0) * k / points);
            s->minus_sine[k] = (float)-sin(2.0 * acos(-1.0) * k / points);
        }
        /* Not FFTW_MEASURE: it may choose another algorithm, with other rounding, at
         * each start, and is hardly faster at these sizes. */
        pthread_mutex_lock(&planner);
        s->plan = fftwf_plan_dft_1d((int)s->half, (fftwf_complex *)s->points, s->bins, FFTW_FORWARD,
                                    FFTW_ESTIMATE);
        pthread_mutex_unlock(&planner);
    }
    if (s->plan != NULL)
        return s;
    power_spectrum_free(s);
    return NULL;
}

void power_spectrum_free(struct power_spectrum *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&planner);
    fftwf_destroy_plan(s->plan);
    pthread_mutex_unlock(&planner);
    fftwf_free(s->bins);
    fftwf_free(s->points);
    free(s->cosine);
    free(s->minus_sine);
    free(s);
}

float *power_spectrum_points(struct power_spectrum *s)
{
    return s->points;
}

static vector load(const float *from)
{
    vector v;
    memcpy(&v, from, sizeof v);
    return v;
}

static vector backwards(vector v)
{
    return __builtin_shufflevector(v, v, 3, 2, 1, 0);
}

/* Z, the FFT of the even points as real and the odd ones as imaginary parts, is E + iO of the FFTs
 * E and O of both: E[k] = (Z[k] + conj Z[half - k]) / 2, O[k] = (Z[k] - conj Z[half - k]) / 2i. The
 * points' own is X[k] = E[k] + exp(-2 pi i k / points) O[k], and conj X[half - k] the same with a
 * minus. Four k at once; the halves are left out up to the end. */
static void powers_of_four(const struct power_spectrum *s, unsigned k, float *power)
{
    const float *up = &s->bins[k][0];
    const float *down = &s->bins[s->half - k - (LANES - 1)][0];
    vector up_0 = load(up), up_1 = load(up + LANES);
    vector down_0 = load(down), down_1 = load(down + LANES);
    vector a = __builtin_shufflevector(up_0, up_1, 0, 2, 4, 6);
    vector b = __builtin_shufflevector(up_0, up_1, 1, 3, 5, 7);
    vector c = __builtin_shufflevector(down_0, down_1, 6, 4, 2, 0);
    vector d = __builtin_shufflevector(down_0, down_1, 7, 5, 3, 1);
    vector cosine = load(s->cosine + k), minus_sine = load(s->minus_sine + k);

    vector even_real = a + c, even_imaginary = b - d;
    vector odd_real = b + d, odd_imaginary = c - a;
    vector turned_real = odd_real * cosine - odd_imaginary * minus_sine;
    vector turned_imaginary = odd_imaginary * cosine + odd_real * minus_sine;

    vector real = even_real + turned_real, imaginary = even_imaginary + turned_imaginary;
    vector upper = (real * real + imaginary * imaginary) * 0.25f;
    real = even_real - turned_real;
    imaginary = even_imaginary - turned_imaginary;
    vector lower = backwards((real * real + imaginary * imaginary) * 0.25f);
    memcpy(power + k, &upper, sizeof upper);
    if (k > 0)
        memcpy(power + s->half - k - (LANES - 1), &lower, sizeof lower);
    else /* less the bin at Nyquist */
        memcpy(power + s->half - (LANES - 1), &lower, (LANES - 1) * sizeof *power);
}

void power_spectrum_run(struct power_spectrum *s, float *power)
{
    fftwf_execute(s->plan);
    memcpy(s->bins[s->half], s->bins[0], sizeof s->bins[0]);
    for (unsigned k = 0; k < s->half / 2; k += LANES)
        powers_of_four(s, k, power);
    const float *middle = s->bins[s->half / 2]; /* its own mirror image */
    power[s->half / 2] = middle[0] * middle[0] + middle[1] * middle[1];
}
