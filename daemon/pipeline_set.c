#include "daemon/pipeline_set.h"

#include <stdlib.h>

/* What the logs of events of all sources may take, as long as each has LOG_LEAST_BYTES: with many
 * sources three minutes. */
#define LOGS_BYTES (4 * TIMELINE_LOG_BYTES)
#define LOG_LEAST_BYTES (TIMELINE_LOG_BYTES / 4)

static size_t log_bytes(size_t sources)
{
    const size_t share = LOGS_BYTES / sources;
    if (share > TIMELINE_LOG_BYTES)
        return TIMELINE_LOG_BYTES;
    return share > LOG_LEAST_BYTES ? share : LOG_LEAST_BYTES;
}

static struct pipeline *open_pipeline(struct pipeline_set *set, const struct settings *settings,
                                      const struct settings_source *source, const float *threshold,
                                      const bool *enabled, struct tutti_error *error)
{
    const struct pipeline_config config = {
        .name = source->name,
        .source =
            {
                .input = source->input,
                .stdin_format = source->stdin_format,
                .channel = source->channels == 0 ? CAPTURE_MIX_ALL : (int)source->channels - 1,
                .gain_db = source->gain_db,
                .rate_hz = source->rate_hz,
                .repeat = source->at_end == SETTINGS_AT_END_REPEAT,
            },
        .smoothing_s = settings->smoothing_s,
        .log_bytes = log_bytes(set->count),
        .keep_h = settings->keep_h,
        .threshold = threshold,
        .enabled = enabled,
    };
    struct tutti_error reason;
    struct pipeline *pipeline = pipeline_new(set->pool, &config, &reason);
    if (pipeline == NULL)
        settings_explain_input(settings, source, &reason, error);
    return pipeline;
}

struct pipeline_set *pipeline_set_new(const struct settings *settings, const struct model *model,
                                      const float *threshold, const bool *enabled,
                                      struct tutti_error *error)
{
    struct pipeline_set *set = calloc(1, sizeof *set);
    const struct settings_source *sources[MAX_SOURCES + 1];
    size_t count;
    if (set == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the sources");
        return NULL;
    }
    if (settings_sources(settings, sources, &count, error) != TUTTI_OK) {
        free(set);
        return NULL;
    }
    set->count = count;
    const struct recognizer_pool_config config = {
        .model = model,
        .kernel = *settings->kernel != '\0' ? settings->kernel : NULL,
        .hop_s = settings->hop_s,
        .threads = settings->threads,
        .sources = (unsigned)count,
    };
    set->pool = recognizer_pool_new(&config, error);
    bool complete = set->pool != NULL;
    for (size_t i = 0; i < count && complete; i++) {
        set->source[i] = sources[i];
        set->pipeline[i] = open_pipeline(set, settings, sources[i], threshold, enabled, error);
        complete = set->pipeline[i] != NULL;
    }
    if (!complete) {
        pipeline_set_free(set);
        return NULL;
    }
    return set;
}

enum tutti_status pipeline_set_start(struct pipeline_set *set, struct tutti_error *error)
{
    enum tutti_status status = recognizer_pool_start(set->pool, error);
    for (size_t i = 0; i < set->count && status == TUTTI_OK; i++)
        status = pipeline_start(set->pipeline[i], error);
    return status;
}

void pipeline_set_stop(struct pipeline_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        pipeline_stop(set->pipeline[i]);
}

void pipeline_set_free(struct pipeline_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->count; i++)
        pipeline_free(set->pipeline[i]);
    recognizer_pool_free(set->pool);
    free(set);
}

bool pipeline_set_done(const struct pipeline_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (!pipeline_done(set->pipeline[i]) || set->source[i]->at_end == SETTINGS_AT_END_STAY)
            return false;
    }
    return true;
}
