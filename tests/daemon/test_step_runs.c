#include "daemon/step_runs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { STEPS = 10 };
static const double STEP_S = 0.32, WINDOW_S = 3.0;

static float exit_of(const float probability[STEPS])
{
    return step_runs_exit_s(probability, 1, STEPS, STEP_S, WINDOW_S);
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

static void what_sounds_to_the_end_has_no_exit(void **state)
{
    (void)state;
    static const float all[STEPS] = {0.9f, 0.8f, 0.9f, 0.6f, 0.9f, 0.9f, 0.9f, 0.7f, 0.9f, 0.9f};
    static const float late[STEPS] = {0, 0, 0, 0, 0, 0, 0.1f, 0.5f, 0.9f, 0.9f};
    static const float sinking[STEPS] = {0.9f, 0.9f, 0.8f, 0.8f, 0.7f,
                                         0.7f, 0.6f, 0.6f, 0.5f, 0.5f};
    assert_true(exit_of(all) == 0 && exit_of(late) == 0 && exit_of(sinking) == 0);
}

static void what_does_not_sound_has_no_exit(void **state)
{
    (void)state;
    static const float none[STEPS] = {0, 0.05f, 0.09f, 0.099f, 0, 0, 0, 0, 0, 0};
    static const float broken[STEPS] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    assert_true(isnan(exit_of(none)) && isnan(exit_of(broken)));
}

static void an_exit_is_where_a_fifth_is_crossed(void **state)
{
    (void)state;
    static const float falls[STEPS] = {0.8f, 0.8f, 0.8f, 0.8f, 0, 0, 0, 0, 0, 0};
    near(exit_of(falls), before_end(3.8));
    static const float slowly[STEPS] = {0.8f, 0.8f, 0.6f, 0.4f, 0.2f, 0, 0, 0, 0, 0};
    near(exit_of(slowly), before_end(4.2)); /* 0.16 of 0.2 ... 0 */
    static const float floor[STEPS] = {0.9f, 0.9f, 0.9f, 0.9f, 0.3f, 0.3f, 0.3f, 0.3f, 0.3f, 0.3f};
    near(exit_of(floor), before_end(3.8)); /* a fifth of the way from 0.3 */
}

static void the_last_stretch_counts(void **state)
{
    (void)state;
    static const float two[STEPS] = {0.9f, 0.9f, 0, 0, 0, 0.9f, 0, 0.9f, 0, 0};
    near(exit_of(two), before_end(7.8));
    static const float gap[STEPS] = {0.9f, 0.9f, 0.9f, NAN, NAN, NAN, NAN, NAN, 0, 0};
    near(exit_of(gap), before_end(2));
}

static void labels_may_lie_side_by_side(void **state)
{
    (void)state;
    float both[STEPS][2];
    for (int step = 0; step < STEPS; step++) {
        both[step][0] = step < 6 ? 0 : 1;
        both[step][1] = step < 6 ? 1 : 0;
    }
    assert_true(step_runs_exit_s(&both[0][0], 2, STEPS, STEP_S, WINDOW_S) == 0);
    near(step_runs_exit_s(&both[0][1], 2, STEPS, STEP_S, WINDOW_S), before_end(5.8));
}

static void one_step_is_a_window(void **state)
{
    (void)state;
    static const float one[1] = {0.7f};
    assert_true(step_runs_exit_s(one, 1, 1, 3.0, 3.0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_sounds_to_the_end_has_no_exit),
        cmocka_unit_test(what_does_not_sound_has_no_exit),
        cmocka_unit_test(an_exit_is_where_a_fifth_is_crossed),
        cmocka_unit_test(the_last_stretch_counts),
        cmocka_unit_test(labels_may_lie_side_by_side),
        cmocka_unit_test(one_step_is_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
