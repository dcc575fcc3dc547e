#include "daemon/source_backend.h"

#include "dsp/convert.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_GAIN_DB 60.0

/* The device accepts everything, so it comes last. */
static const struct source_backend *const backends[] = {&source_demo, &source_stdin, &source_file,
                                                        &source_device};

static const struct source_backend *backend_for(const char *input)
{
    size_t i = 0;
    while (!backends[i]->accepts(input))
        i++;
    return backends[i];
}

static enum tutti_status check_config(const struct source_config *config, struct tutti_error *error)
{
    if (config->input == NULL)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "no input was named");
    if (config->channel < CAPTURE_MIX_ALL || config->channel >= (int)CONVERT_MAX_CHANNELS)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "there can be no channel %d: the last one is %u",
                               config->channel + 1, CONVERT_MAX_CHANNELS);
    if (!(config->gain_db >= -MAX_GAIN_DB && config->gain_db <= MAX_GAIN_DB))
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "the gain is %g dB; it may be %g to %g",
                               config->gain_db, -MAX_GAIN_DB, MAX_GAIN_DB);
    if (config->rate_hz != 0 &&
        (config->rate_hz < CONVERT_MIN_RATE_HZ || config->rate_hz > CONVERT_MAX_RATE_HZ))
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "the rate is %u Hz; it may be %u to %u",
                               config->rate_hz, CONVERT_MIN_RATE_HZ, CONVERT_MAX_RATE_HZ);
    return TUTTI_OK;
}

struct source *source_open(const struct source_config *config, struct tutti_error *error)
{
    if (check_config(config, error) != TUTTI_OK)
        return NULL;
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for a source");
        return NULL;
    }
    source->backend = backend_for(config->input);
    source->channel = config->channel;
    source->gain = (float)pow(10.0, config->gain_db / 20.0);
    source_set_state(source, SOURCE_OPEN);
    const enum tutti_status status = source->backend->open(source, config, error);
    if (status != TUTTI_OK) {
        if (status == TUTTI_ERROR_NOT_FOUND && source->backend == &source_device &&
            access(config->input, F_OK) == 0)
            tutti_error_set(error, status,
                            "there is no input device \"%.160s\"; for the file write file:%.160s",
                            config->input, config->input);
        free(source);
        return NULL;
    }
    return source;
}

unsigned source_rate_hz(const struct source *source)
{
    return source->rate_hz;
}

const char *source_name(const struct source *source)
{
    return source->name;
}

const char *source_kind(const struct source *source)
{
    return source->backend->kind;
}

enum tutti_status source_start(struct source *source, struct capture *capture,
                               struct tutti_error *error)
{
    if (source->capture != NULL)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "the source %s was started before",
                               source->name);
    if (capture_rate_hz(capture) != source->rate_hz)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "the queue is for %u Hz, the source %s has %u",
                               capture_rate_hz(capture), source->name, source->rate_hz);
    source->capture = capture;
    source_set_state(source, SOURCE_RUNNING);
    const enum tutti_status status = source->backend->start(source, error);
    source->running = status == TUTTI_OK;
    if (!source->running)
        source_set_state(source, SOURCE_LOST);
    return status;
}

bool source_hangs(const struct source *source)
{
    return source->abandoned || (source_state(source) == SOURCE_LOST &&
                                 source->backend->hangs != NULL && source->backend->hangs(source));
}

void source_stop(struct source *source)
{
    if (!source->running)
        return;
    source->running = false;
    source->abandoned = !source->backend->stop(source);
    if (source_state(source) == SOURCE_RUNNING)
        source_set_state(source, SOURCE_ENDED);
}

enum source_state source_state(const struct source *source)
{
    return atomic_load_explicit(&source->state, memory_order_acquire);
}

const char *source_looks_like(const struct source *source)
{
    return atomic_load_explicit(&source->looks_like, memory_order_acquire);
}

void source_set_state(struct source *source, enum source_state state)
{
    atomic_store_explicit(&source->state, state, memory_order_release);
}

void source_close(struct source *source)
{
    if (source == NULL)
        return;
    source_stop(source);
    if (source->abandoned)
        return;
    source->backend->close(source);
    free(source);
}
