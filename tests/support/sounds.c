#include "tests/support/sounds.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[PATH_MAX];

static void remove_folder(void)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(dirfd(entries), entry->d_name, 0) != 0)
            unlinkat(dirfd(entries), entry->d_name, AT_REMOVEDIR);
    }
    if (entries != NULL)
        closedir(entries);
    rmdir(folder);
}

const char *scratch_path(const char *name)
{
    static char paths[8][PATH_MAX + 256];
    static size_t next;
    if (folder[0] == '\0') {
        const char *parent = getenv("TMPDIR");
        snprintf(folder, sizeof folder, "%s/tutti-test-XXXXXX", parent != NULL ? parent : "/tmp");
        assert_non_null(mkdtemp(folder));
        atexit(remove_folder);
    }
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

const char *scratch_file(const char *name, const void *bytes, size_t size)
{
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

void sound_sine(float *samples, size_t frames, unsigned channels, unsigned rate_hz, double hz,
                float amplitude)
{
    for (size_t i = 0; i < frames; i++) {
        const double phase = 2.0 * M_PI * hz * (double)i / (double)rate_hz;
        for (unsigned c = 0; c < channels; c++)
            samples[i * channels + c] = amplitude * (float)sin(phase);
    }
}

float *sound_tone(size_t frames, unsigned channels, unsigned rate_hz)
{
    float *samples = malloc(frames * channels * sizeof *samples);
    assert_non_null(samples);
    sound_sine(samples, frames, channels, rate_hz, 440.0, 0.5f);
    return samples;
}

unsigned char *scratch_bytes(const char *path, size_t *size)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &status), 0);
    *size = (size_t)status.st_size;
    unsigned char *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

const char *sound_file_write(const char *name, int format, unsigned rate_hz, unsigned channels,
                             const float *samples, size_t frames)
{
    const char *path = scratch_path(name);
    SF_INFO info = {.samplerate = (int)rate_hz, .channels = (int)channels, .format = format};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    assert_non_null(file);
    assert_int_equal(sf_writef_float(file, samples, (sf_count_t)frames), frames);
    assert_int_equal(sf_close(file), 0);
    return path;
}

double sound_amplitude(const float *samples, size_t frames, unsigned rate_hz, double hz)
{
    double cosines = 0.0;
    double sines = 0.0;
    for (size_t i = 0; i < frames; i++) {
        const double phase = 2.0 * M_PI * hz * (double)i / (double)rate_hz;
        cosines += (double)samples[i] * cos(phase);
        sines += (double)samples[i] * sin(phase);
    }
    return 2.0 * hypot(cosines, sines) / (double)frames;
}
