#include "daemon/pipeline.h"

#include "daemon/capture.h"
#include "daemon/clock.h"
#include "daemon/listener.h"
#include "daemon/publisher.h"
#include "daemon/queue.h"
#include "daemon/recognition.h"
#include "daemon/recognizer.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPTURE_HOLD_MS 2000
/* 5 s of columns of 10 ms; the recognizer skips hops from 1.5 s on. */
#define COLUMNS_CAPACITY 512
#define RESULTS_CAPACITY 64
#define HEALTH_LIMIT_S 2.0

struct pipeline {
    char name[PIPELINE_NAME_SIZE];
    struct recognizer_pool *pool;
    const struct model *model;
    struct source *source;
    struct capture *capture;
    struct queue *columns;
    struct backlog backlog; /* of columns */
    struct queue *results;
    struct timeline *timeline;
    struct listener *listener;
    struct inference_share share;
    struct recognizer *recognizer;
    struct publisher *publisher;
    struct health health;
    double hop_s;
    double window_s;
    const char *kernel;
    void (*changed)(void *context);
    void *changed_context;
    bool started;
    _Atomic uint64_t started_boot_ns; /* 0: not yet */
};

static void timeline_changed(void *context)
{
    const struct pipeline *pipeline = context;
    if (pipeline->changed != NULL)
        pipeline->changed(pipeline->changed_context);
}

/* A column as far as this model fills it: 256 sources have as many queues of them. */
static size_t column_size(const struct model *model)
{
    const size_t align = _Alignof(struct column);
    const size_t bytes = offsetof(struct column, bands) +
                         model_frontend(model)->mel_bands * sizeof(float) + align - 1;
    return bytes / align * align;
}

static bool open_source(struct pipeline *pipeline, const struct source_config *config,
                        struct tutti_error *error)
{
    pipeline->source = source_open(config, error);
    if (pipeline->source == NULL)
        return false;
    pipeline->capture = capture_new(source_rate_hz(pipeline->source), CAPTURE_HOLD_MS);
    pipeline->columns = queue_new(column_size(pipeline->model), COLUMNS_CAPACITY);
    pipeline->results = queue_new(sizeof(struct result), RESULTS_CAPACITY);
    if (pipeline->capture == NULL || pipeline->columns == NULL || pipeline->results == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the queues of %s",
                        source_name(pipeline->source));
        return false;
    }
    return true;
}

static bool make_recognizer(struct pipeline *pipeline, struct tutti_error *error)
{
    struct inference inference;
    inference_open_share(&pipeline->share, recognizer_pool_network(pipeline->pool, 0), &inference);
    struct recognition *recognition =
        recognition_new(pipeline->model, recognizer_pool_hop_s(pipeline->pool), &inference, error);
    if (recognition == NULL)
        return false;
    pipeline->hop_s = recognition_hop_s(recognition);
    pipeline->window_s = recognition_window_s(recognition);
    pipeline->kernel = recognition_kernel(recognition);
    const struct listener_config listener = {
        .model = pipeline->model,
        .capture = pipeline->capture,
        .columns = pipeline->columns,
        .backlog = &pipeline->backlog,
        .hop_columns = recognition_hop_columns(recognition),
        .health = &pipeline->health,
    };
    const struct recognizer_config recognizer = {
        .pool = pipeline->pool,
        .recognition = recognition,
        .share = &pipeline->share,
        .columns = pipeline->columns,
        .backlog = &pipeline->backlog,
        .results = pipeline->results,
        .health = &pipeline->health,
    };
    pipeline->recognizer = recognizer_new(&recognizer, error);
    if (pipeline->recognizer != NULL)
        pipeline->listener = listener_new(&listener, error);
    return pipeline->listener != NULL;
}

static bool make_publisher(struct pipeline *pipeline, const struct pipeline_config *config,
                           struct tutti_error *error)
{
    const char *labels[MAX_LABELS];
    const size_t label_count = model_label_count(pipeline->model);
    for (size_t i = 0; i < label_count; i++)
        labels[i] = model_label(pipeline->model, i);
    const struct timeline_config timeline = {
        .labels = label_count,
        .label = labels,
        .threshold = config->threshold,
        .enabled = config->enabled,
        .model_name = model_name(pipeline->model),
        .version = TUTTI_VERSION,
        .rate_hz = source_rate_hz(pipeline->source),
        .hop_s = pipeline->hop_s,
        .window_s = pipeline->window_s,
        .smoothing_s = config->smoothing_s,
        .log_bytes = config->log_bytes,
        .keep_h = config->keep_h,
        .changed = timeline_changed,
        .context = pipeline,
    };
    pipeline->timeline = timeline_new(&timeline, error);
    if (pipeline->timeline == NULL)
        return false;
    const struct publisher_config publisher = {
        .source = pipeline->source,
        .capture = pipeline->capture,
        .pool = pipeline->pool,
        .results = pipeline->results,
        .timeline = pipeline->timeline,
        .window_s = pipeline->window_s,
        .health = &pipeline->health,
    };
    pipeline->publisher = publisher_new(&publisher, error);
    return pipeline->publisher != NULL;
}

