/* power_spectrum.h - the power of the bins below Nyquist of a real signal's FFT.
 *
 * One complex FFT of half the points by FFTW, in single precision, and what makes the spectrum of
 * the real points of it (W. H. Press et al., "Numerical Recipes in C", 2nd ed., 1992, 12.3).
 *
 * Not thread-safe: one belongs to one thread at a time. Memory is taken only in
 * power_spectrum_new(). FFTW's planner is the one thing shared; a mutex in this module guards it,
 * so they may be made and freed in several threads at once, as long as nobody else plans with FFTW
 * (single precision) meanwhile.
 */
#ifndef TUTTI_DSP_POWER_SPECTRUM_H
#define TUTTI_DSP_POWER_SPECTRUM_H

#define POWER_SPECTRUM_MAX_POINTS (1u << 20)

struct power_spectrum; /* opaque */

/* For FFTs of `points` points, a power of two from 16 to POWER_SPECTRUM_MAX_POINTS. NULL for
 * another number, or if memory is short. Free it with power_spectrum_free(). */
struct power_spectrum *power_spectrum_new(unsigned points);

/* Frees it; NULL is fine. */
void power_spectrum_free(struct power_spectrum *spectrum);

/* Where the signal goes, points floats: at first 0, and never changed by this module. */
float *power_spectrum_points(struct power_spectrum *spectrum);

/* |X|^2 of the bins 0 ... points / 2 - 1 -> power[points / 2]. */
void power_spectrum_run(struct power_spectrum *spectrum, float *power);

#endif
