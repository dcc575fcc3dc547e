/* wake.h - wakes one sleeping thread from any other, also from an audio callback.
 *
 * A signal that nobody waits for is kept, but several count as one. So the sleeper
 * looks at its queue, sleeps only if that is empty, and looks again; it may wake
 * too often, but no signal waits for another thread, even if that is stopped in the
 * middle of its own. Signalling costs an atomic exchange, and a system call
 * (sem_post(), which does not block) only while no wake-up is pending.
 *
 * What was written before wake_signal() is visible to the thread that wakes.
 *
 * Threads: wake_signal() any, real-time safe; wake_wait_until() one.
 */
#ifndef TUTTI_DAEMON_WAKE_H
#define TUTTI_DAEMON_WAKE_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wake {
    sem_t semaphore;
    atomic_bool signalled;
};

/* Before any use; wake_destroy() when no thread uses it any more. */
void wake_init(struct wake *wake);
void wake_destroy(struct wake *wake);

void wake_signal(struct wake *wake);

/* Sleeps until a signal came (perhaps earlier, before the call) or CLOCK_MONOTONIC reaches
 * deadline_ns. False on the deadline. */
bool wake_wait_until(struct wake *wake, uint64_t deadline_ns);

/* The same for a time from now. */
bool wake_wait_ms(struct wake *wake, unsigned timeout_ms);

#endif
