/* timeline_private.h - what timeline.c (the publisher's side) and timeline_read.c
 * (the readers' side) share. For those two alone. */
#ifndef TUTTI_DAEMON_TIMELINE_PRIVATE_H
#define TUTTI_DAEMON_TIMELINE_PRIVATE_H

#include "daemon/event_log.h"
#include "daemon/history.h"
#include "daemon/presence.h"
#include "daemon/timeline.h"
#include "daemon/wall_clock.h"

#include <pthread.h>

#define TIMELINE_CUES 4096

struct timeline {
    /* Constant after timeline_new(). */
    size_t labels; /* enabled ones */
    char *label[MAX_LABELS];
    float threshold[MAX_LABELS];
    size_t source_of[MAX_LABELS]; /* from an enabled label to its place in a result */
    size_t index_of[MAX_LABELS];  /* and back */
    unsigned rate_hz;
    double hop_s;
    double window_s;
    double smoothing_s;
    char *model_name;
    char *version;
    size_t max_event_size;
    void (*changed)(void *context);
    void *context;

    /* The publisher's own. */
    struct presence *presence;
    struct presence_event *events; /* [2 * labels of a result] */
    struct wall_clock clock;
    uint64_t slept_ns;  /* by the machine, until the last result */
    uint64_t end_frame; /* of the last result */
    char *text;         /* [max_event_size] */
    struct timeline_frame next;

    /* Written by the publisher with the mutex held; readers hold it as well. */
    pthread_mutex_t mutex;
    bool latest_known;
    struct timeline_frame latest;
    struct timeline_status status;
    struct history *history;
    struct event_log *log;
    struct timeline_cue *cues; /* cue number n is at n % TIMELINE_CUES */
    uint64_t cue_count;        /* so far */
    uint64_t open_cue[MAX_LABELS];
};

#endif
