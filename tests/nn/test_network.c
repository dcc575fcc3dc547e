#include "nn/network.h"

#include "nn/model_layers.h"
#include "tests/nn/support/calibrated.h"
#include "tests/nn/support/fixtures.h"
#include "tests/nn/support/model_builder.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t input_values(const struct model *model)
{
    return (size_t)model_frontend(model)->columns * model_frontend(model)->mel_bands;
}

static float *random_columns(uint64_t seed, size_t count)
{
    struct random_source r = {seed * 2 + 1};
    float *columns = malloc(count * sizeof *columns);
    assert_non_null(columns);
    for (size_t i = 0; i < count; i++)
        columns[i] = (random_unit(&r) - 0.3f) * 5;
    return columns;
}

static struct network *make(const struct model *model, const char *kernel)
{
    const struct network_options options = {.kernel = kernel};
    struct tutti_error error;
    struct network *network = network_new(model, &options, &error);
    if (network == NULL)
        print_error("%s\n", error.text);
    assert_non_null(network);
    return network;
}

static void test_wrong_kernels(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    struct model *model = builder_open(builder);
    struct tutti_error error;
    assert_null(network_new(model, &(struct network_options){"fast"}, &error));
    assert_int_equal(error.status, TUTTI_ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "fast"));
    assert_null(network_new(model, &(struct network_options){"fast"}, NULL));
    network_free(NULL);
    model_close(model);
    builder_free(builder);
}

static void test_kernel_names(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    struct model *model = builder_open(builder);
    bool available = false;
    assert_string_equal(network_kernel(0, &available), "portable");
    assert_true(available);
    const char *best = NULL;
    for (size_t i = 0; network_kernel(i, &available) != NULL; i++) {
        if (!available)
            continue;
        best = network_kernel(i, NULL);
        struct network *network = make(model, best);
        assert_string_equal(network_kernel_name(network), best);
        network_free(network);
    }
    struct network *network = network_new(model, NULL, NULL);
    assert_string_equal(network_kernel_name(network), best);
    network_free(network);
    model_close(model);
    builder_free(builder);
}

static void check_probabilities(const char *file, const float *result, size_t first, size_t count)
{
    size_t values;
    float *expected = fixture_floats(file, &values);
    assert_true(first + count <= values);
    for (size_t i = 0; i < count; i++)
        assert_true(fabsf(result[i] - expected[first + i]) < 1e-6f);
    free(expected);
}

static void check_fixture(const char *name, size_t steps)
{
    char path[512], file[64], step_file[64];
    snprintf(file, sizeof file, "%s.safetensors", name);
    fixture_path(file, path, sizeof path);
    snprintf(file, sizeof file, "%s_int8.f32", name);
    snprintf(step_file, sizeof step_file, "%s_steps.f32", name);
    struct tutti_error error;
    struct model *model = model_open(path, &error);
    assert_non_null(model);
    const size_t labels = model_label_count(model), values = input_values(model);
    size_t window_values;
    float *windows = fixture_floats("tiny_windows.f32", &window_values);
    const size_t count = window_values / values;
    assert_true(count >= 2 && count * values == window_values);
    bool available;
    for (size_t k = 0; network_kernel(k, &available) != NULL; k++) {
        if (!available)
            continue;
        struct network *network = make(model, network_kernel(k, NULL));
        assert_int_equal(network_steps(network), steps);
        for (size_t i = 0; i < count; i++) {
            float result[MODEL_LABELS_MAX];
            network_run(network, windows + i * values, result);
            check_probabilities(file, result, i * labels, labels);
            if (steps == 0)
                continue;
            network_step_probabilities(network, result);
            check_probabilities(step_file, result, i * steps * labels, steps * labels);
        }
        network_free(network);
    }
    free(windows);
    model_close(model);
}

/* The integer network of the exporter, written in another language from FORMAT.md alone. */
static void test_fixtures(void **state)
{
    (void)state;
    check_fixture("tiny", 0);
    check_fixture("steps", 6);
}

/* A label whose gate is 1 has the score of the mean alone, one whose gate is 0 lies between the
 * scores of its steps. */
