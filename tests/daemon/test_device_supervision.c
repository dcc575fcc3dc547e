/* What becomes of a device source when its device is lost, on a PortAudio that does as told. */
#include "daemon/audio_system.h"
#include "daemon/clock.h"
#include "daemon/source.h"
#include "daemon/thread.h"
#include "tests/support/fake_portaudio.h"
#include "tests/support/pause.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const one[] = {"USB Audio: - (hw:1,0)"};
static const char *const another[] = {"USB Audio Pro: - (hw:1,0)"};
static const char *const twins[] = {"USB Audio: - (hw:1,0)", "USB Audio: - (hw:2,0)"};

struct stage {
    struct source *source;
    struct capture *capture;
};

static struct stage open_stage(const char *input)
{
    const struct source_config config = {.input = input, .channel = CAPTURE_MIX_ALL};
    struct tutti_error error = {.text = ""};
    struct stage stage = {.source = source_open(&config, &error)};
    assert_string_equal(error.text, "");
    stage.capture = capture_new(FAKE_PORTAUDIO_RATE_HZ, 1000);
    return stage;
}

static void start(struct stage *stage)
{
    assert_int_equal(source_start(stage->source, stage->capture, NULL), TUTTI_OK);
    while (capture_last_write_ns(stage->capture) == 0)
        pause_ms(5);
}

static void close_stage(struct stage *stage)
{
    source_close(stage->source);
    capture_free(stage->capture);
}

static void wait_for_state(const struct stage *stage, enum source_state wanted)
{
    while (source_state(stage->source) != wanted) /* would run into the time limit */
        pause_ms(5);
}

/* It opens, it starts, and nothing comes: that is still lost, all the time. */
static void stays_lost_until_something_comes(void **state)
{
    (void)state;
    fake_portaudio_plug(one, 1);
    struct stage stage = open_stage("default");
    start(&stage);
    const int opened = fake_portaudio_opened();
    fake_portaudio_be_silent(true);
    wait_for_state(&stage, SOURCE_LOST);
    while (fake_portaudio_opened() < opened + 3) { /* in vain each time */
        assert_int_equal(source_state(stage.source), SOURCE_LOST);
        pause_ms(1);
    }
    fake_portaudio_be_silent(false);
    const uint64_t before_ns = clock_monotonic_ns();
    wait_for_state(&stage, SOURCE_RUNNING);
    assert_true(capture_last_write_ns(stage.capture) >= before_ns);
    close_stage(&stage);
}

/* Its twin goes away and so does the reason for its longer name; it is still the same one. */
static void is_found_again_without_its_twin(void **state)
{
    (void)state;
    fake_portaudio_plug(twins, 2);
    struct stage stage = open_stage("USB Audio: - (hw:2,0)");
    start(&stage);
    assert_string_equal(fake_portaudio_last(), "USB Audio: - (hw:2,0)");
    fake_portaudio_plug(one, 1); /* only the other one is left */
    fake_portaudio_break();
    wait_for_state(&stage, SOURCE_LOST);
    const int opened = fake_portaudio_opened();
    pause_ms(1200); /* it has looked for it by now, or will: it must not take the other */
    assert_int_equal(source_state(stage.source), SOURCE_LOST);
    assert_int_equal(fake_portaudio_opened(), opened);
    fake_portaudio_plug(&twins[1], 1);
    wait_for_state(&stage, SOURCE_RUNNING);
    assert_string_equal(fake_portaudio_last(), "USB Audio: - (hw:2,0)");
    fake_portaudio_plug(twins, 2); /* and again with its twin */
    fake_portaudio_break();
    wait_for_state(&stage, SOURCE_LOST);
    wait_for_state(&stage, SOURCE_RUNNING);
    assert_string_equal(fake_portaudio_last(), "USB Audio: - (hw:2,0)");
    close_stage(&stage);
}

/* PortAudio is kept from looking for devices anew, as by a second source. Another card that has the
 * number by now is not taken; when the old one has it again it is. */
