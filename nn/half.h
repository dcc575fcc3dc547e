/* half.h - IEEE 754 binary16 ("float16") to float. Private to nn/. */
#ifndef TUTTI_NN_HALF_H
#define TUTTI_NN_HALF_H

#include <math.h>
#include <stdint.h>

/* The value of the 2 little-endian bytes at p. Exact. */
static inline float half_to_float(const unsigned char *p)
{
    const unsigned bits = (unsigned)p[0] | (unsigned)p[1] << 8;
    const int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    float value;
    if (exponent == 31)
        value = fraction != 0 ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexpf((float)fraction, -24);
    else
        value = ldexpf((float)(1024 + fraction), exponent - 25);
    return bits & 0x8000 ? -value : value;
}

#endif
