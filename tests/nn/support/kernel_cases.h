/* kernel_cases.h - random contents for tests of the tables of kernels, and how to compare what two
 * tables made of them.
 *
 * Each buffer is a piece of its own, so that a sanitizer sees a kernel that reads or writes beyond
 * what its contract allows.
 */
#ifndef TUTTI_TESTS_NN_SUPPORT_KERNEL_CASES_H
#define TUTTI_TESTS_NN_SUPPORT_KERNEL_CASES_H

#include "nn/kernels.h"

#include "tests/nn/support/random.h"

/* Aligned, filled with 0xa5; fails the test when memory is short. The caller frees it. */
void *buffer(size_t size);

/* What the values of a case are drawn from. */
enum mood { MOOD_ANY, MOOD_EXTREME, MOODS };

/* The zero of a quantization. */
int random_zero(struct random_source *r);

/* What a table's activations hold for q. */
uint8_t byte_of(const struct kernels *k, int q);

/* Values of [rows][channels], laid out for a table: padding channels hold anything, as a
 * kernel must not care. The same seed gives the same real values for every table. */
uint8_t *random_tensor(const struct kernels *k, uint64_t seed, size_t rows, size_t channels,
                       size_t pitch, enum mood mood);

/* Lines of length weights, malloc()ed. Some of them keep the pair limit of models/FORMAT.md, some
 * keep it but for one pair that is just beyond it. */
int8_t *random_weights(struct random_source *r, size_t lines, size_t length, enum mood mood);

/* A requantization and the memory that it refers to. */
struct parameters {
    struct requantization requantization;
    int32_t *bias;
    float *scale;
};

/* Scales from far too small to far too large for the output's range, but within what a kernel is
 * promised. */
struct parameters random_parameters(uint64_t seed, size_t outputs, size_t padded, size_t depth);

/* The same for a table's bytes, as a plan prepares it. weights: [outputs][depth] */
struct parameters parameters_for(const struct kernels *k, struct parameters p,
                                 const int8_t *weights, size_t outputs, size_t depth);
void free_parameters(struct parameters *p);

/* Calls check for every table but the reference itself that this machine can run. */
void for_each_table(void (*check)(const struct kernels *, uint64_t), uint64_t cases);

/* The real channels have to be equal, the padding has to hold the zero. */
void compare(const struct kernels *k, uint64_t seed, const uint8_t *result, const uint8_t *expected,
             size_t rows, size_t channels, int zero);

#endif
