#include "tests/support/tiny_model.h"

#include <stdio.h>
#include <stdlib.h>

struct model *tiny_model_open(void)
{
    struct tutti_error error;
    struct model *model = model_open(TINY_MODEL, &error);
    if (model == NULL) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    return model;
}
