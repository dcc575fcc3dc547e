#include "daemon/batch.h"

#include "daemon/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define AHEAD 4 /* pieces per thread that may be done before their turn */
#define TICK_NS 100000000L

struct piece {
    bool done;
    void *result;
};

struct batch {
    const struct batch_work *work;
    size_t count;
    size_t ahead;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t next;         /* to be begun */
    size_t taken;        /* so many */
    struct piece *piece; /* [ahead], index % ahead */
};

static void *run_worker(void *context)
{
    struct batch *batch = context;
    pthread_mutex_lock(&batch->mutex);
    for (;;) {
        while (batch->next < batch->count && batch->next >= batch->taken + batch->ahead)
            pthread_cond_wait(&batch->changed, &batch->mutex);
        if (batch->next == batch->count)
            break;
        size_t index = batch->next++;
        pthread_mutex_unlock(&batch->mutex);
        void *result = batch->work->work(batch->work->context, index);
        pthread_mutex_lock(&batch->mutex);
        batch->piece[index % batch->ahead] = (struct piece){.done = true, .result = result};
        pthread_cond_broadcast(&batch->changed);
    }
    pthread_mutex_unlock(&batch->mutex);
    return NULL;
}

/* Waits for the next change, at most until the next tick is due. Called with the mutex held. */
static void wait_a_little(struct batch *batch)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_NS;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&batch->changed, &batch->mutex, &until);
}

static void take_all(struct batch *batch)
{
    const struct batch_work *work = batch->work;
    pthread_mutex_lock(&batch->mutex);
    while (batch->taken < batch->count) {
        struct piece *piece = &batch->piece[batch->taken % batch->ahead];
        if (!piece->done) {
            wait_a_little(batch);
            pthread_mutex_unlock(&batch->mutex);
            if (work->tick != NULL)
                work->tick(work->context);
            pthread_mutex_lock(&batch->mutex);
            continue;
        }
        void *result = piece->result;
        *piece = (struct piece){0};
        size_t index = batch->taken++;
        pthread_cond_broadcast(&batch->changed);
        pthread_mutex_unlock(&batch->mutex);
        work->take(work->context, index, result);
        pthread_mutex_lock(&batch->mutex);
    }
    pthread_mutex_unlock(&batch->mutex);
}

enum tutti_status batch_run(const struct batch_work *work, size_t count, unsigned jobs,
                            struct tutti_error *error)
{
    if (jobs < 1 || jobs > BATCH_MAX_JOBS)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "the number of jobs may be 1 to %d",
                               BATCH_MAX_JOBS);
    if (jobs > count)
        jobs = count > 0 ? (unsigned)count : 1;
    struct batch batch = {.work = work, .count = count, .ahead = (size_t)AHEAD * jobs};
    batch.piece = calloc(batch.ahead, sizeof *batch.piece);
    if (batch.piece == NULL)
        return tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&batch.mutex, NULL);
    pthread_cond_init(&batch.changed, &attributes);
    pthread_condattr_destroy(&attributes);

    pthread_t thread[BATCH_MAX_JOBS];
    unsigned started = 0;
    enum tutti_status status = TUTTI_OK;
    while (started < jobs && status == TUTTI_OK) {
        status = thread_start(&thread[started], "batch", run_worker, &batch, error);
        if (status == TUTTI_OK)
            started++;
    }
    if (started > 0) { /* fewer threads do it too */
        status = TUTTI_OK;
        take_all(&batch);
    }
    for (unsigned i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    pthread_cond_destroy(&batch.changed);
    pthread_mutex_destroy(&batch.mutex);
    free(batch.piece);
    return status;
}
