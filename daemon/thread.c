#include "daemon/thread.h"

#include "daemon/clock.h"

#include <signal.h>
#include <string.h>
#include <time.h>

enum tutti_status thread_start(pthread_t *thread, const char *name, void *(*body)(void *),
                               void *context, struct tutti_error *error)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int reason = pthread_create(thread, NULL, body, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (reason != 0)
        return tutti_error_set(error, TUTTI_ERROR_IO, "Cannot start the thread \"%s\": %s.", name,
                               strerror(reason));
    pthread_setname_np(*thread, name);
    return TUTTI_OK;
}

bool thread_join_ms(pthread_t thread, unsigned timeout_ms)
{
    const uint64_t deadline_ns = clock_monotonic_ns() + timeout_ms * CLOCK_NS_PER_MS;
    const struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / CLOCK_NS_PER_S),
                                      .tv_nsec = (long)(deadline_ns % CLOCK_NS_PER_S)};
    return pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &deadline) == 0;
}
