#include "dsp/frontend.h"

#include "dsp/limit_samples.h"
#include "dsp/mel.h"
#include "dsp/natural_log.h"
#include "dsp/power_spectrum.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    MIN_RATE_HZ = 8000,
    MAX_RATE_HZ = 192000,
    MIN_FFT_FRAMES = 64,
    MAX_FFT_FRAMES = 16384,
    MAX_MEL_BANDS = 512,
    ROOM_FRAMES = 4096, /* how much is taken in before the history is moved to the front */
};

/* More than any mel power of samples within FRONTEND_SAMPLE_LIMIT:
 * (2 * limit * MAX_FFT_FRAMES)^2 a bin, over MAX_FFT_FRAMES / 2 bins. */
#define MAX_POWER 1e19

struct frontend {
    struct frontend_config config;
    float preemphasis;
    float log_offset;
    float add;
    float divide;

    unsigned left; /* the first point of the FFT that lies under the window */
    size_t before; /* how far that is before the column's centre */

    /* y[base] ... y[base + held - 1]; `fed` counts x. */
    float *history;
    size_t capacity;
    size_t held;
    uint64_t base;
    uint64_t fed;
    uint64_t column; /* the next one */
    float last;      /* x[fed - 1] */

    float *window;
    struct power_spectrum *spectrum;
    float *points; /* the spectrum's */
    float *power;
    struct mel *mel;
    float *values;
};

static enum tutti_status refuse_range(struct tutti_error *error, const char *field, unsigned value,
                                      unsigned low, unsigned high)
{
    return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "front end: %s is %u, not %u to %u", field,
                           value, low, high);
}

static enum tutti_status check_sizes(const struct frontend_config *config,
                                     struct tutti_error *error)
{
    unsigned fft = config->fft_frames;
    if (config->rate_hz < MIN_RATE_HZ || config->rate_hz > MAX_RATE_HZ)
        return refuse_range(error, "rate_hz", config->rate_hz, MIN_RATE_HZ, MAX_RATE_HZ);
    if (fft < MIN_FFT_FRAMES || fft > MAX_FFT_FRAMES)
        return refuse_range(error, "fft_frames", fft, MIN_FFT_FRAMES, MAX_FFT_FRAMES);
    if ((fft & (fft - 1)) != 0)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "front end: fft_frames is %u, not a power of two", fft);
    if (config->window_frames < 2 || config->window_frames > fft)
        return refuse_range(error, "window_frames", config->window_frames, 2, fft);
    if (config->hop_frames < 1 || config->hop_frames > fft)
        return refuse_range(error, "hop_frames", config->hop_frames, 1, fft);
    if (config->mel_bands < 1 || config->mel_bands > MAX_MEL_BANDS)
        return refuse_range(error, "mel_bands", config->mel_bands, 1, MAX_MEL_BANDS);
    return TUTTI_OK;
}

/* The comparisons are written so that NaN fails them. */
enum tutti_status frontend_config_check(const struct frontend_config *config,
                                        struct tutti_error *error)
{
    enum tutti_status status = check_sizes(config, error);
    if (status != TUTTI_OK)
        return status;
    if (!(config->low_hz >= 0.0 && config->low_hz < config->high_hz &&
          config->high_hz <= config->rate_hz / 2.0))
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "front end: low_hz is %g and high_hz %g, "
                               "not 0 <= low_hz < high_hz <= %g (half of rate_hz)",
                               config->low_hz, config->high_hz, config->rate_hz / 2.0);
    if (!(config->preemphasis >= 0.0 && config->preemphasis <= 1.0))
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "front end: preemphasis is %g, not 0 to 1", config->preemphasis);
    if (!(config->log_offset <= (double)FLT_MAX && (float)config->log_offset > 0.0f))
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "front end: log_offset is %g, not a number above 0 "
                               "that single precision can hold",
                               config->log_offset);
    double loudest = (log(config->log_offset + MAX_POWER) + config->add) / config->divide;
    double silence = (log(config->log_offset) + config->add) / config->divide;
    bool finite = fabs(config->add) <= (double)FLT_MAX && fabs(config->divide) <= (double)FLT_MAX &&
                  (float)config->divide != 0.0f && fabs(loudest) <= (double)FLT_MAX / 2 &&
                  fabs(silence) <= (double)FLT_MAX / 2;
    if (!finite)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "front end: with add %g and divide %g its values are not "
                               "finite in single precision",
                               config->add, config->divide);
    return TUTTI_OK;
}

