/* batch.h - numbered items, each a sequence of pieces, worked at by several threads.
 *
 * Of one item the pieces are read one after another, worked at side by side, and taken
 * in order; so a single long item keeps all threads busy. The threads prefer the first
 * item that is not complete and begin the next one only where that leaves them nothing
 * to do, so many short items keep them busy, too.
 *
 * What waits is bounded: so many pieces, and so many items that are complete before
 * their turn, as suits the number of threads, whatever the number of pieces and items.
 *
 * All callbacks get the context; what one thread left behind in an item the next one sees.
 */
#ifndef TUTTI_DAEMON_BATCH_H
#define TUTTI_DAEMON_BATCH_H

#include "common/status.h"

#include <stddef.h>

#define BATCH_MAX_JOBS 256

struct batch_work {
    void *context;
    /* Begins item `index`; NULL: it has no pieces. In any of the threads. */
    void *(*begin)(void *context, size_t index);
    /* The item's next piece; NULL: there is none any more. In any of the threads, in one at a time
     * for each item. */
    void *(*read)(void *context, void *item);
    /* The work proper, in thread number `worker` (0 ... jobs-1). At any number of pieces at once.
     */
    void (*work)(void *context, unsigned worker, void *item, void *piece);
    /* Takes over each piece of an item, in order; in any of the threads, in one at a time for each
     * item. */
    void (*take)(void *context, void *item, void *piece);
    /* Takes over each item that is complete, in order. In the caller's thread. */
    void (*finish)(void *context, size_t index, void *item);
    /* How many items may be begun and not yet finished, if not as many as suits; 0: as many as
     * suits. Fewer than threads may leave some of them idle. */
    size_t items_max;
    /* Called in the caller's thread about every 100 ms while it waits. May be NULL. */
    void (*tick)(void *context);
};

/* How many items suit so many jobs. */
size_t batch_items_wanted(unsigned jobs);

/* Does items 0 ... count-1 in `jobs` (1 to BATCH_MAX_JOBS) threads and returns when all are
 * finished. If no thread at all can be started, or memory is short: *error, and nothing was done.
 */
enum tutti_status batch_run(const struct batch_work *work, size_t count, unsigned jobs,
                            struct tutti_error *error);

#endif
