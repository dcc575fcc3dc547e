#include "daemon/source_sound_file.h"

#include "daemon/paced_reader.h"
#include "dsp/convert.h"

#include <stdio.h>
#include <stdlib.h>

#define CATCH_UP_MS 100 /* a disk's hiccup, not a pause of the whole process */
#define CHUNK_MS 50     /* nobody hears how late a file is */

struct playing_file {
    struct sound_file *file;
    bool repeat;
    struct paced_reader *reader;
};

enum tutti_status source_sound_file_open(struct source *source, const struct source_config *config,
                                         struct sound_file *file, const char *name, bool repeat,
                                         struct tutti_error *error)
{
    enum tutti_status status =
        convert_check_channel(config->channel, sound_file_channels(file), name, error);
    struct playing_file *playing = status == TUTTI_OK ? calloc(1, sizeof *playing) : NULL;
    if (playing == NULL) {
        if (status == TUTTI_OK)
            status = tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for %s", name);
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

/* Always a whole chunk, however short a file that repeats may be. */
static enum paced_read read_file(void *context, float *interleaved, size_t *frames)
{
    struct playing_file *playing = context;
    struct sound_file *file = playing->file;
    const size_t wanted = *frames;
    size_t done = 0;
    bool at_start = false; /* nothing has come since the rewind: there is nothing in it */
    while (done < wanted) {
        const size_t n =
            sound_file_read(file, interleaved + done * sound_file_channels(file), wanted - done);
        done += n;
        if (n > 0) {
            at_start = false;
            continue;
        }
        if (at_start || !playing->repeat || !sound_file_rewind(file))
            break;
        at_start = true;
    }
    *frames = done;
    if (done > 0)
        return PACED_READ_MORE;
    return sound_file_failed(file) ? PACED_READ_FAILED : PACED_READ_ENDED;
}

enum tutti_status source_sound_file_start(struct source *source, struct tutti_error *error)
{
    struct playing_file *playing = source->self;
    const struct paced_reader_config config = {
        .source = source,
        .channels = sound_file_channels(playing->file),
        .channel = source->channel,
        .chunk_ms = CHUNK_MS,
        .catch_up_ms = CATCH_UP_MS,
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