uint64_t frontend_config_columns(const struct frontend_config *config, uint64_t samples)
{
    return samples < 2 ? 0 : 1 + (samples - 1) / config->hop_frames;
}

static void scale(float *powers, size_t n, float log_offset, float add, float divide)
{
    for (size_t i = 0; i < n; i++)
        powers[i] += log_offset;
    natural_log(powers, n);
    for (size_t i = 0; i < n; i++)
        powers[i] = (powers[i] + add) / divide;
}

float frontend_config_silence(const struct frontend_config *config)
{
    float silence = 0.0f; /* through the same operations as sound */
    scale(&silence, 1, (float)config->log_offset, (float)config->add, (float)config->divide);
    return silence;
}

static void make_window(struct frontend *f)
{
    unsigned n = f->config.window_frames;
    for (unsigned i = 0; i < n; i++) {
        double s = sin(acos(-1.0) * i / (n - 1));
        f->window[i] = (float)(s * s);
    }
}

static bool take_memory(struct frontend *f)
{
    const struct frontend_config *config = &f->config;
    unsigned fft = config->fft_frames;
    f->capacity = (size_t)config->window_frames + 2 + ROOM_FRAMES;
    f->history = calloc(f->capacity, sizeof *f->history);
    f->window = calloc(config->window_frames, sizeof *f->window);
    f->power = calloc(fft / 2, sizeof *f->power);
    f->mel = mel_new(config->rate_hz, fft, config->mel_bands, config->low_hz, config->high_hz);
    f->values = calloc(config->mel_bands, sizeof *f->values);
    f->spectrum = power_spectrum_new(fft);
    if (f->history == NULL || f->window == NULL || f->power == NULL || f->mel == NULL ||
        f->values == NULL || f->spectrum == NULL)
        return false;
    f->points = power_spectrum_points(f->spectrum);
    return true;
}

struct frontend *frontend_new(const struct frontend_config *config, struct tutti_error *error)
{
    if (frontend_config_check(config, error) != TUTTI_OK)
        return NULL;
    struct frontend *f = calloc(1, sizeof *f);
    if (f != NULL) {
        f->config = *config;
        f->preemphasis = (float)config->preemphasis;
        f->log_offset = (float)config->log_offset;
        f->add = (float)config->add;
        f->divide = (float)config->divide;
        f->left = (config->fft_frames - config->window_frames) / 2;
        f->before = config->fft_frames / 2 - f->left;
        if (take_memory(f)) {
            make_window(f);
            return f;
        }
    }
    frontend_free(f);
    tutti_error_set(error, TUTTI_ERROR_MEMORY, "no memory for a front end");
    return NULL;
}

void frontend_free(struct frontend *f)
{
    if (f == NULL)
        return;
    power_spectrum_free(f->spectrum);
    free(f->values);
    mel_free(f->mel);
    free(f->power);
    free(f->window);
    free(f->history);
    free(f);
}

/* The FFT's input is in place: from here on to the finished column. */
static void emit(struct frontend *f, frontend_column_function *column, void *context)
{
    power_spectrum_run(f->spectrum, f->power);
    mel_apply(f->mel, f->power, f->values);
    scale(f->values, f->config.mel_bands, f->log_offset, f->add, f->divide);
    column(context, f->column, f->values);
    f->column++;
}

/* y at an index that may lie before the start or, at the end of a stream of `length`,
 * past its end: mirrored as often as it takes. */
static float mirrored(const struct frontend *f, int64_t index, int64_t length)
{
    while (index < 0 || index >= length) {
        if (length == 1)
            index = 0;
        else if (index < 0)
            index = -index;
        else
            index = 2 * (length - 1) - index;
    }
    return f->history[index - (int64_t)f->base];
}

