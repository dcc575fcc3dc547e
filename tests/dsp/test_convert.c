#include "dsp/convert.h"

#include "tests/dsp/allocations.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void refuses(const char *text, const char *reason)
{
    struct convert_format format = {CONVERT_S24BE, 12345, 67};
    struct tutti_error error = {0};
    assert_int_equal(convert_parse_format(text, &format, &error), TUTTI_ERROR_ARGUMENT);
    assert_int_equal(error.status, TUTTI_ERROR_ARGUMENT);
    if (strstr(error.text, reason) == NULL)
        fail_msg("'%s': the error '%s' does not say '%s'", text, error.text, reason);
    assert_int_equal(format.sample, CONVERT_S24BE);
    assert_int_equal(format.rate_hz, 12345);
    assert_int_equal(format.channels, 67);
    assert_int_equal(convert_parse_format(text, &format, NULL), TUTTI_ERROR_ARGUMENT);
}

static void parse_refuses_and_says_why(void **state)
{
    (void)state;
    const char *sample = "the sample format has to be one of";
    const char *rate = "the rate has to be a whole number of Hz, 8000 to 384000";
    const char *channels = "the number of channels has to be 1 to 256";
    refuses("", sample);
    refuses(":", sample);
    refuses("s16", sample);
    refuses("u8:48000:1", sample);
    refuses("S16LE:48000:1", sample);
    refuses("s16lex:48000:1", sample);
    refuses(" s16le:48000:1", sample);
    refuses("s16le", "the rate is missing");
    refuses("s16le:", rate);
    refuses("s16le::1", rate);
    refuses("s16le:7999:1", rate);
    refuses("s16le:384001:1", rate);
    refuses("s16le:-48000:1", rate);
    refuses("s16le:+48000:1", rate);
    refuses("s16le: 48000:1", rate);
    refuses("s16le:48k:1", rate);
    refuses("s16le:48000.0:1", rate);
    refuses("s16le:0x1000:1", rate);
    refuses("s16le:18446744073709599616:1", rate); /* 2^64 + 48000 */
    refuses("s16le:48000", "the number of channels is missing");
    refuses("s16le:48000:", channels);
    refuses("s16le:48000:0", channels);
    refuses("s16le:48000:257", channels);
    refuses("s16le:48000:4294967297", channels);
    refuses("s16le:48000:1 ", channels);
    refuses("s16le:48000:1\n", channels);
    refuses("s16le:48000:1:", "nothing may follow");
    refuses("s16le:48000:1:2", "nothing may follow");
    refuses("s16le:nonsense:1", "PCM format 's16le:nonsense:1'");
}

static void a_long_text_is_cut_in_the_error(void **state)
{
    (void)state;
    char text[4096];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    struct convert_format format;
    struct tutti_error error;
    assert_int_equal(convert_parse_format(text, &format, &error), TUTTI_ERROR_ARGUMENT);
    assert_non_null(strstr(error.text, "xxx': the sample format has to be one of"));
    assert_non_null(strstr(error.text, "f32be"));
}

static void parses_every_format(void **state)
{
    (void)state;
    enum convert_sample all[] = {CONVERT_S16LE, CONVERT_S16BE, CONVERT_S24LE, CONVERT_S24BE,
                                 CONVERT_S32LE, CONVERT_S32BE, CONVERT_F32LE, CONVERT_F32BE};
    const char *texts[] = {"s16le:8000:1",  "s16be:11025:2",  "s24le:44100:3",  "s24be:48000:4",
                           "s32le:96000:8", "s32be:192000:9", "f32le:384000:2", "f32be:048000:256"};
    unsigned rates[] = {8000, 11025, 44100, 48000, 96000, 192000, 384000, 48000};
    unsigned channels[] = {1, 2, 3, 4, 8, 9, 2, 256};
    size_t sizes[] = {2, 4, 9, 12, 32, 36, 8, 1024};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct convert_format format;
        assert_int_equal(convert_parse_format(texts[i], &format, NULL), TUTTI_OK);
        assert_int_equal(format.sample, all[i]);
        assert_int_equal(format.rate_hz, rates[i]);
        assert_int_equal(format.channels, channels[i]);
        assert_int_equal(convert_frame_size(&format), sizes[i]);
    }
}

