#include "daemon/inference.h"

#include "nn/network_float.h"

static void run_float(void *network, const float *columns, uint64_t position, float *probabilities)
{
    (void)position;
    float_network_run(network, columns, probabilities);
}

static void steps_float(const void *network, float *probabilities)
{
    float_network_step_probabilities(network, probabilities);
}

static void free_float(void *network)
{
    float_network_free(network);
}

enum tutti_status inference_open_float(const struct model *model, struct inference *inference,
                                       struct tutti_error *error)
{
    struct tutti_error reason = {.status = TUTTI_ERROR_MEMORY};
    struct float_network *network = float_network_new(model, &reason);
    if (network == NULL)
        return tutti_error_set(error, reason.status, "%s", reason.text);
    *inference = (struct inference){
        .network = network,
        .run = run_float,
        .steps = float_network_steps(network),
        .step_probabilities = steps_float,
        .free = free_float,
        .kernel = "float",
    };
    return TUTTI_OK;
}
