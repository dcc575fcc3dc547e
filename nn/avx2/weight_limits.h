/* weight_limits.h - weights whose products with bytes, added in pairs or fours, fit 16 bits.
 *
 * Private to nn/avx2/. models/FORMAT.md says which weights keep these limits.
 */
#ifndef TUTTI_NN_AVX2_WEIGHT_LIMITS_H
#define TUTTI_NN_AVX2_WEIGHT_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether 255 times what these weights have of one sign fits 16 bits, for both signs. */
static inline bool sum_fits(const int8_t *weights, size_t count)
{
    int positive = 0, negative = 0;
    for (size_t i = 0; i < count; i++) {
        if (weights[i] > 0)
            positive += weights[i];
        else
            negative += weights[i];
    }
    return 255 * positive <= INT16_MAX && 255 * negative >= INT16_MIN;
}

/* Whether all pairs of neighbours do, in each line of length weights; an odd one is a pair with
 * nothing, and fits. */
static inline bool pairs_fit(const int8_t *weights, size_t lines, size_t length)
{
    for (size_t line = 0; line < lines; line++, weights += length) {
        for (size_t i = 0; i + 1 < length; i += 2) {
            if (!sum_fits(weights + i, 2))
                return false;
        }
    }
    return true;
}

/* Whether all fours do: of every eight weights of a line, each pair of the first half with its
 * counterpart in the second. Behind the end are zeros. */
static inline bool fours_fit(const int8_t *weights, size_t lines, size_t length)
{
    for (size_t line = 0; line < lines; line++, weights += length) {
        for (size_t i = 0; i < length; i += i % 8 == 2 ? 6 : 2) {
            int8_t four[4] = {0};
            for (size_t k = 0; k < 4; k++) {
                const size_t at = i + k / 2 * 4 + k % 2;
                if (at < length)
                    four[k] = weights[at];
            }
            if (!sum_fits(four, 4))
                return false;
        }
    }
    return true;
}

#endif
