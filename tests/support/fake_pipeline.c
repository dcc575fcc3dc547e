/* fake_pipeline.c - see fake_pipeline.h */
#include "tests/support/fake_pipeline.h"
#include "tests/support/tiny_model.h"

#include "daemon/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pipeline {
    const char *name;
    struct model *model;
    struct timeline *timeline;
    struct health health;
    pthread_mutex_t mutex;
    struct pipeline_status status;
    uint64_t end_frame;
    void (*changed)(void *context);
    void *context;
};

static void tell(void *context)
{
    struct pipeline *pipeline = context;
    if (pipeline->changed != NULL) {
        pipeline->changed(pipeline->context);
    }
}

static struct timeline *new_timeline(struct pipeline *pipeline)
{
    static const char *const label[FAKE_LABELS] = {"cello", "flute", "piano"};
    static const float threshold[FAKE_LABELS] = {0.5f, 0.4f, 0.6f};
    const struct timeline_config config = {.labels = FAKE_LABELS,
                                           .label = label,
                                           .threshold = threshold,
                                           .model_name = model_name(pipeline->model),
                                           .version = TUTTI_VERSION,
                                           .rate_hz = FAKE_RATE_HZ,
                                           .hop_s = 0.25,
                                           .window_s = 3,
                                           .smoothing_s = 0,
                                           .keep_h = 1,
                                           .changed = tell,
                                           .context = pipeline};
    return timeline_new(&config, NULL);
}

struct pipeline *fake_pipeline_new(const char *name)
{
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (pipeline == NULL) {
        abort();
    }
    pipeline->model = tiny_model_open();
    pthread_mutex_init(&pipeline->mutex, NULL);
    pipeline->name = name;
    pipeline->timeline = new_timeline(pipeline);
    pipeline->status = (struct pipeline_status){.source_name = "Line \"In\"",
                                                .source_kind = "device",
                                                .rate_hz = FAKE_RATE_HZ,
                                                .state = SOURCE_RUNNING,
                                                .hop_s = 0.25,
                                                .hop_stretch = 1,
                                                .window_s = 3,
                                                .lag_ms = 4.5,
                                                .kernel = "portable",
                                                .started = clock_wall_s()};
    fake_pipeline_set_late(pipeline, HEALTH_CAPTURE, 0);
    return pipeline;
}

void fake_pipeline_free(struct pipeline *pipeline)
{
    timeline_free(pipeline->timeline);
    model_close(pipeline->model);
    pthread_mutex_destroy(&pipeline->mutex);
    free(pipeline);
}

static void add(struct pipeline *pipeline, uint64_t lost_frames, const float *probability)
{
    pipeline->end_frame += lost_frames + FAKE_HOP_FRAMES;
    struct result result = {.end_frame = pipeline->end_frame,
                            .lost_frames = lost_frames,
                            .level_dbfs = -23.4f,
                            .peak_dbfs = -12.3f,
                            .captured_ns = clock_monotonic_ns()};
    memcpy(result.probability, probability, FAKE_LABELS * sizeof *probability);
    timeline_add(pipeline->timeline, &result);
}

void fake_pipeline_add(struct pipeline *pipeline, float cello, float flute, float piano)
{
    add(pipeline, 0, (float[]){cello, flute, piano});
}

void fake_pipeline_lose(struct pipeline *pipeline, unsigned hops)
{
    add(pipeline, hops * FAKE_HOP_FRAMES, (float[]){0, 0, 0});
}

void fake_pipeline_set_source(struct pipeline *pipeline, const char *name, enum source_state state,
                              bool stalled)
{
    static const char *const names[] = {"starting", "running", "ended", "lost"};
    struct timeline_status status = {.lag_ms = 4.5, .hop_stretch = 1};
    pthread_mutex_lock(&pipeline->mutex);
    (void)snprintf(pipeline->status.source_name, sizeof pipeline->status.source_name, "%s", name);
    pipeline->status.state = state;
    pipeline->status.stalled = stalled;
    pthread_mutex_unlock(&pipeline->mutex);
    (void)snprintf(status.source, sizeof status.source, "%s", name);
    (void)snprintf(status.state, sizeof status.state, "%s", stalled ? "stalled" : names[state]);
    timeline_set_status(pipeline->timeline, &status);
}

void fake_pipeline_set_stretch(struct pipeline *pipeline, unsigned stretch)
{
    pthread_mutex_lock(&pipeline->mutex);
    pipeline->status.hop_stretch = stretch;
    pthread_mutex_unlock(&pipeline->mutex);
    struct timeline_status status = timeline_status(pipeline->timeline);
    status.hop_stretch = stretch;
    timeline_set_status(pipeline->timeline, &status);
}

void fake_pipeline_set_counters(struct pipeline *pipeline, uint64_t frames, uint64_t lost_frames,
                                uint64_t overruns, uint64_t skipped_hops)
{
    pthread_mutex_lock(&pipeline->mutex);
    pipeline->status.frames = frames;
    pipeline->status.lost_frames = lost_frames;
    pipeline->status.overruns = overruns;
    pipeline->status.skipped_hops = skipped_hops;
    pthread_mutex_unlock(&pipeline->mutex);
}

void fake_pipeline_set_late(struct pipeline *pipeline, enum health_stage stage, double late_s)
{
    /* Far in the future, so that nothing gets late while a test runs. */
    uint64_t fresh_ns = clock_monotonic_ns() + 3600 * CLOCK_NS_PER_S;
    health_init(&pipeline->health, clock_monotonic_ns());
    for (int i = 0; i < HEALTH_STAGES; i++) {
        health_note(&pipeline->health, (enum health_stage)i, fresh_ns);
    }
    if (late_s > 0) {
        uint64_t late_ns = clock_monotonic_ns() - (uint64_t)(late_s * CLOCK_NS_PER_S);
        atomic_store(&pipeline->health.last_ns[stage], late_ns);
    }
}

/* ---- daemon/pipeline.h, as far as it is read ---- */

void pipeline_on_change(struct pipeline *pipeline, void (*changed)(void *context), void *context)
{
    pipeline->changed = changed;
    pipeline->context = context;
}

const char *pipeline_name(const struct pipeline *pipeline)
{
    return pipeline->name;
}

struct timeline *pipeline_timeline(struct pipeline *pipeline)
{
    return pipeline->timeline;
}

const struct model *pipeline_model(const struct pipeline *pipeline)
{
    return pipeline->model;
}

struct pipeline_status pipeline_status(struct pipeline *pipeline)
{
    pthread_mutex_lock(&pipeline->mutex);
    struct pipeline_status status = pipeline->status;
    pthread_mutex_unlock(&pipeline->mutex);
    return status;
}

struct health_report pipeline_health(struct pipeline *pipeline)
{
    return health_check(&pipeline->health, clock_monotonic_ns(), 1.0, 0.25);
}
