/* api_json.h - the objects of the HTTP API as JSON, and the events of its stream.
 *
 * The only place where the names of their fields stand; tests/daemon/
 * test_api_contract.c pins them. Times are rounded to 1 ms, levels to 0.1 dB,
 * probabilities to 0.001.
 *
 * No allocation, no state; any thread.
 */
#ifndef TUTTI_DAEMON_API_JSON_H
#define TUTTI_DAEMON_API_JSON_H

#include "daemon/json_writer.h"
#include "daemon/timeline.h"

/* An event of the stream (HTML standard, 9.2 "Server-sent events") is written as
 * api_event_begin(), one object, api_event_end(). id 0: an event without id. */
void api_event_begin(struct json_writer *writer, uint64_t id, const char *name);
void api_event_end(struct json_writer *writer);

/* {"seq","t","time","level_dbfs","peak_dbfs","clipped","p":[...],"on":[...]} */
void api_write_frame(struct json_writer *writer, const struct timeline_frame *frame,
                     const char *const *label, size_t labels);

/* The same and "age_s": how many seconds ago the end of its sound arrived. */
void api_write_now(struct json_writer *writer, const struct timeline_frame *frame, double age_s,
                   const char *const *label, size_t labels);

/* {"label","t","time","confidence"}: an onset or offset. */
void api_write_change(struct json_writer *writer, const char *label, double t, double time,
                      double confidence);

/* {"source","state","overruns","hop_stretch","lag_ms"} */
void api_write_status(struct json_writer *writer, const struct timeline_status *status);

/* {"t","lost_s"}: t is where the sound goes on. */
void api_write_gap(struct json_writer *writer, double t, double lost_s);

/* {"dropped"} */
void api_write_lagged(struct json_writer *writer, uint64_t dropped);

/* {"labels":[...],"window_s","hop_s","model","version"} */
void api_write_hello(struct json_writer *writer, const char *const *label, size_t labels,
                     double window_s, double hop_s, const char *model, const char *version);

/* {"t","level_dbfs","p":[...]}: a step of history. */
void api_write_step(struct json_writer *writer, const struct timeline_step *step, size_t labels);

void api_write_labels(struct json_writer *writer, const char *const *label, size_t labels);

#endif
