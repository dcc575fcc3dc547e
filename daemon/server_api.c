/* server_api.c - info, now, cues: of one source. */
#include "daemon/api_json.h"
#include "daemon/clock.h"
#include "daemon/cue_export.h"
#include "daemon/server_private.h"

#include <stdlib.h>
#include <string.h>

#define CUE_TEXT_SIZE 256 /* of most; the buffer grows if labels are long */

const char *source_state_name(const struct pipeline_status *status)
{
    static const char *const name[] = {"starting", "running", "ended", "lost"};
    return status->state == SOURCE_RUNNING && status->stalled ? "stalled" : name[status->state];
}

static void write_model(struct json_writer *writer, const struct model *model)
{
    json_write_key(writer, "model");
    json_write_object_begin(writer);
    json_write_key(writer, "name");
    json_write_string(writer, model_name(model));
    json_write_key(writer, "sha256");
    json_write_string(writer, model_sha256(model));
    json_write_key(writer, "multiply_adds");
    json_write_integer(writer, model_multiply_adds(model));
    json_write_object_end(writer);
}

void write_source_fields(struct json_writer *writer, const struct pipeline *pipeline,
                         const struct pipeline_status *status)
{
    json_write_key(writer, "name");
    json_write_string(writer, pipeline_name(pipeline));
    json_write_key(writer, "input");
    json_write_string(writer, status->source_name);
    json_write_key(writer, "kind");
    json_write_string(writer, status->source_kind);
    json_write_key(writer, "rate_hz");
    json_write_integer(writer, status->rate_hz);
    json_write_key(writer, "state");
    json_write_string(writer, source_state_name(status));
}

void write_number(struct json_writer *writer, const char *key, double value)
{
    json_write_key(writer, key);
    json_write_number(writer, value, 3);
}

static void write_info(struct json_writer *writer, const struct request *request)
{
    const struct timeline *timeline = request->timeline;
    const struct pipeline_status status = pipeline_status(request->pipeline);
    size_t labels = timeline_labels(timeline);
    json_write_object_begin(writer);
    json_write_key(writer, "version");
    json_write_string(writer, timeline_version(timeline));
    write_model(writer, pipeline_model(request->pipeline));
    json_write_key(writer, "labels");
    api_write_labels(writer, timeline_label_names(timeline), labels);
    json_write_key(writer, "thresholds");
    json_write_array_begin(writer);
    for (size_t i = 0; i < labels; i++) {
        json_write_number(writer, (double)timeline_threshold(timeline, i), 3);
    }
    json_write_array_end(writer);
    json_write_key(writer, "leave_thresholds");
    json_write_array_begin(writer);
    for (size_t i = 0; i < labels; i++) {
        json_write_number(writer, (double)timeline_leave_threshold(timeline, i), 3);
    }
    json_write_array_end(writer);
    write_number(writer, "window_s", status.window_s);
    write_number(writer, "hop_s", status.hop_s);
    json_write_key(writer, "hop_stretch");
    json_write_integer(writer, status.hop_stretch);
    write_number(writer, "smoothing_s", timeline_smoothing_s(timeline));
    json_write_key(writer, "source");
    json_write_object_begin(writer);
    write_source_fields(writer, request->pipeline, &status);
    json_write_object_end(writer);
    json_write_key(writer, "kernel");
    json_write_string(writer, status.kernel);
    write_number(writer, "started", status.started);
    write_number(writer, "uptime_s",
                 (double)(clock_boot_ns() - request->server->started_boot_ns) / CLOCK_NS_PER_S);
    json_write_key(writer, "cues");
    json_write_boolean(writer, true);
    json_write_object_end(writer);
}

enum MHD_Result handle_info(const struct request *request)
{
    struct tutti_error error;
    if (!query_read(request, NULL, 0, &error)) {
        return reply_error(request, MHD_HTTP_BAD_REQUEST, "%s", error.text);
    }
    size_t size = 8192 + timeline_max_event_size(request->timeline);
    char *text = malloc(size);
    if (text == NULL) {
        return MHD_NO;
    }
    struct json_writer writer;
    json_writer_init(&writer, text, size);
    write_info(&writer, request);
    enum MHD_Result result = reply_json(request, MHD_HTTP_OK, &writer);
    free(text);
    return result;
}

