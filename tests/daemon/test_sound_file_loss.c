/* Whether sound is missing of a file that was read: sound_file_loss.c. */
#include "daemon/sound_file.h"

#include "tests/support/sounds.h"

#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { RATE_HZ = 48000, FRAMES = 24000 };

/* What is said of a file once it has been read, and closed; "" for nothing. */
static void read_loss_of(struct sound_file *file, unsigned channels, char *text)
{
    static float buffer[1024 * 2];
    assert_non_null(file);
    assert_int_equal(sound_file_channels(file), channels);
    while (sound_file_read(file, buffer, 1024) > 0)
        continue;
    assert_false(sound_file_failed(file));
    text[0] = '\0';
    const bool loss = sound_file_has_loss(file, text);
    assert_int_equal(loss, text[0] != '\0');
    assert_true(strlen(text) < SOUND_FILE_LOSS_SIZE - 1);
    sound_file_close(file);
}

static void read_loss(const unsigned char *bytes, size_t size, unsigned channels, char *text)
{
    read_loss_of(sound_file_open_memory(bytes, size, "in memory", NULL), channels, text);
}

static void tells_what_a_cut_file_promised(void **state)
{
    (void)state;
    const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16,   SF_FORMAT_WAV | SF_FORMAT_FLOAT,
                           SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, SF_FORMAT_AIFF | SF_FORMAT_PCM_16,
                           SF_FORMAT_AU | SF_FORMAT_PCM_16,    SF_FORMAT_AIFF | SF_FORMAT_FLOAT,
                           SF_FORMAT_WAV | SF_FORMAT_ULAW,     SF_FORMAT_W64 | SF_FORMAT_PCM_16,
                           SF_FORMAT_W64 | SF_FORMAT_FLOAT,    SF_FORMAT_RF64 | SF_FORMAT_PCM_24};
    float *samples = sound_tone(FRAMES, 2, RATE_HZ);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        size_t size;
        unsigned char *bytes =
            scratch_bytes(sound_file_write("cut", formats[i], RATE_HZ, 2, samples, FRAMES), &size);
        char text[SOUND_FILE_LOSS_SIZE];
        read_loss(bytes, size, 2, text);
        assert_string_equal(text, "");
        read_loss(bytes, size / 2, 2, text);
        assert_string_equal(text,
                            "is cut short: its header promises 0.50 s, and it ends after 0.25 s");
        free(bytes);
    }
    free(samples);
}

/* A difference that the two numbers would not show is none. */
static void tells_no_loss_of_a_few_samples(void **state)
{
    (void)state;
    float *samples = sound_tone(FRAMES, 2, RATE_HZ);
    size_t size;
    unsigned char *bytes = scratch_bytes(
        sound_file_write("few", SF_FORMAT_WAV | SF_FORMAT_PCM_16, RATE_HZ, 2, samples, FRAMES),
        &size);
    char text[SOUND_FILE_LOSS_SIZE];
    read_loss(bytes, size - 4 * 400L, 2, text);
    assert_string_equal(text, "");
    read_loss(bytes, size - 4 * 500L, 2, text);
    assert_string_equal(text, "is cut short: its header promises 0.50 s, and it ends after 0.49 s");
    free(bytes);
    free(samples);
}

/* What was written into a pipe states 0, or the most that there is room for. */
static void tells_nothing_where_the_size_is_unknown(void **state)
{
    (void)state;
    static const struct {
        int format;
        size_t place; /* of the eight bytes that state the size of the sound */
    } cases[] = {{SF_FORMAT_W64 | SF_FORMAT_PCM_16, 96}, {SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 28}};
    static const unsigned char sizes[][8] = {{0},
                                             {0, 0, 0, 0, 0, 0, 0, 64},
                                             {255, 255, 255, 255, 255, 255, 255, 127},
                                             {255, 255, 255, 255, 255, 255, 255, 255}};
    float *samples = sound_tone(FRAMES, 2, RATE_HZ);
    for (size_t i = 0; i < 8; i++) {
        size_t size;
        unsigned char *bytes = scratch_bytes(
            sound_file_write("pipe", cases[i % 2].format, RATE_HZ, 2, samples, FRAMES), &size);
        memcpy(bytes + cases[i % 2].place, sizes[i / 2], 8);
        struct sound_file *file = sound_file_open_memory(bytes, size / 2, "in memory", NULL);
        char text[SOUND_FILE_LOSS_SIZE] = "";
        if (file != NULL)
            read_loss_of(file, 2, text);
        else
            assert_true(i == 1 || i == 7); /* libsndfile finds no sound in such an RF64 file */
        assert_string_equal(text, "");
        free(bytes);
    }
    free(samples);
}

