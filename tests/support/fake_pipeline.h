/* fake_pipeline.h - a pipeline that is played by the test: a real timeline and real
 * health behind the reading functions of daemon/pipeline.h, without sound. Link it
 * instead of the pipeline's library.
 */
#ifndef TUTTI_TESTS_FAKE_PIPELINE_H
#define TUTTI_TESTS_FAKE_PIPELINE_H

#include "daemon/pipeline.h"

#define FAKE_RATE_HZ 48000
#define FAKE_HOP_FRAMES 12000
#define FAKE_LABELS 3 /* cello, flute, piano */

/* Its model is that of tiny_model.h. */
struct pipeline *fake_pipeline_new(const char *name);
void fake_pipeline_free(struct pipeline *pipeline);

/* Adds the next result, with these probabilities (FAKE_LABELS), and wakes whoever is to be woken.
 */
void fake_pipeline_add(struct pipeline *pipeline, float cello, float flute, float piano);
/* The same after a loss. */
void fake_pipeline_lose(struct pipeline *pipeline, unsigned hops);

/* Changes what pipeline_status() and, through the timeline, status events tell. */
void fake_pipeline_set_source(struct pipeline *pipeline, const char *name, enum source_state state,
                              bool stalled);
/* The same for pipeline_status().hop_stretch and the status event. */
void fake_pipeline_set_stretch(struct pipeline *pipeline, unsigned stretch);
/* And for the counters of pipeline_status(). */
void fake_pipeline_set_counters(struct pipeline *pipeline, uint64_t frames, uint64_t lost_frames,
                                uint64_t overruns, uint64_t skipped_hops);
/* Makes a stage silent for late_s (0: all are fine). */
void fake_pipeline_set_late(struct pipeline *pipeline, enum health_stage stage, double late_s);

#endif
