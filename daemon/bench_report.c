#include "daemon/bench_report.h"

#include "daemon/json_writer.h"
#include "daemon/thread.h"

#include <string.h>

/* The time of some multiply-adds, in what they are compared by. */
struct speed {
    uint64_t multiply_adds;
    double gmac_per_s, share_of_peak;
};

static struct speed speed_of(uint64_t multiply_adds, double min_ms,
                             const struct bench_figures *figures)
{
    const double gmac_per_s = bench_gmac_per_s(multiply_adds, min_ms);
    return (struct speed){multiply_adds, gmac_per_s, gmac_per_s / figures->peak_gmac_per_s};
}

/* ---- text ---- */

static void print_heading(FILE *stream)
{
    fprintf(stream, "  %-30s %10s %9s %9s %11s %8s %8s\n", "stage (processor time)", "median ms",
            "min ms", "of a core", "M mult-adds", "GMAC/s", "of peak");
}

static void print_stage(FILE *stream, const char *name, double median_ms, double min_ms,
                        double share)
{
    fprintf(stream, "  %-30s %10.3f %9.3f %8.2f%%", name, median_ms, min_ms, 100 * share);
}

static void print_per_second(FILE *stream, const char *name, const struct stopwatch_result *time)
{
    print_stage(stream, name, time->median_ms, time->min_ms, 1e-3 * time->median_ms);
    fprintf(stream, "\n");
}

static void print_speed(FILE *stream, struct speed speed)
{
    if (speed.multiply_adds > 0)
        fprintf(stream, " %11.3f %8.1f %7.1f%%\n", 1e-6 * (double)speed.multiply_adds,
                speed.gmac_per_s, 100 * speed.share_of_peak);
    else
        fprintf(stream, " %11s %8s %8s\n", "-", "-", "-");
}

static void print_sum(FILE *stream, const char *name, const struct bench_sum *sum,
                      const struct bench_figures *figures)
{
    print_stage(stream, name, sum->median_ms, sum->min_ms, 1e-3 * sum->median_ms / figures->hop_s);
    print_speed(stream, speed_of(sum->multiply_adds, sum->min_ms, figures));
}

/* Whether no layer before this one is of its kind. */
static bool first_of_kind(const struct model *model, size_t index, const char *kind)
{
    struct model_layer_info earlier;
    for (size_t i = 0; i < index; i++) {
        model_layer_describe(model, i, &earlier);
        if (strcmp(earlier.kind, kind) == 0)
            return false;
    }
    return true;
}

static void print_kinds(FILE *stream, const struct model *model,
                        const struct bench_figures *figures)
{
    struct model_layer_info layer;
    for (size_t i = 0; i < model_layer_count(model); i++) {
        model_layer_describe(model, i, &layer);
        if (!first_of_kind(model, i, layer.kind))
            continue;
        const struct bench_sum sum = bench_sum_kind(model, figures, layer.kind);
        char name[64];
        snprintf(name, sizeof name, "    %s", layer.kind);
        print_sum(stream, name, &sum, figures);
    }
    const struct bench_sum large = bench_sum_large_pointwise(model, figures);
    char name[64];
    snprintf(name, sizeof name, "    1x1 of %d or more inputs", BENCH_LARGE_INPUTS);
    if (large.layers > 0)
        print_sum(stream, name, &large, figures);
}

static void print_shape(FILE *stream, struct model_shape shape)
{
    char text[40];
    snprintf(text, sizeof text, "%ux%ux%u", shape.time, shape.frequency, shape.channels);
    fprintf(stream, " %-11s", text);
}

static void print_layer(FILE *stream, const struct model_layer_info *layer,
                        const struct stopwatch_result *time, const struct bench_figures *figures)
{
    char window[24] = "-";
    if (layer->kernel[0] * layer->kernel[1] > 1)
        snprintf(window, sizeof window, "%ux%u/%ux%u", layer->kernel[0], layer->kernel[1],
                 layer->stride[0], layer->stride[1]);
    fprintf(stream, "%-27s %-14s", layer->name, layer->kind);
    print_shape(stream, layer->in);
    print_shape(stream, layer->out);
    fprintf(stream, " %-7s %9.2f %8.2f", window, 1e3 * time->median_ms, 1e3 * time->min_ms);
    print_speed(stream, speed_of(layer->multiply_adds, time->min_ms, figures));
}

static void print_layers(FILE *stream, const struct model *model,
                         const struct bench_figures *figures)
{
    fprintf(stream, "\n%-27s %-14s %-11s %-11s %-7s %9s %8s %11s %8s %8s\n", "layer", "kind", "in",
            "out", "window", "median us", "min us", "M mult-adds", "GMAC/s", "of peak");
    struct model_layer_info layer;
    for (size_t i = 0; i < model_layer_count(model); i++) {
        model_layer_describe(model, i, &layer);
        print_layer(stream, &layer, &figures->layer[i], figures);
    }
    fprintf(stream, "Shapes are time x frequency x channels, windows size/stride.\n");
}

