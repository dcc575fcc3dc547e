#include "dsp/natural_log.h"

#include <float.h>
#include <stdint.h>
#include <string.h>

#define EXPONENT_BIAS 127u
#define MANTISSA_BITS 23
#define ROOT_OF_HALF 0x3f3504f3u /* as a float's bits */
#define SUBNORMAL_SHIFT 23       /* makes every subnormal a normal number */

/* ln 2, in two parts: multiples of the first by an exponent are exact. */
#define LN_2_HIGH 0.693359375f
#define LN_2_LOW -2.12194440e-4f

/* No branch, so that the loop below becomes one of vectors. */
static inline float log_of_one(float x)
{
    float subnormal = x < FLT_MIN ? 1.0f : 0.0f;
    x = x < FLT_MIN ? x * (float)(1 << SUBNORMAL_SHIFT) : x;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t biased = (bits + (EXPONENT_BIAS << MANTISSA_BITS) - ROOT_OF_HALF) >> MANTISSA_BITS;
    bits = bits - (biased << MANTISSA_BITS) + (EXPONENT_BIAS << MANTISSA_BITS);
    float m;
    memcpy(&m, &bits, sizeof m);
    float e = (float)((int32_t)biased - (int32_t)EXPONENT_BIAS) - subnormal * SUBNORMAL_SHIFT;

    float f = m - 1.0f;
    float f2 = f * f;
    float sum = 7.0376836292e-2f;
    sum = sum * f - 1.1514610310e-1f;
    sum = sum * f + 1.1676998740e-1f;
    sum = sum * f - 1.2420140846e-1f;
    sum = sum * f + 1.4249322787e-1f;
    sum = sum * f - 1.6668057665e-1f;
    sum = sum * f + 2.0000714765e-1f;
    sum = sum * f - 2.4999993993e-1f;
    sum = sum * f + 3.3333331174e-1f;
    float rest = sum * f * f2 + LN_2_LOW * e - 0.5f * f2;
    return f + rest + LN_2_HIGH * e;
}

void natural_log(float *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        values[i] = log_of_one(values[i]);
}
