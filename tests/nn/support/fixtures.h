/* fixtures.h - the files of tests/nn/fixtures: a tiny model with every kind of layer, three
 * or more windows, and the probabilities that models/training computes for them in float
 * (PyTorch) and in integers (a simulation).
 */
#ifndef TUTTI_TESTS_NN_FIXTURES_H
#define TUTTI_TESTS_NN_FIXTURES_H

#include <stddef.h>

/* The path of a fixture; the folder comes from the environment variable TUTTI_FIXTURES. */
void fixture_path(const char *name, char *path, size_t size);

/* All floats of a file, little endian; the caller frees them. Fails the test if there are none. */
float *fixture_floats(const char *name, size_t *count);

#endif
