/* natural_log.h - natural logarithms of many numbers at once, in single precision.
 *
 * As logf(), but without a call for each number, and the same bit for bit on every processor.
 * The method is that of Cephes' logf (S. L. Moshier, "Methods and Programs for Mathematical
 * Functions", 1989; netlib.org/cephes, single/logf.c): x = 2^e m with m between the roots of 1/2
 * and 2, and a polynomial for ln m. */
#ifndef TUTTI_DSP_NATURAL_LOG_H
#define TUTTI_DSP_NATURAL_LOG_H

#include <stddef.h>

/* Puts ln x in the place of each of n numbers x, which have to be finite and above 0. The
 * difference from ln x is below 1e-7 where |ln x| < 1, and below 1e-7 |ln x| elsewhere. */
void natural_log(float *values, size_t n);

#endif