/* One mono sample of the given bytes. */
static float one(enum convert_sample sample, const char *bytes)
{
    struct convert_format format = {sample, 48000, 1};
    float value = -99.0f;
    convert_to_mono(&format, CONVERT_MIX, bytes, 1, &value);
    return value;
}

static void integers_are_scaled_exactly(void **state)
{
    (void)state;
    assert_true(one(CONVERT_S16LE, "\x00\x80") == -1.0f);
    assert_true(one(CONVERT_S16LE, "\xff\x7f") == 32767.0f / 32768.0f);
    assert_true(one(CONVERT_S16LE, "\x01\x00") == 1.0f / 32768.0f);
    assert_true(one(CONVERT_S16LE, "\xff\xff") == -1.0f / 32768.0f);
    assert_true(one(CONVERT_S16BE, "\x80\x00") == -1.0f);
    assert_true(one(CONVERT_S16BE, "\x40\x00") == 0.5f);
    assert_true(one(CONVERT_S24LE, "\x00\x00\x80") == -1.0f);
    assert_true(one(CONVERT_S24LE, "\x01\x00\x00") == 0x1p-23f);
    assert_true(one(CONVERT_S24LE, "\xff\xff\xff") == -0x1p-23f);
    assert_true(one(CONVERT_S24LE, "\xff\xff\x7f") == 8388607.0f / 8388608.0f);
    assert_true(one(CONVERT_S24BE, "\x20\x00\x00") == 0.25f);
    assert_true(one(CONVERT_S32LE, "\x00\x00\x00\x80") == -1.0f);
    assert_true(one(CONVERT_S32LE, "\x00\x01\x00\x00") == 0x1p-23f);
    assert_true(one(CONVERT_S32LE, "\xff\xff\xff\x7f") == 1.0f);
    assert_true(one(CONVERT_S32BE, "\xc0\x00\x00\x00") == -0.5f);
}

static void floats_are_cleaned(void **state)
{
    (void)state;
    assert_true(one(CONVERT_F32LE, "\x00\x00\x80\x3f") == 1.0f);
    assert_true(one(CONVERT_F32LE, "\x00\x00\x20\xc0") == -2.5f);
    assert_true(one(CONVERT_F32BE, "\x3e\x80\x00\x00") == 0.25f);
    assert_true(one(CONVERT_F32LE, "\x00\x00\xc0\x7f") == 0.0f);           /* NaN */
    assert_true(one(CONVERT_F32LE, "\x01\x00\x80\xff") == 0.0f);           /* signalling NaN */
    assert_true(one(CONVERT_F32LE, "\x00\x00\x80\x7f") == CONVERT_LIMIT);  /* infinity */
    assert_true(one(CONVERT_F32BE, "\xff\x80\x00\x00") == -CONVERT_LIMIT); /* -infinity */
    assert_true(one(CONVERT_F32LE, "\xff\xff\x7f\x7f") == CONVERT_LIMIT);  /* FLT_MAX */
    assert_true(one(CONVERT_F32LE, "\x00\x00\x10\x41") == CONVERT_LIMIT);  /* 9 */
    assert_true(one(CONVERT_F32LE, "\x00\x00\x10\xc1") == -CONVERT_LIMIT); /* -9 */
    assert_true(one(CONVERT_F32LE, "\x00\x00\xf8\xc0") == -7.75f);
}

static void native_float_is_float_in_memory(void **state)
{
    (void)state;
    float in[] = {0.1f, -0.7f, 3e-9f};
    float out[3];
    struct convert_format format = {CONVERT_F32_NATIVE, 48000, 1};
    convert_to_mono(&format, CONVERT_MIX, in, 3, out);
    assert_memory_equal(in, out, sizeof in);
}

