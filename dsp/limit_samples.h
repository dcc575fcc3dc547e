/* limit_samples.h - samples that later arithmetic can rely on.
 *
 * Private to dsp/. No state; any thread.
 */
#ifndef TUTTI_DSP_LIMIT_SAMPLES_H
#define TUTTI_DSP_LIMIT_SAMPLES_H

#include <math.h>
#include <stddef.h>

/* Makes NaN 0 and what is beyond +-limit that limit, in place. NaN is neither below nor above 0.
 * Loops apart, so that each becomes a vector's comparison. */
static inline void limit_samples(float *samples, size_t n, float limit)
{
    for (size_t i = 0; i < n; i++)
        samples[i] = isnan(samples[i]) ? 0.0f : samples[i];
    for (size_t i = 0; i < n; i++)
        samples[i] = samples[i] < limit ? samples[i] : limit;
    for (size_t i = 0; i < n; i++)
        samples[i] = samples[i] > -limit ? samples[i] : -limit;
}

#endif