/* A column at the start or the end of the stream, where `length` y are known. */
static void emit_mirrored(struct frontend *f, uint64_t length, frontend_column_function *column,
                          void *context)
{
    int64_t first = (int64_t)(f->column * f->config.hop_frames) - (int64_t)f->before;
    float *under_window = f->points + f->left;
    for (unsigned i = 0; i < f->config.window_frames; i++)
        under_window[i] = f->window[i] * mirrored(f, first + i, (int64_t)length);
    emit(f, column, context);
}

static void emit_inside(struct frontend *f, frontend_column_function *column, void *context)
{
    const float *y = f->history + (size_t)(f->column * f->config.hop_frames - f->before - f->base);
    float *under_window = f->points + f->left;
    for (unsigned i = 0; i < f->config.window_frames; i++)
        under_window[i] = f->window[i] * y[i];
    emit(f, column, context);
}

static void emit_ready(struct frontend *f, frontend_column_function *column, void *context)
{
    uint64_t latency = frontend_latency_frames(f);
    while (f->fed >= f->column * f->config.hop_frames + latency) {
        if (f->column * f->config.hop_frames < f->before)
            emit_mirrored(f, f->base + f->held, column, context);
        else
            emit_inside(f, column, context);
    }
}

/* Makes room. What is kept, a window and two, is as far as anything reaches back from
 * the newest y: the next column, which is not complete yet and so begins less than a
 * window ago, and the mirror image of what follows the end of the stream. */
static void drop_history(struct frontend *f)
{
    size_t kept = f->config.window_frames + 2u;
    size_t dropped = f->held - kept;
    memmove(f->history, f->history + dropped, kept * sizeof *f->history);
    f->held = kept;
    f->base += dropped;
}

static float sane(float sample)
{
    limit_samples(&sample, 1, FRONTEND_SAMPLE_LIMIT);
    return sample;
}

/* Written so that NaN is not within. */
static bool all_within_limit(const float *samples, size_t n)
{
    unsigned beyond = 0;
    for (size_t i = 0; i < n; i++)
        beyond |= !(fabsf(samples[i]) <= FRONTEND_SAMPLE_LIMIT);
    return beyond == 0;
}

/* y for n >= 1 samples; `last` is the one before them. */
static void emphasize(float preemphasis, float last, const float *samples, size_t n, float *y)
{
    y[0] = sane(samples[0]) - preemphasis * last;
    if (all_within_limit(samples, n)) {
        for (size_t i = 1; i < n; i++)
            y[i] = samples[i] - preemphasis * samples[i - 1];
    } else {
        for (size_t i = 1; i < n; i++)
            y[i] = sane(samples[i]) - preemphasis * sane(samples[i - 1]);
    }
}

void frontend_feed(struct frontend *f, const float *samples, size_t n,
                   frontend_column_function *column, void *context)
{
    if (n > 0 && f->fed == 0) {
        f->last = sane(*samples++);
        f->fed = 1;
        n--;
    }
    while (n > 0) {
        if (f->held == f->capacity)
            drop_history(f);
        size_t room = f->capacity - f->held;
        size_t count = n < room ? n : room;
        emphasize(f->preemphasis, f->last, samples, count, f->history + f->held);
        f->last = sane(samples[count - 1]);
        f->held += count;
        f->fed += count;
        samples += count;
        n -= count;
        emit_ready(f, column, context);
    }
}

void frontend_finish(struct frontend *f, frontend_column_function *column, void *context)
{
    uint64_t columns = frontend_config_columns(&f->config, f->fed);
    while (f->column < columns)
        emit_mirrored(f, f->fed - 1, column, context);
    frontend_reset(f);
}

void frontend_reset(struct frontend *f)
{
    f->held = 0;
    f->base = 0;
    f->fed = 0;
    f->column = 0;
}

size_t frontend_latency_frames(const struct frontend *f)
{
    /* The window reaches one or two less far forward than back; column 0 mirrors
     * y[before], which is made of x[before + 1]. */
    return f->before + 2;
}

const struct frontend_config *frontend_config(const struct frontend *f)
{
    return &f->config;
}
