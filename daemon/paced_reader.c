#include "daemon/paced_reader.h"

#include "daemon/clock.h"
#include "daemon/thread.h"
#include "daemon/wake.h"

#include <stdlib.h>

#define ROOM_TIMEOUT_MS 100

struct paced_reader {
    struct paced_reader_config config;
    size_t chunk_frames;
    float *chunk;
    pthread_t thread;
    struct wake stop;
    atomic_bool stopping;
};

static bool stopping(const struct paced_reader *reader)
{
    return atomic_load_explicit(&reader->stopping, memory_order_acquire);
}

/* When a chunk that ends with this frame is due: ahead_ms before its time, which may be
 * before the start. */
static uint64_t due_ns(const struct paced_reader *reader, uint64_t start_ns, uint64_t frames)
{
    uint64_t sound_ns = clock_frames_to_ns(frames, reader->config.source->rate_hz);
    sound_ns -= sound_ns / 1000000u * reader->config.faster_ppm;
    const uint64_t ahead_ns = reader->config.ahead_ms * CLOCK_NS_PER_MS;
    return start_ns + sound_ns > ahead_ns ? start_ns + sound_ns - ahead_ns : 0;
}

static void wait_until(struct paced_reader *reader, uint64_t deadline_ns)
{
    while (!stopping(reader) && clock_monotonic_ns() < deadline_ns)
        wake_wait_until(&reader->stop, deadline_ns);
}

/* What came this much after it was due would otherwise be followed by as much sound at full speed:
 * so the start moves. Returns the start from which to count on. */
static uint64_t forgive_pause(const struct paced_reader *reader, uint64_t start_ns, uint64_t frames)
{
    const uint64_t latest_ns =
        due_ns(reader, start_ns, frames) + reader->config.catch_up_ms * CLOCK_NS_PER_MS;
    const uint64_t now_ns = clock_monotonic_ns();
    return now_ns > latest_ns ? start_ns + (now_ns - latest_ns) : start_ns;
}

static void deliver(struct paced_reader *reader, size_t frames)
{
    struct source *source = reader->config.source;
    while (!capture_wait_for_room(source->capture, frames, ROOM_TIMEOUT_MS)) {
        if (stopping(reader))
            return;
    }
    capture_write(source->capture, reader->chunk, frames, reader->config.channels,
                  reader->config.channel, source->gain);
}

static void *read_all(void *context)
{
    struct paced_reader *reader = context;
    const struct paced_reader_config *config = &reader->config;
    enum paced_read outcome = PACED_READ_MORE;
    uint64_t start_ns = 0;
    uint64_t delivered = 0;
    while (!stopping(reader) && outcome == PACED_READ_MORE) {
        size_t frames = reader->chunk_frames;
        outcome = config->read(config->context, reader->chunk, &frames);
        if (frames == 0)
            continue;
        if (delivered == 0)
            start_ns = clock_monotonic_ns();
        delivered += frames;
        start_ns = forgive_pause(reader, start_ns, delivered);
        wait_until(reader, due_ns(reader, start_ns, delivered));
        if (!stopping(reader))
            deliver(reader, frames);
    }
    /* Before the end of the queue, because who sees that asks for the state. */
    source_set_state(config->source, outcome == PACED_READ_FAILED ? SOURCE_LOST : SOURCE_ENDED);
    capture_end(config->source->capture);
    return NULL;
}

struct paced_reader *paced_reader_start(const struct paced_reader_config *config,
                                        struct tutti_error *error)
{
    struct paced_reader *reader = calloc(1, sizeof *reader);
    if (reader != NULL) {
        reader->config = *config;
        reader->chunk_frames = (size_t)config->source->rate_hz * config->chunk_ms / 1000;
        reader->chunk = calloc(reader->chunk_frames, config->channels * sizeof *reader->chunk);
    }
    if (reader == NULL || reader->chunk == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the source %s",
                        config->source->name);
        free(reader);
        return NULL;
    }
    wake_init(&reader->stop);
    if (thread_start(&reader->thread, "source", read_all, reader, error) != TUTTI_OK) {
        wake_destroy(&reader->stop);
        free(reader->chunk);
        free(reader);
        return NULL;
    }
    return reader;
}

void paced_reader_stop(struct paced_reader *reader)
{
    if (reader == NULL)
        return;
    atomic_store_explicit(&reader->stopping, true, memory_order_release);
    wake_signal(&reader->stop);
    pthread_join(reader->thread, NULL);
    wake_destroy(&reader->stop);
    free(reader->chunk);
    free(reader);
}
