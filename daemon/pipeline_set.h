/* pipeline_set.h - all sources of the settings, each with its pipeline, and the pool of
 * recognizers that they share.
 *
 * Threads: one.
 */
#ifndef TUTTI_DAEMON_PIPELINE_SET_H
#define TUTTI_DAEMON_PIPELINE_SET_H

#include "common/status.h"
#include "daemon/pipeline.h"
#include "daemon/settings.h"

#include <stdbool.h>
#include <stddef.h>

struct pipeline_set {
    struct recognizer_pool *pool;
    size_t count;
    struct pipeline *pipeline[MAX_SOURCES]; /* in the order of settings_sources() */
    const struct settings_source *source[MAX_SOURCES];
};

/* Opens every source: all or none. threshold and enabled are those of pipeline_config; settings and
 * model must outlive the set. NULL with a sentence that names the source, if there are several. */
struct pipeline_set *pipeline_set_new(const struct settings *settings, const struct model *model,
                                      const float *threshold, const bool *enabled,
                                      struct tutti_error *error);

/* Starts every pipeline. On failure pipeline_set_stop() stops what was started. */
enum tutti_status pipeline_set_start(struct pipeline_set *set, struct tutti_error *error);

/* Stops every pipeline, as pipeline_stop(). Twice is as good as once. */
void pipeline_set_stop(struct pipeline_set *set);

/* Stops if that was not done; NULL is fine. */
void pipeline_set_free(struct pipeline_set *set);

/* True once all sources have ended, everything they delivered is in the timelines, and none of
 * them is to stay (at_end). */
bool pipeline_set_done(const struct pipeline_set *set);

#endif
