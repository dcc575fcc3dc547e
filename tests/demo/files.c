#include "tests/demo/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_BYTES = 1 << 20 };

const char *need(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL)
        fail_msg("%s is not set; run this through meson test", name);
    return value;
}

unsigned char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s does not open", path);
    unsigned char *bytes = calloc(1, MAX_BYTES + 1);
    assert_non_null(bytes);
    *size = fread(bytes, 1, MAX_BYTES, file);
    assert_true(*size > 0 && *size < MAX_BYTES);
    fclose(file);
    return bytes;
}

const char *committed(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", need("TUTTI_DEMO_FOLDER"), name);
    return path;
}

void read_truth(struct truth *truth, const char *path)
{
    memset(truth, 0, sizeof *truth);
    size_t size = 0;
    char *text = (char *)read_file(path, &size);
    bool header = false;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] == '#') {
            sscanf(line, "# duration_s=%lf", &truth->duration_s);
        } else if (!header) {
            assert_string_equal(line, "label,on_s,off_s");
            header = true;
        } else {
            assert_true(truth->count < MAX_ROWS);
            struct row *row = &truth->rows[truth->count++];
            char excess = 0;
            int fields =
                sscanf(line, "%31[a-z_],%lf,%lf%c", row->label, &row->on_s, &row->off_s, &excess);
            if (fields != 3)
                fail_msg("not a row: \"%s\"", line);
        }
    }
    free(text);
    assert_true(header && truth->count > 0);
}
