#include "daemon/model_path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum tutti_status model_path_find(char *path, size_t size, struct tutti_error *error)
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0)
        return tutti_error_set(error, TUTTI_ERROR_IO, "cannot read /proc/self/exe: %s",
                               strerror(errno));
    program[length] = '\0';
    char *slash = strrchr(program, '/');
    if (slash != NULL)
        *slash = '\0';

    static const char *const places[][2] = {
        {"/../share/tutti/" MODEL_PATH_FILE, ""},
        {"/../models/" MODEL_PATH_FILE, ""},
        {"", TUTTI_DATA_DIR "/" MODEL_PATH_FILE},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int written = places[i][0][0] != '\0' ? snprintf(path, size, "%s%s", program, places[i][0])
                                              : snprintf(path, size, "%s", places[i][1]);
        if (written > 0 && (size_t)written < size && access(path, F_OK) == 0)
            return TUTTI_OK;
    }
    return tutti_error_set(
        error, TUTTI_ERROR_NOT_FOUND,
        "no model: neither ../share/tutti/" MODEL_PATH_FILE " nor ../models/" MODEL_PATH_FILE
        " from %.200s exists, nor " TUTTI_DATA_DIR "/" MODEL_PATH_FILE "; name one by --model",
        program);
}
