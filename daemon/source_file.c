#include "daemon/source_sound_file.h"

#include <string.h>

static const char prefix[] = "file:";

static bool accepts_file(const char *input)
{
    return strncmp(input, prefix, strlen(prefix)) == 0;
}

static enum tutti_status open_file(struct source *source, const struct source_config *config,
                                   struct tutti_error *error)
{
    const char *path = config->input + strlen(prefix);
    struct tutti_error reason = {.status = TUTTI_ERROR_IO};
    struct sound_file *file = sound_file_open(path, &reason);
    if (file == NULL)
        return tutti_error_set(error, reason.status, "%s", reason.text);
    const char *slash = strrchr(path, '/');
    return source_sound_file_open(source, config, file, slash != NULL ? slash + 1 : path,
                                  config->repeat, error);
}

const struct source_backend source_file = {
    .kind = "file",
    .accepts = accepts_file,
    .open = open_file,
    .start = source_sound_file_start,
    .stop = source_sound_file_stop,
    .close = source_sound_file_close,
};
