#include "dsp/mel.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void refuses_wrong_arguments(void **state)
{
    (void)state;
    assert_null(mel_new(0, 1024, 128, 0, 1));
    assert_null(mel_new(32000, 0, 128, 0, 15000));
    assert_null(mel_new(32000, 4, 128, 0, 15000));
    assert_null(mel_new(32000, 1000, 128, 0, 15000));
    assert_null(mel_new(32000, 131072, 128, 0, 15000));
    assert_null(mel_new(32000, 1024, 0, 0, 15000));
    assert_null(mel_new(32000, 1024, 513, 0, 15000));
    assert_null(mel_new(32000, 1024, 128, -1, 15000));
    assert_null(mel_new(32000, 1024, 128, 15000, 15000));
    assert_null(mel_new(32000, 1024, 128, 0, 16000.5));
    assert_null(mel_new(32000, 1024, 128, (double)NAN, 15000));
    assert_null(mel_new(32000, 1024, 128, 0, (double)NAN));
    mel_free(NULL);
}

/* The weight of a bin in a band, straight from the definition, band edges first. */
static double definition(double hz, unsigned band, unsigned bands, double low_hz, double high_hz)
{
    double low = 1127.0 * log(1.0 + low_hz / 700.0);
    double high = 1127.0 * log(1.0 + high_hz / 700.0);
    double mel = 1127.0 * log(1.0 + hz / 700.0);
    double left = low + (high - low) * band / (bands + 1);
    double peak = low + (high - low) * (band + 1) / (bands + 1);
    double right = low + (high - low) * (band + 2) / (bands + 1);
    if (mel <= left || mel >= right)
        return 0.0;
    return mel <= peak ? (mel - left) / (peak - left) : (right - mel) / (right - peak);
}

/* Feeds each bin alone: what comes out is its column of the weight matrix. */
static void check_bank(unsigned rate_hz, unsigned fft_frames, unsigned bands, double low_hz,
                       double high_hz)
{
    struct mel *mel = mel_new(rate_hz, fft_frames, bands, low_hz, high_hz);
    assert_non_null(mel);
    float *power = calloc(fft_frames / 2, sizeof *power);
    float *sums = calloc(bands, sizeof *sums);
    double largest = 0.0, total = 0.0;
    for (unsigned bin = 0; bin < fft_frames / 2; bin++) {
        power[bin] = 1.0f;
        mel_apply(mel, power, sums);
        power[bin] = 0.0f;
        double hz = (double)bin * rate_hz / fft_frames;
        for (unsigned b = 0; b < bands; b++) {
            double error = fabs((double)sums[b] - definition(hz, b, bands, low_hz, high_hz));
            largest = error > largest ? error : largest;
            total += (double)sums[b];
        }
    }
    assert_true(largest < 1e-6);
    assert_true(total > 0.5); /* not all zero */
    free(sums);
    free(power);
    mel_free(mel);
}

static void weights_are_those_of_the_definition(void **state)
{
    (void)state;
    check_bank(32000, 1024, 128, 0.0, 15000.0);
    check_bank(16000, 512, 64, 50.0, 8000.0);
    check_bank(44100, 2048, 1, 1000.0, 1100.0);
    check_bank(8000, 64, 10, 0.0, 4000.0);
    check_bank(8000, 8, 3, 0.0, 4000.0);
    check_bank(8000, 16, 512, 0.0, 4000.0);
    check_bank(192000, 16384, 512, 20.0, 96000.0);
}

static void a_band_without_a_bin_is_zero(void **state)
{
    (void)state;
    enum { BANDS = 512 };
    struct mel *mel = mel_new(32000, 64, BANDS, 0.0, 16000.0);
    float power[32], sums[BANDS];
    for (int i = 0; i < 32; i++)
        power[i] = 1.0f;
    for (int b = 0; b < BANDS; b++)
        sums[b] = NAN;
    mel_apply(mel, power, sums);
    unsigned zero = 0, positive = 0;
    for (int b = 0; b < BANDS; b++) {
        zero += sums[b] == 0.0f;
        positive += sums[b] > 0.0f;
    }
    assert_int_equal(zero + positive, BANDS);
    assert_true(zero > BANDS / 2 && positive >= 31);
    mel_free(mel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_wrong_arguments),
        cmocka_unit_test(weights_are_those_of_the_definition),
        cmocka_unit_test(a_band_without_a_bin_is_zero),
    };
    return cmocka_run_group_tests_name("dsp/mel", tests, NULL, NULL);
}
