#include "daemon/source.h"

#include "daemon/clock.h"
#include "daemon/thread.h"
#include "tests/support/sounds.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { RATE_HZ = 48000, LONG_MS = 3600000 /* beyond the time limit */ };

static struct source_config config_for(const char *input)
{
    return (struct source_config){.input = input, .channel = CAPTURE_MIX_ALL};
}

/* Everything that a source delivers until its end or until `frames` frames are there. */
struct heard {
    float *samples;
    size_t frames;
    uint64_t lost_frames;
    double took_s;
};

static struct heard hear(struct source *source, size_t frames)
{
    struct capture *capture = capture_new(source_rate_hz(source), 2000);
    struct heard heard = {.samples = calloc(frames + CAPTURE_BLOCK_FRAMES, sizeof(float))};
    struct tutti_error error = {.text = ""};
    const uint64_t start_ns = clock_monotonic_ns();
    assert_int_equal(source_state(source), SOURCE_OPEN);
    assert_int_equal(source_start(source, capture, &error), TUTTI_OK);
    assert_string_equal(error.text, "");
    while (heard.frames < frames && !capture_done(capture)) {
        struct capture_block block;
        capture_wait(capture, 0, LONG_MS);
        while (heard.frames < frames && capture_read(capture, &block)) {
            assert_int_equal(block.first_frame, heard.frames);
            memcpy(heard.samples + heard.frames, block.samples, block.frames * sizeof(float));
            heard.frames += block.frames;
        }
    }
    heard.took_s = (double)(clock_monotonic_ns() - start_ns) / (double)CLOCK_NS_PER_S;
    heard.lost_frames = capture_lost_frames(capture);
    source_stop(source);
    source_stop(source);
    capture_free(capture);
    return heard;
}

/* ---- configuration ---- */

static void refuses_settings_out_of_range(void **state)
{
    (void)state;
    struct source_config config = config_for("demo");
    struct tutti_error error;
    config.input = NULL;
    assert_null(source_open(&config, &error));
    config = config_for("demo");
    config.channel = -2;
    assert_null(source_open(&config, &error));
    config.channel = 256;
    assert_null(source_open(&config, &error));
    assert_non_null(strstr(error.text, "257"));
    config = config_for("demo");
    const double gains[] = {-60.1, 60.1, NAN, INFINITY};
    for (size_t i = 0; i < 4; i++) {
        config.gain_db = gains[i];
        assert_null(source_open(&config, &error));
        assert_non_null(strstr(error.text, "gain"));
    }
    config = config_for("demo");
    config.rate_hz = 1000;
    assert_null(source_open(&config, &error));
    assert_non_null(strstr(error.text, "1000 Hz"));
    assert_null(source_open(&config, NULL));
    source_close(NULL);
}

