#include "daemon/inference.h"

#include <stdlib.h>

/* A network of its own is shared with nobody. */
static void run_share(void *context, const float *columns, uint64_t position, float *probabilities)
{
    const struct inference_share *share = context;
    if (share->memory != NULL)
        network_run_next(share->network, share->memory, columns, position, probabilities);
    else
        network_run(share->network, columns, probabilities);
}

static bool follow_share(void *context, size_t hop_columns)
{
    struct inference_share *share = context;
    network_memory_free(share->memory);
    share->memory = network_memory_new(share->like, hop_columns);
    return share->memory != NULL;
}

static void forget_share(void *context)
{
    struct inference_share *share = context;
    if (share->memory != NULL)
        network_memory_clear(share->memory);
}

static void steps_share(const void *share, float *probabilities)
{
    network_step_probabilities(((const struct inference_share *)share)->network, probabilities);
}

static void leave_share(void *context)
{
    struct inference_share *share = context;
    network_memory_free(share->memory);
    share->memory = NULL;
}

void inference_open_share(struct inference_share *share, const struct network *like,
                          struct inference *inference)
{
    *share = (struct inference_share){.like = like};
    *inference = (struct inference){
        .network = share,
        .run = run_share,
        .follow = follow_share,
        .forget = forget_share,
        .steps = network_steps(like),
        .step_probabilities = steps_share,
        .free = leave_share,
        .kernel = network_kernel_name(like),
    };
}

static void free_own(void *context)
{
    struct inference_share *share = context;
    leave_share(share);
    network_free(share->network);
    free(share);
}

enum tutti_status inference_open_int8(const struct model *model, const char *kernel,
                                      struct inference *inference, struct tutti_error *error)
{
    struct tutti_error reason = {.status = TUTTI_ERROR_MEMORY, .text = "out of memory"};
    const struct network_options options = {.kernel = kernel};
    struct inference_share *share = malloc(sizeof *share);
    struct network *network = share != NULL ? network_new(model, &options, &reason) : NULL;
    if (network == NULL) {
        free(share);
        return tutti_error_set(error, reason.status, "%s", reason.text);
    }
    inference_open_share(share, network, inference);
    share->network = network;
    inference->free = free_own;
    return TUTTI_OK;
}