static void channels_are_mixed_or_chosen(void **state)
{
    (void)state;
    struct convert_format format = {CONVERT_S16LE, 48000, 3};
    const unsigned char pcm[] = {
        0x00, 0x40, 0x00, 0x20, 0x00, 0x00, /* 0.5, 0.25, 0 */
        0x00, 0x80, 0x00, 0xc0, 0x00, 0x60, /* -1, -0.5, 0.75 */
    };
    float mono[3] = {9.0f, 9.0f, 9.0f};
    convert_to_mono(&format, CONVERT_MIX, pcm, 2, mono);
    assert_float_equal(mono[0], 0.25f, 1e-7f);
    assert_float_equal(mono[1], -0.25f, 1e-7f);
    assert_true(mono[2] == 9.0f);
    float expected[3][2] = {{0.5f, -1.0f}, {0.25f, -0.5f}, {0.0f, 0.75f}};
    for (int channel = 0; channel < 3; channel++) {
        convert_to_mono(&format, channel, pcm, 2, mono);
        assert_true(mono[0] == expected[channel][0] && mono[1] == expected[channel][1]);
    }
    convert_to_mono(&format, 3, pcm, 2, mono);
    assert_float_equal(mono[0], 0.25f, 1e-7f);
    convert_to_mono(&format, -7, pcm, 2, mono);
    assert_float_equal(mono[0], 0.25f, 1e-7f);
}

static void one_bad_channel_does_not_spoil_the_mix(void **state)
{
    (void)state;
    struct convert_format format = {CONVERT_F32_NATIVE, 48000, 2};
    float pcm[] = {NAN, 0.5f, INFINITY, -INFINITY};
    float mono[2];
    convert_to_mono(&format, CONVERT_MIX, pcm, 2, mono);
    assert_true(mono[0] == 0.25f);
    assert_true(mono[1] == 0.0f);
}

static void alignment_and_length_are_kept(void **state)
{
    (void)state;
    struct convert_format format = {CONVERT_F32_NATIVE, 48000, 1};
    unsigned char bytes[9] = {0};
    memcpy(bytes + 1, &(float[]){0.5f, -0.5f}, 8);
    float mono[3] = {9.0f, 9.0f, 9.0f};
    unsigned long before = allocations();
    convert_to_mono(&format, 0, bytes + 1, 0, mono);
    assert_true(mono[0] == 9.0f);
    convert_to_mono(&format, 0, bytes + 1, 2, mono);
    assert_true(mono[0] == 0.5f && mono[1] == -0.5f && mono[2] == 9.0f);
    assert_int_equal(allocations(), before);
}

/* Frames are converted many at once, in several ways: each has to come out as it does alone. */
static void many_frames_give_what_each_gives_alone(void **state)
{
    (void)state;
    enum { FRAMES = 203, CHANNELS = 5 };
    unsigned char pcm[1 + FRAMES * CHANNELS * 4]; /* floats of all kinds among them */
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof pcm; i++) {
        random = random * 1664525u + 1013904223u;
        pcm[i] = (unsigned char)(random >> 24);
    }
    for (int sample = CONVERT_S16LE; sample <= CONVERT_F32BE; sample++) {
        for (unsigned channels = 1; channels <= CHANNELS; channels++) {
            const struct convert_format format = {(enum convert_sample)sample, 48000, channels};
            for (int channel = CONVERT_MIX; channel < (int)channels; channel++) {
                float mono[FRAMES], alone;
                convert_to_mono(&format, channel, pcm + 1, FRAMES, mono);
                for (size_t i = 0; i < FRAMES; i++) {
                    convert_to_mono(&format, channel, pcm + 1 + i * convert_frame_size(&format), 1,
                                    &alone);
                    assert_memory_equal(&mono[i], &alone, sizeof alone);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_refuses_and_says_why),
        cmocka_unit_test(a_long_text_is_cut_in_the_error),
        cmocka_unit_test(parses_every_format),
        cmocka_unit_test(integers_are_scaled_exactly),
        cmocka_unit_test(floats_are_cleaned),
        cmocka_unit_test(native_float_is_float_in_memory),
        cmocka_unit_test(channels_are_mixed_or_chosen),
        cmocka_unit_test(one_bad_channel_does_not_spoil_the_mix),
        cmocka_unit_test(alignment_and_length_are_kept),
        cmocka_unit_test(many_frames_give_what_each_gives_alone),
    };
    return cmocka_run_group_tests_name("dsp/convert", tests, NULL, NULL);
}
