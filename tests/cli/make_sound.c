/* make_sound FILE SECONDS [RATE [CHANNELS [PERIOD]]] - writes a sound that changes, for tests: a
 * tone that climbs, silent in the second half of every PERIOD seconds, if that is given. The format
 * is that of FILE's suffix: wav, flac, ogg (Vorbis), opus, mp3, or f32 (raw samples, 32-bit floats,
 * little-endian); FILE may be - for raw samples. */
#include <math.h>
#include <sndfile.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANNELS_MAX 1024

static int format_of(const char *file)
{
    static const struct {
        const char *suffix;
        int format;
    } formats[] = {
        {".wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
        {".flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
        {".ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
        {".opus", SF_FORMAT_OGG | SF_FORMAT_OPUS},
        {".mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III},
        {".f32", SF_FORMAT_RAW | SF_FORMAT_FLOAT | SF_ENDIAN_LITTLE},
    };
    const char *suffix = strrchr(file, '.');
    for (size_t i = 0; suffix != NULL && i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(suffix, formats[i].suffix) == 0)
            return formats[i].format;
    }
    return SF_FORMAT_RAW | SF_FORMAT_FLOAT | SF_ENDIAN_LITTLE;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "make_sound FILE SECONDS [RATE [CHANNELS [PERIOD]]]\n");
        return 2;
    }
    double seconds = atof(argv[2]);
    double period_s = argc > 5 ? atof(argv[5]) : 0;
    SF_INFO info = {
        .samplerate = argc > 3 ? atoi(argv[3]) : 32000,
        .channels = argc > 4 ? atoi(argv[4]) : 1,
        .format = format_of(argv[1]),
    };
    if (info.channels < 1 || info.channels > CHANNELS_MAX)
        return 2;
    SNDFILE *file = strcmp(argv[1], "-") == 0 ? sf_open_fd(1, SFM_WRITE, &info, SF_FALSE)
                                              : sf_open(argv[1], SFM_WRITE, &info);
    if (file == NULL) {
        fprintf(stderr, "make_sound: %s: %s\n", argv[1], sf_strerror(NULL));
        return 1;
    }
    double phase = 0;
    for (int64_t i = 0; i < (int64_t)(seconds * info.samplerate); i++) {
        float frame[CHANNELS_MAX];
        double t = (double)i / info.samplerate;
        phase += 2 * acos(-1) * fmod(200 + 300 * t, 3000) / info.samplerate;
        bool silent = period_s > 0 && fmod(t, period_s) >= period_s / 2;
        for (int c = 0; c < info.channels; c++)
            frame[c] = silent ? 0 : (float)(0.5 * sin(phase));
        sf_writef_float(file, frame, 1);
    }
    return sf_close(file) == 0 ? 0 : 1;
}
