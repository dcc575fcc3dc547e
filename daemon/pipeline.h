/* pipeline.h - one source and everything behind it: capture queue, listener and
 * recognizer threads, publisher thread, timeline, health.
 *
 * Nothing in it is global: a daemon may hold several pipelines that share one
 * model.
 *
 * Threads: new, start, stop and free from one thread; the rest from any. After
 * pipeline_start() listener, recognizer and publisher allocate no memory; nor do the
 * sources while they deliver, but a decoder may, and a lost device is opened anew.
 */
#ifndef TUTTI_DAEMON_PIPELINE_H
#define TUTTI_DAEMON_PIPELINE_H

#include "common/status.h"
#include "daemon/health.h"
#include "daemon/source.h"
#include "daemon/timeline.h"
#include "nn/model.h"

#include <stdbool.h>

struct pipeline_config {
    struct source_config source;
    double hop_s;
    double smoothing_s;
    double keep_h;
    const char *kernel;     /* NULL: fastest */
    const float *threshold; /* [labels of the model]; copied */
    const bool *enabled;    /* [labels of the model]; NULL: all; copied */
};

struct pipeline; /* opaque */

/* Opens the source and takes all memory; nothing runs yet. The model must outlive it. */
struct pipeline *pipeline_new(const struct model *model, const struct pipeline_config *config,
                              struct tutti_error *error);

/* Whom to wake when the timeline changed. Before pipeline_start(). */
void pipeline_on_change(struct pipeline *pipeline, void (*changed)(void *context), void *context);

/* Starts the threads and the source, once. On failure everything is stopped again. */
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
struct timeline *pipeline_timeline(struct pipeline *pipeline);
const struct model *pipeline_model(const struct pipeline *pipeline);

struct pipeline_status {
    char source_name[256];
    char source_kind[16];
    unsigned rate_hz;
    enum source_state state;
    bool stalled; /* running, but no samples have come for 1 s (3 s at the start) */
    bool hangs;   /* lost, and only a new process can help: source_hangs() */
    uint64_t frames;
    uint64_t lost_frames;
    uint64_t overruns;
    uint64_t skipped_hops; /* hops without a result, because the machine is too slow for hop_s */
    double hop_s;
    double window_s;
    double lag_ms; /* newest result: from the arrival of the sound at its end to the timeline; what
                      a device holds in its own buffer (up to 0.2 s) comes before that */
    const char *kernel;
    double started; /* wall clock, s since 1970 UTC */
};
struct pipeline_status pipeline_status(struct pipeline *pipeline);
struct health_report pipeline_health(struct pipeline *pipeline);

#endif
