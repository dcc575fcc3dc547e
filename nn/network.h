/* network.h - runs a model in 8-bit integers: mel columns in, probabilities out.
 *
 * The arithmetic is fixed by models/FORMAT.md, to the bit but for the C library's expf()
 * and logf(), so on one machine every kernel (portable C, AVX2, ...) gives the same
 * probabilities; kernels differ in speed alone. The
 * kernel is chosen once in network_new() from what the processor has. network_float.h
 * is the float network that this one is measured against.
 *
 * A network belongs to one thread at a time; one thread may have several. The packed
 * weights are shared between a network and its clones, which makes a network for each
 * of many threads cheap. Memory is taken only in network_new(), network_clone() and
 * network_memory_new(): network_run() neither allocates, locks, nor calls the system.
 */
#ifndef TUTTI_NN_NETWORK_H
#define TUTTI_NN_NETWORK_H

#include "common/status.h"
#include "nn/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct network; /* opaque */

struct network_options {
    const char *kernel; /* "portable", "avx2", ...; NULL: the fastest this processor has */
};

/* Makes a network for a model, which may be closed afterwards. options may be NULL.
 * NULL with *error filled: TUTTI_ERROR_NOT_FOUND for an unknown kernel,
 * TUTTI_ERROR_UNSUPPORTED for one that this processor or build does not have,
 * TUTTI_ERROR_MEMORY. */
struct network *network_new(const struct model *, const struct network_options *options,
                            struct tutti_error *error);

/* Another network of the same model and kernel, for another thread. It shares the
 * packed weights and has activations of its own. May be called while the original
 * runs. NULL when memory is short. */
struct network *network_clone(const struct network *);

/* Frees a network; NULL is fine. Clones stay usable. */
void network_free(struct network *);

/* Runs one window. columns: [columns][mel_bands] of the model's front end, oldest
 * first, as log-mel after the front end's scaling; a value that is not finite counts
 * as the lowest that the input's quantization can hold. probabilities: one per
 * label, calibrated, 0 to 1, always finite. Constant time; real-time safe. */
void network_run(struct network *, const float *columns, float *probabilities);

/* What a network remembers of the windows of one stream of sound, so that it need not compute again
 * what it computed for the windows before: those of its tensors that see a few neighbouring columns
 * alone. The less the windows move from one to the next, the more it saves; a hop that is a
 * multiple of the network's strides (a power of two, such as 8) saves most. The probabilities are
 * the same to the bit as those of network_run(). */
struct network_memory; /* opaque */

/* For windows that move by hop_columns (at least 1), or a multiple of it, from one to the next;
 * other distances are as right but save less. It fits the network and its clones, and belongs to
 * one thread at a time. NULL when memory is short. */
struct network_memory *network_memory_new(const struct network *, size_t hop_columns);

/* Frees a memory; NULL is fine. The network may have been freed before. */
void network_memory_free(struct network_memory *);

/* Forgets all windows: before another stream, or where columns of the stream have changed or are
 * missing. Real-time safe. */
void network_memory_clear(struct network_memory *);

/* Bytes of the tensors that it keeps. */
size_t network_memory_bytes(const struct network_memory *);

/* network_run() for a window of a stream. position: where the window lies in it, in columns; any
 * origin will do. Two windows at positions a and b have to agree wherever they overlap: column i
 * of the one is column i + a - b of the other, unless the memory was cleared in between. Takes
 * as long as network_run() where nothing can be reused, and less elsewhere. Real-time safe. */
void network_run_next(struct network *, struct network_memory *, const float *columns,
                      uint64_t position, float *probabilities);

/* Called after each layer, with the layer's index (model_layer_describe()). */
typedef void network_observer(void *context, size_t layer);

/* network_run() that reports its progress: index 0 to the number of layers - 1, each
 * layer once, in order. For profiling: the observer reads the clock, nn does not. */
void network_run_observed(struct network *, const float *columns, float *probabilities,
                          network_observer *observer, void *context);

/* How many time steps of a window have a score of their own: 0 where the model's head sees the
 * window only as a whole. Step s is centred on column model_first_step_column() + s *
 * model_step_columns(). */
size_t network_steps(const struct network *);

/* The probabilities of the steps of the last run: [network_steps()][labels], calibrated like those
 * of the window, 0 to 1. They say where in the window a label sounds, better than whether it does.
 * Only after network_run() or network_run_next(). Real-time safe. */
void network_step_probabilities(const struct network *, float *probabilities);

/* The kernel's name, such as "avx2". Static. */
const char *network_kernel_name(const struct network *);

/* Bytes of activations and scratch memory of this network, and of the packed weights
 * that it shares with its clones. */
size_t network_arena_bytes(const struct network *);
size_t network_packed_bytes(const struct network *);

/* The name of kernel index, slowest first, or NULL from the last one on; *available
 * (may be NULL) says whether this processor has it. "portable" is index 0 and always
 * available. */
const char *network_kernel(size_t index, bool *available);

/* --- the peak: what the processor could do at best ------------------------------------ */

/* The instructions, for a person, of way index in which the network's kernel could multiply bytes
 * and add them up exactly, such as "vpmaddwd, vpaddd"; NULL from the last one on. There is at
 * least one. Static. */
const char *network_peak_instructions(const struct network *, size_t index);

/* Does rounds of way index (for which network_peak_instructions() is not NULL) on registers alone,
 * and returns the number of multiply-adds. To be timed by the caller: the network cannot have more
 * of them in that time. 192 to 1,536 multiply-adds a round. */
uint64_t network_peak_run(const struct network *, size_t index, uint64_t rounds);

#endif
