#include "daemon/sound_file.h"

#include "tests/support/sounds.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { RATE_HZ = 48000, FRAMES = 24000 };

static void assert_refused(const char *path, enum tutti_status status, const char *reason)
{
    struct tutti_error error = {.text = ""};
    assert_null(sound_file_open(path, &error));
    assert_int_equal(error.status, status);
    assert_non_null(strstr(error.text, path));
    assert_non_null(strstr(error.text, reason));
    assert_null(sound_file_open(path, NULL));
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    const char *pipe = scratch_path("pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_refused(scratch_path("missing.wav"), TUTTI_ERROR_NOT_FOUND, "No such file");
    assert_refused("/", TUTTI_ERROR_IO, "directory");
    assert_refused("/dev/null", TUTTI_ERROR_IO, "not a regular file");
    assert_refused(pipe, TUTTI_ERROR_IO, "not a regular file");
    unlink(pipe);
}

static void refuses_what_cannot_be_read(void **state)
{
    (void)state;
    if (geteuid() == 0)
        skip(); /* root reads everything */
    const char *path = scratch_file("secret.wav", "RIFF", 4);
    assert_int_equal(chmod(path, 0), 0);
    assert_refused(path, TUTTI_ERROR_IO, "Permission denied");
}

static void refuses_what_is_no_sound(void **state)
{
    (void)state;
    const float nothing[1] = {0};
    assert_refused(scratch_file("empty.wav", "", 0), TUTTI_ERROR_FORMAT, "is empty");
    assert_refused(scratch_file("text.wav", "Once upon a time there was", 26), TUTTI_ERROR_FORMAT,
                   "not a sound file");
    assert_refused(scratch_file("cut.wav", "RIFF\x24\0\0\0WAVEfmt ", 16), TUTTI_ERROR_FORMAT,
                   "not a sound file");
    assert_refused(
        sound_file_write("silent.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, RATE_HZ, 1, nothing, 0),
        TUTTI_ERROR_FORMAT, "no sound");
}

static void refuses_rates_and_channels_out_of_range(void **state)
{
    (void)state;
    const float samples[2000] = {0};
    const int format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
    assert_refused(sound_file_write("slow.wav", format, 7999, 1, samples, 2000),
                   TUTTI_ERROR_UNSUPPORTED, "7999");
    assert_refused(sound_file_write("fast.wav", format, 384001, 1, samples, 2000),
                   TUTTI_ERROR_UNSUPPORTED, "384001");
    assert_refused(sound_file_write("wide.wav", format, RATE_HZ, 257, samples, 7),
                   TUTTI_ERROR_UNSUPPORTED, "257 channels");
}

/* Reads the whole file in odd pieces and finds the tone in its first channel. */
static void assert_tone(struct sound_file *file, unsigned channels, size_t tolerance_frames)
{
    assert_non_null(file);
    assert_int_equal(sound_file_rate_hz(file), RATE_HZ);
    assert_int_equal(sound_file_channels(file), channels);
    float *samples = calloc((size_t)(FRAMES + 4096) * channels, sizeof *samples);
    float *first = calloc(FRAMES + 4096, sizeof *first);
    size_t frames = 0;
    size_t read;
    while ((read = sound_file_read(file, samples + frames * channels, 1001)) > 0) {
        frames += read;
        assert_in_range(frames, 1, FRAMES + 3000);
    }
    assert_false(sound_file_failed(file));
    assert_in_range(frames, FRAMES - tolerance_frames, FRAMES + tolerance_frames);
    for (size_t i = 0; i < frames; i++)
        first[i] = samples[i * channels];
    const double amplitude = sound_amplitude(first + 2400, 19200, RATE_HZ, 440.0);
    assert_true(fabs(amplitude - 0.5) < 0.02);
    assert_true(sound_amplitude(first + 2400, 19200, RATE_HZ, 880.0) < 0.02);
    free(first);
    free(samples);
}

static void reads_the_usual_formats(void **state)
{
    (void)state;
    const struct {
        const char *name;
        int format;
        unsigned channels;
        size_t tolerance_frames; /* what a lossy format may add */
    } cases[] = {
        {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 0},
        {"b.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 2, 0},
        {"c.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 6, 0},
        {"d.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 2, 0},
        {"e.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 2, 0},
        {"f.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 1, 960},
        {"g.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float *samples = sound_tone(FRAMES, cases[i].channels, RATE_HZ);
        struct sound_file *file =
            sound_file_open(sound_file_write(cases[i].name, cases[i].format, RATE_HZ,
                                             cases[i].channels, samples, FRAMES),
                            NULL);
        assert_tone(file, cases[i].channels, cases[i].tolerance_frames);
        assert_in_range(sound_file_frames(file), FRAMES - cases[i].tolerance_frames,
                        FRAMES + cases[i].tolerance_frames);
        assert_true(sound_file_rewind(file));
        assert_tone(file, cases[i].channels, cases[i].tolerance_frames);
        sound_file_close(file);
        free(samples);
    }
    sound_file_close(NULL);
}

static void reads_a_file_in_memory(void **state)
{
    (void)state;
    const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
                           SF_FORMAT_OGG | SF_FORMAT_OPUS};
    float *samples = sound_tone(FRAMES, 2, RATE_HZ);
    for (size_t i = 0; i < 3; i++) {
        size_t size;
        unsigned char *bytes = scratch_bytes(
            sound_file_write("memory", formats[i], RATE_HZ, 2, samples, FRAMES), &size);
        struct sound_file *file = sound_file_open_memory(bytes, size, "a file in memory", NULL);
        assert_tone(file, 2, 960);
        assert_true(sound_file_rewind(file));
        assert_tone(file, 2, 960);
        sound_file_close(file);
        free(bytes);
    }
    free(samples);
}

static void refuses_garbage_in_memory(void **state)
{
    (void)state;
    struct tutti_error error = {.text = ""};
    assert_null(sound_file_open_memory("garbage", 7, "the upload", &error));
    assert_int_equal(error.status, TUTTI_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "the upload"));
    assert_null(sound_file_open_memory("", 0, "the upload", NULL));
}

/* Whatever is cut off or overwritten: finite work, no crash, and samples within the buffer. */
static void survives_damaged_files(void **state)
{
    (void)state;
    const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
                           SF_FORMAT_OGG | SF_FORMAT_VORBIS, SF_FORMAT_OGG | SF_FORMAT_OPUS};
    static float buffer[1024 * 2];
    float *samples = sound_tone(FRAMES, 2, RATE_HZ);
    for (size_t i = 0; i < 4; i++) {
        size_t size;
        unsigned char *bytes = scratch_bytes(
            sound_file_write("damaged", formats[i], RATE_HZ, 2, samples, FRAMES), &size);
        uint32_t random = 1;
        for (int round = 0; round < 40; round++) {
            unsigned char *damaged = malloc(size);
            memcpy(damaged, bytes, size);
            for (int k = 0; k < 8; k++) {
                random = random * 1664525u + 1013904223u;
                /* mostly in the header, where it hurts */
                const size_t range = k % 2 == 0 && size > 200 ? 200 : size;
                damaged[(random >> 8) % range] = (unsigned char)(random >> 3);
            }
            const size_t cut = round % 2 == 0 ? size : size * (size_t)(round + 1) / 41;
            struct sound_file *file = sound_file_open_memory(damaged, cut, "damaged", NULL);
            for (int reads = 0; file != NULL && reads < 200; reads++) {
                if (sound_file_channels(file) > 2 || sound_file_read(file, buffer, 1024) == 0)
                    break;
            }
            char text[SOUND_FILE_LOSS_SIZE] = "";
            if (file != NULL && sound_file_has_loss(file, text))
                assert_in_range(strlen(text), 1, SOUND_FILE_LOSS_SIZE - 2);
            sound_file_close(file);
            free(damaged);
        }
        free(bytes);
    }
    free(samples);
}

#ifdef __SANITIZE_ADDRESS__
/* libsndfile 1.2.0 forgets Vorbis' state when it refuses a damaged header. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:vorbis_info_init\n";
}
#endif

/* Something that is no sound, and what is said of it when nothing else goes on. */
struct refusal {
    const char *bytes;
    size_t size;
    char reason[TUTTI_ERROR_TEXT_SIZE];
    size_t wrong;
};

static void *refuse_often(void *context)
{
    struct refusal *refusal = context;
    for (int i = 0; i < 20000; i++) {
        struct tutti_error error;
        if (sound_file_open_memory(refusal->bytes, refusal->size, "it", &error) != NULL ||
            strcmp(error.text, refusal->reason) != 0)
            refusal->wrong++;
    }
    return NULL;
}

/* Several threads at once get each their own file's reason. */
static void gives_each_thread_its_own_reason(void **state)
{
    (void)state;
    static const char riff[] = "RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\xbb\0\0\0\x77\1\0";
    struct refusal refusals[] = {{.bytes = "a page of a novel", .size = 17},
                                 {.bytes = riff, .size = sizeof riff - 1}};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        struct tutti_error error;
        assert_null(sound_file_open_memory(refusals[i].bytes, refusals[i].size, "it", &error));
        strcpy(refusals[i].reason, error.text);
    }
    assert_string_not_equal(refusals[0].reason, refusals[1].reason);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, refuse_often, &refusals[i]), 0);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(refusals[0].wrong, 0);
    assert_int_equal(refusals[1].wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(refuses_what_cannot_be_read),
        cmocka_unit_test(refuses_what_is_no_sound),
        cmocka_unit_test(refuses_rates_and_channels_out_of_range),
        cmocka_unit_test(reads_the_usual_formats),
        cmocka_unit_test(reads_a_file_in_memory),
        cmocka_unit_test(refuses_garbage_in_memory),
        cmocka_unit_test(survives_damaged_files),
        cmocka_unit_test(gives_each_thread_its_own_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
