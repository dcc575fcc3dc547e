#include "dsp/level.h"

#include "tests/dsp/allocations.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RATE_HZ = 48000 };

static void feed_sine(struct level *level, double amplitude, double hz, unsigned rate_hz,
                      double seconds)
{
    for (unsigned i = 0; i < seconds * rate_hz; i++) {
        float sample = (float)(amplitude * sin(2.0 * acos(-1.0) * hz * i / rate_hz));
        level_feed(level, &sample, 1);
    }
}

static void feed_constant(struct level *level, float value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        level_feed(level, &value, 1);
}

static void refuses_wrong_arguments(void **state)
{
    (void)state;
    assert_null(level_new(0));
    assert_null(level_new(999));
    assert_null(level_new(384001));
    level_free(NULL);
    struct level *lowest = level_new(1000);
    struct level *highest = level_new(384000);
    assert_non_null(lowest);
    assert_non_null(highest);
    level_free(lowest);
    level_free(highest);
}

static void silence_reads_the_floor(void **state)
{
    (void)state;
    struct level *level = level_new(RATE_HZ);
    struct level_reading reading = level_read(level);
    assert_true(reading.rms_dbfs == LEVEL_FLOOR_DBFS);
    assert_true(reading.peak_dbfs == LEVEL_FLOOR_DBFS);
    assert_false(reading.clipped);
    feed_constant(level, 0.0f, RATE_HZ);
    level_feed(level, NULL, 0);
    reading = level_read(level);
    assert_true(reading.rms_dbfs == LEVEL_FLOOR_DBFS);
    assert_true(reading.peak_dbfs == LEVEL_FLOOR_DBFS);
    level_free(level);
}

static void rms_of_a_sine_is_its_amplitude(void **state)
{
    (void)state;
    unsigned rates[] = {1000, 8000, 11025, 44100, 48000, 96000, 384000};
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        struct level *level = level_new(rates[r]);
        feed_sine(level, 1.0, 100.0, rates[r], 0.5);
        assert_float_equal(level_read(level).rms_dbfs, 0.0f, 0.02f);
        feed_sine(level, 0.001, 100.0, rates[r], 0.5);
        assert_float_equal(level_read(level).rms_dbfs, -60.0f, 0.02f);
        level_free(level);
    }
}

static void rms_of_a_full_scale_square_is_3_db(void **state)
{
    (void)state;
    struct level *level = level_new(RATE_HZ);
    for (int i = 0; i < RATE_HZ; i++)
        level_feed(level, &(float){i / 24 % 2 == 0 ? 1.0f : -1.0f}, 1);
    struct level_reading reading = level_read(level);
    assert_float_equal(reading.rms_dbfs, 3.0103f, 0.0005f);
    assert_float_equal(reading.peak_dbfs, 0.0f, 0.0005f);
    level_free(level);
}

static void rms_covers_400_ms(void **state)
{
    (void)state;
    struct level *level = level_new(RATE_HZ);
    feed_constant(level, 0.5f, RATE_HZ / 5); /* 200 ms: half of the window */
    assert_float_equal(level_read(level).rms_dbfs, -6.0206f, 0.001f);
    feed_constant(level, 0.5f, RATE_HZ / 5);
    assert_float_equal(level_read(level).rms_dbfs, -3.0103f, 0.001f);
    feed_constant(level, 0.0f, RATE_HZ * 39 / 100); /* 390 ms of silence: 10 ms are left */
    assert_float_equal(level_read(level).rms_dbfs, -3.0103f - 16.0206f, 0.001f);
    feed_constant(level, 0.0f, RATE_HZ / 100);
    assert_true(level_read(level).rms_dbfs == LEVEL_FLOOR_DBFS);
    level_free(level);
}

static void a_loud_past_leaves_no_trace_in_rms(void **state)
{
    (void)state;
    struct level *level = level_new(RATE_HZ);
    feed_constant(level, FLT_MAX, RATE_HZ);
    feed_constant(level, 1e-4f, RATE_HZ / 2);
    assert_float_equal(level_read(level).rms_dbfs, -80.0f + 3.0103f, 0.001f);
    level_free(level);
}

