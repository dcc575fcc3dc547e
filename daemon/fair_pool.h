/* fair_pool.h - a few threads that serve many members in turn, so that none starves.
 *
 * A member is called when it has something to do, and waits in line: whoever was
 * called first has the next turn, and who wants another goes to the end of the line.
 * So a member waits for one turn of each other at most, however much those have to do.
 * One member is never served by two threads at once; what one turn of it has written
 * is seen by its next, on whichever thread.
 *
 * Threads: new, start, stop, free, enter and leave from one thread; fair_pool_call() from
 * any. Memory only in fair_pool_new(). A thread of the pool waits for calls alone, and
 * neither it nor who calls allocates or locks: calling is real-time safe (a few atomic
 * operations and a sem_post()).
 */
#ifndef TUTTI_DAEMON_FAIR_POOL_H
#define TUTTI_DAEMON_FAIR_POOL_H

#include "common/status.h"

#include <stdbool.h>
#include <stdint.h>

#define FAIR_POOL_MAX_THREADS 256
#define FAIR_POOL_MAX_MEMBERS 256

struct fair_pool;        /* opaque */
struct fair_pool_member; /* opaque */

enum fair_pool_next {
    FAIR_POOL_IDLE, /* nothing left to do; what came meanwhile is told by another call */
    FAIR_POOL_MORE, /* there is more: another turn, after all who wait */
    FAIR_POOL_OVER, /* no turn any more */
};

/* One turn of a member, on the pool's thread with this number (0 ... threads - 1). */
typedef enum fair_pool_next fair_pool_turn(void *context, unsigned thread);

/* threads 1 ... FAIR_POOL_MAX_THREADS, members (at most so many at once) 1 ...
 * FAIR_POOL_MAX_MEMBERS. NULL if out of range or memory is short. */
struct fair_pool *fair_pool_new(unsigned threads, unsigned members);

/* Starts the threads, all with this name (thread.h); once. */
enum tutti_status fair_pool_start(struct fair_pool *pool, const char *name,
                                  struct tutti_error *error);

/* Ends the threads after their present turns; turns that others wait for are not taken any more,
 * so end the members first. Twice is as good as once. */
void fair_pool_stop(struct fair_pool *pool);

/* Stops if that was not done; NULL is fine. */
void fair_pool_free(struct fair_pool *pool);

/* A new member, which has no turn before it is called. NULL if all places are taken. */
struct fair_pool_member *fair_pool_enter(struct fair_pool *pool, fair_pool_turn *turn,
                                         void *context);

/* There is something to do. Calls count as one until the member's turn begins; one during its turn
 * gives it another. Nothing once it is over. */
void fair_pool_call(struct fair_pool_member *member);

/* Waits until a turn was FAIR_POOL_OVER, and the pool has forgotten the context. One thread. */
void fair_pool_wait_until_over(struct fair_pool_member *member);

/* Gives the place back: of a member that is over, or that was never called. NULL is fine. */
void fair_pool_leave(struct fair_pool_member *member);

unsigned fair_pool_threads(const struct fair_pool *pool);

/* Time that all threads together have spent in turns so far (CLOCK_MONOTONIC, so that it counts
 * when another program has the processor), those under way not included. Any thread. */
uint64_t fair_pool_busy_ns(const struct fair_pool *pool);

#endif
