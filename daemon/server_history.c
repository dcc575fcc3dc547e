/* server_history.c - probabilities over time. The answer is made while it is sent, at
 * most WORK_MAX results of the history for each piece: it takes little memory, and a
 * long one, or one with long steps, does not keep the streams waiting. Where a piece
 * ends within a step, it is padded by a space, which JSON allows between values. */
#include "daemon/api_json.h"
#include "daemon/number.h"
#include "daemon/server_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SPAN_S 120.0
#define DEFAULT_STEPS 600
#define BLOCK_SIZE 4096
#define PART_HOPS 2048 /* of a step that are summed up at once */
#define WORK_MAX 8192  /* results to sum up for a piece */
#define LARGEST_S 1e9  /* thirty years */

struct history_answer {
    struct timeline *timeline;
    double from_s, to_s, step_s;
    double heard_s; /* when it was asked: nothing is looked for behind it */
    double part_s;  /* of a step that is summed up at once */
    size_t next;    /* step */
    size_t steps;   /* how many */
    /* The present step as far as it is summed up. */
    size_t part; /* the next one */
    size_t frames;
    float level_dbfs;
    double sum[MAX_LABELS];
    bool comma; /* a step was written */
    bool ended;
    size_t size; /* of text */
    size_t length;
    size_t sent;
    char text[];
};

static void write_head(struct history_answer *answer)
{
    struct json_writer writer;
    json_writer_init(&writer, answer->text, answer->size);
    json_write_object_begin(&writer);
    json_write_key(&writer, "labels");
    api_write_labels(&writer, timeline_label_names(answer->timeline),
                     timeline_labels(answer->timeline));
    json_write_key(&writer, "from");
    json_write_number(&writer, answer->from_s, 3);
    json_write_key(&writer, "to");
    json_write_number(&writer, answer->to_s, 3);
    json_write_key(&writer, "step_s");
    json_write_number(&writer, answer->step_s, 6);
    json_write_key(&writer, "steps");
    json_write_array_begin(&writer);
    answer->length = writer.length;
}

/* Adds the next part of the present step; false when that was the last one. *work counts results.
 */
static bool sum_part(struct history_answer *answer, size_t *work)
{
    const double i = (double)answer->next;
    const double begin_s = answer->from_s + i * answer->step_s;
    const double end_s =
        fmin(answer->from_s + (i + 1) * answer->step_s, fmin(answer->to_s, answer->heard_s));
    const double part_s = begin_s + (double)answer->part * answer->part_s;
    const double part_end_s = fmin(begin_s + (double)(answer->part + 1) * answer->part_s, end_s);
    const size_t labels = timeline_labels(answer->timeline);
    struct timeline_step step;
    if (part_s < part_end_s && timeline_history_step(answer->timeline, part_s, part_end_s, &step)) {
        for (size_t k = 0; k < labels; k++) {
            answer->sum[k] += (double)step.probability[k] * (double)step.frames;
        }
        answer->level_dbfs =
            answer->frames > 0 ? fmaxf(answer->level_dbfs, step.level_dbfs) : step.level_dbfs;
        answer->frames += step.frames;
        *work += step.frames;
    }
    *work += 1;
    answer->part++;
    return part_end_s < end_s;
}

/* Writes the step that was summed up, unless nothing was heard in it, and goes on to the next. */
static void end_step(struct history_answer *answer, struct json_writer *writer)
{
    if (answer->frames > 0) {
        struct timeline_step step = {.t = answer->from_s + (double)answer->next * answer->step_s,
                                     .frames = answer->frames,
                                     .level_dbfs = answer->level_dbfs};
        const size_t labels = timeline_labels(answer->timeline);
        for (size_t k = 0; k < labels; k++) {
            step.probability[k] = (float)(answer->sum[k] / (double)answer->frames);
        }
        writer->comma = answer->comma;
        answer->comma = true;
        api_write_step(writer, &step, labels);
    }
    memset(answer->sum, 0, sizeof answer->sum);
    answer->frames = 0;
    answer->part = 0;
    answer->next++;
}

/* The next piece of text, of at most WORK_MAX results in *work; false at the end. */
static bool write_piece(struct history_answer *answer, size_t *work)
{
    struct json_writer writer;
    json_writer_init(&writer, answer->text, answer->size);
    answer->sent = 0;
    while (answer->next < answer->steps && writer.length == 0) {
        if (!sum_part(answer, work)) {
            end_step(answer, &writer);
        } else if (*work >= WORK_MAX) {
            json_write_raw(&writer, " ");
        }
    }
    if (writer.length == 0 && !answer->ended) {
        json_write_raw(&writer, "]}\n");
        answer->ended = true;
    }
    answer->length = writer.length;
    return writer.length > 0;
}

