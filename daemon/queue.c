#include "daemon/queue.h"

#include "daemon/clock.h"
#include "daemon/wake.h"
#include "dsp/ring.h"

#include <stdlib.h>

struct queue {
    struct ring *ring;
    struct wake reader; /* a message is there, or the end */
    struct wake writer; /* there is room */
    atomic_bool ended;
    void (*woken)(void *context); /* NULL: the reader sleeps here */
    void *context;
};

struct queue *queue_new(size_t message_size, size_t capacity)
{
    struct queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->ring = ring_new(message_size, capacity);
    if (queue->ring == NULL) {
        free(queue);
        return NULL;
    }
    wake_init(&queue->reader);
    wake_init(&queue->writer);
    atomic_init(&queue->ended, false);
    return queue;
}

void queue_free(struct queue *queue)
{
    if (queue == NULL)
        return;
    wake_destroy(&queue->reader);
    wake_destroy(&queue->writer);
    ring_free(queue->ring);
    free(queue);
}

void queue_on_wake(struct queue *queue, void (*woken)(void *context), void *context)
{
    queue->woken = woken;
    queue->context = context;
}

bool queue_push(struct queue *queue, const void *message)
{
    return ring_push(queue->ring, message);
}

void queue_wake(struct queue *queue)
{
    if (queue->woken != NULL)
        queue->woken(queue->context);
    else
        wake_signal(&queue->reader);
}

bool queue_wait_for_room(struct queue *queue, size_t messages, unsigned timeout_ms)
{
    const uint64_t deadline_ns = clock_monotonic_ns() + timeout_ms * CLOCK_NS_PER_MS;
    const size_t capacity = ring_capacity(queue->ring);
    const size_t needed = messages < capacity ? messages : capacity;
    while (capacity - ring_count(queue->ring) < needed) {
        if (!wake_wait_until(&queue->writer, deadline_ns))
            return capacity - ring_count(queue->ring) >= needed;
    }
    return true;
}

void queue_end(struct queue *queue)
{
    atomic_store_explicit(&queue->ended, true, memory_order_release);
    queue_wake(queue);
}

void queue_wait(struct queue *queue, unsigned timeout_ms)
{
    if (ring_count(queue->ring) == 0 && !atomic_load_explicit(&queue->ended, memory_order_acquire))
        wake_wait_ms(&queue->reader, timeout_ms);
}

void queue_wait_for_wake(struct queue *queue, unsigned timeout_ms)
{
    if (!atomic_load_explicit(&queue->ended, memory_order_acquire))
        wake_wait_ms(&queue->reader, timeout_ms);
}

const void *queue_read_begin(struct queue *queue)
{
    return ring_read_begin(queue->ring);
}

void queue_read_end(struct queue *queue)
{
    ring_read_end(queue->ring);
    wake_signal(&queue->writer);
}

bool queue_pop(struct queue *queue, void *message)
{
    if (!ring_pop(queue->ring, message))
        return false;
    wake_signal(&queue->writer);
    return true;
}

bool queue_done(const struct queue *queue)
{
    /* The end first: what was pushed before it is then seen. */
    return atomic_load_explicit(&queue->ended, memory_order_acquire) &&
           ring_count(queue->ring) == 0;
}

size_t queue_count(const struct queue *queue)
{
    return ring_count(queue->ring);
}

size_t queue_capacity(const struct queue *queue)
{
    return ring_capacity(queue->ring);
}
