#include "daemon/early_end.h"

#include "daemon/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define END_SIGNAL SIGUSR1 /* from finish(), to the thread alone */

struct early_end {
    sigset_t signals;
    struct log *log;
    pthread_t thread;
    atomic_bool finished;
};

static void *look(void *context)
{
    struct early_end *early_end = context;
    sigset_t awaited = early_end->signals;
    sigaddset(&awaited, END_SIGNAL);
    while (!atomic_load_explicit(&early_end->finished, memory_order_acquire)) {
        const int number = sigwaitinfo(&awaited, NULL);
        if (number > 0 && number != END_SIGNAL) {
            log_write(early_end->log, LOG_LEVEL_INFO, "stopping before the start was over: %s",
                      strsignal(number));
            _exit(EXIT_SUCCESS);
        }
    }
    return NULL;
}

struct early_end *early_end_begin(const sigset_t *signals, struct log *log)
{
    struct early_end *early_end = calloc(1, sizeof *early_end);
    if (early_end == NULL)
        return NULL;
    early_end->signals = *signals;
    early_end->log = log;
    if (thread_start(&early_end->thread, "early-end", look, early_end, NULL) != TUTTI_OK) {
        free(early_end);
        return NULL;
    }
    return early_end;
}

void early_end_finish(struct early_end *early_end)
{
    if (early_end == NULL)
        return;
    atomic_store_explicit(&early_end->finished, true, memory_order_release);
    pthread_kill(early_end->thread, END_SIGNAL);
    pthread_join(early_end->thread, NULL);
    free(early_end);
}
