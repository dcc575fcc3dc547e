/* PortAudio for real, on a virtual microphone: tests/support/virtual_microphone_plugin.c. */
#include "daemon/source.h"

#include "daemon/clock.h"
#include "tests/support/sounds.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG_MS 3600000 /* beyond the time limit */
#define TONE_HZ 1000.0
#define AMPLITUDE 0.5f

/* A tone that is periodic in the file, mono as "stage" reads it. "desk" reads the same file as
 * stereo, 44.1 kHz: every second sample in each channel. */
static int plug_in(void **state)
{
    enum { FRAMES = 48000 };
    (void)state;
    float *samples = malloc(FRAMES * sizeof *samples);
    sound_sine(samples, FRAMES, 1, 48000, TONE_HZ, AMPLITUDE);
    setenv("TUTTI_MICROPHONE_SOUND", scratch_file("tone.f32", samples, FRAMES * sizeof *samples),
           1);
    setenv("TUTTI_MICROPHONE_FREEZE", scratch_path("frozen"), 1);
    setenv("TUTTI_MICROPHONE_GATE", scratch_file("plugged", "", 0), 1);
    free(samples);
    return 0;
}

static void unplug(void)
{
    assert_int_equal(unlink(scratch_path("plugged")), 0);
}

static void plug_in_again(void)
{
    scratch_file("plugged", "", 0);
}

static struct source *open_device(const char *input, struct tutti_error *error)
{
    const struct source_config config = {.input = input, .channel = CAPTURE_MIX_ALL};
    return source_open(&config, error);
}

/* Reads blocks until `frames` frames are there; gaps are silence. Returns the first frame. */
static uint64_t hear(struct capture *capture, float *samples, size_t frames)
{
    uint64_t first = 0;
    size_t heard = 0;
    while (heard < frames) {
        struct capture_block block;
        capture_wait(capture, 0, LONG_MS);
        while (heard < frames && capture_read(capture, &block)) {
            if (heard == 0)
                first = block.first_frame;
            const size_t at = (size_t)(block.first_frame - first);
            for (size_t i = 0; i < block.frames && at + i < frames; i++)
                samples[at + i] = block.samples[i];
            heard = at + block.frames;
        }
    }
    return first;
}

static void wait_for_state(const struct source *source, enum source_state wanted)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    while (source_state(source) != wanted) /* would run into the time limit */
        nanosleep(&pause, NULL);
}

static void lists_the_devices(void **state)
{
    (void)state;
    static struct source_device devices[64];
    struct tutti_error error = {.text = ""};
    const int count = source_list_devices(devices, 64, &error);
    assert_string_equal(error.text, "");
    assert_in_range(count, 3, 64);
    int stage = -1;
    int defaults = 0;
    for (int i = 0; i < count; i++) {
        if (strcmp(devices[i].name, "stage") == 0)
            stage = i;
        defaults += devices[i].is_default;
    }
    assert_true(stage >= 0);
    assert_int_equal(defaults, 1);
    assert_string_equal(devices[stage].system_name, "stage");
    assert_string_equal(devices[stage].backend, "ALSA");
    assert_int_equal(devices[stage].channels, 1);
    assert_int_equal(devices[stage].rate_hz, 48000);
    assert_int_equal(source_list_devices(NULL, 0, NULL), count);
}

/* What ALSA and JACK print while they look for devices goes nowhere, and stderr is itself again. */
static void keeps_stderr_clean(void **state)
{
    (void)state;
    const char *path = scratch_path("stderr");
    const int saved = dup(STDERR_FILENO);
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDERR_FILENO);
    const int count = source_list_devices(NULL, 0, NULL);
    assert_null(open_device("theremin", NULL));
    const off_t printed = lseek(file, 0, SEEK_END);
    assert_int_equal(write(STDERR_FILENO, "back", 4), 4);
    const off_t after = lseek(file, 0, SEEK_END);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(file);
    assert_true(count > 0);
    assert_int_equal(printed, 0);
    assert_int_equal(after, 4);
}

