#include "daemon/batch.h"

#include "daemon/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define ITEMS_AHEAD 4 /* per thread, that may be complete before their turn */
#define TICK_NS 100000000L

enum state { READY, AT_WORK, DONE };

struct slot {
    void *piece;
    enum state state;
};

struct item {
    void *item;
    bool begun;
    bool exhausted;    /* there are no more pieces to read */
    bool reading;      /* a thread is at it */
    bool taking;       /* a thread is at it */
    size_t first;      /* slot of the oldest piece */
    size_t pieces;     /* read and not taken yet */
    size_t ready;      /* of these, nobody is or was at work at */
    struct slot *slot; /* [pieces_max], number % pieces_max */
};

struct batch {
    const struct batch_work *work;
    size_t count;
    unsigned jobs;
    size_t ahead;
    size_t pieces_max; /* of all items together, but that each may have one */
    size_t read_ahead; /* of one item, before anything else is done */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t next;       /* item to be begun */
    size_t finished;   /* so many */
    size_t pieces;     /* read and not taken yet, of all items */
    struct item *item; /* [ahead], index % ahead */
};

struct worker {
    struct batch *batch;
    unsigned number;
};

static struct slot *slot_at(const struct batch *batch, const struct item *item, size_t number)
{
    return &item->slot[(item->first + number) % batch->pieces_max];
}

static bool is_complete(const struct item *item)
{
    return item->begun && item->exhausted && item->pieces == 0;
}

/* ---- what a thread can do; all called with the mutex held, which they give back meanwhile ---- */

static void begin(struct batch *batch)
{
    size_t index = batch->next++;
    struct item *item = &batch->item[index % batch->ahead];
    struct slot *slot = item->slot;
    *item = (struct item){.slot = slot};
    pthread_mutex_unlock(&batch->mutex);
    void *begun = batch->work->begin(batch->work->context, index);
    pthread_mutex_lock(&batch->mutex);
    item->item = begun;
    item->begun = true;
    item->exhausted = begun == NULL;
}

static void read_piece(struct batch *batch, struct item *item)
{
    item->reading = true;
    batch->pieces++; /* so that no other thread takes the place */
    pthread_mutex_unlock(&batch->mutex);
    void *piece = batch->work->read(batch->work->context, item->item);
    pthread_mutex_lock(&batch->mutex);
    item->reading = false;
    if (piece == NULL) {
        item->exhausted = true;
        batch->pieces--;
        return;
    }
    *slot_at(batch, item, item->pieces++) = (struct slot){.piece = piece, .state = READY};
    item->ready++;
}

/* Whoever completes the oldest piece takes it, and those after it that are complete. */
static void take_pieces(struct batch *batch, struct item *item)
{
    if (item->taking)
        return;
    item->taking = true;
    while (item->pieces > 0 && slot_at(batch, item, 0)->state == DONE) {
        void *piece = slot_at(batch, item, 0)->piece;
        pthread_mutex_unlock(&batch->mutex);
        batch->work->take(batch->work->context, item->item, piece);
        pthread_mutex_lock(&batch->mutex);
        item->first = (item->first + 1) % batch->pieces_max;
        item->pieces--;
        batch->pieces--;
        pthread_cond_broadcast(&batch->changed);
    }
    item->taking = false;
}

static void work_at_piece(struct batch *batch, struct item *item, unsigned worker)
{
    size_t number = 0;
    while (slot_at(batch, item, number)->state != READY)
        number++;
    struct slot *slot = slot_at(batch, item, number);
    slot->state = AT_WORK;
    item->ready--;
    pthread_mutex_unlock(&batch->mutex);
    batch->work->work(batch->work->context, worker, item->item, slot->piece);
    pthread_mutex_lock(&batch->mutex);
    slot->state = DONE;
    take_pieces(batch, item);
}

/* ---- which of it ---- */

static bool may_read(const struct batch *batch, const struct item *item)
{
    return item->begun && !item->exhausted && !item->reading &&
           (batch->pieces < batch->pieces_max || item->pieces == 0);
}

static bool may_begin(const struct batch *batch, size_t open)
{
    return batch->next < batch->count && batch->next < batch->finished + batch->ahead &&
           open < batch->jobs;
}

/* Does the most urgent thing that is to be done; false if there is nothing. Reading goes before
 * work as long as little is ready, so that the other threads do not run dry. */
static bool do_something(struct batch *batch, unsigned worker)
{
    size_t open = 0;
    for (size_t index = batch->finished; index < batch->next; index++) {
        struct item *item = &batch->item[index % batch->ahead];
        bool read = may_read(batch, item);
        open += !is_complete(item);
        if (read && item->ready < batch->read_ahead)
            read_piece(batch, item);
        else if (item->ready > 0)
            work_at_piece(batch, item, worker);
        else
            continue;
        return true;
    }
    if (!may_begin(batch, open))
        return false;
    begin(batch);
    return true;
}