struct pipeline *pipeline_new(struct recognizer_pool *pool, const struct pipeline_config *config,
                              struct tutti_error *error)
{
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (pipeline == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the pipeline");
        return NULL;
    }
    snprintf(pipeline->name, sizeof pipeline->name, "%s", config->name);
    pipeline->pool = pool;
    pipeline->model = recognizer_pool_model(pool);
    health_init(&pipeline->health, clock_monotonic_ns());
    if (!open_source(pipeline, &config->source, error) || !make_recognizer(pipeline, error) ||
        !make_publisher(pipeline, config, error)) {
        pipeline_free(pipeline);
        return NULL;
    }
    return pipeline;
}

void pipeline_on_change(struct pipeline *pipeline, void (*changed)(void *context), void *context)
{
    pipeline->changed = changed;
    pipeline->changed_context = context;
}

enum tutti_status pipeline_start(struct pipeline *pipeline, struct tutti_error *error)
{
    if (pipeline->started)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "the pipeline was started before");
    pipeline->started = true;
    health_init(&pipeline->health, clock_monotonic_ns());
    pipeline->started_boot_ns = clock_boot_ns();
    /* Whoever takes is there before whoever gives. */
    enum tutti_status status = publisher_start(pipeline->publisher, error);
    if (status == TUTTI_OK)
        status = listener_start(pipeline->listener, error);
    if (status == TUTTI_OK)
        status = source_start(pipeline->source, pipeline->capture, error);
    if (status != TUTTI_OK) {
        /* A thread that did not start cannot end the queue behind it. */
        queue_end(pipeline->columns);
        queue_end(pipeline->results);
        pipeline_stop(pipeline);
    }
    return status;
}

bool pipeline_done(const struct pipeline *pipeline)
{
    return publisher_done(pipeline->publisher);
}

void pipeline_stop(struct pipeline *pipeline)
{
    source_stop(pipeline->source);
    capture_end(pipeline->capture);
    listener_join(pipeline->listener);
    if (pipeline->started)
        recognizer_join(pipeline->recognizer);
    publisher_join(pipeline->publisher);
}

void pipeline_free(struct pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    if (pipeline->started)
        pipeline_stop(pipeline);
    publisher_free(pipeline->publisher);
    recognizer_free(pipeline->recognizer);
    listener_free(pipeline->listener);
    timeline_free(pipeline->timeline);
    queue_free(pipeline->results);
    queue_free(pipeline->columns);
    source_close(pipeline->source);
    capture_free(pipeline->capture);
    free(pipeline);
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

/* By the clock as it is now: one that was set since, as that of a machine without a battery is,
 * would otherwise make the past wrong for ever. 0: never. */
static double wall_clock_at(uint64_t boot_ns)
{
    if (boot_ns == 0)
        return 0;
    return clock_wall_s() - (double)(clock_boot_ns() - boot_ns) / CLOCK_NS_PER_S;
}

struct pipeline_status pipeline_status(struct pipeline *pipeline)
{
    /* In this order: what was silent and is lost a moment later must not seem to run and sound. */
    const bool stalled = publisher_stalled(pipeline->publisher);
    const enum source_state state = source_state(pipeline->source);
    struct pipeline_status status = {
        .rate_hz = source_rate_hz(pipeline->source),
        .state = state,
        .stalled = stalled && state == SOURCE_RUNNING,
        .hangs = source_hangs(pipeline->source),
        .frames = capture_frames(pipeline->capture),
        .lost_frames = capture_lost_frames(pipeline->capture),
        .looks_like = source_looks_like(pipeline->source),
        .overruns = capture_overruns(pipeline->capture),
        .skipped_hops = recognizer_skipped_hops(pipeline->recognizer),
        .hop_s = pipeline->hop_s,
        .hop_stretch = recognizer_pool_stretch(pipeline->pool),
        .window_s = pipeline->window_s,
        .lag_ms = publisher_lag_ms(pipeline->publisher),
        .kernel = pipeline->kernel,
        .started = wall_clock_at(pipeline->started_boot_ns),
    };
    snprintf(status.source_name, sizeof status.source_name, "%s", source_name(pipeline->source));
    snprintf(status.source_kind, sizeof status.source_kind, "%s", source_kind(pipeline->source));
    return status;
}

struct health_report pipeline_health(struct pipeline *pipeline)
{
    /* The source's callback has nothing to do with health: what it wrote last is noted here. */
    const uint64_t last_ns = capture_last_write_ns(pipeline->capture);
    health_resume(&pipeline->health, capture_resumed_ns(pipeline->capture));
    health_note(&pipeline->health, HEALTH_CAPTURE, last_ns);
    return health_check(&pipeline->health, clock_monotonic_ns(), HEALTH_LIMIT_S,
                        recognizer_pool_longest_hop_s(pipeline->pool));
}
