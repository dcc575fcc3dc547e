/* network_float.h - runs a model in float: what the int8 network is measured against.
 *
 * The same graph on the weights before quantization (models/FORMAT.md), with
 * OpenBLAS for the matrix products. In a library of its own (nn_float_dep), because
 * linking OpenBLAS costs a program memory and threads at load. OpenBLAS uses several
 * threads unless its user says otherwise (openblas_set_num_threads(), or the
 * environment variable OPENBLAS_NUM_THREADS).
 *
 * A network belongs to one thread at a time. Memory is taken only in
 * float_network_new(), but for the work buffers that OpenBLAS takes at its first product.
 */
#ifndef TUTTI_NN_NETWORK_FLOAT_H
#define TUTTI_NN_NETWORK_FLOAT_H

#include "common/status.h"
#include "nn/model.h"
#include "nn/network.h"

struct float_network; /* opaque */

/* Makes a network for a model, which may be closed afterwards. NULL with *error
 * filled (TUTTI_ERROR_MEMORY) when memory is short. */
struct float_network *float_network_new(const struct model *, struct tutti_error *error);

/* Frees a network; NULL is fine. */
void float_network_free(struct float_network *);

/* As network_run(): the same shapes and the same treatment of values that are not
 * finite. A logit that is not finite, which only absurd weights give, is probability
 * 0. */
void float_network_run(struct float_network *, const float *columns, float *probabilities);

/* As network_run_observed(). */
void float_network_run_observed(struct float_network *, const float *columns, float *probabilities,
                                network_observer *observer, void *context);

/* As network_steps() and network_step_probabilities(). */
size_t float_network_steps(const struct float_network *);
void float_network_step_probabilities(const struct float_network *, float *probabilities);

#endif
