/* Which weights may be added up in pairs or fours: a wrong no costs speed alone, which no other
 * test sees. */
#include "nn/avx2/weight_limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_pair_has_at_most_128_of_one_sign(void **state)
{
    (void)state;
    static const int8_t fitting[][2] = {{64, 64},    {127, 1},   {1, 127},   {127, -127},
                                        {-127, 127}, {-64, -64}, {-127, -1}, {-1, -127},
                                        {127, 0},    {0, 0}};
    static const int8_t beyond[][2] = {{65, 64},   {64, 65},   {127, 2},    {127, 127},
                                       {-65, -64}, {-2, -127}, {-127, -127}};
    for (size_t i = 0; i < sizeof fitting / sizeof fitting[0]; i++)
        assert_true(pairs_fit(fitting[i], 1, 2));
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++)
        assert_false(pairs_fit(beyond[i], 1, 2));
}

static void neighbours_are_paired_from_the_beginning_of_each_line(void **state)
{
    (void)state;
    static const int8_t weights[] = {100, 20, 120, 1, 0, 127, 127, -1, 90};
    assert_true(pairs_fit(weights, 1, 9)); /* 20, 120 and 127, 127 are no pairs; 90 has none */
    assert_true(pairs_fit(weights, 3, 3)); /* 120, 127 and 90 have none */
    assert_false(pairs_fit(weights + 1, 1, 8));
    static const int8_t last[] = {1, 2, 3, 4, 5, 6, 100, 29};
    assert_false(pairs_fit(last, 1, 8));
    assert_false(pairs_fit(last, 2, 4));
    assert_true(pairs_fit(last, 1, 7));
}

static void a_four_has_at_most_128_of_one_sign(void **state)
{
    (void)state;
    static const int8_t fitting[][8] = {{32, 32, 0, 0, 32, 32},
                                        {0, 0, -32, -32, 0, 0, -32, -32},
                                        {127, -127, 0, 0, 1, -1},
                                        {100, 28, 100, 28, -100, -28, -100, -28}};
    static const int8_t beyond[][8] = {{33, 32, 0, 0, 32, 32},
                                       {32, 32, 0, 0, 32, 33},
                                       {0, 0, -32, -33, 0, 0, -32, -32},
                                       {0, 0, 127, 0, 0, 0, 2, 0}};
    for (size_t i = 0; i < sizeof fitting / sizeof fitting[0]; i++)
        assert_true(fours_fit(fitting[i], 1, 8));
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++)
        assert_false(fours_fit(beyond[i], 1, 8));
}

static void fours_are_pairs_with_their_counterparts_in_each_eight(void **state)
{
    (void)state;
    /* 60 and its neighbour's 60 with the 60 of the other pair: no four */
    static const int8_t apart[] = {60, 0, 60, 0, 0, 60, 0, 60, 60, 0, 60, 0};
    assert_true(fours_fit(apart, 1, 12));
    assert_true(fours_fit(apart, 2, 6));
    static const int8_t late[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 90, 0, 0, 0, 0, 39};
    assert_false(fours_fit(late, 1, 16));
    assert_true(fours_fit(late, 1, 15)); /* without the 39 */
    assert_false(fours_fit(late, 2, 8));
    assert_true(fours_fit(late, 4, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_has_at_most_128_of_one_sign),
        cmocka_unit_test(neighbours_are_paired_from_the_beginning_of_each_line),
        cmocka_unit_test(a_four_has_at_most_128_of_one_sign),
        cmocka_unit_test(fours_are_pairs_with_their_counterparts_in_each_eight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