/* Writes a tone with a comment before or behind it, and reads the file back. */
static unsigned char *write_commented(int type, const char *comment, bool behind, size_t *size)
{
    const char *path = scratch_path("commented");
    float *samples = sound_tone(FRAMES, 2, RATE_HZ);
    SF_INFO info = {.samplerate = RATE_HZ, .channels = 2, .format = type | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    assert_non_null(file);
    if (!behind)
        assert_int_equal(sf_set_string(file, SF_STR_COMMENT, comment), 0);
    assert_int_equal(sf_writef_float(file, samples, FRAMES), FRAMES);
    if (behind)
        assert_int_equal(sf_set_string(file, SF_STR_COMMENT, comment), 0);
    sf_close(file);
    free(samples);
    return scratch_bytes(path, size);
}

/* Of a file whose last chunk, behind the sound, is not all there. */
static void misses_nothing_but_sound(void **state)
{
    (void)state;
    const int types[] = {SF_FORMAT_WAV, SF_FORMAT_RF64};
    char comment[4001] = "";
    memset(comment, 'x', 4000);
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        unsigned char *bytes = write_commented(types[i], comment, true, &size);
        assert_in_range(size, 4 * FRAMES + 4000, 4 * FRAMES + 5000);
        char text[SOUND_FILE_LOSS_SIZE];
        read_loss(bytes, size - 3000, 2, text);
        assert_string_equal(text, "");
        read_loss(bytes, 2 * FRAMES, 2, text);
        assert_non_null(strstr(text, "is cut short: its header promises 0.50 s"));
        free(bytes);
    }
}

/* libsndfile's log, which tells of the header, holds texts of the file as well. */
static void believes_no_text_of_the_file(void **state)
{
    (void)state;
    static const char *const said[] = {
        "x\ndata : 2000000000 (should be 1)", "x\ndata : 192000 (should be 48000)",
        "x\ndata : 99999999999999999999999 (should be 96000)", "x\ndata : -1 (should be 96000)",
        "x\n  Data size : 9990000"};
    for (size_t i = 0; i < 2 * (sizeof said / sizeof *said); i++) {
        const int type = i % 2 == 0 ? SF_FORMAT_WAV : SF_FORMAT_RF64;
        size_t size;
        unsigned char *bytes = write_commented(type, said[i / 2], false, &size);
        char text[SOUND_FILE_LOSS_SIZE];
        read_loss(bytes, size, 2, text);
        assert_string_equal(text, "");
        read_loss(bytes, size / 2, 2, text);
        assert_non_null(strstr(text, "is cut short: its header promises 0.50 s"));
        free(bytes);
    }
}

enum { LONG_S = 12 };

/* Twelve seconds of noise, of which a decoder cannot make little. */
static unsigned char *write_noise(int format, size_t *size)
{
    const size_t frames = (size_t)LONG_S * RATE_HZ;
    float *samples = malloc(frames * sizeof *samples);
    uint32_t random = 1;
    for (size_t i = 0; i < frames; i++) {
        random = random * 1664525u + 1013904223u;
        samples[i] = (float)(random >> 8) / (1 << 25) - 0.25f;
    }
    unsigned char *bytes =
        scratch_bytes(sound_file_write("noise", format, RATE_HZ, 1, samples, frames), size);
    free(samples);
    return bytes;
}

static void tells_what_is_missing_of_ogg(void **state)
{
    (void)state;
    const int formats[] = {SF_FORMAT_OGG | SF_FORMAT_VORBIS, SF_FORMAT_OGG | SF_FORMAT_OPUS};
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        char text[SOUND_FILE_LOSS_SIZE];
        unsigned char *bytes = write_noise(formats[i], &size);
        read_loss(bytes, size, 1, text);
        assert_string_equal(text, "");
        read_loss(bytes, size / 2, 1, text);
        assert_non_null(strstr(text, "is cut short: it has no mark of its end, and ends after "));
        memset(bytes + size / 2, 0, size / 10);
        read_loss(bytes, size, 1, text);
        double near_s;
        double promised_s;
        double read_s;
        assert_int_equal(sscanf(text,
                                "is damaged near %lf s: of the %lf s that it promises, %lf s could",
                                &near_s, &promised_s, &read_s),
                         3);
        assert_true(near_s >= LONG_S / 2 && near_s <= LONG_S * 0.75);
        assert_true(promised_s == LONG_S && read_s < LONG_S - 0.5);
        free(bytes);
    }
}

