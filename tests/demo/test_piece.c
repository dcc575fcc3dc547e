/* test_piece.c - daemon/demo/piece.opus: does it sound where piece.csv says? */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sndfile.h>

#include "tests/demo/files.h"

/* Mono, full scale +-1; the caller frees it. */
static float *read_sound(SF_INFO *info)
{
    memset(info, 0, sizeof *info);
    SNDFILE *file = sf_open(committed("piece.opus"), SFM_READ, info);
    if (file == NULL)
        fail_msg("piece.opus: %s", sf_strerror(NULL));
    assert_true(info->frames > 0 && info->frames < 48000 * 120);
    assert_true(info->channels == 1 || info->channels == 2);
    size_t count = (size_t)info->frames;
    size_t channels = (size_t)info->channels;
    float *samples = calloc(count * channels, sizeof *samples);
    assert_non_null(samples);
    assert_int_equal(sf_readf_float(file, samples, info->frames), info->frames);
    sf_close(file);
    for (size_t i = 0; i < count; i++) {
        float left = samples[i * channels];
        samples[i] = 0.5f * (left + samples[i * channels + channels - 1]);
    }
    return samples;
}

static double rms_dbfs(const float *samples, const SF_INFO *info, double from_s, double to_s)
{
    sf_count_t from = llround(from_s * info->samplerate);
    sf_count_t to = llround(to_s * info->samplerate);
    to = to < info->frames ? to : info->frames;
    assert_true(from >= 0 && from < to);
    double sum = 0;
    for (sf_count_t i = from; i < to; i++)
        sum += (double)samples[i] * (double)samples[i];
    return 10 * log10(sum / (double)(to - from) + 1e-20);
}

static void test_sound_has_the_length_and_level_it_should(void **state)
{
    (void)state;
    static struct truth truth;
    read_truth(&truth, committed("piece.csv"));
    SF_INFO info;
    float *samples = read_sound(&info);
    assert_true(fabs((double)info.frames / info.samplerate - truth.duration_s) < 2e-3);
    float peak = 0;
    for (sf_count_t i = 0; i < info.frames; i++)
        peak = fmaxf(peak, fabsf(samples[i]));
    assert_true(peak > 0.5f && peak < 1);
    free(samples);
    size_t size = 0;
    free(read_file(committed("piece.opus"), &size));
    assert_true(size < 900 * 1000);
}

/* Every quarter of a second in which some part sounds is heard. */
static void test_sound_plays_where_the_truth_says_so(void **state)
{
    (void)state;
    static struct truth truth;
    read_truth(&truth, committed("piece.csv"));
    SF_INFO info;
    float *samples = read_sound(&info);
    size_t heard = 0;
    for (double t = 0; t + 0.25 < truth.duration_s; t += 0.25) {
        bool playing = false;
        for (size_t i = 0; i < truth.count; i++)
            playing |= truth.rows[i].on_s <= t && t + 0.25 <= truth.rows[i].off_s;
        if (!playing)
            continue;
        double level_dbfs = rms_dbfs(samples, &info, t, t + 0.25);
        if (level_dbfs < -45)
            fail_msg("%.1f dBFS at %.2f s", level_dbfs, t);
        heard++;
    }
    assert_true(heard > 300);
    free(samples);
}

static void test_sound_is_silent_where_nothing_plays(void **state)
{
    (void)state;
    static struct truth truth;
    read_truth(&truth, committed("piece.csv"));
    SF_INFO info;
    float *samples = read_sound(&info);
    double last_off_s = 0;
    for (size_t i = 0; i < truth.count; i++)
        last_off_s = fmax(last_off_s, truth.rows[i].off_s);
    double first_on_s = truth.rows[0].on_s;
    assert_true(rms_dbfs(samples, &info, 0, first_on_s - 0.02) < -60);
    assert_true(rms_dbfs(samples, &info, last_off_s + 1, truth.duration_s) < -50);
    assert_true(rms_dbfs(samples, &info, truth.duration_s - 0.25, truth.duration_s) < -70);
    free(samples);
}

/* The first note rises out of silence within 50 ms of on_s, so neither the
 * renderer nor the codec has shifted the piece. */
static void test_sound_starts_when_the_truth_says_so(void **state)
{
    (void)state;
    static struct truth truth;
    read_truth(&truth, committed("piece.csv"));
    SF_INFO info;
    float *samples = read_sound(&info);
    double on_s = truth.rows[0].on_s;
    double before_dbfs = rms_dbfs(samples, &info, on_s - 0.03, on_s - 0.01);
    double after_dbfs = rms_dbfs(samples, &info, on_s + 0.03, on_s + 0.05);
    assert_true(after_dbfs - before_dbfs > 40);
    free(samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_has_the_length_and_level_it_should),
        cmocka_unit_test(test_sound_plays_where_the_truth_says_so),
        cmocka_unit_test(test_sound_is_silent_where_nothing_plays),
        cmocka_unit_test(test_sound_starts_when_the_truth_says_so),
    };
    return cmocka_run_group_tests_name("demo/piece", tests, NULL, NULL);
}
