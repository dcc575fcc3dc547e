#include "dsp/resample.h"

#include "tests/dsp/allocations.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CHUNK = 1000 };
#define PASSBAND_HZ 15000.0 /* 0.9375 of the Nyquist frequency of 32 kHz */

static const unsigned pairs[][2] = {
    {48000, 32000}, {44100, 32000},  {8000, 32000},   {11025, 32000}, {22050, 32000},
    {96000, 32000}, {192000, 32000}, {384000, 32000}, {47999, 32000}, {32000, 48000},
    {8000, 384000}, {384000, 8000},  {16000, 16000},
};

#define PAIRS (sizeof pairs / sizeof pairs[0])

static double pi(void)
{
    return acos(-1.0);
}

static uint64_t rounded(uint64_t n, unsigned in_hz, unsigned out_hz)
{
    return (2 * n * out_hz + in_hz) / (2 * (uint64_t)in_hz);
}

/* Feeds n samples in chunks (0: of changing size) and flushes. `output` has room for
 * `room` samples; more than that fails. Returns how many came. */
static size_t run(struct resampler *resampler, const float *samples, size_t n, size_t chunk,
                  float *output, size_t room)
{
    size_t count = 0;
    size_t size = chunk;
    const float *given;
    for (size_t at = 0; at < n; at += size) {
        size = chunk != 0 ? chunk : 1 + (at * 31 + 7) % CHUNK;
        size = size < n - at ? size : n - at;
        size_t got = resampler_feed(resampler, samples + at, size, &given);
        assert_true(count + got <= room);
        memcpy(output + count, given, got * sizeof *output);
        count += got;
    }
    for (;;) {
        size_t got = resampler_flush(resampler, &given);
        if (got == 0)
            return count;
        assert_true(count + got <= room);
        memcpy(output + count, given, got * sizeof *output);
        count += got;
    }
}

static float *sine(size_t n, double hz, unsigned rate_hz, double amplitude)
{
    float *samples = calloc(n + 1, sizeof *samples);
    assert_non_null(samples);
    for (size_t i = 0; i < n; i++)
        samples[i] = (float)(amplitude * sin(2.0 * pi() * hz * (double)i / rate_hz));
    return samples;
}

static void refuses(unsigned in_hz, unsigned out_hz, double passband_hz, size_t frames,
                    const char *text)
{
    struct tutti_error error = {0};
    assert_null(resampler_new(in_hz, out_hz, passband_hz, frames, &error));
    assert_int_equal(error.status, TUTTI_ERROR_ARGUMENT);
    if (strstr(error.text, text) == NULL)
        fail_msg("'%s' does not say '%s'", error.text, text);
    assert_null(resampler_new(in_hz, out_hz, passband_hz, frames, NULL));
}

static void refuses_wrong_arguments(void **state)
{
    (void)state;
    refuses(0, 32000, PASSBAND_HZ, 100, "0 Hz");
    refuses(7999, 32000, PASSBAND_HZ, 100, "7999 Hz");
    refuses(384001, 32000, PASSBAND_HZ, 100, "384001 Hz");
    refuses(48000, 0, PASSBAND_HZ, 100, "0 Hz");
    refuses(48000, 384001, PASSBAND_HZ, 100, "384001 Hz");
    refuses(48000, 32000, PASSBAND_HZ, 0, "not 0");
    refuses(48000, 32000, PASSBAND_HZ, RESAMPLER_MAX_INPUT_FRAMES + 1, "65536");
    refuses(48000, 32000, 0.0, 100, "not at 0 Hz");
    refuses(48000, 32000, -1.0, 100, "-1 Hz");
    refuses(48000, 32000, 384001.0, 100, "384001 Hz");
    refuses(48000, 32000, NAN, 100, "nan");
    resampler_free(NULL);
}

