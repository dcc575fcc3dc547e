#include "nn/model.h"

#include "tests/nn/support/model_builder.h"
#include "tests/nn/support/model_refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_tensors_missing(void **state)
{
    (void)state;
    struct builder *all = builder_tiny();
    size_t count = 0;
    for (struct builder_tensor *t = all->tensors; t != NULL; t = t->next, count++) {
        struct builder *builder = builder_tiny();
        char reason[200];
        builder_remove_tensor(builder, t->name);
        snprintf(reason, sizeof reason, "tensor \"%s\": it is missing", t->name);
        refuse(builder, reason);
    }
    assert_int_equal(count, 5 * 7);
    builder_free(all);
}

static void test_tensors_of_another_type(void **state)
{
    (void)state;
    struct builder *all = builder_tiny();
    for (struct builder_tensor *t = all->tensors; t != NULL; t = t->next) {
        /* another type of the same size, so that nothing else is wrong */
        const char *other = strcmp(t->type, "I8") == 0    ? "U8"
                            : strcmp(t->type, "F16") == 0 ? "BF16"
                            : strcmp(t->type, "F32") == 0 ? "I32"
                                                          : "F32";
        struct builder *builder = builder_tiny();
        strcpy(builder_tensor(builder, t->name)->type, other);
        char reason[200];
        snprintf(reason, sizeof reason, "tensor \"%s\": its type is %s, %s is expected", t->name,
                 other, t->type);
        refuse(builder, reason);
    }
    builder_free(all);
}

static void test_tensors_of_another_shape(void **state)
{
    (void)state;
    struct builder *all = builder_tiny();
    for (struct builder_tensor *t = all->tensors; t != NULL; t = t->next) {
        char reason[200];
        snprintf(reason, sizeof reason, "tensor \"%s\": its shape is [", t->name);
        /* one side more, of length 1 */
        struct builder *builder = builder_tiny();
        struct builder_tensor *changed = builder_tensor(builder, t->name);
        changed->shape[changed->rank++] = 1;
        refuse(builder, reason);
        /* the same number of values in one row */
        if (t->rank == 1)
            continue;
        builder = builder_tiny();
        changed = builder_tensor(builder, t->name);
        for (changed->rank = 1; changed->rank < t->rank; changed->rank++)
            changed->shape[0] *= changed->shape[changed->rank];
        changed->rank = 1;
        refuse(builder, reason);
    }
    builder_free(all);
}

/* Fits the offsets to a tensor with a row less. */
static void test_tensor_too_small(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    struct builder_tensor *weight = builder_tensor(builder, "op_3.weight");
    weight->shape[0]--;
    weight->size -= weight->shape[1];
    refuse(builder, "tensor \"op_3.weight\": its shape is [2, 3], [3, 3] is expected");
}

static void refuse_value(const char *name, const void *bytes, size_t size, const char *reason)
{
    struct builder *builder = builder_tiny();
    struct builder_tensor *tensor = builder_tensor(builder, name);
    memcpy(tensor->data + tensor->size - size, bytes, size); /* the last value */
    refuse(builder, reason);
}

static void test_tensor_values(void **state)
{
    (void)state;
    refuse_value("op_0.weight", "\x80", 1, "\"op_0.weight\": a value is -128");
    refuse_value("op_1.weight", "\x80", 1, "\"op_1.weight\": a value is -128");
    refuse_value("op_2.expand.weight", "\x80", 1, "\"op_2.expand.weight\": a value is -128");
    refuse_value("op_0.float_weight", "\x00\x7c", 2, "\"op_0.float_weight\": a value is not");
    refuse_value("op_0.float_weight", "\x01\xfe", 2, "\"op_0.float_weight\": a value is not");
    refuse_value("op_0.scale", "\x00\x00\xc0\x7f", 4, "\"op_0.scale\": a value is not in 0 to");
    refuse_value("op_0.scale", "\x00\x00\x80\x7f", 4, "\"op_0.scale\": a value is not in 0 to");
    refuse_value("op_0.scale", "\x00\x00\x80\xbf", 4, "\"op_0.scale\": a value is not in 0 to");
    refuse_value("op_0.scale", "\x01\x24\x74\x49", 4, "\"op_0.scale\": a value is not in 0 to");
    refuse_value("op_6.float_bias", "\x00\x00\x80\xff", 4, "\"op_6.float_bias\": a value is not");
    refuse_value("op_6.float_bias", "\x00\x00\xc0\x7f", 4, "\"op_6.float_bias\": a value is not");
}

static void test_offsets(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    builder_tensor(builder, "op_0.weight")->end_offset = 1;
    refuse(builder, "tensor \"op_0.weight\": its shape and type need another number of bytes");
    builder = builder_tiny();
    builder_tensor(builder, "op_0.scale")->begin_offset = -4;
    builder_tensor(builder, "op_0.scale")->end_offset = -4;
    refuse(builder, "overlaps another tensor");
    builder = builder_tiny();
    builder_tensor(builder, "op_6.float_bias")->begin_offset = 4;
    builder_tensor(builder, "op_6.float_bias")->end_offset = 4;
    refuse(builder, "tensor \"op_6.float_bias\": it lies beyond the end of the file");
}

/* Tensors that no layer asks for are allowed; so is a model without them at hand. */
static void test_more_tensors(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    builder_add_tensor(builder, "unused", "F64", 2, 16);
    builder_add_tensor(builder, "empty", "U8", 0, 0);
    model_close(builder_open(builder));
    builder_free(builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_missing),
        cmocka_unit_test(test_tensors_of_another_type),
        cmocka_unit_test(test_tensors_of_another_shape),
        cmocka_unit_test(test_tensor_too_small),
        cmocka_unit_test(test_tensor_values),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_more_tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
