/* Nothing that runs in the recognizer's loop takes memory, whatever the kernel. */
#include "nn/network.h"

#include "tests/dsp/allocations.h"
#include "tests/nn/support/fixtures.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WINDOWS = 4, HOP_COLUMNS = 8 };

static void observe(void *context, size_t layer)
{
    (void)layer;
    ++*(size_t *)context;
}

static void check_kernel(const struct model *model, const char *kernel, const float *columns)
{
    const struct network_options options = {.kernel = kernel};
    const unsigned long at_first = allocations();
    struct network *network = network_new(model, &options, NULL);
    struct network_memory *memory = network_memory_new(network, HOP_COLUMNS);
    assert_non_null(memory);
    assert_true(allocations() > at_first); /* it does count */
    float *steps = calloc(network_steps(network) * model_label_count(model), sizeof *steps);
    float probabilities[MODEL_LABELS_MAX];
    size_t observed = 0;
    const unsigned long before = allocations();
    for (uint64_t window = 0; window < WINDOWS; window++) {
        network_run(network, columns, probabilities);
        network_run_observed(network, columns, probabilities, observe, &observed);
        network_run_next(network, memory, columns, 0, probabilities);
        network_step_probabilities(network, steps);
        if (window % 2 == 1)
            network_memory_clear(memory);
    }
    assert_int_equal(allocations(), before);
    assert_int_equal(observed, WINDOWS * model_layer_count(model));
    free(steps);
    network_memory_free(memory);
    network_free(network);
}

static void running_takes_no_memory(void **state)
{
    (void)state;
    char path[PATH_MAX];
    fixture_path("steps.safetensors", path, sizeof path);
    struct model *model = model_open(path, NULL);
    assert_non_null(model);
    const struct model_frontend *frontend = model_frontend(model);
    float *columns = calloc((size_t)frontend->columns * frontend->mel_bands, sizeof *columns);
    bool available;
    for (size_t k = 0; network_kernel(k, &available) != NULL; k++) {
        if (available)
            check_kernel(model, network_kernel(k, NULL), columns);
    }
    free(columns);
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
