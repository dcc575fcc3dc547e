/* inference.h - what a recognition needs of a network, whichever arithmetic it
 * uses: the int8 network of the daemon, or the float reference that only
 * programs linked with OpenBLAS offer.
 *
 * Threads: an opened inference belongs to one thread at a time. Memory only in open.
 */
#ifndef TUTTI_DAEMON_INFERENCE_H
#define TUTTI_DAEMON_INFERENCE_H

#include "common/status.h"
#include "nn/model.h"
#include "nn/network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inference {
    void *network;
    /* columns: [columns][mel bands], oldest first; position: where the window lies in its stream,
     * in columns from any origin; probabilities: [labels] */
    void (*run)(void *network, const float *columns, uint64_t position, float *probabilities);
    /* Takes the memory to reuse work where windows overlap that move by hop_columns (1 or more)
     * from one to the next. False when it is short. NULL: the network does not care. */
    bool (*follow)(void *network, size_t hop_columns);
    /* The next window has nothing to do with those before. Real-time safe. NULL likewise. */
    void (*forget)(void *network);
    size_t steps; /* of a window that have probabilities of their own; 0: none */
    /* Of the last run: probabilities [steps][labels]. Not to be called where steps is 0. */
    void (*step_probabilities)(const void *network, float *probabilities);
    void (*free)(void *network);
    const char *kernel; /* "avx2", "portable", "float", ...; lives as long as the network */
};

/* kernel NULL: the fastest this processor has. Real-time safe to run. */
enum tutti_status inference_open_int8(const struct model *model, const char *kernel,
                                      struct inference *inference, struct tutti_error *error);

/* For many sources that have few networks among them. Before each run the network that is free is
 * put in; its step probabilities are asked for before it is given away. */
struct inference_share {
    struct network *network;
    const struct network *like;
    struct network_memory *memory; /* of this source; whichever network runs */
};

/* The share must outlive the inference, which frees its memory but not the network. `like` is one
 * of the networks that will be put in: all are clones of one. Cannot fail. */
void inference_open_share(struct inference_share *share, const struct network *like,
                          struct inference *inference);

/* In a library of its own (inference_float_dep), because it links OpenBLAS. */
enum tutti_status inference_open_float(const struct model *model, struct inference *inference,
                                       struct tutti_error *error);

#endif