static void equal_rates_pass_untouched(void **state)
{
    (void)state;
    struct resampler *resampler = resampler_new(44100, 44100, PASSBAND_HZ, CHUNK, NULL);
    float samples[CHUNK + 5];
    const float *output = NULL;
    for (int i = 0; i < CHUNK + 5; i++)
        samples[i] = (float)i;
    assert_int_equal(resampler_delay_frames(resampler), 0);
    assert_int_equal(resampler_feed(resampler, samples, 17, &output), 17);
    assert_ptr_equal(output, samples);
    assert_int_equal(resampler_feed(resampler, samples, CHUNK + 5, &output), CHUNK);
    assert_int_equal(resampler_flush(resampler, &output), 0);
    assert_int_equal(resampler_feed(resampler, samples, 17, &output), 0);
    resampler_reset(resampler);
    assert_int_equal(resampler_feed(resampler, samples, 17, &output), 17);
    resampler_free(resampler);
}

static void the_whole_length_is_exact(void **state)
{
    (void)state;
    size_t lengths[] = {0, 1, 2, 3, 100, 4410, 44100, 100001};
    float *samples = sine(100001, 440.0, 48000, 0.5);
    for (size_t p = 0; p < PAIRS; p++) {
        unsigned in_hz = pairs[p][0], out_hz = pairs[p][1];
        struct resampler *resampler = resampler_new(in_hz, out_hz, PASSBAND_HZ, CHUNK, NULL);
        assert_non_null(resampler);
        for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
            uint64_t expected = rounded(lengths[l], in_hz, out_hz);
            float *output = malloc((size_t)(expected + 1) * sizeof *output);
            assert_int_equal(run(resampler, samples, lengths[l], 0, output, (size_t)expected),
                             expected);
            resampler_reset(resampler);
            free(output);
        }
        resampler_free(resampler);
    }
    free(samples);
}

/* A sine has to come out as the same sine: this holds frequency, amplitude and time
 * at once, to the last of `seconds`. */
static double sine_error_within(double passband_hz, unsigned in_hz, unsigned out_hz, double hz,
                                double seconds)
{
    size_t n = (size_t)(seconds * in_hz);
    size_t room = (size_t)rounded(n, in_hz, out_hz);
    float *samples = sine(n, hz, in_hz, 0.5);
    float *output = malloc((room + 1) * sizeof *output);
    struct resampler *resampler = resampler_new(in_hz, out_hz, passband_hz, CHUNK, NULL);
    assert_non_null(resampler);
    size_t count = run(resampler, samples, n, 480, output, room);
    size_t edge = out_hz / 20 + 2000; /* the sine's abrupt start and end are not sines */
    assert_true(count == room && count > 4 * edge);
    double largest = 0.0;
    for (size_t k = edge; k < count - edge; k++) {
        double expected = 0.5 * sin(2.0 * pi() * hz * (double)k / out_hz);
        largest = fmax(largest, fabs((double)output[k] - expected));
    }
    resampler_free(resampler);
    free(output);
    free(samples);
    return largest;
}

static double sine_error(unsigned in_hz, unsigned out_hz, double hz, double seconds)
{
    return sine_error_within(PASSBAND_HZ, in_hz, out_hz, hz, seconds);
}

static void a_sine_keeps_its_pitch_level_and_time(void **state)
{
    (void)state;
    for (size_t p = 0; p < PAIRS; p++) {
        unsigned in_hz = pairs[p][0], out_hz = pairs[p][1];
        double nyquist = (in_hz < out_hz ? in_hz : out_hz) / 2.0;
        assert_true(sine_error(in_hz, out_hz, 997.0, 2.0) < 1e-5);
        assert_true(sine_error(in_hz, out_hz, 0.93 * nyquist, 2.0) < 0.5 * 0.00115); /* 0.01 dB */
    }
}

/* Narrower than soxr can do at a rate, too: then more passes than has to. */
static void any_passband_is_kept(void **state)
{
    (void)state;
    static const double passbands_hz[] = {0.1, 500.0, 4000.0, 8000.0, 12000.0, 384000.0};
    for (size_t p = 0; p < PAIRS; p++) {
        const double nyquist = (pairs[p][0] < pairs[p][1] ? pairs[p][0] : pairs[p][1]) / 2.0;
        for (size_t i = 0; i < sizeof passbands_hz / sizeof passbands_hz[0]; i++) {
            const double within_hz = fmin(passbands_hz[i], 0.93 * nyquist);
            assert_true(sine_error_within(passbands_hz[i], pairs[p][0], pairs[p][1],
                                          fmax(within_hz, 50.0), 2.0) < 0.5 * 0.00115);
        }
    }
}

