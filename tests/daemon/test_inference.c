#include "daemon/inference.h"

#include "nn/network.h"
#include "tests/support/tiny_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct model *model;

static int open_model(void **state)
{
    (void)state;
    model = tiny_model_open();
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    model_close(model);
    return 0;
}

static void refuses_a_kernel_that_does_not_exist(void **state)
{
    (void)state;
    struct inference inference = {0};
    struct tutti_error error;
    assert_int_not_equal(inference_open_int8(model, "abacus", &inference, &error), TUTTI_OK);
    assert_non_null(strstr(error.text, "abacus"));
    assert_int_not_equal(inference_open_int8(model, "abacus", &inference, NULL), TUTTI_OK);
}

static void fill(float *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        columns[i] = (float)sin(0.37 * (double)i) - 0.5f;
}

static size_t window_size(void)
{
    return (size_t)model_frontend(model)->columns * model_frontend(model)->mel_bands;
}

static void runs_the_network_it_names(void **state)
{
    (void)state;
    float *columns = malloc(window_size() * sizeof *columns);
    float direct[MODEL_LABELS_MAX];
    float through[MODEL_LABELS_MAX];
    struct inference inference;
    struct network *network = network_new(model, NULL, NULL);
    fill(columns, window_size());
    network_run(network, columns, direct);
    assert_int_equal(inference_open_int8(model, NULL, &inference, NULL), TUTTI_OK);
    inference.run(inference.network, columns, 0, through);
    assert_memory_equal(direct, through, model_label_count(model) * sizeof direct[0]);
    assert_string_equal(inference.kernel, network_kernel_name(network));
    inference.free(inference.network);
    assert_int_equal(inference_open_int8(model, "portable", &inference, NULL), TUTTI_OK);
    assert_string_equal(inference.kernel, "portable");
    inference.free(inference.network);
    network_free(network);
    free(columns);
}

static void float_is_near_int8(void **state)
{
    (void)state;
    float *columns = malloc(window_size() * sizeof *columns);
    float in_float[MODEL_LABELS_MAX];
    float in_int8[MODEL_LABELS_MAX];
    struct inference inference;
    fill(columns, window_size());
    assert_int_equal(inference_open_float(model, &inference, NULL), TUTTI_OK);
    assert_string_equal(inference.kernel, "float");
    inference.run(inference.network, columns, 0, in_float);
    inference.free(inference.network);
    assert_int_equal(inference_open_int8(model, NULL, &inference, NULL), TUTTI_OK);
    inference.run(inference.network, columns, 0, in_int8);
    inference.free(inference.network);
    for (size_t i = 0; i < model_label_count(model); i++) {
        assert_true(in_float[i] > 0.0f && in_float[i] < 1.0f);
        assert_true(fabsf(in_float[i] - in_int8[i]) < 0.1f);
    }
    free(columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_kernel_that_does_not_exist),
        cmocka_unit_test(runs_the_network_it_names),
        cmocka_unit_test(float_is_near_int8),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