static void refuses_a_queue_of_another_rate_and_a_second_start(void **state)
{
    (void)state;
    float samples[4800] = {0};
    char input[512];
    snprintf(
        input, sizeof input, "file:%s",
        sound_file_write("short.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, RATE_HZ, 1, samples, 4800));
    const struct source_config config = config_for(input);
    struct source *source = source_open(&config, NULL);
    struct capture *other = capture_new(44100, 100);
    struct capture *capture = capture_new(RATE_HZ, 1000);
    struct tutti_error error;
    assert_int_equal(source_start(source, other, &error), TUTTI_ERROR_ARGUMENT);
    assert_non_null(strstr(error.text, "44100"));
    assert_int_equal(source_state(source), SOURCE_OPEN);
    assert_int_equal(source_start(source, capture, NULL), TUTTI_OK);
    assert_int_equal(source_start(source, capture, &error), TUTTI_ERROR_ARGUMENT);
    source_close(source);
    capture_free(capture);
    capture_free(other);
}

/* ---- files ---- */

static struct source *open_sound(const char *path, const struct source_config *like)
{
    char input[512];
    struct source_config config = *like;
    struct tutti_error error = {.text = ""};
    snprintf(input, sizeof input, "file:%s", path);
    config.input = input;
    struct source *source = source_open(&config, &error);
    assert_string_equal(error.text, "");
    return source;
}

static void refuses_bad_files(void **state)
{
    (void)state;
    const char *inputs[] = {"file:", "file:/", "file:/no/such/file.wav", "file:/dev/null"};
    for (size_t i = 0; i < 4; i++) {
        const struct source_config config = config_for(inputs[i]);
        struct tutti_error error = {.text = ""};
        assert_null(source_open(&config, &error));
        assert_true(error.status != TUTTI_OK && error.text[0] != '\0');
        assert_null(source_open(&config, NULL));
    }
}

static void plays_a_file_in_real_time(void **state)
{
    (void)state;
    enum { FRAMES = RATE_HZ / 2 + 77 };
    const struct source_config config = config_for("");
    float *samples = sound_tone(FRAMES, 1, RATE_HZ);
    const char *path =
        sound_file_write("tone.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, RATE_HZ, 1, samples, FRAMES);
    struct source *source = open_sound(path, &config);
    assert_string_equal(source_kind(source), "file");
    assert_string_equal(source_name(source), "tone.wav");
    assert_int_equal(source_rate_hz(source), RATE_HZ);
    struct heard heard = hear(source, 10 * FRAMES);
    assert_int_equal(source_state(source), SOURCE_ENDED);
    assert_int_equal(heard.frames, FRAMES);
    assert_int_equal(heard.lost_frames, 0);
    assert_memory_equal(heard.samples, samples, FRAMES * sizeof *samples);
    /* Never early: the end cannot come before the sound has passed. */
    assert_true(heard.took_s >= (double)FRAMES / RATE_HZ);
    source_close(source);
    free(heard.samples);
    free(samples);
}

static void takes_channel_and_gain(void **state)
{
    (void)state;
    enum { FRAMES = 4800 };
    float *samples = malloc(FRAMES * 2 * sizeof *samples);
    for (size_t i = 0; i < FRAMES; i++) {
        samples[2 * i] = 0.25f;
        samples[2 * i + 1] = -0.125f;
    }
    const char *path = sound_file_write("stereo.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, RATE_HZ, 2,
                                        samples, FRAMES);
    const struct {
        int channel;
        double gain_db;
        float expected;
    } cases[] = {{CAPTURE_MIX_ALL, 0.0, 0.0625f},
                 {0, 0.0, 0.25f},
                 {1, 0.0, -0.125f},
                 {1, 20.0, -1.25f},
                 {0, -20.0, 0.025f}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct source_config config = config_for("");
        config.channel = cases[c].channel;
        config.gain_db = cases[c].gain_db;
        struct source *source = open_sound(path, &config);
        struct heard heard = hear(source, 2 * FRAMES);
        assert_int_equal(heard.frames, FRAMES);
        for (size_t i = 0; i < FRAMES; i++)
            assert_true(fabsf(heard.samples[i] - cases[c].expected) < 1e-6f);
        source_close(source);
        free(heard.samples);
    }
    char input[512];
    snprintf(input, sizeof input, "file:%s", path);
    struct source_config config = config_for(input);
    struct tutti_error error;
    config.channel = 2;
    assert_null(source_open(&config, &error));
    assert_string_equal(error.text, "channel 3 was asked for, but stereo.wav has 2 channels");
    free(samples);
}

static void repeats_without_a_seam(void **state)
{
    (void)state;
    enum { FRAMES = 1000 };
    float samples[FRAMES];
    struct source_config config = config_for("");
    config.repeat = true;
    for (size_t i = 0; i < FRAMES; i++)
        samples[i] = (float)i / FRAMES;
    struct source *source = open_sound(
        sound_file_write("loop.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, RATE_HZ, 1, samples, FRAMES),
        &config);
    struct heard heard = hear(source, 5 * FRAMES);
    for (size_t i = 0; i < heard.frames; i++)
        assert_true(heard.samples[i] == samples[i % FRAMES]);
    assert_true(heard.frames >= 5 * FRAMES);
    source_close(source);
    free(heard.samples);
}

/* A file of one frame is delivered in whole chunks like any other: the blocks of a chunk arrive
 * together, rather than each at a time of its own. */
static void repeats_a_very_short_file_in_whole_chunks(void **state)
{
    (void)state;
    const float sample = 0.25f;
    struct source_config config = config_for("");
    config.repeat = true;
    struct source *source = open_sound(
        sound_file_write("click.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, RATE_HZ, 1, &sample, 1),
        &config);
    struct capture *capture = capture_new(RATE_HZ, 2000);
    assert_int_equal(source_start(source, capture, NULL), TUTTI_OK);
    uint64_t last_ns = 0;
    int blocks = 0;
    int chunks = 0; /* blocks that came at another time than the one before */
    while (blocks < 40) {
        struct capture_block block;
        capture_wait(capture, 0, LONG_MS);
        while (capture_read(capture, &block)) {
            blocks++;
            chunks += block.captured_ns != last_ns;
            last_ns = block.captured_ns;
            for (size_t i = 0; i < block.frames; i++)
                assert_true(block.samples[i] == sample);
        }
    }
    assert_in_range(chunks, 2, blocks / 4); /* 50 ms are 9 blocks */
    source_close(source);
    capture_free(capture);
}

/* ---- the demo ---- */

static void plays_the_demo(void **state)
{
    (void)state;
    const struct source_config config = config_for("demo");
    struct tutti_error error = {.text = ""};
    struct source *source = source_open(&config, &error);
    assert_string_equal(error.text, "");
    assert_string_equal(source_kind(source), "demo");
    assert_string_equal(source_name(source), "demo");
    const unsigned rate_hz = source_rate_hz(source);
    struct heard heard = hear(source, rate_hz);
    float loudest = 0.0f;
    for (size_t i = 0; i < heard.frames; i++)
        loudest = fmaxf(loudest, fabsf(heard.samples[i]));
    assert_true(loudest > 0.01f && loudest < 1.5f); /* it begins within a second */
    source_close(source);
    free(heard.samples);
}

/* ---- standard input ---- */

/* Standard input becomes a pipe; returns the end to write to. */
static int pipe_to_stdin(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    return ends[1];
}

struct writer {
    int descriptor;
    const unsigned char *bytes;
    size_t size;
    size_t piece; /* bytes at a time */
};

static void *write_bytes(void *context)
{
    struct writer *writer = context;
    size_t done = 0;
    while (done < writer->size) {
        const size_t rest = writer->size - done;
        const ssize_t n = write(writer->descriptor, writer->bytes + done,
                                rest < writer->piece ? rest : writer->piece);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    close(writer->descriptor);
    return NULL;
}

static const char *looked_like; /* what the last one looked like */

static struct heard hear_stdin(const char *format, int channel, const void *bytes, size_t size,
                               size_t piece)
{
    struct source_config config = config_for("-");
    struct writer writer = {pipe_to_stdin(), bytes, size, piece};
    struct tutti_error error = {.text = ""};
    pthread_t thread;
    config.stdin_format = format;
    config.channel = channel;
    struct source *source = source_open(&config, &error);
    assert_string_equal(error.text, "");
    assert_string_equal(source_kind(source), "stdin");
    assert_int_equal(thread_start(&thread, "writer", write_bytes, &writer, NULL), TUTTI_OK);
    struct heard heard = hear(source, 10000000);
    assert_int_equal(source_state(source), SOURCE_ENDED);
    looked_like = source_looks_like(source);
    pthread_join(thread, NULL);
    source_close(source);
    return heard;
}

/* However few bytes come at a time. */
static void notes_that_a_file_comes(void **state)
{
    (void)state;
    static const char ogg[400] = "OggS";
    static const char late[400] = "\0\0\0\0OggS\0\0\0\0\0\0\0\0\0\0\0";
    const size_t pieces[] = {1, 5, 400};
    for (size_t i = 0; i < 3; i++) {
        struct heard heard = hear_stdin("s16le:48000:1", 0, ogg, sizeof ogg, pieces[i]);
        assert_int_equal(heard.frames, 200); /* it is heard all the same */
        assert_string_equal(looked_like, "an Ogg file");
        free(heard.samples);
        free(hear_stdin("s16le:48000:1", 0, late, sizeof late, pieces[i]).samples);
        assert_null(looked_like);
        free(hear_stdin("s16le:48000:1", 0, ogg, 8, pieces[i]).samples);
        assert_null(looked_like); /* too short to tell */
    }
}

static void refuses_bad_formats(void **state)
{
    (void)state;
    const char *formats[] = {NULL,
                             "",
                             "wav",
                             "s16le:48000",
                             "s16le:0:1",
                             "u7:48000:1",
                             "s16le:48000:0",
                             "s16le:48000:1:1",
                             "f32le:-48000:1"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct source_config config = config_for("-");
        struct tutti_error error = {.text = ""};
        config.stdin_format = formats[i];
        assert_null(source_open(&config, &error));
        assert_int_equal(error.status, TUTTI_ERROR_ARGUMENT);
        assert_true(error.text[0] != '\0');
    }
    struct source_config config = config_for("-");
    struct tutti_error error;
    config.stdin_format = "s16le:48000:2";
    config.channel = 2;
    assert_null(source_open(&config, &error));
    assert_string_equal(error.text, "channel 3 was asked for, but standard input has 2 channels");
}

/* Pieces that end in the middle of a sample or frame, and a last frame that is not whole. */
static void puts_samples_together_across_reads(void **state)
{
    (void)state;
    enum { FRAMES = 3000, SIZE = FRAMES * 6 + 5 };
    unsigned char *bytes = malloc(SIZE);
    for (size_t i = 0; i < FRAMES;
         i++) { /* s24le, two channels: the frame's number, its negative */
        const uint32_t values[2] = {(uint32_t)i * 256, (uint32_t) - (int32_t)i * 256};
        for (size_t b = 0; b < 6; b++)
            bytes[6 * i + b] = (unsigned char)(values[b / 3] >> 8 * (b % 3));
    }
    memset(bytes + FRAMES * 6, 0x7f, 5);
    const size_t pieces[] = {1, 7, 1001, SIZE};
    for (size_t p = 0; p < 4; p++) {
        struct heard heard = hear_stdin("s24le:48000:2", 1, bytes, SIZE, pieces[p]);
        assert_int_equal(heard.frames, FRAMES);
        for (size_t i = 0; i < FRAMES; i++)
            assert_true(heard.samples[i] == -(float)i / 32768.0f);
        free(heard.samples);
    }
    free(bytes);
}

static void reads_every_format(void **state)
{
    (void)state;
    const struct {
        const char *format;
        unsigned char bytes[4];
        size_t size;
    } cases[] = {
        {"s16le:8000:1", {0x00, 0x40}, 2},    {"s16be:8000:1", {0x40, 0x00}, 2},
        {"s24le:8000:1", {0, 0, 0x40}, 3},    {"s24be:8000:1", {0x40, 0, 0}, 3},
        {"s32le:8000:1", {0, 0, 0, 0x40}, 4}, {"s32be:8000:1", {0x40, 0, 0, 0}, 4},
        {"f32le:8000:1", {0, 0, 0, 0x3f}, 4}, {"f32be:8000:1", {0x3f, 0, 0, 0}, 4},
    };
    enum { FRAMES = 500 };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        unsigned char bytes[FRAMES * 4];
        for (size_t i = 0; i < FRAMES; i++)
            memcpy(bytes + i * cases[c].size, cases[c].bytes, cases[c].size);
        struct heard heard =
            hear_stdin(cases[c].format, CAPTURE_MIX_ALL, bytes, FRAMES * cases[c].size, 4096);
        assert_int_equal(heard.frames, FRAMES);
        for (size_t i = 0; i < FRAMES; i++)
            assert_true(heard.samples[i] == 0.5f);
        free(heard.samples);
    }
}

/* A program that writes as fast as it can gets a second ahead of real time and no further. */
static void holds_a_fast_program_to_real_time(void **state)
{
    (void)state;
    enum { FRAMES = 8000 * 2 };
    unsigned char *bytes = calloc(FRAMES, 2);
    struct heard heard = hear_stdin("s16le:8000:1", CAPTURE_MIX_ALL, bytes, FRAMES * 2, 65536);
    assert_int_equal(heard.frames, FRAMES);
    assert_int_equal(heard.lost_frames, 0);
    assert_true(heard.took_s >= 2.0 / 1.001 - 1.0);
    free(heard.samples);
    free(bytes);
}

static void stops_while_the_pipe_is_silent(void **state)
{
    (void)state;
    const int descriptor = pipe_to_stdin();
    struct source_config config = config_for("-");
    config.stdin_format = "f32le:48000:1";
    struct source *source = source_open(&config, NULL);
    struct capture *capture = capture_new(RATE_HZ, 1000);
    assert_int_equal(source_start(source, capture, NULL), TUTTI_OK);
    assert_int_equal(source_state(source), SOURCE_RUNNING);
    source_stop(source); /* would run into the time limit */
    assert_int_equal(source_state(source), SOURCE_ENDED);
    assert_int_equal(capture_frames(capture), 0);
    source_close(source);
    capture_free(capture);
    close(descriptor);
}

/* A directory, and no closed descriptor: whatever opens a file meanwhile would take its number. */
static void an_input_that_cannot_be_read_is_a_lost_source(void **state)
{
    (void)state;
    const int descriptor = pipe_to_stdin();
    const int directory = open("/", O_RDONLY | O_DIRECTORY);
    assert_true(directory >= 0);
    struct source_config config = config_for("-");
    config.stdin_format = "f32le:48000:1";
    struct source *source = source_open(&config, NULL);
    struct capture *capture = capture_new(RATE_HZ, 1000);
    assert_int_equal(dup2(directory, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(source_start(source, capture, NULL), TUTTI_OK);
    while (!capture_done(capture))
        capture_wait(capture, 0, LONG_MS);
    assert_int_equal(source_state(source), SOURCE_LOST);
    source_close(source);
    capture_free(capture);
    close(directory);
    close(descriptor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_settings_out_of_range),
        cmocka_unit_test(refuses_a_queue_of_another_rate_and_a_second_start),
        cmocka_unit_test(refuses_bad_files),
        cmocka_unit_test(plays_a_file_in_real_time),
        cmocka_unit_test(takes_channel_and_gain),
        cmocka_unit_test(repeats_without_a_seam),
        cmocka_unit_test(repeats_a_very_short_file_in_whole_chunks),
        cmocka_unit_test(plays_the_demo),
        cmocka_unit_test(refuses_bad_formats),
        cmocka_unit_test(puts_samples_together_across_reads),
        cmocka_unit_test(reads_every_format),
        cmocka_unit_test(holds_a_fast_program_to_real_time),
        cmocka_unit_test(notes_that_a_file_comes),
        cmocka_unit_test(stops_while_the_pipe_is_silent),
        cmocka_unit_test(an_input_that_cannot_be_read_is_a_lost_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