static void print_peaks(FILE *stream, const struct bench_figures *figures)
{
    fprintf(stream, "\nThe peak is what this core can multiply and add at best with the kernel's "
                    "instructions,\nmeasured on registers alone:\n");
    for (size_t i = 0; i < figures->peaks; i++)
        fprintf(stream, "  %-50s %8.1f GMAC/s\n", figures->peak[i].instructions,
                figures->peak[i].gmac_per_s);
    fprintf(stream, "GMAC/s: billions of multiply-adds a second, in the least time.\n");
}

static void print_conclusions(FILE *stream, const struct bench *bench,
                              const struct bench_figures *figures)
{
    fprintf(stream, "\nOne core analyzes %.0f times as fast as real time.\n",
            1e3 / figures->whole.median_ms);
    const double hop_s = bench_sustainable_hop_s(bench, figures, BENCH_SUSTAINED_SHARE);
    if (hop_s > 0)
        fprintf(stream, "With half of one core it can sustain a hop of %.3g s.\n", hop_s);
    else
        fprintf(stream, "Half of one core is not enough for real time.\n");
    const size_t streams = bench_sustainable_streams(figures, BENCH_SUSTAINED_SHARE);
    fprintf(stream, "With half of each core, at a hop of %g s: %zu streams a core", figures->hop_s,
            streams);
    if (thread_cores() > 1)
        fprintf(stream,
                ", %zu on the %u cores here\n(if each is as fast beside the others as alone)",
                streams * thread_cores(), thread_cores());
    fprintf(stream, ".\n");
}

void bench_report_text(FILE *stream, const struct model *model, const struct bench *bench,
                       const struct bench_figures *figures, bool all_layers)
{
    print_heading(stream);
    fprintf(stream, "  per second of sound\n");
    print_per_second(stream, "  resampler from 48 kHz", &figures->resampler);
    print_per_second(stream, "  front end", &figures->frontend);
    print_per_second(stream, "  level", &figures->level);
    fprintf(stream, "  per window\n");
    print_stage(stream, "  network, what is kept reused", figures->network_next.median_ms,
                figures->network_next.min_ms,
                1e-3 * figures->network_next.median_ms / figures->hop_s);
    fprintf(stream, "\n");
    print_stage(stream, "  network, a window by itself", figures->network.median_ms,
                figures->network.min_ms, 1e-3 * figures->network.median_ms / figures->hop_s);
    print_speed(stream, speed_of(model_multiply_adds(model), figures->network.min_ms, figures));
    print_kinds(stream, model, figures);
    fprintf(stream, "  per second of sound\n");
    print_per_second(stream, "  everything at this hop", &figures->whole);
    if (all_layers)
        print_layers(stream, model, figures);
    print_peaks(stream, figures);
    print_conclusions(stream, bench, figures);
}

/* ---- JSON ---- */

static void write_text(struct json_writer *writer, const char *key, const char *text)
{
    json_write_key(writer, key);
    json_write_string(writer, text);
}

static void write_number(struct json_writer *writer, const char *key, double value)
{
    json_write_key(writer, key);
    json_write_number(writer, value, 6);
}

static void write_count(struct json_writer *writer, const char *key, uint64_t count)
{
    json_write_key(writer, key);
    json_write_integer(writer, count);
}

/* The members of a stage or a layer. */
static void write_time(struct json_writer *writer, const struct stopwatch_result *time)
{
    write_number(writer, "median_ms", time->median_ms);
    write_number(writer, "min_ms", time->min_ms);
    write_count(writer, "runs", time->runs);
}

static void write_speed(struct json_writer *writer, struct speed speed)
{
    write_count(writer, "multiply_adds", speed.multiply_adds);
    write_number(writer, "gmac_per_s", speed.gmac_per_s);
    write_number(writer, "share_of_peak", speed.share_of_peak);
}

static void write_stage(struct json_writer *writer, const char *key,
                        const struct stopwatch_result *time)
{
    json_write_key(writer, key);
    json_write_object_begin(writer);
    write_time(writer, time);
    json_write_object_end(writer);
}

static void write_numbers(struct json_writer *writer, const char *key, const unsigned *numbers,
                          size_t count)
{
    json_write_key(writer, key);
    json_write_array_begin(writer);
    for (size_t i = 0; i < count; i++)
        json_write_integer(writer, numbers[i]);
    json_write_array_end(writer);
}

