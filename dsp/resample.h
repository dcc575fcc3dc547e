/* resample.h - brings a mono stream from a device's rate to the model's rate.
 *
 * Streaming, linear-phase sample-rate conversion by soxr ("high quality",
 * 20 bits), flat to 0.01 dB up to the end of a passband that the caller needs, if
 * that is at most 95% of the lower Nyquist frequency. When the rate goes down, aliases fall
 * above the passband only; what lies there is not to be used. Feed chunks of any
 * size up to a stated limit; take what comes out, which may be nothing. Equal
 * rates pass through untouched and without delay.
 *
 * Time: output sample k is the signal at input sample k * in_rate / out_rate,
 * both counted from 0 at resampler_new() or resampler_reset(). The filter's
 * delay is compensated; it shows only as output that comes later
 * (resampler_delay_frames()), never as shifted time.
 *
 * Not thread-safe: one resampler belongs to one thread. Memory is taken only in
 * resampler_new(), which also runs soxr until its internal buffers have grown as
 * far as they ever will; feed, flush and reset allocate nothing.
 */
#ifndef TUTTI_DSP_RESAMPLE_H
#define TUTTI_DSP_RESAMPLE_H

#include "common/status.h"

#include <stddef.h>
#include <stdint.h>

#define RESAMPLER_MIN_RATE_HZ 8000u
#define RESAMPLER_MAX_RATE_HZ 384000u
#define RESAMPLER_MAX_INPUT_FRAMES 65536u

struct resampler; /* opaque */

/* A resampler from in_rate_hz to out_rate_hz (each RESAMPLER_MIN_RATE_HZ to
 * RESAMPLER_MAX_RATE_HZ), true up to passband_hz (above 0, at most
 * RESAMPLER_MAX_RATE_HZ; the narrower, the sooner output comes, down to 75% of the lower Nyquist
 * frequency where the rate goes down and 50% where it goes up), that will be fed at most
 * max_input_frames samples a call (1 to RESAMPLER_MAX_INPUT_FRAMES). NULL with *error filled (error
 * may be NULL) if an argument is out of range, soxr refuses or memory is short. Free it with
 * resampler_free(). */
struct resampler *resampler_new(unsigned in_rate_hz, unsigned out_rate_hz, double passband_hz,
                                size_t max_input_frames, struct tutti_error *error);

/* Frees the resampler; NULL is fine. */
void resampler_free(struct resampler *resampler);

/* Takes `frames` samples (0 to max_input_frames; more are the caller's mistake
 * and only the first max_input_frames are taken). Returns how many output
 * samples there are and points *output at them: the resampler's own memory,
 * or, where the rates are equal, `samples` itself. They stay valid until the
 * next call for this resampler and, with equal rates, as long as `samples`.
 *
 * The input has to be finite (see dsp/convert.h): a NaN would spoil the output
 * as far as the filter reaches, and no further. */
size_t resampler_feed(struct resampler *resampler, const float *samples, size_t frames,
                      const float **output);

/* The end of the stream: gives what the filter still holds, as if silence
 * followed. Call it until it returns 0: the stream is then complete, and its
 * whole output is round(n * out_rate / in_rate) samples for n fed (halves go
 * up). *output as for resampler_feed(). Until resampler_reset() further input
 * is ignored. */
size_t resampler_flush(struct resampler *resampler, const float **output);

/* Forgets the stream, for instance after a gap: the next sample fed is sample 0,
 * and none of what was fed before can be heard in what comes out after. */
void resampler_reset(struct resampler *resampler);

/* How late output comes: the most input samples past the one an output sample
 * belongs to that have to be fed before it comes out (0 for equal rates). About
 * 9 ms from 44,100 or 48,000 to 32,000 Hz with a passband of 15 kHz. Measured in resampler_new():
 * for figures of latency, not a bound to compute with. */
size_t resampler_delay_frames(const struct resampler *resampler);

#endif
