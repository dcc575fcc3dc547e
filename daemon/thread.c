#include "daemon/thread.h"

#include <sched.h>
#include <signal.h>
#include <string.h>

enum tutti_status thread_start(pthread_t *thread, const char *name, void *(*body)(void *),
                               void *context, struct tutti_error *error)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int reason = pthread_create(thread, NULL, body, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (reason != 0) {
        char text[128];
        return tutti_error_set(error, TUTTI_ERROR_IO, "cannot start the thread \"%s\": %s", name,
                               strerror_r(reason, text, sizeof text));
    }
    pthread_setname_np(*thread, name);
    return TUTTI_OK;
}

unsigned thread_cores(void)
{
    cpu_set_t usable;
    const int count = sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable) : 1;
    return count > 0 ? (unsigned)count : 1;
}