static void time_does_not_drift(void **state)
{
    (void)state;
    assert_true(sine_error(44100, 32000, 3000.0, 60.0) < 1e-4);
    assert_true(sine_error(47999, 32000, 3000.0, 60.0) < 1e-4);
}

static void an_impulse_stays_where_it_was(void **state)
{
    (void)state;
    for (size_t p = 0; p < PAIRS; p++) {
        unsigned in_hz = pairs[p][0], out_hz = pairs[p][1];
        size_t n = in_hz / 2, room = (size_t)rounded(n, in_hz, out_hz);
        /* A second apart from nothing: at an input sample that is an output sample, too. */
        uint64_t at_out = out_hz / 4;
        size_t at_in = in_hz / 4;
        if (at_in * (uint64_t)out_hz != at_out * in_hz)
            continue;
        float *samples = calloc(n, sizeof *samples);
        float *output = malloc((room + 1) * sizeof *output);
        samples[at_in] = 1.0f;
        struct resampler *resampler = resampler_new(in_hz, out_hz, PASSBAND_HZ, CHUNK, NULL);
        size_t count = run(resampler, samples, n, 333, output, room), largest = 0;
        assert_int_equal(count, room);
        for (size_t k = 0; k < count; k++) {
            if (fabsf(output[k]) > fabsf(output[largest]))
                largest = k;
        }
        assert_int_equal(largest, at_out);
        for (size_t d = 1; d < 200; d++) /* linear phase */
            assert_true(fabsf(output[at_out - d] - output[at_out + d]) < 1e-6f);
        resampler_free(resampler);
        free(output);
        free(samples);
    }
}

static void what_cannot_be_carried_is_removed(void **state)
{
    (void)state;
    size_t n = 96000, room = 64000;
    float *samples = sine(n, 17000.0, 48000, 0.5); /* would alias to 15 kHz */
    float *output = malloc((room + 1) * sizeof *output);
    struct resampler *resampler = resampler_new(48000, 32000, PASSBAND_HZ, CHUNK, NULL);
    assert_int_equal(run(resampler, samples, n, 1000, output, room), room);
    for (size_t k = 4000; k < room - 4000; k++)
        assert_true(fabsf(output[k]) < 5e-6f); /* 100 dB down */
    resampler_free(resampler);
    free(output);
    free(samples);
}

static void chunks_do_not_matter(void **state)
{
    (void)state;
    enum { N = 50000 };
    size_t chunks[] = {1, 7, 480, CHUNK, 0};
    float *samples = sine(N, 1234.5, 44100, 0.7);
    size_t room = (size_t)rounded(N, 44100, 32000);
    float *first = malloc((room + 1) * sizeof *first);
    float *output = malloc((room + 1) * sizeof *output);
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        struct resampler *resampler = resampler_new(44100, 32000, PASSBAND_HZ, CHUNK, NULL);
        float *to = i == 0 ? first : output;
        assert_int_equal(run(resampler, samples, N, chunks[i], to, room), room);
        for (size_t k = 0; k < room; k++)
            assert_true(fabsf(to[k] - first[k]) < 1e-6f);
        resampler_free(resampler);
    }
    free(output);
    free(first);
    free(samples);
}

static void reset_forgets_the_past(void **state)
{
    (void)state;
    for (size_t p = 0; p < PAIRS; p++) {
        unsigned in_hz = pairs[p][0], out_hz = pairs[p][1];
        size_t n = in_hz / 4, room = (size_t)rounded(n, in_hz, out_hz);
        float *loud = sine(n, 3000.0, in_hz, 1.0);
        float *quiet = sine(n, 500.0, in_hz, 0.25);
        float *fresh = malloc((room + 1) * sizeof *fresh);
        float *again = malloc((room + 1) * sizeof *again);
        struct resampler *resampler = resampler_new(in_hz, out_hz, PASSBAND_HZ, CHUNK, NULL);
        assert_int_equal(run(resampler, quiet, n, 480, fresh, room), room);
        for (size_t cut = 1; cut < n; cut = 5 * cut + 3) {
            resampler_reset(resampler);
            const float *given;
            for (size_t at = 0; at < cut; at += CHUNK)
                resampler_feed(resampler, loud + at, cut - at < CHUNK ? cut - at : CHUNK, &given);
            resampler_reset(resampler);
            assert_int_equal(run(resampler, quiet, n, 480, again, room), room);
            for (size_t k = 0; k < room; k++)
                assert_true(fabsf(again[k] - fresh[k]) < 1e-5f);
        }
        resampler_free(resampler);
        free(again);
        free(fresh);
        free(quiet);
        free(loud);
    }
}

