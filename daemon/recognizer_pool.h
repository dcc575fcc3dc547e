/* recognizer_pool.h - the threads that run the network for all sources, and the hop
 * that all of them have.
 *
 * One model serves all: its weights are packed once, and each thread has activations of
 * its own. The sources have their turns one after the other (fair_pool.h), a turn being
 * one window at most.
 *
 * A machine that is too slow for the hop stretches it for all sources alike
 * (hop_stretch.h): where it is doubled, every second hop is left out, and each source
 * leaves out another, so that the work spreads over time. The results that are made keep
 * their true times.
 *
 * Threads: new, start, stop, free, enter and leave from one thread; what only reads from
 * any; the rest as said. Memory only in recognizer_pool_new().
 */
#ifndef TUTTI_DAEMON_RECOGNIZER_POOL_H
#define TUTTI_DAEMON_RECOGNIZER_POOL_H

#include "common/status.h"
#include "daemon/fair_pool.h"
#include "daemon/messages.h"
#include "nn/model.h"
#include "nn/network.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recognizer_pool; /* opaque */

struct recognizer_pool_config {
    const struct model *model; /* must outlive the pool */
    const char *kernel;        /* NULL: fastest */
    double hop_s;              /* 0.01 ... 60; rounded to whole columns */
    unsigned threads;          /* 0: one for each core, but no more than sources */
    unsigned sources;          /* at once, 1 ... MAX_SOURCES */
};

/* Takes all memory; no thread yet. NULL with *error filled. */
struct recognizer_pool *recognizer_pool_new(const struct recognizer_pool_config *config,
                                            struct tutti_error *error);

/* Starts the threads; before any source is started. */
enum tutti_status recognizer_pool_start(struct recognizer_pool *pool, struct tutti_error *error);

/* Ends the threads, after all recognizers were joined. */
void recognizer_pool_stop(struct recognizer_pool *pool);

/* Stops if that was not done; NULL is fine. After all recognizers were freed. */
void recognizer_pool_free(struct recognizer_pool *pool);

/* What it was made for. */
const struct model *recognizer_pool_model(const struct recognizer_pool *pool);
size_t recognizer_pool_hop_columns(const struct recognizer_pool *pool);
double recognizer_pool_hop_s(const struct recognizer_pool *pool); /* as rounded, not stretched */
unsigned recognizer_pool_threads(const struct recognizer_pool *pool);
uint64_t recognizer_pool_busy_ns(const struct recognizer_pool *pool); /* as fair_pool_busy_ns() */

/* By which factor the hop is stretched now: 1 ... HOP_STRETCH_MAX. */
unsigned recognizer_pool_stretch(const struct recognizer_pool *pool);

/* The longest time between two results of a source that can be meant by the present factor and by
 * the one before: what was begun with that may not have ended. */
double recognizer_pool_longest_hop_s(const struct recognizer_pool *pool);

/* ---- for recognizers ---- */

struct recognizer_seat {
    struct fair_pool_member *member;
    unsigned number;        /* 0 ... sources - 1 */
    _Atomic size_t waiting; /* columns of captured sound that the source has ready */
    atomic_bool over;       /* its last turn has been; what is waiting no longer counts */
};

/* NULL if there are too many sources. */
struct recognizer_seat *recognizer_pool_enter(struct recognizer_pool *pool, fair_pool_turn *turn,
                                              void *context);
void recognizer_pool_leave(struct recognizer_seat *seat);

/* The network of the thread that has this turn. */
struct network *recognizer_pool_network(struct recognizer_pool *pool, unsigned thread);

/* A result is left out, because it would be too late. Real-time safe. */
void recognizer_pool_note_skip(struct recognizer_pool *pool);

/* At the end of a turn: looks whether the hop has to be stretched, if it is time for it. Real-time
 * safe. */
void recognizer_pool_look(struct recognizer_pool *pool);

/* The same at any time: looks with this clock (ns), whether it is time or not. For tests, when no
 * thread runs. */
void recognizer_pool_look_at(struct recognizer_pool *pool, uint64_t now_ns);

#endif
