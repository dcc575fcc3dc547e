#include "tests/support/tiny_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct model *opened(struct model *model, const struct tutti_error *error)
{
    if (model != NULL)
        return model;
    fprintf(stderr, "%s\n", error->text);
    abort();
}

struct model *tiny_model_open(void)
{
    struct tutti_error error;
    return opened(model_open(TINY_MODEL, &error), &error);
}

struct model *tiny_model_open_changed(const char *from, const char *to)
{
    static char bytes[1 << 20];
    struct tutti_error error = {.text = TINY_MODEL ": cannot be read, or has no such bytes"};
    FILE *file = fopen(TINY_MODEL, "rbe");
    const size_t size = file != NULL ? fread(bytes, 1, sizeof bytes, file) : 0;
    char *place = memmem(bytes, size, from, strlen(from));
    if (file != NULL)
        (void)fclose(file);
    if (place == NULL || strlen(from) != strlen(to))
        return opened(NULL, &error);
    memcpy(place, to, strlen(to));
    return opened(model_read(bytes, size, TINY_MODEL, &error), &error);
}
