#include "daemon/daemon_watch.h"

#include "daemon/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    FILE *stream;
    struct log log;
    struct pipeline_status status;
    struct daemon_watch watch;
    char text[4096];
    long read;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->stream = tmpfile();
    unsetenv("JOURNAL_STREAM");
    log_init(&f->log, f->stream, "tuttid", LOG_LEVEL_INFO);
    strcpy(f->status.source_name, "a 100% microphone");
    f->status.rate_hz = 48000;
    f->status.hop_s = 0.25;
    f->status.hop_stretch = 1;
    f->status.state = SOURCE_RUNNING;
    daemon_watch_init(&f->watch, &f->log, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    fclose(f->stream);
    free(f);
    return 0;
}

/* What the log says of the status at a time in seconds. */
static const char *said(struct fixture *f, double at_s)
{
    daemon_watch_take(&f->watch, &f->status, (uint64_t)(at_s * 1e9));
    fseek(f->stream, f->read, SEEK_SET);
    f->text[fread(f->text, 1, sizeof f->text - 1, f->stream)] = '\0';
    f->read = ftell(f->stream);
    return f->text;
}

static void is_silent_while_all_is_well(void **state)
{
    struct fixture *f = *state;
    f->status.frames = 480000;
    f->status.lag_ms = 12;
    assert_string_equal(said(f, 10), "");
    assert_string_equal(said(f, 1000), "");
}

static void tells_of_a_file_among_samples_once(void **state)
{
    struct fixture *f = *state;
    f->status.looks_like = "an Ogg file";
    assert_non_null(strstr(said(f, 1),
                           "tuttid: warning: what comes on a 100% microphone looks like "
                           "an Ogg file, and is heard as raw samples"));
    assert_string_equal(said(f, 2), "");
}

static void tells_of_a_stall_and_its_end_once(void **state)
{
    struct fixture *f = *state;
    f->status.stalled = true;
    assert_string_equal(said(f, 1), "tuttid: warning: no sound comes from a 100% microphone\n");
    assert_string_equal(said(f, 2), "");
    f->status.stalled = false;
    assert_string_equal(said(f, 3), "tuttid: sound comes from a 100% microphone again\n");
    assert_string_equal(said(f, 4), "");
}

/* Silent, then found to be lost: nothing came again. Then it does. */
static void tells_a_loss_from_an_end_of_silence(void **state)
{
    struct fixture *f = *state;
    f->status.stalled = true;
    assert_string_equal(said(f, 1), "tuttid: warning: no sound comes from a 100% microphone\n");
    f->status.stalled = false;
    f->status.state = SOURCE_LOST;
    assert_string_equal(said(f, 2), "tuttid: error: a 100% microphone is lost\n");
    assert_string_equal(said(f, 3), "");
    f->status.state = SOURCE_RUNNING;
    assert_string_equal(said(f, 4), "tuttid: a 100% microphone is back\n");
    f->status.stalled = true;
    assert_string_equal(said(f, 5), "tuttid: warning: no sound comes from a 100% microphone\n");
    f->status.stalled = false;
    f->status.state = SOURCE_ENDED;
    assert_string_equal(said(f, 6), "tuttid: a 100% microphone has ended\n");
}

static void tells_what_was_over_before_the_first_look(void **state)
{
    struct fixture *f = *state;
    f->status.state = SOURCE_ENDED;
    f->status.lost_frames = 48;
    assert_string_equal(said(f, 1), "tuttid: a 100% microphone has ended\n"
                                    "tuttid: warning: 0.001 s of sound were lost (overruns: 0)\n");
}

static void tells_how_it_ended(void **state)
{
    struct fixture *f = *state;
    f->status.state = SOURCE_ENDED;
    assert_string_equal(said(f, 1), "tuttid: a 100% microphone has ended\n");
    assert_string_equal(said(f, 2), "");
    f->status.state = SOURCE_LOST;
    assert_string_equal(said(f, 3), "tuttid: error: a 100% microphone is lost\n");
    assert_string_equal(said(f, 4), "");
    f->status.state = SOURCE_RUNNING;
    assert_string_equal(said(f, 5), "tuttid: a 100% microphone is back\n");
    assert_string_equal(said(f, 6), "");
}

