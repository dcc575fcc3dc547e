/* server_daemon.c - sources, healthz, metrics: what is of the daemon and all its sources. */
#include "daemon/clock.h"
#include "daemon/server_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIZE_PER_SOURCE 4096 /* in JSON; an input's name may be all escapes */

static bool accept_no_query(const struct request *request, enum MHD_Result *result)
{
    struct tutti_error error;
    if (query_read(request, NULL, 0, &error)) {
        return true;
    }
    *result = reply_error(request, MHD_HTTP_BAD_REQUEST, "%s", error.text);
    return false;
}

/* ---- sources ---- */

/* The path of one of its resources; "": of the source itself. */
static void write_path(struct json_writer *writer, const char *key, const struct pipeline *pipeline,
                       const char *resource)
{
    char path[64 + PIPELINE_NAME_SIZE];
    (void)snprintf(path, sizeof path, SERVER_API SERVER_SOURCES "%s/%s", pipeline_name(pipeline),
                   resource);
    json_write_key(writer, key);
    json_write_string(writer, path);
}

/* What a list says of a source, the object left open. */
static void begin_source(struct json_writer *writer, struct pipeline *pipeline)
{
    const struct pipeline_status status = pipeline_status(pipeline);
    json_write_object_begin(writer);
    write_source_fields(writer, pipeline, &status);
    write_path(writer, "path", pipeline, "");
}

enum MHD_Result handle_source(const struct request *request)
{
    enum MHD_Result result = MHD_NO;
    if (!accept_no_query(request, &result)) {
        return result;
    }
    char text[SIZE_PER_SOURCE];
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof text);
    begin_source(&writer, request->pipeline);
    json_write_key(&writer, "links");
    json_write_object_begin(&writer);
    const char *resource;
    for (size_t i = 0; (resource = server_resource(i)) != NULL; i++) {
        write_path(&writer, resource, request->pipeline, resource);
    }
    json_write_object_end(&writer);
    json_write_object_end(&writer);
    return reply_json(request, MHD_HTTP_OK, &writer);
}

enum MHD_Result handle_sources(const struct request *request)
{
    const struct server *server = request->server;
    enum MHD_Result result = MHD_NO;
    if (!accept_no_query(request, &result)) {
        return result;
    }
    const size_t size = SIZE_PER_SOURCE * (server->pipeline_count + 1);
    char *text = malloc(size);
    if (text == NULL) {
        return MHD_NO;
    }
    struct json_writer writer;
    json_writer_init(&writer, text, size);
    json_write_object_begin(&writer);
    json_write_key(&writer, "sources");
    json_write_array_begin(&writer);
    for (size_t i = 0; i < server->pipeline_count; i++) {
        begin_source(&writer, server->pipelines[i]);
        json_write_object_end(&writer);
    }
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    result = reply_json(request, MHD_HTTP_OK, &writer);
    free(text);
    return result;
}

/* ---- health ---- */

/* The first source that is late, what is late of it, and the names of all. */
static void write_late(struct json_writer *writer, const struct server *server,
                       const struct health_report *reports)
{
    bool first = true;
    for (size_t i = 0; i < server->pipeline_count; i++) {
        const struct health_report *report = &reports[i];
        if (report->healthy) {
            continue;
        }
        if (first) {
            json_write_key(writer, "late");
            json_write_string(writer, health_stage_name(report->late));
            write_number(writer, "late_s", report->late_s);
            write_number(writer, "since", clock_wall_s() - report->late_s);
            json_write_key(writer, "sources");
            json_write_array_begin(writer);
        }
        first = false;
        json_write_string(writer, pipeline_name(server->pipelines[i]));
    }
    if (!first) {
        json_write_array_end(writer);
    }
}

enum MHD_Result handle_health(const struct request *request)
{
    const struct server *server = request->server;
    const size_t size = SIZE_PER_SOURCE * (server->pipeline_count + 1);
    char *text = malloc(size);
    struct health_report *reports = calloc(server->pipeline_count, sizeof *reports);
    if (text == NULL || reports == NULL) {
        free(text);
        free(reports);
        return MHD_NO;
    }
    bool healthy = true;
    for (size_t i = 0; i < server->pipeline_count; i++) {
        reports[i] = pipeline_health(server->pipelines[i]);
        healthy = healthy && reports[i].healthy;
    }
    struct json_writer writer;
    json_writer_init(&writer, text, size);
    json_write_object_begin(&writer);
    json_write_key(&writer, "healthy");
    json_write_boolean(&writer, healthy);
    json_write_key(&writer, "hop_stretch");
    json_write_integer(&writer, pipeline_status(server->pipelines[0]).hop_stretch);
    if (!healthy) {
        write_late(&writer, server, reports);
    }
    json_write_object_end(&writer);
    enum MHD_Result result =
        reply_json(request, healthy ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, &writer);
    free(text);
    free(reports);
    return result;
}

/* ---- metrics ---- */

/* Names of sources and states need no escapes; a model's name or version may hold anything. */
static void print_label(FILE *stream, const char *name, const char *value)
{
    (void)fprintf(stream, "%s=\"", name);
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            (void)fputs("\\n", stream);
        } else {
            (void)fprintf(stream, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
        }
    }
    (void)fputc('"', stream);
}

