/* frontend.h - turns sound into the mel columns that the network looks at.
 *
 * A streaming log-mel front end: pre-emphasis, centred short-time Fourier
 * transform, mel bands, logarithm, scaling, one column of bands per hop. Every
 * number comes from a struct frontend_config, because the front end belongs to
 * the model. The columns are the same bit for bit however the samples are cut
 * into chunks.
 *
 * For samples x[0 ... N-1], full scale +-1, exactly:
 *   y[n] = x[n+1] - preemphasis * x[n], n = 0 ... N-2
 *   column k: FFT of y around sample k * hop_frames (that sample is point
 *     fft_frames/2 of the FFT), times a symmetric Hann window of window_frames
 *     centred in it ((fft_frames - window_frames) / 2 zeros, rounded down,
 *     before it); y is mirrored at both ends without repeating the end sample
 *   power |X|^2 of the bins below Nyquist
 *   triangular mel bands, equally spaced between low_hz and high_hz on the scale
 *     mel = 1127 ln(1 + f/700) and linear in mel, peak 1, as in Kaldi (D. Povey
 *     et al., "The Kaldi speech recognition toolkit", ASRU 2011; feat/mel-computations)
 *   band = (ln(power + log_offset) + add) / divide
 * N samples give 1 + floor((N-1) / hop_frames) columns, for N >= 2 (the same as
 * torch.stft with center=True and pad_mode="reflect" on y). N = 0 or 1 has no y
 * and gives none. A stream too short for one reflection is mirrored again and
 * again, as numpy.pad's "reflect" does, where torch.stft would refuse.
 *
 * Samples from outside can be anything: NaN counts as 0, and what lies beyond
 * +-FRONTEND_SAMPLE_LIMIT counts as that limit, so columns are always finite.
 *
 * Not thread-safe: one front end belongs to one thread at a time. Memory is taken only in
 * frontend_new(). Front ends may be made and freed in several threads at once, under the
 * condition of dsp/power_spectrum.h.
 */
#ifndef TUTTI_DSP_FRONTEND_H
#define TUTTI_DSP_FRONTEND_H

#include "common/status.h"

#include <stddef.h>
#include <stdint.h>

#define FRONTEND_SAMPLE_LIMIT 1000.0f /* +60 dBFS */

struct frontend_config {
    unsigned rate_hz;       /* 8,000 to 192,000 */
    unsigned fft_frames;    /* a power of two, 64 to 16,384 */
    unsigned window_frames; /* 2 to fft_frames */
    unsigned hop_frames;    /* 1 to fft_frames */
    unsigned mel_bands;     /* 1 to 512 */
    double low_hz;          /* 0 <= low_hz < high_hz <= rate_hz / 2 */
    double high_hz;
    double preemphasis; /* 0 to 1 */
    double log_offset;  /* > 0 */
    double add;         /* finite */
    double divide;      /* finite, not 0 */
};

struct frontend; /* opaque */

/* Receives column `index` (0 for the first since new or reset): mel_bands values,
 * lowest band first, valid only during the call. It may not call back into the
 * front end. */
typedef void frontend_column_function(void *context, uint64_t index, const float *bands);

/* Checks every range above, and that no column could be infinite. Fills *error
 * (may be NULL) with a sentence that names the field. */
enum tutti_status frontend_config_check(const struct frontend_config *config,
                                        struct tutti_error *error);

/* How many columns a stream of `samples` samples has in all. hop_frames has to be in range. */
uint64_t frontend_config_columns(const struct frontend_config *config, uint64_t samples);

/* What each band of a column of digital silence is: (ln(log_offset) + add) / divide. */
float frontend_config_silence(const struct frontend_config *config);

/* A front end for a copy of *config. NULL with *error filled (may be NULL) if the
 * configuration is refused or memory is short. Free it with frontend_free(). */
struct frontend *frontend_new(const struct frontend_config *config, struct tutti_error *error);

/* Frees the front end; NULL is fine. */
void frontend_free(struct frontend *frontend);

/* Takes n mono samples at rate_hz and calls column() for each column that they
 * complete, in order. Any n, 0 too. Column k comes as soon as
 * k * hop_frames + frontend_latency_frames() samples have been fed. */
void frontend_feed(struct frontend *frontend, const float *samples, size_t n,
                   frontend_column_function *column, void *context);

/* The end of the stream: calls column() for the columns that were waiting for
 * samples past the end, with y mirrored there. Then resets the front end. */
void frontend_finish(struct frontend *frontend, frontend_column_function *column, void *context);

/* Forgets the stream, for instance after a gap: the next sample fed is sample 0
 * of a new stream and the next column is column 0, mirrored at its start. */
void frontend_reset(struct frontend *frontend);

/* How many samples, counted from a column's centre (that sample included), have
 * to be fed before the column comes: about half of window_frames. */
size_t frontend_latency_frames(const struct frontend *frontend);

/* The configuration it was made with; valid as long as the front end. */
const struct frontend_config *frontend_config(const struct frontend *frontend);

#endif