static void peak_falls_20_db_per_second(void **state)
{
    (void)state;
    unsigned rates[] = {1000, 44100, 384000};
    for (size_t r = 0; r < 3; r++) {
        struct level *level = level_new(rates[r]);
        feed_constant(level, -0.5f, 1);
        assert_float_equal(level_read(level).peak_dbfs, -6.0206f, 0.001f);
        feed_constant(level, 0.0f, rates[r]);
        assert_float_equal(level_read(level).peak_dbfs, -26.0206f, 0.001f);
        feed_constant(level, 0.0f, 4 * (size_t)rates[r]);
        assert_float_equal(level_read(level).peak_dbfs, -106.0206f, 0.001f);
        feed_constant(level, 0.25f, 1); /* above what has fallen */
        assert_float_equal(level_read(level).peak_dbfs, -12.0412f, 0.001f);
        feed_constant(level, 0.0f, 7 * (size_t)rates[r]);
        assert_true(level_read(level).peak_dbfs == LEVEL_FLOOR_DBFS);
        level_free(level);
    }
}

static bool clips(const float *samples, size_t n)
{
    struct level *level = level_new(RATE_HZ);
    level_feed(level, samples, n);
    bool clipped = level_read(level).clipped;
    assert_false(level_read(level).clipped); /* read once */
    level_free(level);
    return clipped;
}

static void clipping_is_three_in_a_row(void **state)
{
    (void)state;
    float top16 = 32767.0f / 32768.0f;
    assert_false(clips((float[]){1, 1, 0, 1, 1}, 5));
    assert_false(clips((float[]){1, 1, -1, -1, 1}, 5));
    assert_false(clips((float[]){0.999f, 0.999f, 0.999f, 0.999f}, 4));
    assert_true(clips((float[]){0, 1, 1, 1, 0}, 5));
    assert_true(clips((float[]){-1, -1.5f, -1}, 3));
    assert_true(clips((float[]){top16, top16, top16}, 3));
    assert_true(clips((float[]){INFINITY, 2, 1}, 3));
    assert_false(clips((float[]){1, 1, NAN, 1}, 4));
}

static void clip_memory_starts_anew_after_a_reading(void **state)
{
    (void)state;
    struct level *level = level_new(RATE_HZ);
    feed_constant(level, 1.0f, 3);
    assert_true(level_read(level).clipped);
    feed_constant(level, 0.0f, 1);
    feed_constant(level, 1.0f, 2);
    feed_constant(level, 0.0f, 1);
    assert_false(level_read(level).clipped);
    /* A run that goes on after the reading is still clipping. */
    feed_constant(level, 1.0f, 3);
    assert_true(level_read(level).clipped);
    feed_constant(level, 1.0f, 3);
    assert_true(level_read(level).clipped);
    level_free(level);
}

static void nothing_from_outside_makes_it_unreadable(void **state)
{
    (void)state;
    float bad[] = {NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, -NAN, FLT_MIN / 2};
    struct level *level = level_new(RATE_HZ);
    for (int i = 0; i < RATE_HZ; i++)
        level_feed(level, bad, sizeof bad / sizeof bad[0]);
    struct level_reading reading = level_read(level);
    assert_true(isfinite(reading.rms_dbfs) && reading.rms_dbfs > 3.0f);
    assert_true(isfinite(reading.peak_dbfs) && reading.peak_dbfs > 700.0f);
    feed_constant(level, NAN, 50 * RATE_HZ);
    reading = level_read(level);
    assert_true(reading.rms_dbfs == LEVEL_FLOOR_DBFS);
    assert_true(isfinite(reading.peak_dbfs));
    level_free(level);
}

static void chunks_do_not_matter(void **state)
{
    (void)state;
    enum { N = 30000 };
    float *samples = malloc(N * sizeof *samples);
    for (int i = 0; i < N; i++)
        samples[i] = (float)((i * 7919) % 2003 - 1001) / 800.0f;
    struct level *one = level_new(44100);
    struct level *many = level_new(44100);
    unsigned long before = allocations();
    level_feed(one, samples, N);
    for (size_t at = 0, chunk = 1; at < N; at += chunk, chunk = chunk * 3 % 1009) {
        chunk = chunk < N - at ? chunk : N - at;
        level_feed(many, samples + at, chunk);
    }
    struct level_reading a = level_read(one);
    struct level_reading b = level_read(many);
    assert_int_equal(allocations(), before);
    assert_true(a.rms_dbfs == b.rms_dbfs && a.peak_dbfs == b.peak_dbfs && a.clipped == b.clipped);
    level_free(one);
    level_free(many);
    free(samples);
}