static bool all_complete(const struct batch *batch)
{
    if (batch->next < batch->count)
        return false;
    for (size_t index = batch->finished; index < batch->next; index++) {
        if (!is_complete(&batch->item[index % batch->ahead]))
            return false;
    }
    return true;
}

static void *run_worker(void *context)
{
    const struct worker *worker = context;
    struct batch *batch = worker->batch;
    pthread_mutex_lock(&batch->mutex);
    while (!all_complete(batch)) {
        if (do_something(batch, worker->number))
            pthread_cond_broadcast(&batch->changed);
        else
            pthread_cond_wait(&batch->changed, &batch->mutex);
    }
    pthread_mutex_unlock(&batch->mutex);
    return NULL;
}

/* ---- the caller's thread ---- */

static struct timespec tick_after(struct timespec time)
{
    time.tv_nsec += TICK_NS;
    if (time.tv_nsec >= 1000000000L) {
        time.tv_nsec -= 1000000000L;
        time.tv_sec++;
    }
    return time;
}

/* Waits for the next change, at most until the next tick is due, which it then does. Called with
 * the mutex held. */
static void wait_a_little(struct batch *batch, struct timespec *due)
{
    struct timespec now;
    pthread_cond_timedwait(&batch->changed, &batch->mutex, due);
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec < due->tv_sec || (now.tv_sec == due->tv_sec && now.tv_nsec < due->tv_nsec))
        return;
    *due = tick_after(now);
    if (batch->work->tick == NULL)
        return;
    pthread_mutex_unlock(&batch->mutex);
    batch->work->tick(batch->work->context);
    pthread_mutex_lock(&batch->mutex);
}

static void finish_all(struct batch *batch)
{
    const struct batch_work *work = batch->work;
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    due = tick_after(due);
    pthread_mutex_lock(&batch->mutex);
    while (batch->finished < batch->count) {
        const struct item *item = &batch->item[batch->finished % batch->ahead];
        if (batch->finished == batch->next || !is_complete(item)) {
            wait_a_little(batch, &due);
            continue;
        }
        void *complete = item->item;
        pthread_mutex_unlock(&batch->mutex);
        work->finish(work->context, batch->finished, complete);
        pthread_mutex_lock(&batch->mutex);
        batch->finished++;
        pthread_cond_broadcast(&batch->changed);
    }
    pthread_mutex_unlock(&batch->mutex);
}

static bool make_items(struct batch *batch)
{
    batch->item = calloc(batch->ahead, sizeof *batch->item);
    for (size_t i = 0; batch->item != NULL && i < batch->ahead; i++) {
        batch->item[i].slot = calloc(batch->pieces_max, sizeof *batch->item[i].slot);
        if (batch->item[i].slot == NULL)
            return false;
    }
    return batch->item != NULL;
}

static void free_items(struct batch *batch)
{
    for (size_t i = 0; batch->item != NULL && i < batch->ahead; i++)
        free(batch->item[i].slot);
    free(batch->item);
}

/* Fewer threads than are wanted do it too. */
static enum tutti_status run_threads(struct batch *batch, struct tutti_error *error)
{
    pthread_t thread[BATCH_MAX_JOBS];
    struct worker worker[BATCH_MAX_JOBS];
    unsigned started = 0;
    enum tutti_status status = TUTTI_OK;
    while (started < batch->jobs && status == TUTTI_OK) {
        worker[started] = (struct worker){.batch = batch, .number = started};
        status = thread_start(&thread[started], "batch", run_worker, &worker[started], error);
        if (status == TUTTI_OK)
            started++;
    }
    if (started == 0)
        return status;
    finish_all(batch);
    for (unsigned i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    return TUTTI_OK;
}

size_t batch_items_wanted(unsigned jobs)
{
    return (size_t)ITEMS_AHEAD * jobs;
}

enum tutti_status batch_run(const struct batch_work *work, size_t count, unsigned jobs,
                            struct tutti_error *error)
{
    if (jobs < 1 || jobs > BATCH_MAX_JOBS)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "the number of jobs may be 1 to %d",
                               BATCH_MAX_JOBS);
    if (count == 0)
        return TUTTI_OK;
    size_t ahead = batch_items_wanted(jobs) < count ? batch_items_wanted(jobs) : count;
    if (work->items_max > 0 && ahead > work->items_max)
        ahead = work->items_max;
    struct batch batch = {
        .work = work,
        .count = count,
        .jobs = jobs,
        .ahead = ahead,
        .pieces_max = (size_t)2 * jobs + 1,
        .read_ahead = (jobs + 1) / 2,
    };
    enum tutti_status status = TUTTI_OK;
    if (make_items(&batch)) {
        pthread_condattr_t attributes;
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_mutex_init(&batch.mutex, NULL);
        pthread_cond_init(&batch.changed, &attributes);
        pthread_condattr_destroy(&attributes);
        status = run_threads(&batch, error);
        pthread_cond_destroy(&batch.changed);
        pthread_mutex_destroy(&batch.mutex);
    } else {
        status = tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
    }
    free_items(&batch);
    return status;
}
