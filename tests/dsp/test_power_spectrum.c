#include "dsp/power_spectrum.h"

#include "tests/dsp/allocations.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void fill(float *points, unsigned n)
{
    uint32_t random = 99;
    for (unsigned i = 0; i < n; i++) {
        random = random * 1664525u + 1013904223u;
        points[i] = (float)((double)random / 4294967296.0 - 0.4);
    }
}

static void check_definition(unsigned n)
{
    struct power_spectrum *spectrum = power_spectrum_new(n);
    assert_non_null(spectrum);
    float *points = power_spectrum_points(spectrum);
    for (unsigned i = 0; i < n; i++)
        assert_true(points[i] == 0.0f);
    float *signal = calloc(n, sizeof *signal);
    float *power = calloc(n / 2, sizeof *power);
    fill(signal, n);
    fill(points, n);
    unsigned long before = allocations();
    power_spectrum_run(spectrum, power);
    assert_int_equal(allocations(), before);
    assert_memory_equal(points, signal, n * sizeof *points);
    for (unsigned bin = 0; bin < n / 2; bin++) {
        double real = 0.0, imaginary = 0.0;
        for (unsigned i = 0; i < n; i++) {
            double angle = 2.0 * acos(-1.0) * (double)((uint64_t)bin * i % n) / n;
            real += (double)signal[i] * cos(angle);
            imaginary -= (double)signal[i] * sin(angle);
        }
        double magnitude = sqrt(real * real + imaginary * imaginary);
        assert_true(fabs(sqrt((double)power[bin]) - magnitude) < 1e-6 * sqrt(n));
    }
    free(power);
    free(signal);
    power_spectrum_free(spectrum);
}

static void agrees_with_the_definition(void **state)
{
    (void)state;
    for (unsigned n = 16; n <= 2048; n *= 2)
        check_definition(n);
    power_spectrum_free(NULL);
}

static void refuses_other_numbers_of_points(void **state)
{
    (void)state;
    static const unsigned numbers[] = {0, 1, 8, 17, 24, 1000, 2 * POWER_SPECTRUM_MAX_POINTS, ~0u};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_null(power_spectrum_new(numbers[i]));
}

/* A loud tone must not drown a weak one in the bin that mirrors it. */
static void mirrored_bins_do_not_mix(void **state)
{
    (void)state;
    enum { N = 1024 };
    struct power_spectrum *spectrum = power_spectrum_new(N);
    float *points = power_spectrum_points(spectrum);
    float power[N / 2];
    for (unsigned bin = 1; bin < N / 2; bin++) {
        for (unsigned i = 0; i < N; i++)
            points[i] = (float)cos(2.0 * acos(-1.0) * (double)(bin * i % N) / N);
        power_spectrum_run(spectrum, power);
        assert_float_equal(power[bin], 512.0f * 512.0f, 0.5f);
        for (unsigned other = 0; other < N / 2; other++)
            assert_true(other == bin || power[other] < 1e-7f);
    }
    power_spectrum_free(spectrum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(refuses_other_numbers_of_points),
        cmocka_unit_test(mirrored_bins_do_not_mix),
    };
    return cmocka_run_group_tests_name("dsp/power_spectrum", tests, NULL, NULL);
}
