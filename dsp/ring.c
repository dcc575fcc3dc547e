#include "dsp/ring.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE_SIZE = 64 };

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics would take locks on this processor");

/* Positions count elements since ring_new() and are masked only to find a slot:
 * a 64-bit count at a million elements a second lasts 584,000 years. Each side's
 * fields fill their own cache line. */
struct ring {
    size_t element_size;
    size_t stride; /* element_size rounded up, so that every slot is aligned */
    uint64_t capacity;
    unsigned char *slots;

    alignas(CACHE_LINE_SIZE) _Atomic uint64_t written;
    _Atomic uint64_t overruns; /* stored by the writer alone */
    uint64_t read_seen;        /* the writer's copy of `read` */

    alignas(CACHE_LINE_SIZE) _Atomic uint64_t read;
    uint64_t written_seen; /* the reader's copy of `written` */
};

static size_t round_up(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}

struct ring *ring_new(size_t element_size, size_t capacity)
{
    if (element_size == 0 || element_size > RING_MAX_ELEMENT_SIZE)
        return NULL;
    if (capacity == 0 || capacity > RING_MAX_CAPACITY || (capacity & (capacity - 1)) != 0)
        return NULL;
    size_t stride = round_up(element_size, alignof(max_align_t));
    if (capacity > (SIZE_MAX - CACHE_LINE_SIZE) / stride)
        return NULL;
    size_t slots_size = round_up(stride * capacity, CACHE_LINE_SIZE);
    struct ring *ring = aligned_alloc(CACHE_LINE_SIZE, sizeof *ring);
    unsigned char *slots = aligned_alloc(CACHE_LINE_SIZE, slots_size);
    if (ring == NULL || slots == NULL) {
        free(ring);
        free(slots);
        return NULL;
    }
    memset(ring, 0, sizeof *ring);
    memset(slots, 0, slots_size);
    ring->element_size = element_size;
    ring->stride = stride;
    ring->capacity = capacity;
    ring->slots = slots;
    atomic_init(&ring->written, 0);
    atomic_init(&ring->overruns, 0);
    atomic_init(&ring->read, 0);
    return ring;
}

void ring_free(struct ring *ring)
{
    if (ring == NULL)
        return;
    free(ring->slots);
    free(ring);
}

static unsigned char *slot(const struct ring *ring, uint64_t position)
{
    return ring->slots + (size_t)(position & (ring->capacity - 1)) * ring->stride;
}

void *ring_write_begin(struct ring *ring)
{
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    if (written - ring->read_seen == ring->capacity) {
        /* Acquire: the reader is done with a slot before we write to it. */
        ring->read_seen = atomic_load_explicit(&ring->read, memory_order_acquire);
        if (written - ring->read_seen == ring->capacity) {
            uint64_t overruns = atomic_load_explicit(&ring->overruns, memory_order_relaxed);
            atomic_store_explicit(&ring->overruns, overruns + 1, memory_order_relaxed);
            return NULL;
        }
    }
    return slot(ring, written);
}

void ring_write_end(struct ring *ring)
{
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    atomic_store_explicit(&ring->written, written + 1, memory_order_release);
}

bool ring_push(struct ring *ring, const void *element)
{
    void *to = ring_write_begin(ring);
    if (to == NULL)
        return false;
    memcpy(to, element, ring->element_size);
    ring_write_end(ring);
    return true;
}

const void *ring_read_begin(struct ring *ring)
{
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    if (read == ring->written_seen) {
        ring->written_seen = atomic_load_explicit(&ring->written, memory_order_acquire);
        if (read == ring->written_seen)
            return NULL;
    }
    return slot(ring, read);
}

void ring_read_end(struct ring *ring)
{
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    atomic_store_explicit(&ring->read, read + 1, memory_order_release);
}

bool ring_pop(struct ring *ring, void *element)
{
    const void *from = ring_read_begin(ring);
    if (from == NULL)
        return false;
    memcpy(element, from, ring->element_size);
    ring_read_end(ring);
    return true;
}

size_t ring_count(const struct ring *ring)
{
    /* `read` first: it never passes `written`, so the difference cannot be
     * negative; it can be too large when the reader goes on in between. */
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_acquire);
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
    uint64_t count = written - read;
    return (size_t)(count < ring->capacity ? count : ring->capacity);
}

size_t ring_capacity(const struct ring *ring)
{
    return (size_t)ring->capacity;
}

uint64_t ring_overruns(const struct ring *ring)
{
    return atomic_load_explicit(&ring->overruns, memory_order_relaxed);
}
