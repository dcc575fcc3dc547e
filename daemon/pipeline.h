/* pipeline.h - one source and everything behind it: capture queue, listener thread,
 * recognizer, publisher thread, timeline, health.
 *
 * Nothing in it is global: a daemon may hold several pipelines, which share the
 * model and the threads of one pool of recognizers.
 *
 * Threads: new, start, stop and free from one thread; the rest from any. After
 * pipeline_start() listener, recognizer and publisher allocate no memory; nor do the
 * sources while they deliver, but a decoder may, and a lost device is opened anew.
 */
#ifndef TUTTI_DAEMON_PIPELINE_H
#define TUTTI_DAEMON_PIPELINE_H

#include "common/status.h"
#include "daemon/health.h"
#include "daemon/recognizer_pool.h"
#include "daemon/source.h"
#include "daemon/timeline.h"
#include "nn/model.h"

#include <stdbool.h>

#define PIPELINE_NAME_SIZE 33

struct pipeline_config {
    const char *name; /* among the pipelines of a daemon; at most 32 bytes; copied */
    struct source_config source;
    double smoothing_s;
    double keep_h;
    size_t log_bytes;       /* timeline.h */
    const float *threshold; /* [labels of the model]; copied */
    const bool *enabled;    /* [labels of the model]; NULL: all; copied */
};

struct pipeline; /* opaque */

/* Opens the source and takes all memory; nothing runs yet. The pool must outlive it, and has model,
 * kernel and hop. NULL with *error filled. */
struct pipeline *pipeline_new(struct recognizer_pool *pool, const struct pipeline_config *config,
                              struct tutti_error *error);

/* Whom to wake when the timeline changed. Before pipeline_start(). */
void pipeline_on_change(struct pipeline *pipeline, void (*changed)(void *context), void *context);

/* Starts the threads and the source, once. The pool must run, up to pipeline_stop(). On failure
 * everything is stopped again. */
enum tutti_status pipeline_start(struct pipeline *pipeline, struct tutti_error *error);

/* True once the source has ended and everything it delivered is in the timeline. */
bool pipeline_done(const struct pipeline *pipeline);

/* Stops the source and all threads, in the order of the sound; what was captured is still
 * published. The timeline and the rest can be read until pipeline_free(). Twice is as good as once.
 */
void pipeline_stop(struct pipeline *pipeline);

/* Stops if that was not done; NULL is fine. */
void pipeline_free(struct pipeline *pipeline);

/* For those who report. */
const char *pipeline_name(const struct pipeline *pipeline);
struct timeline *pipeline_timeline(struct pipeline *pipeline);
const struct model *pipeline_model(const struct pipeline *pipeline);

struct pipeline_status {
    char source_name[256];
    char source_kind[16];
    unsigned rate_hz;
    enum source_state state;
    bool stalled;           /* running, but no samples have come for 1 s (3 s at the start) */
    const char *looks_like; /* source_looks_like() */
    bool hangs;             /* lost, and only a new process can help: source_hangs() */
    uint64_t frames;
    uint64_t lost_frames;
    uint64_t overruns;
    uint64_t skipped_hops; /* hops without a result, because the machine is too slow for hop_s, as
                              it was stretched at that time */
    double hop_s;
    unsigned hop_stretch; /* results come every hop_s * hop_stretch; 1, or more on a machine that is
                             too slow: recognizer_pool.h */
    double window_s;
    double lag_ms; /* newest result: from the arrival of the sound at its end to the timeline; what
                      a device holds in its own buffer (up to 0.2 s) comes before that */
    const char *kernel;
    double started; /* wall clock, s since 1970 UTC */
};
struct pipeline_status pipeline_status(struct pipeline *pipeline);
struct health_report pipeline_health(struct pipeline *pipeline);

#endif
