/* Which weights may be multiplied in pairs: a wrong no costs speed alone, which no other test sees.
 */
#include "nn/avx2/pair_limit.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_has_at_most_128_of_one_sign),
        cmocka_unit_test(neighbours_are_paired_from_the_beginning_of_each_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