/* 0.3 s of sound every 1.5 s for ten minutes, and then for good. */
static void sums_up_stalls_once_a_minute(void **state)
{
    struct fixture *f = *state;
    char all[4096] = "";
    for (double at_s = 0; at_s < 600; at_s += 0.25) {
        f->status.stalled = fmod(at_s, 1.5) >= 1;
        strcat(all, said(f, at_s));
    }
    f->status.stalled = false;
    for (double at_s = 600; at_s < 1000; at_s += 0.25)
        strcat(all, said(f, at_s));
    static const char first[] =
        "tuttid: warning: no sound comes from a 100% microphone\n"
        "tuttid: sound comes from a 100% microphone again\n"
        "tuttid: warning: no sound comes from a 100% microphone\n"
        "tuttid: sound comes from a 100% microphone again\n"
        "tuttid: warning: a 100% microphone was silent 39 times in the last "
        "minute; no sound comes now\n";
    static const char last[] = "tuttid: warning: a 100% microphone was silent 39 times in the last "
                               "minute; it runs now\n";
    assert_memory_equal(all, first, sizeof first - 1);
    assert_string_equal(all + strlen(all) - (sizeof last - 1), last);
    size_t lines = 0;
    for (const char *c = all; *c != '\0'; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 4 + 10);
}

/* A cable that is loose for a while: the last line says what is so. */
static void tells_losses_of_the_device_once_a_minute(void **state)
{
    struct fixture *f = *state;
    for (int at_s = 0; at_s < 50; at_s++) {
        f->status.state = at_s % 2 == 0 ? SOURCE_LOST : SOURCE_RUNNING;
        const char *text = said(f, at_s);
        if (at_s < WATCH_AT_ONCE)
            assert_non_null(strstr(text, at_s % 2 == 0 ? "is lost\n" : "is back\n"));
        else
            assert_string_equal(text, "");
    }
    f->status.stalled = true;
    assert_string_equal(said(f, 51), "");
    f->status.stalled = false;
    f->status.state = SOURCE_LOST;
    assert_string_equal(said(f, 52), "");
    assert_string_equal(said(f, 59.9), "");
    assert_string_equal(said(f, 60),
                        "tuttid: error: a 100% microphone was lost 24 times and silent once in the "
                        "last minute; it is lost now\n");
    f->status.state = SOURCE_RUNNING; /* one change is told in its own words */
    assert_string_equal(said(f, 61), "");
    assert_string_equal(said(f, 120), "tuttid: a 100% microphone is back\n");
    assert_string_equal(said(f, 180), "");
    f->status.state = SOURCE_LOST; /* a minute without any: at once again */
    assert_string_equal(said(f, 181), "tuttid: error: a 100% microphone is lost\n");
}

static void tells_the_end_at_once(void **state)
{
    struct fixture *f = *state;
    for (int at_s = 0; at_s < 9; at_s++) {
        f->status.stalled = at_s % 2 == 0;
        said(f, at_s);
    }
    f->status.stalled = false;
    f->status.state = SOURCE_ENDED;
    assert_string_equal(said(f, 10), "tuttid: a 100% microphone has ended\n");
    assert_string_equal(said(f, 100), "");
}

static void sums_up_losses_once_a_minute(void **state)
{
    struct fixture *f = *state;
    f->status.lost_frames = 4800;
    f->status.overruns = 1;
    assert_string_equal(said(f, 100),
                        "tuttid: warning: 0.100 s of sound were lost (overruns: 1)\n");
    f->status.lost_frames = 9600;
    f->status.overruns = 2;
    assert_string_equal(said(f, 101), "");
    f->status.lost_frames = 96000;
    f->status.overruns = 4;
    assert_string_equal(said(f, 100 + WATCH_QUIET_S - 0.1), "");
    assert_string_equal(said(f, 100 + WATCH_QUIET_S + 0.1),
                        "tuttid: warning: 1.900 s of sound were lost (overruns: 3)\n");
    assert_string_equal(said(f, 1000), "");
}

/* Of several sources each line says which. */
static void names_the_source_where_there_are_several(void **state)
{
    struct fixture *f = *state;
    daemon_watch_init(&f->watch, &f->log, "stage");
    f->status.stalled = true;
    assert_string_equal(said(f, 1),
                        "tuttid: warning: stage: no sound comes from a 100% microphone\n");
    f->status.state = SOURCE_LOST;
    f->status.lost_frames = 48000;
    f->status.overruns = 1;
    f->status.stalled = false;
    assert_string_equal(said(f, 2),
                        "tuttid: error: stage: a 100% microphone is lost\n"
                        "tuttid: warning: stage: 1.000 s of sound were lost (overruns: 1)\n");
}

