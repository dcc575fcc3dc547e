#include "nn/layout.h"

#include "tests/nn/support/model_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The last layer that reads tensor t (0: the input, i + 1: what layer i gives). */
static size_t last_reader(const struct model_graph *graph, size_t t)
{
    size_t last = t;
    for (size_t i = t; i < graph->count; i++) {
        if (graph->layers[i].residual >= 0 && (size_t)graph->layers[i].residual + 1 == t)
            last = i;
    }
    return last;
}

static size_t elements(const struct model_graph *graph, const struct layout *layout, size_t t)
{
    struct model_shape shape = t == 0 ? graph->layers[0].in : graph->layers[t - 1].out;
    return shape_positions(shape) * layout->tensors[t].pitch;
}

static bool overlap(const struct model_graph *graph, const struct layout *layout, size_t a,
                    size_t b)
{
    const size_t from_a = layout->tensors[a].offset, from_b = layout->tensors[b].offset;
    return from_a < from_b + elements(graph, layout, b) &&
           from_b < from_a + elements(graph, layout, a);
}

/* A squeeze-excite may write where it reads; otherwise nothing that is still to be read, and
 * nothing that the same layer reads, may be written over. */
static void check(const struct model_graph *graph, size_t multiple, size_t alignment)
{
    struct layout layout;
    size_t sum = 0;
    assert_true(layout_make(graph, multiple, alignment, &layout));
    for (size_t b = 0; b <= graph->count; b++) {
        assert_int_equal(layout.tensors[b].offset % alignment, 0);
        assert_true(layout.tensors[b].offset + elements(graph, &layout, b) <= layout.size);
        sum += elements(graph, &layout, b) + alignment;
        for (size_t a = 0; a < b; a++) {
            const size_t writer = b - 1;
            const bool in_place = graph->layers[writer].kind == LAYER_SQUEEZE_EXCITE && a == writer;
            const size_t last = last_reader(graph, a);
            if (last > writer || (last == writer && !in_place))
                assert_false(overlap(graph, &layout, a, b));
        }
    }
    assert_true(layout.size <= sum);
    layout_free(&layout);
}

static void test_random_graphs(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct builder *builder = builder_random(seed);
        struct model *model = builder_open(builder);
        check(model_graph(model), 1, 16);
        check(model_graph(model), 8, 64);
        model_close(model);
        builder_free(builder);
    }
}

static void test_memory_is_shared(void **state)
{
    (void)state;
    struct builder *builder = builder_new(1, 100, 10, 1);
    for (int i = 0; i < 20; i++)
        builder_pointwise(builder, 8, "relu", -1);
    builder_mean(builder);
    builder_head(builder, 1);
    struct model *model = builder_open(builder);
    struct layout layout;
    assert_true(layout_make(model_graph(model), 8, 64, &layout));
    assert_true(layout.size <= 2 * 8000 + 64); /* two tensors at a time, not 20 */
    assert_int_equal(layout.tensors[0].pitch, 8);
    layout_free(&layout);
    model_close(model);
    builder_free(builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_memory_is_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
