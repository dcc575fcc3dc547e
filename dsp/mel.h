/* mel.h - sums the power of FFT bins into mel bands.
 *
 * Triangular bands, equally spaced between two frequencies on the scale
 * mel = 1127 ln(1 + f/700), linear in mel, peak 1, from the bins below Nyquist:
 * the filter bank of Kaldi (D. Povey et al., "The Kaldi speech recognition
 * toolkit", ASRU 2011; feat/mel-computations). Only the weights that are not 0
 * are kept, about two per bin, so that applying it costs less than a matrix
 * product. A band too narrow to hold a bin is always 0.
 *
 * Immutable once made: any number of threads may use one bank. Nothing here
 * allocates except mel_new().
 */
#ifndef TUTTI_DSP_MEL_H
#define TUTTI_DSP_MEL_H

#include <stddef.h>

struct mel; /* opaque */

/* A bank of `bands` (1 to 512) bands from low_hz to high_hz (0 <= low_hz <
 * high_hz <= rate_hz / 2) for the bins of an FFT of fft_frames (a power of two,
 * 8 to 65,536) at rate_hz (1 or more). NULL if an argument is out of range or
 * memory is short. Free it with mel_free(). */
struct mel *mel_new(unsigned rate_hz, unsigned fft_frames, unsigned bands, double low_hz,
                    double high_hz);

/* Frees the bank; NULL is fine. */
void mel_free(struct mel *mel);

/* power[fft_frames / 2], finite, bins from 0 Hz without Nyquist -> sums[bands], lowest
 * band first. Always adds in the same order. */
void mel_apply(const struct mel *mel, const float *power, float *sums);

#endif