static void refuses_unknown_devices_and_says_what_there_is(void **state)
{
    (void)state;
    struct tutti_error error = {.text = ""};
    assert_null(open_device("theremin", &error));
    assert_int_equal(error.status, TUTTI_ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "theremin"));
    assert_non_null(strstr(error.text, "stage"));
    assert_non_null(strstr(error.text, "desk"));
    assert_null(open_device("*", &error));
    assert_non_null(strstr(error.text, "fits several"));
    assert_null(open_device("/dev/null", &error));
    assert_string_equal(
        error.text, "there is no input device \"/dev/null\"; for the file write file:/dev/null");
}

static void refuses_channels_and_rates_that_it_does_not_have(void **state)
{
    (void)state;
    struct source_config config = {.input = "stage", .channel = 1};
    struct tutti_error error;
    assert_null(source_open(&config, &error));
    assert_string_equal(error.text, "channel 2 was asked for, but stage has 1 channel");
    assert_int_equal(error.status, TUTTI_ERROR_IO);
    config = (struct source_config){.input = "stage", .channel = CAPTURE_MIX_ALL, .rate_hz = 96000};
    assert_null(source_open(&config, &error));
    assert_non_null(strstr(error.text, "96000 Hz"));
}

static void closes_without_having_started(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct source *source = open_device("stage", NULL);
        assert_non_null(source);
        assert_int_equal(source_state(source), SOURCE_OPEN);
        source_close(source);
    }
}

/* One second of a device, after half a second; false if something was lost on the way, as may be on
 * a busy machine. */
static bool take_a_second(const struct source_config *config, const char *name, unsigned rate_hz,
                          float *second)
{
    struct tutti_error error = {.text = ""};
    struct source *source = source_open(config, &error);
    assert_string_equal(error.text, "");
    assert_string_equal(source_kind(source), "device");
    assert_string_equal(source_name(source), name);
    assert_int_equal(source_rate_hz(source), rate_hz);
    struct capture *capture = capture_new(rate_hz, 5000);
    assert_int_equal(source_start(source, capture, &error), TUTTI_OK);
    assert_int_equal(hear(capture, second, rate_hz / 2), 0);
    hear(capture, second, rate_hz);
    assert_int_equal(source_state(source), SOURCE_RUNNING);
    source_close(source);
    const bool whole = capture_overruns(capture) == 0;
    capture_free(capture);
    return whole;
}

/* The tone at its frequency and level, and nothing else, in the first take without a loss. */
static void assert_hears(const struct source_config *config, const char *name, unsigned rate_hz,
                         double tone_hz)
{
    enum { TAKES = 10 };
    float *second = calloc(rate_hz, sizeof *second);
    int takes = 1;
    while (!take_a_second(config, name, rate_hz, second))
        assert_in_range(++takes, 1, TAKES);
    const double amplitude = sound_amplitude(second, rate_hz, rate_hz, tone_hz);
    assert_true(fabs(amplitude - (double)AMPLITUDE) < 0.005);
    assert_true(sound_amplitude(second, rate_hz, rate_hz, 1.5 * tone_hz) < 0.005);
    assert_true(sound_amplitude(second, rate_hz, rate_hz, tone_hz + 10) < 0.005);
    free(second);
}

static void hears_a_tone(void **state)
{
    (void)state;
    const char *inputs[] = {"stage", "STA*", "default"};
    const char *names[] = {"stage", "stage", "default"};
    for (size_t i = 0; i < 3; i++) {
        const struct source_config config = {.input = inputs[i], .channel = CAPTURE_MIX_ALL};
        assert_hears(&config, names[i], 48000, TONE_HZ);
    }
}

/* Two channels and another rate: two samples of the file in each frame. */
static void hears_a_stereo_device_of_another_rate(void **state)
{
    (void)state;
    const struct source_config config = {.input = "desk", .channel = 0};
    assert_hears(&config, "desk", 44100, TONE_HZ * 2 * 44100 / 48000);
}

static void two_devices_at_once(void **state)
{
    (void)state;
    struct source *stage = open_device("stage", NULL);
    struct source *desk = open_device("desk", NULL);
    assert_non_null(stage);
    assert_non_null(desk);
    struct capture *one = capture_new(48000, 2000);
    struct capture *other = capture_new(44100, 2000);
    static float samples[24000];
    assert_int_equal(source_start(stage, one, NULL), TUTTI_OK);
    assert_int_equal(source_start(desk, other, NULL), TUTTI_OK);
    hear(one, samples, 24000);
    hear(other, samples, 22050);
    source_close(stage);
    hear(other, samples, 4410); /* the other goes on */
    assert_int_equal(source_state(desk), SOURCE_RUNNING);
    source_close(desk);
    capture_free(one);
    capture_free(other);
}