static ssize_t read_history(void *context, uint64_t position, char *buffer, size_t size)
{
    struct history_answer *answer = context;
    (void)position;
    size_t filled = 0;
    size_t work = 0;
    while (filled < size && (work < WORK_MAX || answer->sent < answer->length)) {
        if (answer->sent == answer->length && !write_piece(answer, &work)) {
            break;
        }
        size_t rest = answer->length - answer->sent;
        size_t part = rest < size - filled ? rest : size - filled;
        memcpy(buffer + filled, answer->text + answer->sent, part);
        answer->sent += part;
        filled += part;
    }
    return filled > 0 ? (ssize_t)filled : MHD_CONTENT_READER_END_OF_STREAM;
}

/* The number of a parameter, or otherwise if it is not given. */
static bool number_of(const struct query_parameter *parameter, double otherwise, double *value,
                      struct tutti_error *error)
{
    *value = otherwise;
    if (parameter->value != NULL && !number_parse(parameter->value, value)) {
        tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "%s '%.32s' is not a number", parameter->name,
                        parameter->value);
        return false;
    }
    if (fabs(*value) > LARGEST_S) {
        tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "%s %.32s is out of range", parameter->name,
                        parameter->value);
        return false;
    }
    return true;
}

struct span {
    double from_s, to_s, step_s;
    double heard_s; /* behind the newest frame */
    double hop_s;
    size_t steps;
};

static bool read_span(const struct request *request, struct span *span, struct tutti_error *error)
{
    struct query_parameter query[] = {{.name = "from"}, {.name = "to"}, {.name = "step"}};
    struct timeline_frame newest = {.t = 0};
    (void)timeline_now(request->timeline, &newest);
    const double hop_s = pipeline_status(request->pipeline).hop_s;
    /* The newest frame itself is in the span: its end is behind it. */
    const double end_s = newest.t + hop_s / 2;
    if (!query_read(request, query, 3, error) || !number_of(&query[1], end_s, &span->to_s, error)) {
        return false;
    }
    span->to_s = signbit(span->to_s) ? fmax(newest.t + span->to_s, 0) : span->to_s;
    if (!number_of(&query[0], fmax(span->to_s - DEFAULT_SPAN_S, 0), &span->from_s, error)) {
        return false;
    }
    span->from_s = signbit(span->from_s) ? fmax(newest.t + span->from_s, 0) : span->from_s;
    double length_s = span->to_s - span->from_s;
    if (!(length_s >= 0)) {
        tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "from is later than to");
        return false;
    }
    if (!number_of(&query[2], fmax(hop_s, length_s / DEFAULT_STEPS), &span->step_s, error)) {
        return false;
    }
    if (!(span->step_s > 0)) {
        tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "step is not above 0");
        return false;
    }
    double steps = ceil(length_s / span->step_s);
    if (!(steps <= HISTORY_MAX_STEPS)) {
        tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                        "from %g to %g in steps of %g are more than %d steps", span->from_s,
                        span->to_s, span->step_s, HISTORY_MAX_STEPS);
        return false;
    }
    span->heard_s = end_s;
    span->hop_s = hop_s;
    span->steps = (size_t)steps;
    return true;
}

enum MHD_Result handle_history(const struct request *request)
{
    struct timeline *timeline = request->timeline;
    struct tutti_error error;
    struct span span;
    if (!read_span(request, &span, &error)) {
        return reply_error(request, MHD_HTTP_BAD_REQUEST, "%s", error.text);
    }
    size_t size = timeline_max_event_size(timeline);
    struct history_answer *answer = malloc(sizeof *answer + size);
    if (answer == NULL) {
        return MHD_NO;
    }
    *answer = (struct history_answer){.timeline = timeline,
                                      .from_s = span.from_s,
                                      .to_s = span.to_s,
                                      .step_s = span.step_s,
                                      .heard_s = span.heard_s,
                                      .part_s = PART_HOPS * span.hop_s,
                                      .steps = span.steps,
                                      .size = size};
    write_head(answer);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_history, answer, free);
    if (response == NULL) {
        free(answer);
    }
    return reply_send(request, MHD_HTTP_OK, response, "application/json");
}
