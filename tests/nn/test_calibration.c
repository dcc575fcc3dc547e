#include "nn/calibration.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static void expect(const struct model_calibration *calibration, size_t label, const float *logits,
                   const double *expected)
{
    float probabilities[MODEL_LABELS_MAX];
    calibration_apply(calibration, logits, probabilities);
    if (fabs((double)probabilities[label] - expected[label]) > 1e-6)
        fail_msg("label %zu: %g instead of %g", label, (double)probabilities[label],
                 expected[label]);
}

static void each_label_has_a_scale_and_an_offset(void **state)
{
    (void)state;
    static const struct model_calibration calibration = {
        .labels = 4, .scale = {1, 0.5f, 0, -2}, .offset = {0, 1, 3, -1}};
    static const float logits[] = {0, -4, 7, 2};
    const double expected[] = {0.5, sigmoid(-1), sigmoid(3), sigmoid(-5)};
    for (size_t i = 0; i < 4; i++)
        expect(&calibration, i, logits, expected);
}

static void rivals_take_from_each_other(void **state)
{
    (void)state;
    static const struct model_calibration calibration = {
        .labels = 3, .scale = {1, 1, 2}, .offset = {0, 0, 0.5f}, .rivalry = 0.3f};
    static const float logits[] = {3, -1, 0.25f};
    double expected[3];
    for (size_t i = 0; i < 3; i++) {
        double rivals = 0;
        for (size_t other = 0; other < 3; other++)
            rivals += other == i ? 0 : sigmoid((double)logits[other]);
        expected[i] = sigmoid((double)calibration.scale[i] * (double)logits[i] +
                              (double)calibration.offset[i] - 0.3 * log(0.01 + rivals));
    }
    for (size_t i = 0; i < 3; i++)
        expect(&calibration, i, logits, expected);
    /* One that is alone gains by the least that the others may be. */
    static const float alone[] = {0, -80, -80};
    const double gained[] = {sigmoid(-0.3 * log(0.01))};
    expect(&calibration, 0, alone, gained);
}

static void labels_give_way_to_neighbours_by_their_share(void **state)
{
    (void)state;
    static const struct model_calibration calibration = {.labels = 2,
                                                         .neighbours = 2,
                                                         .scale = {1, 2},
                                                         .offset = {0, 0.5f},
                                                         .rivalry = 0.3f,
                                                         .deference = 2};
    static const float logits[] = {0.5f, -1, 2, -3};
    const double heard = 0.01 + sigmoid(0.5) + sigmoid(-1), others = sigmoid(2) + sigmoid(-3);
    const double given = 2 * log((heard + others) / heard);
    const double expected[] = {
        sigmoid(0.5 - given - 0.3 * log(0.01 + sigmoid(-1 - given))),
        sigmoid(2 * (-1 - given) + 0.5 - 0.3 * log(0.01 + sigmoid(0.5 - given)))};
    expect(&calibration, 0, logits, expected);
    expect(&calibration, 1, logits, expected);
    /* What is no neighbour takes nothing, and neither does one that is not finite. */
    static const float none[] = {0.5f, -80, -80, INFINITY};
    const double untouched[] = {sigmoid(0.5 - 0.3 * log(0.01))};
    expect(&calibration, 0, none, untouched);
}

static void what_is_not_finite_is_absent_and_takes_nothing(void **state)
{
    (void)state;
    static const struct model_calibration calibration = {
        .labels = 4, .scale = {1, 1, 1, 1}, .rivalry = 0.3f};
    static const float logits[] = {NAN, INFINITY, -INFINITY, 1};
    const double expected[] = {0, 0, 0, sigmoid(1 - 0.3 * log(0.01))};
    for (size_t i = 0; i < 4; i++)
        expect(&calibration, i, logits, expected);
}

static void works_in_place(void **state)
{
    (void)state;
    static const struct model_calibration calibration = {
        .labels = 2, .neighbours = 1, .scale = {1, 1}, .rivalry = 0.5f, .deference = 1};
    static const float logits[] = {1, 2, 3};
    float apart[2], values[] = {1, 2, 3};
    calibration_apply(&calibration, logits, apart);
    calibration_apply(&calibration, values, values);
    assert_memory_equal(values, apart, sizeof apart);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_label_has_a_scale_and_an_offset),
        cmocka_unit_test(rivals_take_from_each_other),
        cmocka_unit_test(labels_give_way_to_neighbours_by_their_share),
        cmocka_unit_test(what_is_not_finite_is_absent_and_takes_nothing),
        cmocka_unit_test(works_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
