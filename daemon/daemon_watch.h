/* daemon_watch.h - tells the log what changes in a pipeline while it runs: the
 * source stalls, is lost, comes back or ends, sound is lost; and of all of them together,
 * that the machine is too slow, and of the server that clients were turned away.
 *
 * Losses and refusals are told at most once in WATCH_QUIET_S, with the sum since the last time, so
 * that a bad cable or a slow machine cannot fill a disk. Of what the source does WATCH_AT_ONCE
 * changes are told at once; from then on it is one line in WATCH_QUIET_S, until for so long there
 * was no change: how often it was lost and silent, and what is so now. Its end is told at once in
 * any case.
 *
 * Threads: the program's first one.
 */
#ifndef TUTTI_DAEMON_DAEMON_WATCH_H
#define TUTTI_DAEMON_DAEMON_WATCH_H

#include "daemon/log.h"
#include "daemon/pipeline.h"

#include <stddef.h>
#include <stdint.h>

#define WATCH_QUIET_S 60 /* the texts say: minute */
#define WATCH_AT_ONCE 4

struct daemon_watch {
    struct log *log;
    char prefix[PIPELINE_NAME_SIZE + 2]; /* "NAME: " where there are several sources */
    struct pipeline_status told;         /* what the log knows */
    uint64_t quiet_until_ns;             /* CLOCK_MONOTONIC: of losses */
    enum source_state state;             /* when it was looked at last */
    bool stalled;                        /* the same */
    unsigned changes;                    /* of these two that the log does not know, ... */
    unsigned losses;                     /* ... into being lost, ... */
    unsigned stalls;                     /* ... into being silent */
    unsigned at_once;                    /* so many more are told at once */
    uint64_t changes_quiet_until_ns;     /* CLOCK_MONOTONIC: of the others */
};

/* What is not so from the start on is told by the first daemon_watch_take(): that the source runs
 * and nothing was lost. name: of the source, to begin each line with; NULL: there is but one. */
void daemon_watch_init(struct daemon_watch *watch, struct log *log, const char *name);

/* To be called every now and then with the status of that moment. */
void daemon_watch_take(struct daemon_watch *watch, const struct pipeline_status *status,
                       uint64_t now_ns);

/* What all sources have in common, because they share the recognizers. */
struct speed_watch {
    struct log *log;
    size_t sources;
    unsigned hop_stretch;    /* what the log knows */
    uint64_t skipped_hops;   /* the same, the sum of all */
    uint64_t quiet_until_ns; /* CLOCK_MONOTONIC */
};

/* For so many sources; as daemon_watch_init(). */
void speed_watch_init(struct speed_watch *watch, struct log *log, size_t sources);

/* Tells that the hop is stretched by another factor than before, and that results were left out.
 * status: of any source; skipped_hops: the sum of all. */
void speed_watch_take(struct speed_watch *watch, const struct pipeline_status *status,
                      uint64_t skipped_hops, uint64_t now_ns);

struct refusal_watch {
    struct log *log;
    uint64_t told;           /* refusals that the log knows */
    uint64_t quiet_until_ns; /* CLOCK_MONOTONIC */
};

void refusal_watch_init(struct refusal_watch *watch, struct log *log);

/* refused: server_refused_streams(). */
void refusal_watch_take(struct refusal_watch *watch, uint64_t refused, uint64_t now_ns);

#endif
