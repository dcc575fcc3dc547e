#include "daemon/listener.h"

#include "daemon/clock.h"
#include "daemon/feature_stream.h"
#include "daemon/recognition.h"
#include "daemon/thread.h"

#include <stdlib.h>

/* Nothing depends on these: who has something to tell wakes the other. */
#define WAIT_MS 1000

/* So much sound is left waiting at most, unless a hop is near. */
#define GATHER_MS 100

struct listener {
    struct listener_config config;
    struct feature_stream *stream;
    struct capture_block block;
    uint64_t columns; /* that were passed on, or left out in a gap */
    uint64_t column_frames;
    uint64_t gather_frames;
    pthread_t thread;
    bool started;
};

static void pass_column(void *context, const struct column *column)
{
    struct listener *listener = context;
    struct queue *columns = listener->config.columns;
    listener->columns = column->index + 1;
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
    listener->column_frames = (uint64_t)(feature_stream_column_s(config->model) * rate_hz);
    listener->gather_frames = (uint64_t)rate_hz * GATHER_MS / 1000;
    listener->stream = feature_stream_new(config->model, rate_hz, pass_column, listener, error);
    if (listener->stream == NULL) {
        free(listener);
        return NULL;
    }
    return listener;
}

/* The frame up to which sound may wait: before the column that completes the hop, from which on
 * every block may be the one that does. */
static uint64_t next_frame(const struct listener *listener)
{
    const struct capture_block *block = &listener->block;
    const size_t hop = listener->config.hop_columns;
    const uint64_t near = (hop - 1 - listener->columns % hop) * listener->column_frames;
    const uint64_t gathered = near < listener->gather_frames ? near : listener->gather_frames;
    return block->first_frame + block->frames + (gathered > 0 ? gathered : 1);
}

static void *listen_to_capture(void *context)
{
    struct listener *listener = context;
    struct capture *capture = listener->config.capture;
    while (!capture_done(capture)) {
        capture_wait(capture, next_frame(listener), WAIT_MS);
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
