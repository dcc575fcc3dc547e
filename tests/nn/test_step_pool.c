#include "nn/step_pool.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NEAR(value, wanted) assert_true(fabsf((value) - (wanted)) < 1e-6f)

/* Two labels in rows of three; the third value belongs to no label. */
static const float scores[] = {1, -2, 99, 4, 6, 99, -3, 0.5f, 99}; /* two steps and the mean */

static void test_even_attention_is_the_mean_of_the_steps(void **state)
{
    (void)state;
    static const float attention[9] = {7, -7, 0, 7, -7, 0, 50, 50, 0}; /* the mean has none */
    static const float gate[] = {0, 0.25f};
    float logits[] = {0, 0, 42};
    step_pool(scores, attention, 3, 3, gate, 2, logits);
    NEAR(logits[0], 2.5f);
    NEAR(logits[1], 2 + 0.25f * (0.5f - 2));
    assert_true(logits[2] == 42);
}

static void test_attention_weighs_the_steps(void **state)
{
    (void)state;
    const float attention[9] = {logf(3), 0, 0, 0, logf(9), 0, 0, 0, 0};
    static const float gate[] = {0, 0};
    float logits[2];
    step_pool(scores, attention, 3, 3, gate, 2, logits);
    NEAR(logits[0], 0.75f * 1 + 0.25f * 4);
    NEAR(logits[1], 0.1f * -2 + 0.9f * 6);
}

static void test_one_step_is_taken_as_it_is(void **state)
{
    (void)state;
    static const float attention[6] = {-1e30f, 1e30f};
    static const float gate[] = {0, 1};
    float logits[2];
    step_pool(scores, attention, 2, 3, gate, 2, logits);
    assert_true(logits[0] == 1);
    assert_true(logits[1] == 6);
}

/* No attention is too high for its exponential, and none so low that the weights vanish. */
static void test_extreme_attention(void **state)
{
    (void)state;
    static const float attention[9] = {1e30f, -1e30f, 0, -1e30f, -2e30f, 0, 0, 0, 0};
    static const float gate[] = {0, 0};
    float logits[2];
    step_pool(scores, attention, 3, 3, gate, 2, logits);
    assert_true(logits[0] == 1);
    assert_true(logits[1] == -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even_attention_is_the_mean_of_the_steps),
        cmocka_unit_test(test_attention_weighs_the_steps),
        cmocka_unit_test(test_one_step_is_taken_as_it_is),
        cmocka_unit_test(test_extreme_attention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
