/* batch.h - numbered pieces of work done by several threads, their results taken in
 * order by the one that asked.
 *
 * Workers run ahead of the taker by a few pieces at most, so that the results that
 * wait do not pile up.
 */
#ifndef TUTTI_DAEMON_BATCH_H
#define TUTTI_DAEMON_BATCH_H

#include "common/status.h"

#include <stddef.h>

#define BATCH_MAX_JOBS 256

struct batch_work {
    void *context;
    /* Does piece `index` and returns its result, which may be NULL. In any of the threads. */
    void *(*work)(void *context, size_t index);
    /* Takes over the result of each piece, in order. In the caller's thread. */
    void (*take)(void *context, size_t index, void *result);
    /* Called in the caller's thread about every 100 ms while it waits. May be NULL. */
    void (*tick)(void *context);
};

/* Does pieces 0 ... count-1 in up to `jobs` (1 to BATCH_MAX_JOBS) threads and returns when all are
 * taken. If no thread at all can be started, or memory is short: *error, and nothing was done. */
enum tutti_status batch_run(const struct batch_work *work, size_t count, unsigned jobs,
                            struct tutti_error *error);

#endif
