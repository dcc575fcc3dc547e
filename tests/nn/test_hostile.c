/* A sound model cut short at every byte, and with bytes changed at random: each result has to be a
 * refusal with a sentence, or a model that runs and gives probabilities. Meant for the sanitizers.
 */
#include "nn/network.h"

#include "tests/nn/support/model_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void run(const struct model *model)
{
    const size_t values = (size_t)model_frontend(model)->columns * model_frontend(model)->mel_bands;
    float *columns = calloc(values, sizeof *columns), p[MODEL_LABELS_MAX];
    assert_non_null(columns);
    for (size_t i = 0; i < values; i++)
        columns[i] = (float)(i % 17) / 8 - 1;
    struct network *network = network_new(model, NULL, NULL);
    assert_non_null(network);
    network_run(network, columns, p);
    for (size_t i = 0; i < model_label_count(model); i++)
        assert_true(p[i] >= 0 && p[i] <= 1);
    const size_t count = network_steps(network) * model_label_count(model);
    float *steps = malloc((count + 1) * sizeof *steps);
    assert_non_null(steps);
    network_step_probabilities(network, steps);
    for (size_t i = 0; i < count; i++)
        assert_true(steps[i] >= 0 && steps[i] <= 1);
    free(steps);
    network_free(network);
    free(columns);
}

/* The bytes are copied to memory of exactly their size. Returns whether they were a model. */
static bool try(const unsigned char *file, size_t size)
{
    unsigned char *copy = malloc(size > 0 ? size : 1);
    struct tutti_error error = {0};
    assert_non_null(copy);
    memcpy(copy, file, size);
    struct model *model = model_read(copy, size, "f", &error);
    free(copy); /* a model keeps no pointer into what it was read from */
    if (model == NULL) {
        assert_int_not_equal(error.status, TUTTI_OK);
        assert_true(strlen(error.text) > strlen("f: "));
        return false;
    }
    run(model);
    model_close(model);
    return true;
}

/* A small model whose head works on time steps, with neighbours. */
static struct builder *with_attention(void)
{
    struct builder *builder = builder_new(2, 6, 4, 2);
    builder_time_steps(builder);
    builder_pointwise(builder, 3, "hardswish", -1);
    builder_attention(builder, 4);
    builder_neighbours(builder, 2, 2);
    builder_edit(builder, "tutti.calibration", "{", "{\"deference\": 1.5, ");
    return builder;
}

static void cut_short(struct builder *builder)
{
    size_t size;
    unsigned char *file = builder_write(builder, &size);
    for (size_t length = 0; length < size; length++)
        assert_false(try(file, length));
    assert_true(try(file, size));
    free(file);
    builder_free(builder);
}

static void test_cut_short(void **state)
{
    (void)state;
    cut_short(builder_tiny());
    cut_short(with_attention());
}

static void test_something_added(void **state)
{
    (void)state;
    size_t size;
    struct builder *builder = builder_tiny();
    unsigned char *file = builder_write(builder, &size), *longer = malloc(size + 1);
    memcpy(longer, file, size);
    longer[size] = 0;
    assert_false(try(longer, size + 1));
    free(longer);
    free(file);
    builder_free(builder);
}

/* Flips are aimed at the header, where they do most, and now and then anywhere. */
static void change_bytes(struct builder *builder)
{
    struct random_source r = {20240229};
    size_t size, survivors = 0;
    unsigned char *file = builder_write(builder, &size), *changed = malloc(size);
    const size_t header = 8 + (file[0] | (size_t)file[1] << 8);
    enum { CASES = 20000 };
    for (int i = 0; i < CASES; i++) {
        memcpy(changed, file, size);
        const size_t reach = i % 4 ? header : size;
        for (int flips = random_between(&r, 1, 3); flips > 0; flips--) {
            unsigned char *byte = &changed[random_bits(&r) % reach];
            if (random_bits(&r) % 2)
                *byte = (unsigned char)random_bits(&r);
            else /* likely to stay JSON */
                *byte = (unsigned char)"0123456789-.eE[]{}\",:au"[random_bits(&r) % 24];
        }
        survivors += try(changed, size);
    }
    assert_true(survivors > 0 && survivors < CASES); /* both kinds were met */
    free(changed);
    free(file);
    builder_free(builder);
}

static void test_changed_bytes(void **state)
{
    (void)state;
    change_bytes(builder_tiny());
    change_bytes(with_attention());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_something_added),
        cmocka_unit_test(test_changed_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