static void test_gate(void **state)
{
    (void)state;
    struct builder *builder = builder_new(7, 9, 6, 2);
    builder_time_steps(builder);
    builder_attention(builder, 2);
    struct builder_tensor *gate = builder_tensor(builder, "op_1.gate");
    memcpy(gate->data, (const unsigned char[]){0, 0, 0x80, 0x3f, 0, 0, 0, 0}, 8); /* 1, 0 */
    struct model *model = builder_open(builder);
    struct network *network = network_new(model, NULL, NULL);
    float *columns = random_columns(4, input_values(model)), p[2], steps[9 * 2];
    assert_int_equal(network_steps(network), 9);
    network_run(network, columns, p);
    network_step_probabilities(network, steps);
    float low = 1, high = 0;
    for (size_t i = 1; i < 18; i += 2) {
        low = fminf(low, steps[i]);
        high = fmaxf(high, steps[i]);
    }
    assert_true(low < high && p[1] > low && p[1] < high);
    for (size_t i = 0; i < input_values(model); i++)
        columns[i] = 0.5f; /* all steps and the mean are one */
    network_run(network, columns, p);
    network_step_probabilities(network, steps);
    for (size_t i = 0; i < 18; i++)
        assert_true(fabsf(steps[i] - p[i % 2]) < 1e-5f);
    network_free(network);
    free(columns);
    model_close(model);
    builder_free(builder);
}

/* With one step the mean over all is that step, so the window has its score, whatever the gate. */
static void test_one_step(void **state)
{
    (void)state;
    struct builder *builder = builder_new(8, 1, 6, 3);
    builder_time_steps(builder);
    builder_pointwise(builder, 5, "hardswish", -1);
    builder_attention(builder, 3);
    struct model *model = builder_open(builder);
    float *columns = random_columns(6, input_values(model)), p[3], step[3];
    bool available;
    for (size_t k = 0; network_kernel(k, &available) != NULL; k++) {
        if (!available)
            continue;
        struct network *network = make(model, network_kernel(k, NULL));
        assert_int_equal(network_steps(network), 1);
        network_run(network, columns, p);
        network_step_probabilities(network, step);
        assert_memory_equal(p, step, sizeof p);
        network_free(network);
    }
    assert_true(p[0] > 0 && p[0] < 1 && p[0] != p[1]);
    free(columns);
    model_close(model);
    builder_free(builder);
}

/* The probabilities of the window and, behind them, of its steps. */
static void run_whole(struct network *network, const float *columns, size_t labels, float *result)
{
    network_run(network, columns, result);
    network_step_probabilities(network, result + labels);
}

/* Every kernel gives the same probabilities, bit for bit, for graphs of all shapes. */
static void test_kernels_agree(void **state)
{
    (void)state;
    int alive = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct builder *builder = builder_random(seed);
        struct model *model = builder_open(builder);
        float *columns = random_columns(seed, input_values(model));
        struct network *portable = make(model, "portable");
        const size_t labels = model_label_count(model);
        const size_t count = (1 + network_steps(portable)) * labels, size = count * sizeof(float);
        float *expected = malloc(size), *result = malloc(size);
        assert_true(expected != NULL && result != NULL);
        run_whole(portable, columns, labels, expected);
        bool available;
        for (size_t k = 1; network_kernel(k, &available) != NULL; k++) {
            if (!available)
                continue;
            struct network *network = make(model, network_kernel(k, NULL));
            run_whole(network, columns, labels, result);
            assert_memory_equal(result, expected, size);
            network_free(network);
        }
        columns[0] += 1000; /* saturates, and is seen at the other end unless something died */
        for (size_t i = 1; i < input_values(model); i += 2)
            columns[i] = -columns[i];
        run_whole(portable, columns, labels, result);
        alive += memcmp(result, expected, labels * sizeof *result) != 0;
        network_free(portable);
        free(expected);
        free(result);
        free(columns);
        model_close(model);
        builder_free(builder);
    }
    assert_true(alive > 200); /* the graphs are no constants */
}

/* A run leaves nothing behind that a later run could see, and different inputs differ. */
static void test_repeats(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    struct model *model = builder_open(builder);
    const size_t values = input_values(model);
    float *a = random_columns(1, values), *b = random_columns(2, values);
    float first[2], second[2], again[2];
    struct network *network = network_new(model, NULL, NULL);
    model_close(model); /* a network needs its model no longer */
    builder_free(builder);
    network_run(network, a, first);
    network_run(network, b, second);
    network_run(network, a, again);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, second, sizeof first);
    assert_true(network_arena_bytes(network) > values);
    assert_true(network_packed_bytes(network) > 0);
    network_free(network);
    free(a);
    free(b);
}

