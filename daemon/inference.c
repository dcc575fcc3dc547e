#include "daemon/inference.h"

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

static void run_share(void *share, const float *columns, float *probabilities)
{
    network_run(((struct inference_share *)share)->network, columns, probabilities);
}

static void steps_share(const void *share, float *probabilities)
{
    network_step_probabilities(((const struct inference_share *)share)->network, probabilities);
}

static void leave_share(void *share)
{
    (void)share;
}

void inference_open_share(struct inference_share *share, const struct network *like,
                          struct inference *inference)
{
    share->network = NULL;
    *inference = (struct inference){
        .network = share,
        .run = run_share,
        .steps = network_steps(like),
        .step_probabilities = steps_share,
        .free = leave_share,
        .kernel = network_kernel_name(like),
    };
}