static void the_delay_is_about_as_stated(void **state)
{
    (void)state;
    struct resampler *resampler = resampler_new(48000, 32000, PASSBAND_HZ, 1, NULL);
    size_t delay = resampler_delay_frames(resampler);
    assert_in_range(delay, 100, 48000 / 50); /* 20 ms */
    uint64_t given = 0;
    const float *output;
    for (uint64_t fed = 0; fed < 100000; fed++) {
        uint64_t next_belongs_to = given * 3 / 2;
        assert_true(fed <= next_belongs_to + delay + 1);
        given += resampler_feed(resampler, &(float){0.0f}, 1, &output);
    }
    assert_true(given > 0);
    resampler_free(resampler);
}

static void bad_samples_spoil_only_their_surroundings(void **state)
{
    (void)state;
    enum { N = 48000 };
    float *samples = calloc(N, sizeof *samples);
    float output[32000];
    samples[10000] = NAN;
    samples[10001] = INFINITY;
    struct resampler *resampler = resampler_new(48000, 32000, PASSBAND_HZ, CHUNK, NULL);
    assert_int_equal(run(resampler, samples, N, 480, output, 32000), 32000);
    for (size_t k = 0; k < 32000; k++) {
        if (k < 5000 || k > 10000)
            assert_true(fabsf(output[k]) < 1e-5f);
    }
    resampler_free(resampler);
    free(samples);
}

static void takes_no_memory_after_new(void **state)
{
    (void)state;
    size_t limits[] = {1, 64, 1024, 1025, 20000};
    float *samples = sine(20000, 440.0, 48000, 0.5);
    for (size_t p = 0; p < PAIRS; p++) {
        for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
            unsigned long at_first = allocations();
            struct resampler *resampler =
                resampler_new(pairs[p][0], pairs[p][1], PASSBAND_HZ, limits[l], NULL);
            assert_non_null(resampler);
            assert_true(allocations() > at_first); /* it does count */
            unsigned long before = allocations();
            const float *output;
            uint32_t random = 1;
            for (size_t fed = 0, calls = 0; fed < 400000 && calls < 20000; calls++) {
                random = random * 1664525u + 1013904223u;
                size_t size = 1 + (random >> 8) % limits[l];
                resampler_feed(resampler, samples, calls % 7 == 0 ? limits[l] : size, &output);
                fed += size;
                if (random >> 24 == 0) {
                    while (resampler_flush(resampler, &output) > 0)
                        continue;
                    resampler_reset(resampler);
                }
            }
            assert_int_equal(allocations(), before);
            resampler_free(resampler);
        }
    }
    free(samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_wrong_arguments),
        cmocka_unit_test(equal_rates_pass_untouched),
        cmocka_unit_test(the_whole_length_is_exact),
        cmocka_unit_test(a_sine_keeps_its_pitch_level_and_time),
        cmocka_unit_test(any_passband_is_kept),
        cmocka_unit_test(time_does_not_drift),
        cmocka_unit_test(an_impulse_stays_where_it_was),
        cmocka_unit_test(what_cannot_be_carried_is_removed),
        cmocka_unit_test(chunks_do_not_matter),
        cmocka_unit_test(reset_forgets_the_past),
        cmocka_unit_test(the_delay_is_about_as_stated),
        cmocka_unit_test(bad_samples_spoil_only_their_surroundings),
        cmocka_unit_test(takes_no_memory_after_new),
    };
    return cmocka_run_group_tests_name("dsp/resample", tests, NULL, NULL);
}
