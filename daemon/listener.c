#include "daemon/listener.h"

#include "daemon/clock.h"
#include "daemon/feature_stream.h"
#include "daemon/recognition.h"
#include "daemon/thread.h"

#include <stdlib.h>

/* Nothing depends on it: who makes room wakes the listener. */
#define WAIT_MS 1000

/* So much sound is left waiting at most; and for so long, when no more comes. */
#define GATHER_MS 100
#define PAUSE_MS 200

struct listener {
    struct listener_config config;
    struct feature_stream *stream;
    struct capture_block block;
    struct listener_pace pace;
    pthread_t thread;
    bool started;
};

static uint64_t block_end(const struct capture_block *block)
{
    return block->first_frame + block->frames;
}

void listener_pace_column(struct listener_pace *pace, const struct column *column, uint64_t heard)
{
    pace->columns = column->index + 1;
    pace->column_frame = heard;
}

struct listener_pace listener_pace(const struct model *model, unsigned rate_hz, size_t hop_columns)
{
    return (struct listener_pace){
        .hop_columns = hop_columns,
        .column_frames = (uint64_t)(feature_stream_column_s(model) * rate_hz),
        .gather_frames = (uint64_t)rate_hz * GATHER_MS / 1000,
    };
}

static void pass_column(void *context, const struct column *column)
{
    struct listener *listener = context;
    struct queue *columns = listener->config.columns;
    listener_pace_column(&listener->pace, column, block_end(&listener->block));
    backlog_push(listener->config.backlog, column);
    while (!queue_push(columns, column)) {
        queue_wake(columns);
        queue_wait_for_room(columns, 1, WAIT_MS);
    }
    health_note(listener->config.health, HEALTH_LISTENER, clock_monotonic_ns());
    const bool hop_complete = recognition_hop_complete(column, listener->config.hop_columns);
    if (hop_complete || queue_count(columns) >= queue_capacity(columns) / 2)
        queue_wake(columns);
}

struct listener *listener_new(const struct listener_config *config, struct tutti_error *error)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the listener");
        return NULL;
    }
    listener->config = *config;
    listener->config.model = NULL;
    const unsigned rate_hz = capture_rate_hz(config->capture);
    listener->pace = listener_pace(config->model, rate_hz, config->hop_columns);
    listener->stream = feature_stream_new(config->model, rate_hz, pass_column, listener, error);
    if (listener->stream == NULL) {
        free(listener);
        return NULL;
    }
    return listener;
}

uint64_t listener_next_frame(const struct listener_pace *pace, uint64_t heard)
{
    const uint64_t gathered = heard + pace->gather_frames;
    const uint64_t columns = pace->hop_columns - 1 - pace->columns % pace->hop_columns;
    const uint64_t soonest = pace->column_frame + columns * pace->column_frames;
    const uint64_t wanted = soonest < gathered ? soonest : gathered;
    return wanted > heard + CAPTURE_BLOCK_FRAMES ? wanted - CAPTURE_BLOCK_FRAMES : heard + 1;
}

static void *listen_to_capture(void *context)
{
    struct listener *listener = context;
    struct capture *capture = listener->config.capture;
    while (!capture_done(capture)) {
        capture_wait(capture, listener_next_frame(&listener->pace, block_end(&listener->block)),
                     PAUSE_MS);
        while (capture_read(capture, &listener->block))
            feature_stream_feed(listener->stream, &listener->block);
    }
    feature_stream_finish(listener->stream);
    queue_end(listener->config.columns);
    return NULL;
}

enum tutti_status listener_start(struct listener *listener, struct tutti_error *error)
{
    const enum tutti_status status =
        thread_start(&listener->thread, "listener", listen_to_capture, listener, error);
    listener->started = status == TUTTI_OK;
    return status;
}

void listener_join(struct listener *listener)
{
    if (listener->started)
        pthread_join(listener->thread, NULL);
    listener->started = false;
}

void listener_free(struct listener *listener)
{
    if (listener == NULL)
        return;
    feature_stream_free(listener->stream);
    free(listener);
}