static void run_both(struct network *network, float *columns, size_t values, float bad,
                     float lowest)
{
    float *clean = malloc(values * sizeof *clean), with_bad[2], with_lowest[2];
    assert_non_null(clean);
    memcpy(clean, columns, values * sizeof *clean);
    for (size_t i = 0; i < values; i += 7) {
        columns[i] = bad;
        clean[i] = lowest;
    }
    network_run(network, columns, with_bad);
    network_run(network, clean, with_lowest);
    assert_memory_equal(with_bad, with_lowest, sizeof with_bad);
    assert_true(isfinite(with_bad[0]) && with_bad[0] >= 0 && with_bad[0] <= 1);
    free(clean);
}

static void test_not_finite(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    struct builder *builder = builder_tiny();
    struct model *model = builder_open(builder);
    const struct quantization input = model_graph(model)->input;
    const float lowest = input.scale * (float)-input.zero;
    const size_t values = input_values(model);
    float *columns = random_columns(3, values);
    bool available;
    for (size_t k = 0; network_kernel(k, &available) != NULL; k++) {
        if (!available)
            continue;
        struct network *network = make(model, network_kernel(k, NULL));
        for (size_t i = 0; i < 3; i++)
            run_both(network, columns, values, bad[i], lowest);
        network_free(network);
    }
    free(columns);
    model_close(model);
    builder_free(builder);
}

struct observed {
    size_t next;
};

static void observe(void *context, size_t layer)
{
    struct observed *observed = context;
    assert_int_equal(layer, observed->next);
    observed->next++;
}

static void test_observer(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    struct model *model = builder_open(builder);
    struct network *network = network_new(model, NULL, NULL);
    float *columns = random_columns(1, input_values(model)), plain[2], observed_result[2];
    struct observed observed = {0};
    network_run(network, columns, plain);
    network_run_observed(network, columns, observed_result, observe, &observed);
    assert_int_equal(observed.next, model_layer_count(model));
    assert_memory_equal(plain, observed_result, sizeof plain);
    network_free(network);
    free(columns);
    model_close(model);
    builder_free(builder);
}

/* Calibration: sigmoid(scale * logit + offset). */
static void test_calibration(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    struct model *plain = builder_open(builder);
    builder_edit(builder, "tutti.calibration", "\"scale\": [1, 1]", "\"scale\": [2, 0]");
    builder_edit(builder, "tutti.calibration", "\"offset\": [0.5, 0.5]", "\"offset\": [-1, 3]");
    struct model *calibrated = builder_open(builder);
    float *columns = random_columns(5, input_values(plain)), p[2], q[2];
    struct network *a = network_new(plain, NULL, NULL), *b = network_new(calibrated, NULL, NULL);
    network_run(a, columns, p);
    network_run(b, columns, q);
    const float logit = logf(p[0] / (1 - p[0])) - 0.5f;
    assert_true(fabsf(q[0] - 1 / (1 + expf(1 - 2 * logit))) < 1e-4f);
    assert_true(fabsf(q[1] - 1 / (1 + expf(-3))) < 1e-6f);
    network_free(a);
    network_free(b);
    free(columns);
    model_close(plain);
    model_close(calibrated);
    builder_free(builder);
}

/* As calibrated.h asks for it. */
static void answers(struct model *model, size_t steps, float *probabilities, float *of_steps)
{
    float *columns = random_columns(5, input_values(model));
    struct network *network = network_new(model, NULL, NULL);
    assert_int_equal(network_steps(network), steps);
    network_run(network, columns, probabilities);
    network_step_probabilities(network, of_steps);
    network_free(network);
    free(columns);
    model_close(model);
}

static void test_rivalry(void **state)
{
    (void)state;
    check_rivalry(answers);
}

/* As many labels and neighbours as there may be. */
static void test_most_outputs(void **state)
{
    (void)state;
    struct builder *builder = builder_new(3, 4, 4, MODEL_OUTPUTS_MAX);
    builder_time_steps(builder);
    builder_attention(builder, MODEL_OUTPUTS_MAX);
    builder_neighbours(builder, MODEL_LABELS_MAX, MODEL_NEIGHBOURS_MAX);
    builder_edit(builder, "tutti.calibration", "{", "{\"rivalry\": 1, \"deference\": 1, ");
    struct model *model = builder_open(builder);
    assert_string_equal(model_neighbour(model, MODEL_NEIGHBOURS_MAX - 1), "neighbour_255");
    float *columns = random_columns(5, input_values(model));
    float p[MODEL_LABELS_MAX + 1];
    p[MODEL_LABELS_MAX] = 7;
    struct network *network = network_new(model, NULL, NULL);
    network_run(network, columns, p);
    for (size_t i = 0; i < MODEL_LABELS_MAX; i++)
        assert_true(p[i] > 0 && p[i] < 1);
    assert_true(p[MODEL_LABELS_MAX] == 7);
    network_free(network);
    free(columns);
    model_close(model);
    builder_free(builder);
}

