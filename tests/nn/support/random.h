/* random.h - a small generator with a seed, the same numbers on every machine
 * (xorshift64*, S. Vigna, "An experimental exploration of Marsaglia's xorshift
 * generators, scrambled", ACM TOMS 2016).
 */
#ifndef TUTTI_TESTS_NN_RANDOM_H
#define TUTTI_TESTS_NN_RANDOM_H

#include <stdint.h>

struct random_source {
    uint64_t state; /* not 0 */
};

static inline uint32_t random_bits(struct random_source *source)
{
    source->state ^= source->state >> 12;
    source->state ^= source->state << 25;
    source->state ^= source->state >> 27;
    return (uint32_t)(source->state * 0x2545f4914f6cdd1dULL >> 32);
}

/* A whole number from min to max. */
static inline int random_between(struct random_source *source, int min, int max)
{
    return min + (int)(random_bits(source) % (uint32_t)(max - min + 1));
}

/* 0 to 1 */
static inline float random_unit(struct random_source *source)
{
    return (float)(random_bits(source) >> 8) / 16777216.0f;
}

#endif