static void is_not_mistaken_for_another_card(void **state)
{
    (void)state;
    fake_portaudio_plug(one, 1);
    struct stage stage = open_stage("default");
    start(&stage);
    assert_int_equal(audio_system_enter(false, NULL), TUTTI_OK);
    audio_system_pause();
    const int opened = fake_portaudio_opened();
    fake_portaudio_plug(another, 1);
    fake_portaudio_break();
    wait_for_state(&stage, SOURCE_LOST);
    pause_ms(1200); /* it has looked for it by now, or will */
    assert_int_equal(source_state(stage.source), SOURCE_LOST);
    assert_int_equal(fake_portaudio_opened(), opened);
    fake_portaudio_plug(another, 0); /* none has it */
    pause_ms(1200);
    assert_int_equal(fake_portaudio_opened(), opened);
    fake_portaudio_plug(one, 1);
    wait_for_state(&stage, SOURCE_RUNNING);
    assert_true(audio_system_resume());
    audio_system_leave();
    close_stage(&stage);
}

static void *list_again_and_again(void *context)
{
    atomic_bool *stop = context;
    while (!atomic_load(stop)) {
        source_list_devices(NULL, 0, NULL);
        pause_ms(3);
    }
    return NULL;
}

/* Whatever sources do, nobody is in PortAudio beside another. */
static void is_alone_in_the_audio_system(void **state)
{
    (void)state;
    fake_portaudio_plug(one, 1);
    atomic_bool stop = false;
    pthread_t lister;
    assert_int_equal(thread_start(&lister, "lister", list_again_and_again, &stop, NULL), TUTTI_OK);
    for (int i = 0; i < 20; i++) {
        struct stage stage = open_stage("default");
        start(&stage);
        close_stage(&stage);
    }
    struct stage stage = open_stage("default");
    start(&stage);
    fake_portaudio_break();
    wait_for_state(&stage, SOURCE_LOST);
    wait_for_state(&stage, SOURCE_RUNNING);
    close_stage(&stage);
    atomic_store(&stop, true);
    pthread_join(lister, NULL);
    assert_int_equal(fake_portaudio_overlaps(), 0);
}

static void is_stopped_rather_than_lost(void **state)
{
    (void)state;
    fake_portaudio_plug(one, 1);
    for (int i = 0; i < 10; i++) {
        struct stage stage = open_stage("default");
        start(&stage);
        pause_ms(230 + 4 * i); /* about when it is looked after */
        source_stop(stage.source);
        assert_int_equal(source_state(stage.source), SOURCE_ENDED);
        close_stage(&stage);
    }
}

/* Another one that hangs in the audio system keeps us waiting, which is no hanging of ours; what
 * does not return from our own stream is. */
static void tells_waiting_from_hanging(void **state)
{
    (void)state;
    fake_portaudio_plug(one, 1);
    struct stage stage = open_stage("default");
    start(&stage);
    assert_int_equal(audio_system_enter(false, NULL), TUTTI_OK); /* and do not leave it */
    fake_portaudio_break();
    wait_for_state(&stage, SOURCE_LOST);
    const uint64_t end_ns =
        clock_monotonic_ns() + (AUDIO_SYSTEM_DEADLINE_MS + 500) * CLOCK_NS_PER_MS;
    while (clock_monotonic_ns() < end_ns) {
        assert_false(source_hangs(stage.source));
        pause_ms(5);
    }
    audio_system_leave();
    wait_for_state(&stage, SOURCE_RUNNING);
    fake_portaudio_hang(true);
    fake_portaudio_break();
    wait_for_state(&stage, SOURCE_LOST);
    const uint64_t lost_ns = clock_monotonic_ns();
    while (!source_hangs(stage.source))
        pause_ms(5);
    assert_true(clock_monotonic_ns() - lost_ns > AUDIO_SYSTEM_DEADLINE_MS * CLOCK_NS_PER_MS);
    fake_portaudio_hang(false);
    while (source_hangs(stage.source))
        pause_ms(5);
    wait_for_state(&stage, SOURCE_RUNNING);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_lost_until_something_comes),
#ifdef TUTTI_ALSA
        cmocka_unit_test(is_not_mistaken_for_another_card),
#endif
        cmocka_unit_test(is_found_again_without_its_twin),
        cmocka_unit_test(is_alone_in_the_audio_system),
        cmocka_unit_test(is_stopped_rather_than_lost),
        cmocka_unit_test(tells_waiting_from_hanging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
