#include "daemon/wake.h"

#include "daemon/clock.h"

#include <errno.h>
#include <time.h>

void wake_init(struct wake *wake)
{
    sem_init(&wake->semaphore, 0, 0);
    atomic_init(&wake->signalled, false);
}

void wake_destroy(struct wake *wake)
{
    sem_destroy(&wake->semaphore);
}

void wake_signal(struct wake *wake)
{
    int posted = 0;
    if (atomic_exchange_explicit(&wake->signalled, true, memory_order_acq_rel))
        sem_getvalue(&wake->semaphore, &posted);
    /* Whoever signalled before us may have been stopped just before its post: we do not wait. */
    if (posted == 0)
        sem_post(&wake->semaphore);
}

bool wake_wait_until(struct wake *wake, uint64_t deadline_ns)
{
    const struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / CLOCK_NS_PER_S),
                                      .tv_nsec = (long)(deadline_ns % CLOCK_NS_PER_S)};
    int result;
    do {
        result = sem_clockwait(&wake->semaphore, CLOCK_MONOTONIC, &deadline);
    } while (result != 0 && errno == EINTR);
    if (result != 0)
        return false;
    /* A signal from here on posts again; so does one since the semaphore gave way. One from before
     * is seen by the caller's next look, because this exchange reads what that one wrote. */
    atomic_exchange_explicit(&wake->signalled, false, memory_order_acq_rel);
    return true;
}

bool wake_wait_ms(struct wake *wake, unsigned timeout_ms)
{
    return wake_wait_until(wake, clock_monotonic_ns() + timeout_ms * CLOCK_NS_PER_MS);
}
