/* ring.h - passes fixed-size messages from one thread to one other without locks.
 *
 * A bounded queue for exactly one writing and one reading thread. Neither side
 * ever waits, allocates or makes a system call, so the writer may be an audio
 * callback. When the ring is full the new element is refused and counted: what
 * is in the ring is never overwritten, so a loss is one gap at a known place.
 *
 * An element is a plain struct that says itself where it belongs in time, for
 * instance {uint64_t first_frame; uint32_t frames; float samples[256];}. The
 * reader then sees a gap as a jump of first_frame.
 *
 * Threads: the functions marked [writer] belong to one thread, those marked
 * [reader] to one thread (it may be the same); the rest may be called by any
 * thread at any time. Everything the writer did before ring_write_end() or
 * ring_push() is visible to the reader that takes the element.
 *
 * The algorithm is Lamport's ("Specifying concurrent program modules", ACM
 * TOPLAS 5(2), 1983), with each side keeping a copy of the other's position so
 * that the cache line travels only when the ring looks full or empty.
 */
#ifndef TUTTI_DSP_RING_H
#define TUTTI_DSP_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_MAX_CAPACITY ((size_t)1 << 24)     /* elements */
#define RING_MAX_ELEMENT_SIZE ((size_t)1 << 24) /* bytes */

struct ring; /* opaque */

/* A ring of `capacity` elements (a power of two, 1 to RING_MAX_CAPACITY), all of
 * which can be used, of element_size bytes each (1 to RING_MAX_ELEMENT_SIZE).
 * NULL if an argument is out of range or memory is short. The memory is touched
 * here, so that the real-time side takes no page fault. Free it with ring_free(). */
struct ring *ring_new(size_t element_size, size_t capacity);

/* Frees the ring; NULL is fine. Neither thread may be using it any more. */
void ring_free(struct ring *ring);

/* [writer] Copies one element in. False if the ring is full: the element is not
 * taken and the overrun counter goes up by one. */
bool ring_push(struct ring *ring, const void *element);

/* [writer] The slot for the next element, aligned for any type, to be filled in
 * place; NULL if the ring is full (counts as one overrun). What is in the slot
 * is unspecified. The reader sees nothing until ring_write_end(); calling
 * ring_write_begin() again instead gives the same slot again. */
void *ring_write_begin(struct ring *ring);

/* [writer] Hands over the slot that ring_write_begin() gave. Exactly once for
 * each slot; never after NULL. */
void ring_write_end(struct ring *ring);

/* [reader] Copies the oldest element out and removes it. False if the ring is
 * empty; *element is then untouched. */
bool ring_pop(struct ring *ring, void *element);

/* [reader] The oldest element, to be read in place, or NULL if the ring is
 * empty. It stays valid and in the ring until ring_read_end(). */
const void *ring_read_begin(struct ring *ring);

/* [reader] Gives back the slot that ring_read_begin() gave. Exactly once for
 * each element; never after NULL. */
void ring_read_end(struct ring *ring);

/* Elements waiting, 0 to capacity. The reader can rely on at least this many,
 * the writer on at most this many; for another thread it is a recent value. */
size_t ring_count(const struct ring *ring);

/* How many elements fit. */
size_t ring_capacity(const struct ring *ring);

/* How many elements have been refused since ring_new(). */
uint64_t ring_overruns(const struct ring *ring);

#endif
