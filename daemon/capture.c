#include "daemon/capture.h"

#include "daemon/clock.h"
#include "daemon/queue.h"
#include "dsp/convert.h"

#include <stdatomic.h>
#include <stdlib.h>

#define MIN_HOLD_MS 10u
#define MAX_HOLD_MS 60000u

struct capture {
    unsigned rate_hz;
    struct queue *blocks;
    struct capture_block block;    /* being filled; the writer's */
    bool losing;                   /* the newest frame was lost; the writer's */
    _Atomic uint64_t next_frame;   /* the one after the newest block that was handed over */
    _Atomic uint64_t wanted_frame; /* the reader sleeps until next_frame gets there */
    _Atomic uint64_t frames;
    _Atomic uint64_t lost_frames;
    _Atomic uint64_t overruns;
    _Atomic uint64_t last_write_ns;
    _Atomic uint64_t resumed_ns;
};

struct capture *capture_new(unsigned rate_hz, unsigned hold_ms)
{
    if (rate_hz < CONVERT_MIN_RATE_HZ || rate_hz > CONVERT_MAX_RATE_HZ || hold_ms < MIN_HOLD_MS ||
        hold_ms > MAX_HOLD_MS)
        return NULL;
    const size_t hold_frames = (size_t)((uint64_t)rate_hz * hold_ms / 1000u) + 1;
    size_t blocks = 2;
    while (blocks * CAPTURE_BLOCK_FRAMES < hold_frames)
        blocks *= 2;
    struct capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL)
        return NULL;
    capture->rate_hz = rate_hz;
    capture->blocks = queue_new(sizeof(struct capture_block), blocks);
    if (capture->blocks == NULL) {
        free(capture);
        return NULL;
    }
    return capture;
}

void capture_free(struct capture *capture)
{
    if (capture == NULL)
        return;
    queue_free(capture->blocks);
    free(capture);
}

unsigned capture_rate_hz(const struct capture *capture)
{
    return capture->rate_hz;
}

/* The counters have one writing thread, so a read and a write serve. */
static void count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static void lose(struct capture *capture, uint64_t frames)
{
    if (!capture->losing)
        count(&capture->overruns, 1);
    count(&capture->lost_frames, frames);
    capture->losing = true;
}

/* Hands over what has been filled so far, or drops it; the next frame is the one after it. The
 * reader is not woken, so that several blocks wake it once. */
static void flush_block(struct capture *capture, uint64_t now_ns)
{
    struct capture_block *block = &capture->block;
    if (block->frames == 0)
        return;
    block->captured_ns = now_ns;
    if (queue_push(capture->blocks, block)) {
        capture->losing = false;
        atomic_store(&capture->next_frame, block->first_frame + block->frames);
    } else {
        lose(capture, block->frames);
    }
    block->first_frame += block->frames;
    block->frames = 0;
}

static void note_write(struct capture *capture, uint64_t now_ns)
{
    const uint64_t last_ns = atomic_load_explicit(&capture->last_write_ns, memory_order_relaxed);
    if (last_ns != 0 && now_ns - last_ns >= CAPTURE_PAUSE_S * CLOCK_NS_PER_S)
        atomic_store_explicit(&capture->resumed_ns, now_ns, memory_order_relaxed);
    /* Released, so that who sees this write sees the pause before it. */
    atomic_store_explicit(&capture->last_write_ns, now_ns, memory_order_release);
}

/* For the writer after it has moved next_frame, and for the reader after it has moved wanted_frame:
 * in sequential order, so that at least one of them sees what the other did. */
static bool has_enough(const struct capture *capture)
{
    return atomic_load(&capture->next_frame) >= atomic_load(&capture->wanted_frame) ||
           queue_count(capture->blocks) >= queue_capacity(capture->blocks) / 2;
}

void capture_write(struct capture *capture, const float *interleaved, size_t frames,
                   unsigned channels, int channel, float gain)
{
    if (frames == 0)
        return;
    const uint64_t now_ns = clock_monotonic_ns();
    const struct convert_format format = {CONVERT_F32_NATIVE, capture->rate_hz, channels};
    struct capture_block *block = &capture->block;
    bool complete = false;
    for (size_t done = 0; done < frames;) {
        size_t n = CAPTURE_BLOCK_FRAMES - block->frames;
        if (n > frames - done)
            n = frames - done;
        float *mono = block->samples + block->frames;
        convert_to_mono(&format, channel, interleaved + done * channels, n, mono);
        for (size_t i = 0; i < n; i++)
            mono[i] *= gain;
        block->frames += (uint32_t)n;
        done += n;
        if (block->frames == CAPTURE_BLOCK_FRAMES) {
            flush_block(capture, now_ns);
            complete = true;
        }
    }
    count(&capture->frames, frames);
    note_write(capture, now_ns);
    if (complete && has_enough(capture))
        queue_wake(capture->blocks);
}

/* Of a block that is not full: its frames came with the last write, which may be long ago. */
static void flush_rest(struct capture *capture)
{
    flush_block(capture, atomic_load_explicit(&capture->last_write_ns, memory_order_relaxed));
}

void capture_skip(struct capture *capture, uint64_t frames)
{
    flush_rest(capture);
    lose(capture, frames);
    count(&capture->frames, frames);
    capture->block.first_frame += frames;
    queue_wake(capture->blocks);
}

bool capture_wait_for_room(struct capture *capture, size_t frames, unsigned timeout_ms)
{
    /* Two more than whole blocks: one that was begun before, one that remains. */
    const size_t blocks = frames / CAPTURE_BLOCK_FRAMES + 2;
    if (queue_wait_for_room(capture->blocks, blocks, 0))
        return true;
    queue_wake(capture->blocks); /* what the reader waits for may not fit */
    return queue_wait_for_room(capture->blocks, blocks, timeout_ms);
}

void capture_end(struct capture *capture)
{
    flush_rest(capture);
    queue_end(capture->blocks);
}

void capture_wait(struct capture *capture, uint64_t frame, unsigned timeout_ms)
{
    atomic_store(&capture->wanted_frame, frame);
    if (frame == 0)
        queue_wait(capture->blocks, timeout_ms);
    else if (!has_enough(capture))
        queue_wait_for_wake(capture->blocks, timeout_ms);
}

bool capture_read(struct capture *capture, struct capture_block *block)
{
    return queue_pop(capture->blocks, block);
}

bool capture_done(const struct capture *capture)
{
    return queue_done(capture->blocks);
}

uint64_t capture_frames(const struct capture *capture)
{
    return atomic_load_explicit(&capture->frames, memory_order_relaxed);
}

uint64_t capture_lost_frames(const struct capture *capture)
{
    return atomic_load_explicit(&capture->lost_frames, memory_order_relaxed);
}

uint64_t capture_overruns(const struct capture *capture)
{
    return atomic_load_explicit(&capture->overruns, memory_order_relaxed);
}

uint64_t capture_last_write_ns(const struct capture *capture)
{
    return atomic_load_explicit(&capture->last_write_ns, memory_order_acquire);
}

uint64_t capture_resumed_ns(const struct capture *capture)
{
    return atomic_load_explicit(&capture->resumed_ns, memory_order_relaxed);
}
