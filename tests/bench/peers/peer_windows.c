/* The windows that the peers get: mel columns of a recording, as the daemon's front end computes
 * them, evenly spaced over it.
 *
 *   peer_windows MODEL SOUND COUNT >WINDOWS */
#include "daemon/feature_stream.h"
#include "daemon/sound_file.h"
#include "dsp/convert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct columns {
    float *values;
    size_t count, bands;
};

static void take(void *context, const struct column *column)
{
    struct columns *columns = context;
    const size_t size = columns->bands * sizeof *columns->values;
    float *longer = realloc(columns->values, (columns->count + 1) * size);
    if (longer == NULL)
        exit(1);
    columns->values = longer;
    memcpy(longer + columns->count++ * columns->bands, column->bands, size);
}

static void feed(struct feature_stream *stream, struct sound_file *file)
{
    const unsigned channels = sound_file_channels(file);
    const struct convert_format format = {CONVERT_F32_NATIVE, sound_file_rate_hz(file), channels};
    static float interleaved[CAPTURE_BLOCK_FRAMES * CONVERT_MAX_CHANNELS];
    struct capture_block block = {.frames = CAPTURE_BLOCK_FRAMES};
    while (sound_file_read(file, interleaved, CAPTURE_BLOCK_FRAMES) == CAPTURE_BLOCK_FRAMES) {
        convert_to_mono(&format, CONVERT_MIX, interleaved, CAPTURE_BLOCK_FRAMES, block.samples);
        feature_stream_feed(stream, &block);
        block.first_frame += CAPTURE_BLOCK_FRAMES;
    }
    feature_stream_finish(stream);
}

static int write_windows(const struct columns *columns, size_t length, size_t count)
{
    if (columns->count < length) {
        fprintf(stderr, "the recording is shorter than a window\n");
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        const size_t begin = (columns->count - length) * i / (count > 1 ? count - 1 : 1);
        fwrite(columns->values + begin * columns->bands, sizeof *columns->values,
               length * columns->bands, stdout);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct tutti_error error = {0};
    if (argc != 4) {
        fprintf(stderr, "peer_windows MODEL SOUND COUNT >WINDOWS\n");
        return 2;
    }
    struct model *model = model_open(argv[1], &error);
    struct sound_file *file = model != NULL ? sound_file_open(argv[2], &error) : NULL;
    struct columns columns = {0};
    struct feature_stream *stream = NULL;
    if (file != NULL)
        stream = feature_stream_new(model, sound_file_rate_hz(file), take, &columns, &error);
    if (stream == NULL) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    columns.bands = model_frontend(model)->mel_bands;
    feed(stream, file);
    const int status =
        write_windows(&columns, model_frontend(model)->columns, strtoul(argv[3], NULL, 10));
    feature_stream_free(stream);
    sound_file_close(file);
    model_close(model);
    free(columns.values);
    return status;
}
