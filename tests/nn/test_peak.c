/* Every table's peak does the multiply-adds that it says: its sum has one product for each. */
#include "nn/kernels.h"
#include "nn/network.h"

#include "tests/nn/support/fixtures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void check_peak(const struct kernel_peak *peak)
{
    uint32_t sum = 1;
    assert_true(strlen(peak->instructions) > 0);
    assert_int_equal(peak->run(0, &sum), 0);
    assert_int_equal(sum, 0);
    const uint64_t one = peak->run(1, &sum);
    assert_in_range(one, 192, 1536);
    /* 100,000 rounds let the sum wrap around. */
    static const uint64_t rounds[] = {1, 2, 3, 1000, 100000};
    for (size_t i = 0; i < sizeof rounds / sizeof rounds[0]; i++) {
        const uint64_t count = peak->run(rounds[i], &sum);
        assert_int_equal(count, rounds[i] * one);
        assert_int_equal(sum, (uint32_t)(count * PEAK_INPUT * PEAK_WEIGHT));
    }
}

static void every_product_is_in_the_sum(void **state)
{
    (void)state;
    for (size_t i = 0; kernels_at(i) != NULL; i++) {
        assert_non_null(kernels_at(i)->peak[0].run);
        for (size_t p = 0; p < PEAKS_MAX; p++) {
            if (kernels_at(i)->peak[p].run != NULL && kernels_at(i)->available())
                check_peak(&kernels_at(i)->peak[p]);
        }
    }
}

static void a_network_has_the_peaks_of_its_kernel(void **state)
{
    (void)state;
    char path[500];
    fixture_path("tiny.safetensors", path, sizeof path);
    struct model *model = model_open(path, NULL);
    assert_non_null(model);
    for (size_t i = 0; kernels_at(i) != NULL; i++) {
        if (!kernels_at(i)->available())
            continue;
        const struct network_options options = {.kernel = kernels_at(i)->name};
        struct network *network = network_new(model, &options, NULL);
        assert_non_null(network);
        size_t peaks = 0;
        for (; network_peak_instructions(network, peaks) != NULL; peaks++) {
            const struct kernel_peak *peak = &kernels_at(i)->peak[peaks];
            uint32_t sum;
            assert_string_equal(network_peak_instructions(network, peaks), peak->instructions);
            assert_int_equal(network_peak_run(network, peaks, 3), peak->run(3, &sum));
        }
        assert_in_range(peaks, 1, PEAKS_MAX);
        assert_null(network_peak_instructions(network, PEAKS_MAX));
        network_free(network);
    }
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_product_is_in_the_sum),
        cmocka_unit_test(a_network_has_the_peaks_of_its_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
