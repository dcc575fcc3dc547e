#include "tests/nn/support/fixtures.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fixture_path(const char *name, char *path, size_t size)
{
    const char *folder = getenv("TUTTI_FIXTURES");
    snprintf(path, size, "%s/%s", folder != NULL ? folder : "tests/nn/fixtures", name);
}

float *fixture_floats(const char *name, size_t *count)
{
    char path[512];
    fixture_path(name, path, sizeof path);
    FILE *file = fopen(path, "rb");
    float *values = NULL;
    *count = 0;
    for (unsigned char b[4]; file != NULL && fread(b, 1, 4, file) == 4; ++*count) {
        uint32_t bits =
            (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        values = realloc(values, (*count + 1) * sizeof *values);
        if (values == NULL)
            abort();
        memcpy(&values[*count], &bits, sizeof bits);
    }
    if (file != NULL)
        fclose(file);
    if (*count == 0) {
        fprintf(stderr, "%s: nothing to read\n", path);
        abort();
    }
    return values;
}
