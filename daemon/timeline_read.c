/* timeline_read.c - the readers' side of timeline.h: copies under the mutex. */
#include "daemon/api_json.h"
#include "daemon/timeline_private.h"

#include <math.h>

#define FRAMES_PER_LOCK 512 /* so that the publisher waits for microseconds */

size_t timeline_labels(const struct timeline *timeline)
{
    return timeline->labels;
}

const char *timeline_label(const struct timeline *timeline, size_t index)
{
    return timeline->label[index];
}

const char *const *timeline_label_names(const struct timeline *timeline)
{
    return (const char *const *)timeline->label;
}

float timeline_threshold(const struct timeline *timeline, size_t index)
{
    return timeline->threshold[index];
}

float timeline_leave_threshold(const struct timeline *timeline, size_t index)
{
    return presence_leave_threshold(timeline->presence, timeline->source_of[index]);
}

double timeline_smoothing_s(const struct timeline *timeline)
{
    return timeline->smoothing_s;
}

const char *timeline_version(const struct timeline *timeline)
{
    return timeline->version;
}

bool timeline_now(struct timeline *timeline, struct timeline_frame *frame)
{
    pthread_mutex_lock(&timeline->mutex);
    bool known = timeline->latest_known;
    if (known) {
        *frame = timeline->latest;
    }
    pthread_mutex_unlock(&timeline->mutex);
    return known;
}

struct timeline_status timeline_status(struct timeline *timeline)
{
    pthread_mutex_lock(&timeline->mutex);
    struct timeline_status status = timeline->status;
    pthread_mutex_unlock(&timeline->mutex);
    return status;
}

/* ---- history ---- */

static uint64_t frame_of(const struct timeline *timeline, double t)
{
    double frames = round(t * timeline->rate_hz);
    return frames > 0 ? frames < 9e18 ? (uint64_t)frames : (uint64_t)9e18 : 0;
}

bool timeline_history_step(struct timeline *timeline, double from_s, double to_s,
                           struct timeline_step *step)
{
    uint64_t from = frame_of(timeline, from_s);
    uint64_t to = frame_of(timeline, to_s);
    struct history_sum sum = {0};
    uint64_t entry = 0;
    for (bool first = true, more = true; more; first = false) {
        pthread_mutex_lock(&timeline->mutex);
        if (first) {
            entry = history_find(timeline->history, from);
        }
        uint64_t before = entry;
        history_accumulate(timeline->history, &entry, to, FRAMES_PER_LOCK, &sum);
        more = entry - before >= FRAMES_PER_LOCK;
        pthread_mutex_unlock(&timeline->mutex);
    }
    if (sum.entries == 0) {
        return false;
    }
    step->t = from_s;
    step->frames = sum.entries;
    step->level_dbfs = sum.level_dbfs;
    for (size_t i = 0; i < timeline->labels; i++) {
        step->probability[i] = (float)((double)sum.probability[i] / 255 / (double)sum.entries);
    }
    return true;
}

size_t timeline_history(struct timeline *timeline, double from_s, double to_s, double step_s,
                        size_t max_steps,
                        void (*visit)(void *context, const struct timeline_step *step),
                        void *context)
{
    size_t visited = 0;
    for (size_t i = 0; i < max_steps; i++) {
        double begin_s = from_s + (double)i * step_s;
        double end_s = fmin(from_s + (double)(i + 1) * step_s, to_s);
        if (!(begin_s < end_s)) {
            break;
        }
        struct timeline_step step;
        if (timeline_history_step(timeline, begin_s, end_s, &step)) {
            visit(context, &step);
            visited++;
        }
    }
    return visited;
}

size_t timeline_cues(struct timeline *timeline, struct timeline_cue *cues, size_t capacity)
{
    pthread_mutex_lock(&timeline->mutex);
    uint64_t count = timeline->cue_count < TIMELINE_CUES ? timeline->cue_count : TIMELINE_CUES;
    uint64_t oldest = timeline->cue_count - count;
    for (uint64_t i = 0; i < count && i < capacity; i++) {
        cues[i] = timeline->cues[(oldest + i) % TIMELINE_CUES];
    }
    pthread_mutex_unlock(&timeline->mutex);
    return (size_t)count;
}

/* ---- events ---- */

size_t timeline_max_event_size(const struct timeline *timeline)
{
    return timeline->max_event_size;
}

size_t timeline_read_events(struct timeline *timeline, uint64_t *last_id, uint64_t *dropped,
                            char *text, size_t size)
{
    pthread_mutex_lock(&timeline->mutex);
    size_t length = event_log_read(timeline->log, last_id, dropped, text, size);
    pthread_mutex_unlock(&timeline->mutex);
    return length;
}

uint64_t timeline_last_id(struct timeline *timeline)
{
    pthread_mutex_lock(&timeline->mutex);
    uint64_t id = event_log_next_id(timeline->log) - 1;
    pthread_mutex_unlock(&timeline->mutex);
    return id;
}

size_t timeline_hello(struct timeline *timeline, char *text, size_t size)
{
    struct json_writer writer;
    json_writer_init(&writer, text, size);
    api_event_begin(&writer, 0, "hello");
    api_write_hello(&writer, timeline_label_names(timeline), timeline->labels, timeline->window_s,
                    timeline->hop_s, timeline->model_name, timeline->version);
    api_event_end(&writer);
    return writer.overflow ? 0 : writer.length;
}