/* What level.h says, sample by sample in double precision. */
struct definition {
    double peak;
    double squares[RATE_HZ]; /* of what was fed */
    size_t fed;
    int run[2]; /* at + and - full scale */
    bool clipped;
};

static void define_sample(struct definition *definition, float sample)
{
    double x = isnan(sample) ? 0.0 : fmax(fmin((double)sample, (double)FLT_MAX), -(double)FLT_MAX);
    double full_scale = 32767.0 / 32768.0;
    definition->peak = fmax(fabs(x), definition->peak * pow(10.0, -1.0 / RATE_HZ));
    definition->squares[definition->fed++] = x * x;
    definition->run[0] = x >= full_scale ? definition->run[0] + 1 : 0;
    definition->run[1] = x <= -full_scale ? definition->run[1] + 1 : 0;
    if (definition->run[0] >= 3 || definition->run[1] >= 3)
        definition->clipped = true;
}

static void check_reading(struct level *level, struct definition *definition)
{
    struct level_reading reading = level_read(level);
    size_t end = definition->fed / (RATE_HZ / 100) * (RATE_HZ / 100); /* whole 10 ms */
    double energy = 0.0;
    for (size_t i = end > RATE_HZ * 2 / 5 ? end - RATE_HZ * 2 / 5 : 0; i < end; i++)
        energy += definition->squares[i];
    double rms_dbfs = 10.0 * log10(fmax(2.0 * energy / (RATE_HZ * 0.4), 1e-12));
    double peak_dbfs = 20.0 * log10(fmax(definition->peak, 1e-6));
    assert_true(fabs((double)reading.rms_dbfs - rms_dbfs) < 1e-5 * fmax(1.0, fabs(rms_dbfs)));
    assert_true(fabs((double)reading.peak_dbfs - peak_dbfs) < 1e-5 * fmax(1.0, fabs(peak_dbfs)));
    assert_true(reading.clipped == definition->clipped);
    definition->clipped = false;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Sounds that rise and fall, with now and then what clips and what is no number, in odd chunks. */
static void agrees_with_the_definition(void **state)
{
    (void)state;
    float odd[] = {1.0f, -1.0f, NAN, 1.5f, 0.0f, 1e-42f, 0.99999f};
    uint32_t random = 7;
    struct definition *definition = malloc(sizeof *definition);
    for (int round = 0; round < 6; round++) {
        *definition = (struct definition){0};
        struct level *level = level_new(RATE_HZ);
        float samples[100];
        while (definition->fed < RATE_HZ - 100) {
            size_t n = next_random(&random) % (round % 2 == 0 ? 100 : 7) + 1;
            double loudness = pow(10.0, -3.0 * (next_random(&random) % 100) / 100.0);
            for (size_t i = 0; i < n; i++) {
                double noise = (double)next_random(&random) / (1 << 23) - 1.0;
                samples[i] = (float)(loudness * noise);
                if (round >= 4 && next_random(&random) % 100 < 70)
                    samples[i] = odd[next_random(&random) % (i % 2 == 0 ? 2 : 7)];
                define_sample(definition, samples[i]);
            }
            level_feed(level, samples, n);
            check_reading(level, definition);
        }
        level_free(level);
    }
    free(definition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_wrong_arguments),
        cmocka_unit_test(silence_reads_the_floor),
        cmocka_unit_test(rms_of_a_sine_is_its_amplitude),
        cmocka_unit_test(rms_of_a_full_scale_square_is_3_db),
        cmocka_unit_test(rms_covers_400_ms),
        cmocka_unit_test(a_loud_past_leaves_no_trace_in_rms),
        cmocka_unit_test(peak_falls_20_db_per_second),
        cmocka_unit_test(clipping_is_three_in_a_row),
        cmocka_unit_test(clip_memory_starts_anew_after_a_reading),
        cmocka_unit_test(nothing_from_outside_makes_it_unreadable),
        cmocka_unit_test(chunks_do_not_matter),
        cmocka_unit_test(agrees_with_the_definition),
    };
    return cmocka_run_group_tests_name("dsp/level", tests, NULL, NULL);
}
