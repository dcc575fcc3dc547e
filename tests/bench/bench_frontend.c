/* bench_frontend.c - what the path from samples to mel columns costs: resampling,
 * front end, level and conversion, in time and in percent of one core for one live
 * source. Exits with 1 if the front end needs more than 1% of a core. */
#include "dsp/convert.h"
#include "dsp/frontend.h"
#include "dsp/level.h"
#include "dsp/resample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHUNK_FRAMES = 256, RUNS = 7, SECONDS = 20 };

#define MAX_FRONTEND_PERCENT 1.0

static const struct frontend_config config = {
    .rate_hz = 32000,
    .fft_frames = 1024,
    .window_frames = 800,
    .hop_frames = 320,
    .mel_bands = 128,
    .low_hz = 0.0,
    .high_hz = 15000.0,
    .preemphasis = 0.97,
    .log_offset = 1e-5,
    .add = 4.5,
    .divide = 5.0,
};

static double cpu_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static float *make_sound(size_t n)
{
    float *samples = calloc(n, sizeof *samples);
    unsigned random = 1;
    for (size_t i = 0; samples != NULL && i < n; i++) {
        random = random * 1664525u + 1013904223u;
        samples[i] = (float)(0.3 * sin(0.03 * (double)i) + 0.1 * ((double)random / 4294967296.0));
    }
    return samples;
}

static void count_column(void *context, uint64_t index, const float *bands)
{
    (void)index;
    (void)bands;
    ++*(size_t *)context;
}

/* One stage: `feed` takes n samples, at most CHUNK_FRAMES. Gives the best of RUNS
 * runs in seconds of CPU for each second of sound. */
static double best_load(void (*feed)(void *stage, const float *samples, size_t n), void *stage,
                        const float *samples, unsigned rate_hz)
{
    double best = (double)INFINITY;
    for (int run = 0; run < RUNS; run++) {
        double start = cpu_seconds();
        for (size_t at = 0; at < (size_t)SECONDS * rate_hz; at += CHUNK_FRAMES)
            feed(stage, samples + at, CHUNK_FRAMES);
        best = fmin(best, cpu_seconds() - start);
    }
    return best / SECONDS;
}

static void feed_frontend(void *stage, const float *samples, size_t n)
{
    size_t columns = 0;
    frontend_feed(stage, samples, n, count_column, &columns);
}

static void feed_resampler(void *stage, const float *samples, size_t n)
{
    const float *output;
    resampler_feed(stage, samples, n, &output);
}

static void feed_level(void *stage, const float *samples, size_t n)
{
    level_feed(stage, samples, n);
}

static void feed_convert(void *stage, const float *samples, size_t n)
{
    float mono[CHUNK_FRAMES];
    const struct convert_format *format = stage;
    convert_to_mono(format, CONVERT_MIX, samples, n / format->channels, mono);
}

static double bench_frontend(const float *sound)
{
    struct frontend *frontend = frontend_new(&config, NULL);
    if (frontend == NULL)
        return (double)INFINITY;
    double load = best_load(feed_frontend, frontend, sound, config.rate_hz);
    double columns_per_s = (double)config.rate_hz / config.hop_frames;
    printf(
        "front end       %u Hz, %u bands: %.2f us a column, %.3f%% of a core at %.0f columns/s\n",
        config.rate_hz, config.mel_bands, 1e6 * load / columns_per_s, 100.0 * load, columns_per_s);
    frontend_free(frontend);
    return 100.0 * load;
}

static void bench_resampler(const float *sound, unsigned in_hz)
{
    double start = cpu_seconds();
    struct resampler *resampler =
        resampler_new(in_hz, config.rate_hz, config.high_hz, CHUNK_FRAMES, NULL);
    if (resampler == NULL)
        return;
    double made = cpu_seconds() - start;
    double load = best_load(feed_resampler, resampler, sound, in_hz);
    printf("resampler       %u -> %u Hz: %.3f%% of a core, output %.1f ms late, %.1f ms to make\n",
           in_hz, config.rate_hz, 100.0 * load,
           1e3 * (double)resampler_delay_frames(resampler) / in_hz, 1e3 * made);
    resampler_free(resampler);
}

int main(void)
{
    float *sound = make_sound((size_t)SECONDS * 192000 + CHUNK_FRAMES);
    struct level *level = level_new(48000);
    if (sound == NULL || level == NULL)
        return 2;
    double percent = bench_frontend(sound);
    unsigned rates[] = {44100, 48000, 96000, 192000};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        bench_resampler(sound, rates[i]);
    printf("level           48000 Hz: %.3f%% of a core\n",
           100.0 * best_load(feed_level, level, sound, 48000));
    struct convert_format stereo = {CONVERT_F32_NATIVE, 48000, 2};
    printf("conversion      f32, 2 channels of 48000 Hz: %.3f%% of a core\n",
           100.0 * best_load(feed_convert, &stereo, sound, 2 * 48000));
    level_free(level);
    free(sound);
    if (percent > MAX_FRONTEND_PERCENT) {
        fprintf(stderr, "the front end needs more than %.0f%% of a core\n", MAX_FRONTEND_PERCENT);
        return 1;
    }
    return 0;
}
