/* divisor.h - the greatest common divisor.
 *
 * No state; any thread.
 */
#ifndef TUTTI_COMMON_DIVISOR_H
#define TUTTI_COMMON_DIVISOR_H

#include <stdint.h>

/* By Euclid's algorithm; the other one where one of them is 0. */
static inline uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

#endif
