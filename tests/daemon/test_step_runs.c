#include "daemon/step_runs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { STEPS = 10 };
static const double STEP_S = 0.32, WINDOW_S = 3.0;

static struct step_run run_of(const float probability[STEPS])
{
    return step_runs_last(probability, 1, STEPS, STEP_S, WINDOW_S);
}

/* Seconds before the end of the window, of a place counted in steps. */
static float before_end(double step)
{
    return (float)(WINDOW_S - STEP_S * step);
}

static void near(float is, float expected)
{
    assert_true(fabsf(is - expected) < 1e-4f);
}

static void what_sounds_throughout_has_no_beginning(void **state)
{
    (void)state;
    static const float all[STEPS] = {0.9f, 0.8f, 0.9f, 0.6f, 0.9f, 0.9f, 0.9f, 0.7f, 0.9f, 0.9f};
    const struct step_run run = run_of(all);
    assert_true(run.entry_s == INFINITY && run.exit_s == 0);
}

static void what_does_not_sound_has_no_ends(void **state)
{
    (void)state;
    static const float none[STEPS] = {0, 0.05f, 0.09f, 0.1f - 0.001f, 0, 0, 0, 0, 0, 0};
    static const float broken[STEPS] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    assert_true(isnan(run_of(none).entry_s) && isnan(run_of(none).exit_s));
    assert_true(isnan(run_of(broken).entry_s) && isnan(run_of(broken).exit_s));
}

static void an_entry_is_where_half_is_crossed(void **state)
{
    (void)state;
    static const float rises[STEPS] = {0, 0, 0, 0, 0, 0.8f, 0.8f, 0.8f, 0.8f, 0.8f};
    near(run_of(rises).entry_s, before_end(4.5));
    assert_true(run_of(rises).exit_s == 0);
    static const float slow[STEPS] = {0, 0, 0, 0, 0.2f, 0.6f, 0.8f, 0.8f, 0.8f, 0.8f};
    near(run_of(slow).entry_s, before_end(4.5)); /* 0.4 of 0.2 ... 0.6 */
    static const float floor[STEPS] = {0.3f, 0.3f, 0.3f, 0.3f, 0.3f, 0.9f, 0.9f, 0.9f, 0.9f, 0.9f};
    near(run_of(floor).entry_s, before_end(4.5)); /* half of the way from 0.3 */
}

static void an_exit_is_where_half_is_crossed(void **state)
{
    (void)state;
    static const float falls[STEPS] = {0.8f, 0.8f, 0.8f, 0.8f, 0, 0, 0, 0, 0, 0};
    assert_true(run_of(falls).entry_s == INFINITY);
    near(run_of(falls).exit_s, before_end(3.5));
}

static void the_last_stretch_counts_and_short_rests_do_not(void **state)
{
    (void)state;
    static const float two[STEPS] = {0.9f, 0.9f, 0, 0, 0, 0.9f, 0, 0.9f, 0, 0};
    const struct step_run run = run_of(two);
    near(run.entry_s, before_end(4.5));
    near(run.exit_s, before_end(7.5));
    static const float rest_first[STEPS] = {0.9f, 0,    0.9f, 0.9f, 0.9f,
                                            0.9f, 0.9f, 0.9f, 0.9f, 0.9f};
    assert_true(run_of(rest_first).entry_s == INFINITY); /* the rest is bridged to the beginning */
}

static void labels_may_lie_side_by_side(void **state)
{
    (void)state;
    float both[STEPS][2];
    for (int step = 0; step < STEPS; step++) {
        both[step][0] = step < 6 ? 0 : 1;
        both[step][1] = step < 6 ? 1 : 0;
    }
    near(step_runs_last(&both[0][0], 2, STEPS, STEP_S, WINDOW_S).entry_s, before_end(5.5));
    near(step_runs_last(&both[0][1], 2, STEPS, STEP_S, WINDOW_S).exit_s, before_end(5.5));
}

static void one_step_is_a_window(void **state)
{
    (void)state;
    static const float one[1] = {0.7f};
    const struct step_run run = step_runs_last(one, 1, 1, 3.0, 3.0);
    assert_true(run.entry_s == INFINITY && run.exit_s == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_sounds_throughout_has_no_beginning),
        cmocka_unit_test(what_does_not_sound_has_no_ends),
        cmocka_unit_test(an_entry_is_where_half_is_crossed),
        cmocka_unit_test(an_exit_is_where_half_is_crossed),
        cmocka_unit_test(the_last_stretch_counts_and_short_rests_do_not),
        cmocka_unit_test(labels_may_lie_side_by_side),
        cmocka_unit_test(one_step_is_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
