#include "daemon/source_sound_file.h"

#include "daemon/paced_reader.h"

#include <stdio.h>
#include <stdlib.h>

struct playing_file {
    struct sound_file *file;
    bool repeat;
    struct paced_reader *reader;
};

enum tutti_status source_sound_file_open(struct source *source, const struct source_config *config,
                                         struct sound_file *file, const char *name, bool repeat,
                                         struct tutti_error *error)
{
    enum tutti_status status = source_check_channel(config, name, sound_file_channels(file), error);
    struct playing_file *playing = status == TUTTI_OK ? calloc(1, sizeof *playing) : NULL;
    if (playing == NULL) {
        if (status == TUTTI_OK)
            status = tutti_error_set(error, TUTTI_ERROR_MEMORY, "Out of memory for %s.", name);
        sound_file_close(file);
        return status;
    }
    playing->file = file;
    playing->repeat = repeat;
    source->self = playing;
    source->rate_hz = sound_file_rate_hz(file);
    snprintf(source->name, sizeof source->name, "%s", name);
    return TUTTI_OK;
}

static enum paced_read read_file(void *context, float *interleaved, size_t *frames)
{
    struct playing_file *playing = context;
    const size_t wanted = *frames;
    *frames = sound_file_read(playing->file, interleaved, wanted);
    if (*frames == 0 && playing->repeat && !sound_file_failed(playing->file) &&
        sound_file_rewind(playing->file))
        *frames = sound_file_read(playing->file, interleaved, wanted);
    if (*frames > 0)
        return PACED_READ_MORE;
    return sound_file_failed(playing->file) ? PACED_READ_FAILED : PACED_READ_ENDED;
}

enum tutti_status source_sound_file_start(struct source *source, struct tutti_error *error)
{
    struct playing_file *playing = source->self;
    const struct paced_reader_config config = {
        .source = source,
        .channels = sound_file_channels(playing->file),
        .channel = source->channel,
        .read = read_file,
        .context = playing,
    };
    struct tutti_error reason = {.status = TUTTI_ERROR_MEMORY};
    playing->reader = paced_reader_start(&config, &reason);
    if (playing->reader == NULL)
        return tutti_error_set(error, reason.status, "%s", reason.text);
    return TUTTI_OK;
}

bool source_sound_file_stop(struct source *source)
{
    struct playing_file *playing = source->self;
    paced_reader_stop(playing->reader);
    return true;
}

void source_sound_file_close(struct source *source)
{
    struct playing_file *playing = source->self;
    sound_file_close(playing->file);
    free(playing);
}
