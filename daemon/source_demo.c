#include "daemon/embedded.h"
#include "daemon/source_sound_file.h"

#include <string.h>

/* The piece, embedded at build time: see meson.build. */
extern const struct embedded_file demo_files[];
extern const size_t demo_files_count;

static bool accepts_demo(const char *input)
{
    return strcmp(input, "demo") == 0;
}

static enum tutti_status open_demo(struct source *source, const struct source_config *config,
                                   struct tutti_error *error)
{
    struct tutti_error reason = {.status = TUTTI_ERROR_IO};
    struct sound_file *file = sound_file_open_memory(demo_files[0].data, demo_files[0].size,
                                                     "the built-in demo piece", &reason);
    if (file == NULL)
        return tutti_error_set(error, reason.status, "%s", reason.text);
    return source_sound_file_open(source, config, file, "demo", true, error);
}

const struct source_backend source_demo = {
    .kind = "demo",
    .accepts = accepts_demo,
    .open = open_demo,
    .start = source_sound_file_start,
    .stop = source_sound_file_stop,
    .close = source_sound_file_close,
};
