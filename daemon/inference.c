#include "daemon/inference.h"

#include "nn/network.h"

static void run_int8(void *network, const float *columns, float *probabilities)
{
    network_run(network, columns, probabilities);
}

static void steps_int8(const void *network, float *probabilities)
{
    network_step_probabilities(network, probabilities);
}

static void free_int8(void *network)
{
    network_free(network);
}

enum tutti_status inference_open_int8(const struct model *model, const char *kernel,
                                      struct inference *inference, struct tutti_error *error)
{
    struct tutti_error reason = {.status = TUTTI_ERROR_MEMORY};
    const struct network_options options = {.kernel = kernel};
    struct network *network = network_new(model, &options, &reason);
    if (network == NULL)
        return tutti_error_set(error, reason.status, "%s", reason.text);
    *inference = (struct inference){
        .network = network,
        .run = run_int8,
        .steps = network_steps(network),
        .step_probabilities = steps_int8,
        .free = free_int8,
        .kernel = network_kernel_name(network),
    };
    return TUTTI_OK;
}
