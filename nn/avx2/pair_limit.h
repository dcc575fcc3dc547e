/* pair_limit.h - weights whose products with bytes, added in pairs, fit 16 bits.
 *
 * Private to nn/avx2/. models/FORMAT.md says which weights keep this limit.
 */
#ifndef TUTTI_NN_AVX2_PAIR_LIMIT_H
#define TUTTI_NN_AVX2_PAIR_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether 255 times what the pair has of one sign fits 16 bits, for both signs. */
static inline bool pair_fits(int first, int second)
{
    const int positive = (first > 0 ? first : 0) + (second > 0 ? second : 0);
    const int negative = (first < 0 ? first : 0) + (second < 0 ? second : 0);
    return 255 * positive <= INT16_MAX && 255 * negative >= INT16_MIN;
}

/* Whether all pairs of neighbours do, in each line of length weights; an odd one is a pair with
 * nothing, and fits. */
static inline bool pairs_fit(const int8_t *weights, size_t lines, size_t length)
{
    for (size_t line = 0; line < lines; line++, weights += length) {
        for (size_t i = 0; i + 1 < length; i += 2) {
            if (!pair_fits(weights[i], weights[i + 1]))
                return false;
        }
    }
    return true;
}

#endif
