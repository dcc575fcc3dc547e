#include "dsp/natural_log.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 1000 };

static void check(const float *numbers, size_t n)
{
    float logs[MANY];
    memcpy(logs, numbers, n * sizeof *logs);
    natural_log(logs, n);
    for (size_t i = 0; i < n; i++) {
        double expected = log((double)numbers[i]);
        assert_true(fabs((double)logs[i] - expected) < 1e-7 * fmax(1.0, fabs(expected)));
    }
}

/* Every exponent, subnormal ones too. */
static void agrees_with_the_definition_over_the_whole_range(void **state)
{
    (void)state;
    const uint32_t infinity = 0x7f800000;
    float numbers[MANY];
    size_t count = 0;
    for (uint32_t bits = 1; bits < infinity; bits += 997) {
        memcpy(&numbers[count++], &bits, sizeof bits);
        if (count == MANY) {
            check(numbers, count);
            count = 0;
        }
    }
    check(numbers, count);
}

static void agrees_with_the_definition_where_it_is_cut(void **state)
{
    (void)state;
    float around[] = {FLT_TRUE_MIN, FLT_MIN, 0.5f, 1.0f, 2.0f, 0x1.6a09e6p-1f, 0x1.6a09e6p0f};
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        float numbers[MANY] = {around[i]};
        float before = around[i];
        for (size_t j = 1; j < MANY / 2; j++) {
            before = nextafterf(before, 0.0f);
            numbers[j] = before > 0.0f ? before : around[i];
        }
        numbers[MANY / 2] = around[i];
        for (size_t j = MANY / 2 + 1; j < MANY; j++)
            numbers[j] = nextafterf(numbers[j - 1], INFINITY);
        check(numbers, MANY);
    }
    check((float[]){FLT_MAX}, 1);
}

static void one_alone_is_as_among_many(void **state)
{
    (void)state;
    float many[37], alone[37];
    for (size_t n = 0; n <= 37; n++) {
        for (size_t i = 0; i < n; i++)
            many[i] = alone[i] = 1e-5f + (float)(i * i * i);
        natural_log(many, n);
        for (size_t i = 0; i < n; i++)
            natural_log(&alone[i], 1);
        assert_memory_equal(many, alone, n * sizeof *many);
    }
    float one = 1.0f;
    natural_log(&one, 1);
    assert_true(one == 0.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_definition_over_the_whole_range),
        cmocka_unit_test(agrees_with_the_definition_where_it_is_cut),
        cmocka_unit_test(one_alone_is_as_among_many),
    };
    return cmocka_run_group_tests_name("dsp/natural_log", tests, NULL, NULL);
}