static void write_shape(struct json_writer *writer, const char *key, struct model_shape shape)
{
    write_numbers(writer, key, (unsigned[]){shape.time, shape.frequency, shape.channels}, 3);
}

static void write_layer(struct json_writer *writer, const struct model_layer_info *layer,
                        const struct stopwatch_result *time, const struct bench_figures *figures)
{
    json_write_key(writer, layer->name);
    json_write_object_begin(writer);
    write_text(writer, "kind", layer->kind);
    write_shape(writer, "in", layer->in);
    write_shape(writer, "out", layer->out);
    write_numbers(writer, "kernel", layer->kernel, 2);
    write_numbers(writer, "stride", layer->stride, 2);
    write_time(writer, time);
    write_speed(writer, speed_of(layer->multiply_adds, time->min_ms, figures));
    json_write_object_end(writer);
}

static void write_peaks(struct json_writer *writer, const struct bench_figures *figures)
{
    json_write_key(writer, "peaks");
    json_write_array_begin(writer);
    for (size_t i = 0; i < figures->peaks; i++) {
        json_write_object_begin(writer);
        write_text(writer, "instructions", figures->peak[i].instructions);
        write_number(writer, "gmac_per_s", figures->peak[i].gmac_per_s);
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
    write_number(writer, "peak_gmac_per_s", figures->peak_gmac_per_s);
}

static void write_network(struct json_writer *writer, const struct model *model,
                          const struct bench_figures *figures)
{
    json_write_key(writer, "network_per_window");
    json_write_object_begin(writer);
    write_time(writer, &figures->network);
    write_speed(writer, speed_of(model_multiply_adds(model), figures->network.min_ms, figures));
    json_write_object_end(writer);
    write_stage(writer, "network_per_following_window", &figures->network_next);
    const struct bench_sum large = bench_sum_large_pointwise(model, figures);
    json_write_key(writer, "pointwise_32_inputs_per_window");
    json_write_object_begin(writer);
    write_count(writer, "layers", large.layers);
    write_number(writer, "median_ms", large.median_ms);
    write_number(writer, "min_ms", large.min_ms);
    write_speed(writer, speed_of(large.multiply_adds, large.min_ms, figures));
    json_write_object_end(writer);
}

static void write_conclusions(struct json_writer *writer, const struct bench *bench,
                              const struct bench_figures *figures)
{
    write_number(writer, "share_of_core", 1e-3 * figures->whole.median_ms);
    json_write_key(writer, "times_real_time");
    json_write_number(writer, 1e3 / figures->whole.median_ms, 1);
    json_write_key(writer, "sustainable_hop_s");
    const double hop_s = bench_sustainable_hop_s(bench, figures, BENCH_SUSTAINED_SHARE);
    if (hop_s > 0)
        json_write_number(writer, hop_s, 6);
    else
        json_write_null(writer);
    const size_t streams = bench_sustainable_streams(figures, BENCH_SUSTAINED_SHARE);
    write_count(writer, "sustainable_streams_per_core", streams);
    write_count(writer, "cores", thread_cores());
    write_count(writer, "sustainable_streams", streams * thread_cores());
}

void bench_report_json(FILE *stream, const struct model *model, const struct bench *bench,
                       const struct bench_figures *figures)
{
    char text[1 << 14]; /* 512 layers go through it one at a time */
    struct json_writer writer;
    struct model_layer_info layer;
    json_writer_init(&writer, text, sizeof text);
    json_write_object_begin(&writer);
    write_text(&writer, "version", TUTTI_VERSION);
    write_text(&writer, "model", model_name(model));
    write_text(&writer, "sha256", model_sha256(model));
    write_text(&writer, "kernel", network_kernel_name(bench_network(bench)));
    write_number(&writer, "hop_s", figures->hop_s);
    write_count(&writer, "multiply_adds", model_multiply_adds(model));
    write_peaks(&writer, figures);
    write_stage(&writer, "resampler_per_s", &figures->resampler);
    write_stage(&writer, "frontend_per_s", &figures->frontend);
    write_stage(&writer, "level_per_s", &figures->level);
    write_network(&writer, model, figures);
    write_stage(&writer, "whole_per_s", &figures->whole);
    write_conclusions(&writer, bench, figures);
    json_write_key(&writer, "layers");
    json_write_object_begin(&writer);
    for (size_t i = 0; i < model_layer_count(model); i++) {
        model_layer_describe(model, i, &layer);
        write_layer(&writer, &layer, &figures->layer[i], figures);
        fwrite(writer.text, 1, writer.length, stream);
        writer.length = 0;
    }
    json_write_object_end(&writer);
    json_write_object_end(&writer);
    fprintf(stream, "%s\n", writer.text);
}