enum MHD_Result handle_now(const struct request *request)
{
    struct timeline *timeline = request->timeline;
    struct tutti_error error;
    if (!query_read(request, NULL, 0, &error)) {
        return reply_error(request, MHD_HTTP_BAD_REQUEST, "%s", error.text);
    }
    struct timeline_frame frame;
    if (!timeline_now(timeline, &frame)) {
        return reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "nothing has been heard yet");
    }
    size_t size = timeline_max_event_size(timeline);
    char *text = malloc(size);
    if (text == NULL) {
        return MHD_NO;
    }
    struct json_writer writer;
    json_writer_init(&writer, text, size);
    const uint64_t now_ns = clock_monotonic_ns();
    const double age_s =
        now_ns > frame.heard_ns ? (double)(now_ns - frame.heard_ns) / CLOCK_NS_PER_S : 0;
    api_write_now(&writer, &frame, age_s, timeline_label_names(timeline),
                  timeline_labels(timeline));
    enum MHD_Result result = reply_json(request, MHD_HTTP_OK, &writer);
    free(text);
    return result;
}

/* ---- cues ---- */

struct cue_text {
    char *bytes;
    size_t length;
    size_t size;
    bool failed;
};

static void append_text(void *context, const char *bytes, size_t length)
{
    struct cue_text *text = context;
    if (text->failed) {
        return;
    }
    if (length > text->size - text->length) {
        size_t size = 2 * text->size + length;
        char *larger = realloc(text->bytes, size);
        if (larger == NULL) {
            text->failed = true;
            return;
        }
        text->bytes = larger;
        text->size = size;
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

static int by_entry(const void *first, const void *second)
{
    const struct cue *a = first;
    const struct cue *b = second;
    return a->on_s != b->on_s ? (a->on_s > b->on_s) - (a->on_s < b->on_s)
                              : strcmp(a->label, b->label);
}

/* All cues held, with their names, by time of entry, where the timeline has them in the order in
 * which it became sure of them; the caller frees them. NULL if memory is short. */
static struct cue *copy_cues(struct timeline *timeline, size_t *count)
{
    const size_t capacity = timeline_cues(timeline, NULL, 0);
    struct timeline_cue *held = calloc(capacity + 1, sizeof *held);
    struct cue *cues = calloc(capacity + 1, sizeof *cues);
    if (held == NULL || cues == NULL) {
        free(held);
        free(cues);
        return NULL;
    }
    *count = timeline_cues(timeline, held, capacity);
    *count = *count < capacity ? *count : capacity; /* there may be more meanwhile */
    for (size_t i = 0; i < *count; i++) {
        cues[i] = (struct cue){.label = timeline_label(timeline, held[i].label),
                               .on_s = held[i].on_s,
                               .off_s = held[i].off_s,
                               .time = held[i].on_time,
                               .confidence = held[i].confidence};
    }
    free(held);
    qsort(cues, *count, sizeof *cues, by_entry);
    return cues;
}

static struct MHD_Response *cue_response(const struct request *request, enum cue_format format)
{
    struct cue_text text = {.size = CUE_TEXT_SIZE, .bytes = malloc(CUE_TEXT_SIZE)};
    size_t count;
    struct cue *cues = copy_cues(request->timeline, &count);
    text.failed = text.bytes == NULL || cues == NULL;
    if (!text.failed) {
        struct timeline_frame frame = {.t = 0};
        (void)timeline_now(request->timeline, &frame);
        const struct pipeline_status status = pipeline_status(request->pipeline);
        bool json = format == CUE_JSON;
        append_text(&text, "{\"cues\":", json ? strlen("{\"cues\":") : 0);
        cue_export(format, cues, count, frame.t, status.source_name, append_text, &text);
        append_text(&text, "}\n", json ? strlen("}\n") : 0);
    }
    free(cues);
    if (text.failed) {
        free(text.bytes);
        return NULL;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text.length, text.bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text.bytes);
    }
    return response;
}

enum MHD_Result handle_cues(const struct request *request)
{
    struct query_parameter query[] = {{.name = "format"}};
    struct tutti_error error;
    enum cue_format format = CUE_JSON;
    if (!query_read(request, query, 1, &error)) {
        return reply_error(request, MHD_HTTP_BAD_REQUEST, "%s", error.text);
    }
    if (query[0].value != NULL && !cue_format_parse(query[0].value, &format)) {
        return reply_error(request, MHD_HTTP_BAD_REQUEST,
                           "format '%.32s' is unknown: json, csv, audacity or cue", query[0].value);
    }
    return reply_send(request, MHD_HTTP_OK, cue_response(request, format),
                      cue_format_content_type(format));
}