static void print_head(FILE *stream, const char *name, const char *type, const char *help)
{
    (void)fprintf(stream, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_value(FILE *stream, const char *name, const char *type, const char *help,
                        double value)
{
    print_head(stream, name, type, help);
    (void)fprintf(stream, "%s %.15g\n", name, value);
}

static void print_daemon(FILE *stream, struct server *server)
{
    struct pipeline *first = server->pipelines[0];
    const struct pipeline_status status = pipeline_status(first);
    struct timespec cpu = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    print_head(stream, "tutti_info", "gauge", "Version, model and kernel; always 1.");
    (void)fputs("tutti_info{", stream);
    print_label(stream, "version", timeline_version(pipeline_timeline(first)));
    (void)fputc(',', stream);
    print_label(stream, "model", model_name(pipeline_model(first)));
    (void)fputc(',', stream);
    print_label(stream, "kernel", status.kernel);
    (void)fputs("} 1\n", stream);
    print_value(stream, "tutti_uptime_seconds", "gauge", "Since the server began.",
                (double)(clock_boot_ns() - server->started_boot_ns) / CLOCK_NS_PER_S);
    print_value(stream, "tutti_cpu_seconds_total", "counter", "Processor time of all threads.",
                (double)cpu.tv_sec + (double)cpu.tv_nsec / CLOCK_NS_PER_S);
    print_value(stream, "tutti_sources", "gauge", "Sources, whatever their state.",
                (double)server->pipeline_count);
    print_value(stream, "tutti_hop_seconds", "gauge", "Time between two results, as it was set.",
                status.hop_s);
    (void)pthread_mutex_lock(&server->mutex);
    const unsigned streams = server->stream_count;
    const uint64_t refused = server->refused_streams;
    const unsigned connections = server->connection_count;
    (void)pthread_mutex_unlock(&server->mutex);
    print_value(stream, "tutti_streams", "gauge", "Clients that read a stream of events.", streams);
    print_value(stream, "tutti_refused_streams_total", "counter",
                "Clients that were one too many for a stream of events.", (double)refused);
    print_value(stream, "tutti_connections", "gauge", "HTTP connections.", connections);
}

struct source_metric {
    const char *name;
    const char *type;
    const char *help;
    double (*value)(struct pipeline *pipeline, const struct pipeline_status *status);
};

static double frames_of(struct pipeline *pipeline, const struct pipeline_status *status)
{
    (void)pipeline;
    return (double)status->frames;
}

static double lost_frames_of(struct pipeline *pipeline, const struct pipeline_status *status)
{
    (void)pipeline;
    return (double)status->lost_frames;
}

static double overruns_of(struct pipeline *pipeline, const struct pipeline_status *status)
{
    (void)pipeline;
    return (double)status->overruns;
}

static double skipped_hops_of(struct pipeline *pipeline, const struct pipeline_status *status)
{
    (void)pipeline;
    return (double)status->skipped_hops;
}

static double stretch_of(struct pipeline *pipeline, const struct pipeline_status *status)
{
    (void)pipeline;
    return (double)status->hop_stretch;
}

static double lag_of(struct pipeline *pipeline, const struct pipeline_status *status)
{
    (void)pipeline;
    return status->lag_ms / 1000;
}

static double health_of(struct pipeline *pipeline, const struct pipeline_status *status)
{
    (void)status;
    return pipeline_health(pipeline).healthy;
}

static const struct source_metric source_metrics[] = {
    {"tutti_source_frames_total", "counter", "Frames offered by the source, lost ones included.",
     frames_of},
    {"tutti_source_lost_frames_total", "counter", "Frames lost before they were heard.",
     lost_frames_of},
    {"tutti_source_overruns_total", "counter", "Times that frames were lost.", overruns_of},
    {"tutti_source_skipped_hops_total", "counter",
     "Results left out because the machine was too slow.", skipped_hops_of},
    {"tutti_source_hop_stretch", "gauge",
     "Results come every so many hops; more than 1 on a machine that is too slow.", stretch_of},
    {"tutti_source_lag_seconds", "gauge",
     "Newest result: from the arrival of its sound to the timeline.", lag_of},
    {"tutti_source_healthy", "gauge", "1 while sound arrives and results are fresh.", health_of},
};

static void print_sources(FILE *stream, const struct server *server)
{
    for (size_t i = 0; i < sizeof source_metrics / sizeof *source_metrics; i++) {
        const struct source_metric *metric = &source_metrics[i];
        print_head(stream, metric->name, metric->type, metric->help);
        for (size_t k = 0; k < server->pipeline_count; k++) {
            struct pipeline *pipeline = server->pipelines[k];
            const struct pipeline_status status = pipeline_status(pipeline);
            (void)fprintf(stream, "%s{source=\"%s\"} %.15g\n", metric->name,
                          pipeline_name(pipeline), metric->value(pipeline, &status));
        }
    }
}

static void print_states(FILE *stream, const struct server *server)
{
    static const char *const states[] = {"starting", "running", "stalled", "ended", "lost"};
    print_head(stream, "tutti_source_state", "gauge", "1 for the state that the source is in.");
    for (size_t k = 0; k < server->pipeline_count; k++) {
        const struct pipeline_status status = pipeline_status(server->pipelines[k]);
        const char *now = source_state_name(&status);
        for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
            (void)fprintf(stream, "tutti_source_state{source=\"%s\",state=\"%s\"} %d\n",
                          pipeline_name(server->pipelines[k]), states[i],
                          strcmp(states[i], now) == 0);
        }
    }
}

enum MHD_Result handle_metrics(const struct request *request)
{
    enum MHD_Result result = MHD_NO;
    if (!accept_no_query(request, &result)) {
        return result;
    }
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL) {
        return MHD_NO;
    }
    print_daemon(stream, request->server);
    print_sources(stream, request->server);
    print_states(stream, request->server);
    if (fclose(stream) != 0) {
        free(text);
        return MHD_NO;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
    }
    return reply_send(request, MHD_HTTP_OK, response, "text/plain; version=0.0.4; charset=utf-8");
}
