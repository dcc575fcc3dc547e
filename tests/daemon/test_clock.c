#include "daemon/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void frames_become_nanoseconds(void **state)
{
    (void)state;
    assert_int_equal(clock_frames_to_ns(0, 48000), 0);
    assert_int_equal(clock_frames_to_ns(48000, 48000), CLOCK_NS_PER_S);
    assert_int_equal(clock_frames_to_ns(1, 48000), 20833);
    assert_int_equal(clock_frames_to_ns(3, 44100), 68027);
}

/* Thirty years at the highest rate: frames times 10^9 would be far beyond 64 bits. */
static void long_times_do_not_overflow(void **state)
{
    (void)state;
    const uint64_t seconds = UINT64_C(946080000);
    assert_int_equal(clock_frames_to_ns(seconds * 384000 + 1, 384000),
                     seconds * CLOCK_NS_PER_S + 2604);
    assert_int_equal(clock_ns_to_frames(seconds * CLOCK_NS_PER_S + 2605, 384000),
                     seconds * 384000 + 1);
}

static void nanoseconds_become_whole_frames(void **state)
{
    (void)state;
    assert_int_equal(clock_ns_to_frames(20832, 48000), 0);
    assert_int_equal(clock_ns_to_frames(20834, 48000), 1);
    assert_int_equal(clock_ns_to_frames(CLOCK_NS_PER_S - 1, 44100), 44099);
}

static void monotonic_clock_does_not_go_back(void **state)
{
    (void)state;
    uint64_t last_ns = clock_monotonic_ns();
    for (int i = 0; i < 1000; i++) {
        const uint64_t now_ns = clock_monotonic_ns();
        assert_true(now_ns >= last_ns);
        last_ns = now_ns;
    }
    assert_true(last_ns > 0);
    assert_true(clock_wall_s() > 1.5e9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_become_nanoseconds),
        cmocka_unit_test(long_times_do_not_overflow),
        cmocka_unit_test(nanoseconds_become_whole_frames),
        cmocka_unit_test(monotonic_clock_does_not_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