/* What the log says of the speed at a time in seconds. */
static const char *said_of_speed(struct fixture *f, struct speed_watch *speed,
                                 uint64_t skipped_hops, double at_s)
{
    speed_watch_take(speed, &f->status, skipped_hops, (uint64_t)(at_s * 1e9));
    return said(f, at_s);
}

static void tells_when_the_hop_is_stretched(void **state)
{
    struct fixture *f = *state;
    struct speed_watch speed;
    speed_watch_init(&speed, &f->log, 1);
    assert_string_equal(said_of_speed(f, &speed, 0, 1), "");
    f->status.hop_stretch = 4;
    assert_string_equal(said_of_speed(f, &speed, 0, 1),
                        "tuttid: warning: this machine is too slow for a hop of 0.25 s: results "
                        "come every 1 s\n");
    assert_string_equal(said_of_speed(f, &speed, 0, 1), "");
    f->status.hop_stretch = 1;
    assert_string_equal(said_of_speed(f, &speed, 0, 1),
                        "tuttid: results come every 0.25 s again\n");
}

/* In one line, however many sources there are, and once a minute. */
static void sums_up_what_is_left_out(void **state)
{
    struct fixture *f = *state;
    struct speed_watch speed;
    speed_watch_init(&speed, &f->log, 1);
    assert_string_equal(said_of_speed(f, &speed, 1, 100),
                        "tuttid: warning: this machine is too slow for a hop of 0.25 s: 1 result "
                        "was left out\n");
    assert_string_equal(said_of_speed(f, &speed, 4, 101), "");
    f->status.hop_stretch = 2;
    assert_string_equal(said_of_speed(f, &speed, 6, 100 + WATCH_QUIET_S - 0.1),
                        "tuttid: warning: this machine is too slow for a hop of 0.25 s: results "
                        "come every 0.5 s\n");
    assert_string_equal(said_of_speed(f, &speed, 6, 100 + WATCH_QUIET_S + 0.1),
                        "tuttid: warning: this machine is too slow for a hop of 0.5 s: 5 results "
                        "were left out\n");
    assert_string_equal(said_of_speed(f, &speed, 6, 1000), "");
    f->status.hop_stretch = 1;
    speed_watch_init(&speed, &f->log, 3);
    assert_string_equal(said_of_speed(f, &speed, 7, 100),
                        "tuttid: warning: this machine is too slow for a hop of 0.25 s: 7 results "
                        "were left out, of all 3 sources together\n");
}

/* Two clients at once, one more soon after, and none for long. */
static void tells_of_clients_turned_away(void **state)
{
    struct fixture *f = *state;
    struct refusal_watch refusals;
    refusal_watch_init(&refusals, &f->log);
    refusal_watch_take(&refusals, 0, UINT64_C(1000000000));
    assert_string_equal(said(f, 1), "");
    refusal_watch_take(&refusals, 2, UINT64_C(2000000000));
    assert_non_null(strstr(said(f, 2), "tuttid: warning: 2 clients were turned away: "));
    refusal_watch_take(&refusals, 3, UINT64_C(3000000000));
    assert_string_equal(said(f, 3), "");
    refusal_watch_take(&refusals, 3, (WATCH_QUIET_S + 3) * UINT64_C(1000000000));
    assert_non_null(strstr(said(f, 63), "tuttid: warning: 1 client was turned away: "));
    refusal_watch_take(&refusals, 3, UINT64_C(1000000000000));
    assert_string_equal(said(f, 1000), "");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(is_silent_while_all_is_well),
        TEST(tells_of_a_file_among_samples_once),
        TEST(tells_of_a_stall_and_its_end_once),
        TEST(tells_a_loss_from_an_end_of_silence),
        TEST(tells_what_was_over_before_the_first_look),
        TEST(tells_how_it_ended),
        TEST(sums_up_stalls_once_a_minute),
        TEST(tells_losses_of_the_device_once_a_minute),
        TEST(tells_the_end_at_once),
        TEST(sums_up_losses_once_a_minute),
        TEST(names_the_source_where_there_are_several),
        TEST(tells_when_the_hop_is_stretched),
        TEST(sums_up_what_is_left_out),
        TEST(tells_of_clients_turned_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
