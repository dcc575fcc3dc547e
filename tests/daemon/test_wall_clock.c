/* test_wall_clock.c - daemon/wall_clock.h */
#include "daemon/wall_clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START_S 1.75e9

static void assert_near(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance)) {
        fail_msg("%.9f is not within %g of %.9f", actual, tolerance, expected);
    }
}

static void test_nothing_is_known_before_the_first_observation(void **state)
{
    (void)state;
    struct wall_clock clock;
    wall_clock_init(&clock, 48000);
    assert_true(wall_clock_time(&clock, 48000) == 0);
}

static void test_seconds_of_large_counts_are_exact(void **state)
{
    (void)state;
    assert_true(wall_clock_seconds(0, 44100) == 0);
    assert_true(wall_clock_seconds(44100 + 22050, 44100) == 1.5);
    uint64_t year_s = 365 * 86400;
    assert_true(wall_clock_seconds(10 * year_s * 48000 + 12000, 48000) ==
                (double)(10 * year_s) + 0.25);
    assert_true(wall_clock_seconds((UINT64_C(1) << 32) + 1, 48000) > 89478.0);
}

static void test_the_first_observation_sets_it(void **state)
{
    (void)state;
    struct wall_clock clock;
    wall_clock_init(&clock, 48000);
    wall_clock_observe(&clock, 96000, START_S + 2);
    assert_near(wall_clock_time(&clock, 0), START_S, 1e-6);
    assert_near(wall_clock_time(&clock, 48000 * 10), START_S + 10, 1e-6);
}

/* A month of a crystal that is 100 ppm fast, with 20 ms of jitter, a result each 10 s: never off by
 * more than drift x time constant + jitter, never backwards. */
static void test_drift_is_followed_for_a_month(void **state)
{
    (void)state;
    struct wall_clock clock;
    wall_clock_init(&clock, 48000);
    double last = 0;
    unsigned random = 1;
    for (uint64_t t = 0; t < 30 * 86400; t += 10) {
        uint64_t frame = (uint64_t)((double)t * 48000 * (1 + 100e-6));
        random = random * 1103515245u + 12345u;
        double jitter = (double)(random >> 16 & 0x7FFF) / 0x7FFF * 0.02;
        wall_clock_observe(&clock, frame, START_S + (double)t + jitter);
        double time = wall_clock_time(&clock, frame);
        assert_near(time, START_S + (double)t, 0.03);
        assert_true(time > last);
        last = time;
    }
}

static void test_jitter_is_hidden(void **state)
{
    (void)state;
    struct wall_clock clock;
    wall_clock_init(&clock, 48000);
    wall_clock_observe(&clock, 0, START_S);
    wall_clock_observe(&clock, 12000, START_S + 0.25 + 0.1); /* 100 ms late */
    assert_near(wall_clock_time(&clock, 12000), START_S + 0.25, 0.001);
}

static void test_a_clock_that_was_set_is_followed_at_once(void **state)
{
    (void)state;
    struct wall_clock clock;
    wall_clock_init(&clock, 48000);
    assert_true(wall_clock_observe(&clock, 0, START_S) == 0); /* the first is no jump */
    assert_true(wall_clock_observe(&clock, 24000, START_S + 0.6) == 0);
    assert_near(wall_clock_observe(&clock, 48000, START_S + 3601), 3600, 0.01); /* an hour ahead */
    assert_near(wall_clock_time(&clock, 48000), START_S + 3601, 1e-6);
    wall_clock_observe(&clock, 96000, START_S + 2); /* and back */
    assert_near(wall_clock_time(&clock, 96000), START_S + 2, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_known_before_the_first_observation),
        cmocka_unit_test(test_seconds_of_large_counts_are_exact),
        cmocka_unit_test(test_the_first_observation_sets_it),
        cmocka_unit_test(test_drift_is_followed_for_a_month),
        cmocka_unit_test(test_jitter_is_hidden),
        cmocka_unit_test(test_a_clock_that_was_set_is_followed_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