/* libsndfile looks at the end when it opens a file, and forgets the mark in a short one. */
static void finds_the_end_of_short_ogg(void **state)
{
    (void)state;
    const int formats[] = {SF_FORMAT_OGG | SF_FORMAT_VORBIS, SF_FORMAT_OGG | SF_FORMAT_OPUS};
    const size_t lengths[] = {RATE_HZ / 5, RATE_HZ, RATE_HZ * 3};
    float *samples = malloc((size_t)RATE_HZ * 3 * sizeof *samples);
    sound_sine(samples, (size_t)RATE_HZ * 3, 1, RATE_HZ, 440.0, 0.5f);
    for (size_t i = 0; i < 6; i++) {
        enum { BEHIND = 3000 };
        size_t size;
        char text[SOUND_FILE_LOSS_SIZE];
        const char *path =
            sound_file_write("short", formats[i % 2], RATE_HZ, 1, samples, lengths[i / 2]);
        unsigned char *bytes = scratch_bytes(path, &size);
        read_loss(bytes, size, 1, text);
        assert_string_equal(text, "");
        unsigned char *longer = calloc(1, size + BEHIND);
        memcpy(longer, bytes, size);
        if (lengths[i / 2] >= RATE_HZ) { /* of shorter Opus libsndfile itself gives up the end */
            read_loss(longer, size + BEHIND, 1, text);
            assert_string_equal(text, "");
        }
        free(longer);
        read_loss_of(sound_file_open(path, NULL), 1, text); /* as from memory */
        assert_string_equal(text, "");
        if (lengths[i / 2] > RATE_HZ) { /* of shorter ones nothing would be left */
            /* The page with the mark is there, but not all of it. */
            read_loss(bytes, size - 1, 1, text);
            assert_non_null(strstr(text, "is cut short: it has no mark of its end"));
            assert_int_equal(truncate(path, (off_t)size - 1), 0);
            read_loss_of(sound_file_open(path, NULL), 1, text);
            assert_non_null(strstr(text, "is cut short: it has no mark of its end"));
        }
        free(bytes);
    }
    free(samples);
}

/* Behind a tag as well, whose size is not that of a frame. */
static void tells_what_is_missing_of_mp3(void **state)
{
    (void)state;
    size_t size;
    char text[SOUND_FILE_LOSS_SIZE];
    unsigned char *bytes = write_noise(SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, &size);
    read_loss(bytes, size, 1, text);
    assert_string_equal(text, "");
    read_loss(bytes, size / 2, 1, text);
    assert_non_null(strstr(text, "is damaged or cut short: of the 12.00 s that it promises, "));
    static const unsigned char tag[1034] = {'I', 'D', '3', 3, 0, 0, 0, 0, 8, 0};
    unsigned char *tagged = malloc(sizeof tag + size);
    memcpy(tagged, tag, sizeof tag);
    memcpy(tagged + sizeof tag, bytes, size);
    read_loss(tagged, sizeof tag + size / 2, 1, text);
    assert_non_null(strstr(text, "of the 12.00 s that it promises"));
    read_loss(tagged, sizeof tag + size, 1, text);
    assert_string_equal(text, "");
    free(tagged);
    /* Of one that does not say how long it is nothing is claimed. */
    unsigned char *word = NULL;
    for (size_t i = 0; i < 256 && word == NULL; i++) {
        if (memcmp(bytes + i, "Xing", 4) == 0 || memcmp(bytes + i, "Info", 4) == 0)
            word = bytes + i;
    }
    assert_non_null(word);
    memset(word, 0, 4);
    read_loss(bytes, size / 2, 1, text);
    assert_string_equal(text, "");
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_a_cut_file_promised),
        cmocka_unit_test(tells_no_loss_of_a_few_samples),
        cmocka_unit_test(tells_nothing_where_the_size_is_unknown),
        cmocka_unit_test(misses_nothing_but_sound),
        cmocka_unit_test(believes_no_text_of_the_file),
        cmocka_unit_test(tells_what_is_missing_of_ogg),
        cmocka_unit_test(finds_the_end_of_short_ogg),
        cmocka_unit_test(tells_what_is_missing_of_mp3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