static void test_deference(void **state)
{
    (void)state;
    check_deference(answers);
}

/* The largest factors that a file may hold give no NaN. */
static void test_huge_factors(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    builder_edit(builder, "tutti.calibration", "\"scale\": [1, 1]", "\"scale\": [1e6, -1e6]");
    struct builder_tensor *scale = builder_tensor(builder, "op_6.scale");
    static const unsigned char million[] = {0x00, 0x24, 0x74, 0x49}; /* 1e6 as float */
    memcpy(scale->data, million, 4);
    memcpy(scale->data + 4, million, 4);
    struct model *model = builder_open(builder);
    float *columns = random_columns(5, input_values(model)), p[2];
    struct network *network = network_new(model, NULL, NULL);
    network_run(network, columns, p);
    for (size_t i = 0; i < 2; i++)
        assert_true(p[i] == 0 || p[i] == 1);
    network_free(network);
    free(columns);
    model_close(model);
    builder_free(builder);
}

/* Scores and attention at their limits stay numbers; the calibration brings them back. */
static void test_huge_attention(void **state)
{
    (void)state;
    static const char *const names[] = {"op_1.score.scale", "op_1.attention.scale"};
    struct builder *builder = builder_new(7, 9, 6, 2);
    builder_time_steps(builder);
    builder_attention(builder, 2);
    for (size_t i = 0; i < 2; i++) {
        struct builder_tensor *scale = builder_tensor(builder, names[i]);
        for (size_t at = 0; at < scale->size; at += 4)
            memcpy(scale->data + at, "\x00\x24\x74\x49", 4); /* 1e6 */
    }
    builder_edit(builder, "tutti.calibration", "\"scale\": [1, 1]", "\"scale\": [1e-10, -1e-10]");
    struct model *model = builder_open(builder);
    float *columns = random_columns(5, input_values(model)), p[2 + 9 * 2];
    struct network *network = network_new(model, NULL, NULL);
    run_whole(network, columns, 2, p);
    for (size_t i = 0; i < sizeof p / sizeof p[0]; i++)
        assert_true(p[i] > 0 && p[i] < 1); /* 0 is what NaN gives */
    network_free(network);
    free(columns);
    model_close(model);
    builder_free(builder);
}

/* --- threads ------------------------------------------------------------------------- */

struct worker {
    struct network *network;
    const float *columns;
    float result[2];
};

static void *work(void *context)
{
    struct worker *worker = context;
    for (int i = 0; i < 200; i++)
        network_run(worker->network, worker->columns, worker->result);
    struct network *child = network_clone(worker->network);
    network_free(worker->network);
    network_run(child, worker->columns, worker->result);
    network_free(child);
    return NULL;
}

static void test_clones_in_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    struct builder *builder = builder_tiny();
    struct model *model = builder_open(builder);
    float *columns = random_columns(9, input_values(model)), expected[2];
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    struct network *network = network_new(model, NULL, NULL);
    network_run(network, columns, expected);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.network = network_clone(network), .columns = columns};
        assert_non_null(workers[i].network);
    }
    network_free(network);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_memory_equal(workers[i].result, expected, sizeof expected);
    }
    free(columns);
    model_close(model);
    builder_free(builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_kernels), cmocka_unit_test(test_kernel_names),
        cmocka_unit_test(test_fixtures),      cmocka_unit_test(test_gate),
        cmocka_unit_test(test_kernels_agree), cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_not_finite),    cmocka_unit_test(test_observer),
        cmocka_unit_test(test_calibration),   cmocka_unit_test(test_rivalry),
        cmocka_unit_test(test_deference),     cmocka_unit_test(test_most_outputs),
        cmocka_unit_test(test_huge_factors),  cmocka_unit_test(test_clones_in_threads),
        cmocka_unit_test(test_one_step),      cmocka_unit_test(test_huge_attention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
