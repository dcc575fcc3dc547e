#include "tests/nn/support/model_refusals.h"

#include "nn/model.h"
#include "tests/nn/support/model_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void refuse_as(struct builder *builder, enum tutti_status status, const char *reason)
{
    size_t size;
    unsigned char *file = builder_write(builder, &size);
    struct tutti_error error = {0};
    struct model *model = model_read(file, size, "broken.safetensors", &error);
    if (model != NULL || strstr(error.text, reason) == NULL)
        print_error("expected \"%s\", got \"%s\"\n", reason,
                    model == NULL ? error.text : "success");
    assert_null(model);
    assert_non_null(strstr(error.text, reason));
    assert_ptr_equal(strstr(error.text, "broken.safetensors: "), error.text);
    assert_int_equal(error.status, status);
    assert_null(model_read(file, size, "broken.safetensors", NULL));
    free(file);
    builder_free(builder);
}

void refuse(struct builder *builder, const char *reason)
{
    refuse_as(builder, TUTTI_ERROR_FORMAT, reason);
}

void refuse_edit(const char *key, const char *from, const char *to, const char *reason)
{
    struct builder *builder = builder_tiny();
    builder_edit(builder, key, from, to);
    refuse(builder, reason);
}

void refuse_text(const char *key, const char *text, const char *reason)
{
    struct builder *builder = builder_tiny();
    builder_set(builder, key, text);
    refuse(builder, reason);
}
