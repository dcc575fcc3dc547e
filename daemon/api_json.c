/* api_json.c - see api_json.h */
#include "daemon/api_json.h"

#define TIME_DECIMALS 3
#define LEVEL_DECIMALS 1
#define PROBABILITY_DECIMALS 3

static void write_named(struct json_writer *writer, const char *key, double value,
                        unsigned decimals)
{
    json_write_key(writer, key);
    json_write_number(writer, value, decimals);
}

static void write_probabilities(struct json_writer *writer, const float *probability, size_t labels)
{
    json_write_key(writer, "p");
    json_write_array_begin(writer);
    for (size_t i = 0; i < labels; i++) {
        json_write_number(writer, (double)probability[i], PROBABILITY_DECIMALS);
    }
    json_write_array_end(writer);
}

void api_write_labels(struct json_writer *writer, const char *const *label, size_t labels)
{
    json_write_array_begin(writer);
    for (size_t i = 0; i < labels; i++) {
        json_write_string(writer, label[i]);
    }
    json_write_array_end(writer);
}

void api_event_begin(struct json_writer *writer, uint64_t id, const char *name)
{
    writer->comma = false;
    if (id != 0) {
        json_write_raw(writer, "id: ");
        json_write_integer(writer, id);
        json_write_raw(writer, "\n");
        writer->comma = false;
    }
    json_write_raw(writer, "event: ");
    json_write_raw(writer, name);
    json_write_raw(writer, "\ndata: ");
}

void api_event_end(struct json_writer *writer)
{
    json_write_raw(writer, "\n\n");
    writer->comma = false;
}

/* Its fields. */
static void write_frame(struct json_writer *writer, const struct timeline_frame *frame,
                        const char *const *label, size_t labels)
{
    json_write_key(writer, "seq");
    json_write_integer(writer, frame->sequence);
    write_named(writer, "t", frame->t, TIME_DECIMALS);
    write_named(writer, "time", frame->time, TIME_DECIMALS);
    write_named(writer, "level_dbfs", (double)frame->level_dbfs, LEVEL_DECIMALS);
    write_named(writer, "peak_dbfs", (double)frame->peak_dbfs, LEVEL_DECIMALS);
    json_write_key(writer, "clipped");
    json_write_boolean(writer, frame->clipped);
    write_probabilities(writer, frame->probability, labels);
    json_write_key(writer, "on");
    json_write_array_begin(writer);
    for (size_t i = 0; i < labels; i++) {
        if (frame->present[i]) {
            json_write_string(writer, label[i]);
        }
    }
    json_write_array_end(writer);
}

void api_write_frame(struct json_writer *writer, const struct timeline_frame *frame,
                     const char *const *label, size_t labels)
{
    json_write_object_begin(writer);
    write_frame(writer, frame, label, labels);
    json_write_object_end(writer);
}

void api_write_now(struct json_writer *writer, const struct timeline_frame *frame, double age_s,
                   const char *const *label, size_t labels)
{
    json_write_object_begin(writer);
    write_frame(writer, frame, label, labels);
    write_named(writer, "age_s", age_s, TIME_DECIMALS);
    json_write_object_end(writer);
}

void api_write_change(struct json_writer *writer, const char *label, double t, double time,
                      double confidence)
{
    json_write_object_begin(writer);
    json_write_key(writer, "label");
    json_write_string(writer, label);
    write_named(writer, "t", t, TIME_DECIMALS);
    write_named(writer, "time", time, TIME_DECIMALS);
    write_named(writer, "confidence", confidence, PROBABILITY_DECIMALS);
    json_write_object_end(writer);
}

void api_write_status(struct json_writer *writer, const struct timeline_status *status)
{
    json_write_object_begin(writer);
    json_write_key(writer, "source");
    json_write_string(writer, status->source);
    json_write_key(writer, "state");
    json_write_string(writer, status->state);
    json_write_key(writer, "overruns");
    json_write_integer(writer, status->overruns);
    json_write_key(writer, "hop_stretch");
    json_write_integer(writer, status->hop_stretch);
    write_named(writer, "lag_ms", status->lag_ms, 1);
    json_write_object_end(writer);
}

void api_write_gap(struct json_writer *writer, double t, double lost_s)
{
    json_write_object_begin(writer);
    write_named(writer, "t", t, TIME_DECIMALS);
    write_named(writer, "lost_s", lost_s, TIME_DECIMALS);
    json_write_object_end(writer);
}

void api_write_lagged(struct json_writer *writer, uint64_t dropped)
{
    json_write_object_begin(writer);
    json_write_key(writer, "dropped");
    json_write_integer(writer, dropped);
    json_write_object_end(writer);
}

void api_write_hello(struct json_writer *writer, const char *const *label, size_t labels,
                     double window_s, double hop_s, const char *model, const char *version)
{
    json_write_object_begin(writer);
    json_write_key(writer, "labels");
    api_write_labels(writer, label, labels);
    write_named(writer, "window_s", window_s, TIME_DECIMALS);
    write_named(writer, "hop_s", hop_s, TIME_DECIMALS);
    json_write_key(writer, "model");
    json_write_string(writer, model);
    json_write_key(writer, "version");
    json_write_string(writer, version);
    json_write_object_end(writer);
}

void api_write_step(struct json_writer *writer, const struct timeline_step *step, size_t labels)
{
    json_write_object_begin(writer);
    write_named(writer, "t", step->t, TIME_DECIMALS);
    write_named(writer, "level_dbfs", (double)step->level_dbfs, LEVEL_DECIMALS);
    write_probabilities(writer, step->probability, labels);
    json_write_object_end(writer);
}