/* Unplugged: said so. Plugged in again: found by its name, and the time between is a gap. */
static void comes_back_after_it_was_unplugged(void **state)
{
    (void)state;
    struct source *source = open_device("stage", NULL);
    assert_non_null(source);
    struct capture *capture = capture_new(48000, 5000);
    static float samples[48000];
    assert_int_equal(source_start(source, capture, NULL), TUTTI_OK);
    hear(capture, samples, 12000);
    unplug();
    wait_for_state(source, SOURCE_LOST);
    const uint64_t lost_ns = clock_monotonic_ns();
    struct capture_block block;
    uint64_t last_frame = 0;
    while (capture_read(capture, &block))
        last_frame = block.first_frame + block.frames;
    assert_true(capture_last_write_ns(capture) <= lost_ns);
    plug_in_again();
    wait_for_state(source, SOURCE_RUNNING);
    uint64_t first_frame = last_frame;
    while (first_frame == last_frame) { /* until after the gap; a begun block may come before it */
        capture_wait(capture, 0, LONG_MS);
        if (!capture_read(capture, &block))
            continue;
        first_frame = block.first_frame;
        if (first_frame == last_frame)
            first_frame = last_frame += block.frames;
    }
    const double gap_s = (double)(first_frame - last_frame) / 48000.0;
    const double passed_s = (double)(clock_monotonic_ns() - lost_ns) / (double)CLOCK_NS_PER_S;
    assert_true(gap_s > 0.3); /* it looks for the device half a second later */
    assert_true(gap_s < passed_s + 2.0);
    assert_true(capture_lost_frames(capture) >= first_frame - last_frame);
    assert_true(capture_overruns(capture) >= 1);
    source_close(source);
    capture_free(capture);
}

static void closes_while_the_device_is_gone(void **state)
{
    (void)state;
    struct source *source = open_device("stage", NULL);
    struct capture *capture = capture_new(48000, 1000);
    static float samples[4800];
    assert_int_equal(source_start(source, capture, NULL), TUTTI_OK);
    hear(capture, samples, 4800);
    assert_false(source_hangs(source));
    unplug();
    wait_for_state(source, SOURCE_LOST);
    source_stop(source);
    assert_int_equal(source_state(source), SOURCE_LOST);
    source_close(source);
    capture_free(capture);
    plug_in_again();
}

/* A device that hangs is reported lost, and closing the source does not wait for it. */
static void gives_up_a_device_that_hangs(void **state)
{
    (void)state;
    struct source *source = open_device("stage", NULL);
    struct capture *capture = capture_new(48000, 1000);
    static float samples[4800];
    assert_int_equal(source_start(source, capture, NULL), TUTTI_OK);
    hear(capture, samples, 4800);
    scratch_file("frozen", "", 0);
    wait_for_state(source, SOURCE_LOST);
    source_close(source);  /* would wait for ever */
    capture_free(capture); /* nothing touches it any more */
    assert_int_equal(unlink(scratch_path("frozen")), 0);
    struct source *again;
    struct tutti_error error;
    while ((again = open_device("stage", &error)) == NULL) /* once it has let go */
        assert_non_null(strstr(error.text, "hangs"));
    source_close(again);
}

#ifdef __SANITIZE_ADDRESS__
/* What hung is abandoned, on purpose: see source_stop(). */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:source_open\nleak:open_device\n";
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_the_devices),
        cmocka_unit_test(keeps_stderr_clean),
        cmocka_unit_test(refuses_unknown_devices_and_says_what_there_is),
        cmocka_unit_test(refuses_channels_and_rates_that_it_does_not_have),
        cmocka_unit_test(closes_without_having_started),
        cmocka_unit_test(hears_a_tone),
        cmocka_unit_test(hears_a_stereo_device_of_another_rate),
        cmocka_unit_test(two_devices_at_once),
        cmocka_unit_test(comes_back_after_it_was_unplugged),
        cmocka_unit_test(closes_while_the_device_is_gone),
        cmocka_unit_test(gives_up_a_device_that_hangs),
    };
    return cmocka_run_group_tests(tests, plug_in, NULL);
}
