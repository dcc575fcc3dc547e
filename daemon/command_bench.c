/* tutti bench - how fast every stage is on this machine, and the hop it can sustain. */
#include "daemon/bench.h"
#include "daemon/command.h"
#include "daemon/json_writer.h"
#include "daemon/number.h"
#include "daemon/program.h"
#include "daemon/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "tutti bench"
#define SUSTAINED_SHARE 0.5 /* of a core: what is safe to ask for all day */
#define DEFAULT_SECONDS 0.5

static const struct option_spec own_options[] = {
    {.name = "json", .help = "Print one JSON object."},
    {.name = "layers", .help = "Show every layer of the network."},
    {.name = "seconds",
     .value = "SECONDS",
     .help = "How long to measure each stage.",
     .range = "0.01 to 60",
     .initial = "0.5"},
    PROGRAM_OPTION_HELP,
};
#define OWN_OPTIONS (sizeof own_options / sizeof *own_options)
static const char *const shared_options[] = {"model", "hop", "kernel"};
#define SHARED_OPTIONS (sizeof shared_options / sizeof *shared_options)

struct command {
    struct option_spec specs[OWN_OPTIONS + SHARED_OPTIONS];
    struct settings *settings;
    double seconds;
    bool json;
    bool layers;
    bool help;
};

/* ---- command line ---- */

static enum tutti_status take_option(void *context, size_t index, const char *value,
                                     struct tutti_error *error)
{
    struct command *command = context;
    const char *name = command->specs[index].name;
    if (index >= OWN_OPTIONS)
        return settings_set_option(command->settings, name, value, error);
    if (strcmp(name, "seconds") == 0) {
        if (!number_parse(value, &command->seconds) || command->seconds < 0.01 ||
            command->seconds > 60)
            return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                                   "option --seconds: '%.100s' is not 0.01 to 60", value);
    }
    command->json = command->json || strcmp(name, "json") == 0;
    command->layers = command->layers || strcmp(name, "layers") == 0;
    command->help = command->help || strcmp(name, "help") == 0;
    return TUTTI_OK;
}

/* ---- what comes out ---- */

static void print_stage(const char *name, const struct stopwatch_result *result, double share)
{
    printf("  %-32s %10.3f %10.3f %9.2f%%\n", name, result->median_ms, result->min_ms, 100 * share);
}

static void print_kernels(const struct network *network)
{
    printf("kernel   %s (of", network_kernel_name(network));
    bool available;
    for (size_t i = 0; network_kernel(i, &available) != NULL; i++)
        printf(" %s%s", network_kernel(i, NULL), available ? "" : " [not here]");
    printf(")\n");
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

static void print_layer_figures(const struct model *model, const struct bench_figures *figures,
                                bool all)
{
    const size_t count = model_layer_count(model);
    struct model_layer_info layer;
    for (size_t i = 0; all && i < count; i++) {
        model_layer_describe(model, i, &layer);
        char name[64];
        snprintf(name, sizeof name, "    %.30s", layer.name);
        print_stage(name, &figures->layer[i], 1e-3 * figures->layer[i].median_ms / figures->hop_s);
    }
    for (size_t first = 0; !all && first < count; first++) {
        struct stopwatch_result sum = {0};
        model_layer_describe(model, first, &layer);
        const char *kind = layer.kind;
        if (!first_of_kind(model, first, kind))
            continue;
        for (size_t i = first; i < count; i++) {
            model_layer_describe(model, i, &layer);
            if (strcmp(layer.kind, kind) != 0)
                continue;
            sum.median_ms += figures->layer[i].median_ms;
            sum.min_ms += figures->layer[i].min_ms;
        }
        char name[64];
        snprintf(name, sizeof name, "    %s", kind);
        print_stage(name, &sum, 1e-3 * sum.median_ms / figures->hop_s);
    }
}

static void print_figures(const struct model *model, const struct bench *bench,
                          const struct bench_figures *figures, bool all_layers)
{
    double macs = (double)model_multiply_adds(model);
    printf("model    ");
    program_print_name(model_name(model));
    printf(", %.3g million multiply-adds a window\n", 1e-6 * macs);
    print_kernels(bench_network(bench));
    printf("hop      %g s\n\n", figures->hop_s);
    printf("  %-32s %10s %10s %10s\n", "stage (processor time)", "median ms", "min ms",
           "of a core");
    printf("  per second of sound\n");
    print_stage("  resampler from 48 kHz", &figures->resampler,
                1e-3 * figures->resampler.median_ms);
    print_stage("  front end", &figures->frontend, 1e-3 * figures->frontend.median_ms);
    print_stage("  level", &figures->level, 1e-3 * figures->level.median_ms);
    printf("  per window\n");
    print_stage("  network", &figures->network, 1e-3 * figures->network.median_ms / figures->hop_s);
    print_layer_figures(model, figures, all_layers);
    printf("  per second of sound\n");
    print_stage("  everything at this hop", &figures->whole, 1e-3 * figures->whole.median_ms);
    printf(
        "\nThe network does %.3g billion multiply-adds a second. One core analyzes %.0f times as "
        "fast as\nreal time. ",
        1e-6 * macs / figures->network.median_ms, 1e3 / figures->whole.median_ms);
    double hop_s = bench_sustainable_hop_s(bench, figures, SUSTAINED_SHARE);
    if (hop_s > 0)
        printf("With half of one core it can sustain a hop of %.3g s.\n", hop_s);
    else
        printf("Half of one core is not enough for real time.\n");
}

static void write_stage(struct json_writer *writer, const char *key,
                        const struct stopwatch_result *result)
{
    json_write_key(writer, key);
    json_write_object_begin(writer);
    json_write_key(writer, "median_ms");
    json_write_number(writer, result->median_ms, 6);
    json_write_key(writer, "min_ms");
    json_write_number(writer, result->min_ms, 6);
    json_write_key(writer, "runs");
    json_write_integer(writer, result->runs);
    json_write_object_end(writer);
}

static void print_json(const struct model *model, const struct bench *bench,
                       const struct bench_figures *figures)
{
    char text[1 << 16]; /* 512 layers have to fit in pieces of this size: one at a time */
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof text);
    json_write_object_begin(&writer);
    json_write_key(&writer, "version");
    json_write_string(&writer, TUTTI_VERSION);
    json_write_key(&writer, "model");
    json_write_string(&writer, model_name(model));
    json_write_key(&writer, "sha256");
    json_write_string(&writer, model_sha256(model));
    json_write_key(&writer, "multiply_adds");
    json_write_integer(&writer, model_multiply_adds(model));
    json_write_key(&writer, "kernel");
    json_write_string(&writer, network_kernel_name(bench_network(bench)));
    json_write_key(&writer, "hop_s");
    json_write_number(&writer, figures->hop_s, 6);
    write_stage(&writer, "resampler_per_s", &figures->resampler);
    write_stage(&writer, "frontend_per_s", &figures->frontend);
    write_stage(&writer, "level_per_s", &figures->level);
    write_stage(&writer, "network_per_window", &figures->network);
    write_stage(&writer, "whole_per_s", &figures->whole);
    json_write_key(&writer, "share_of_core");
    json_write_number(&writer, 1e-3 * figures->whole.median_ms, 6);
    json_write_key(&writer, "times_real_time");
    json_write_number(&writer, 1e3 / figures->whole.median_ms, 1);
    json_write_key(&writer, "sustainable_hop_s");
    double hop_s = bench_sustainable_hop_s(bench, figures, SUSTAINED_SHARE);
    if (hop_s > 0)
        json_write_number(&writer, hop_s, 6);
    else
        json_write_null(&writer);
    json_write_key(&writer, "layers");
    json_write_object_begin(&writer);
    for (size_t i = 0; i < model_layer_count(model); i++) {
        struct model_layer_info layer;
        model_layer_describe(model, i, &layer);
        write_stage(&writer, layer.name, &figures->layer[i]);
        fwrite(writer.text, 1, writer.length, stdout);
        writer.length = 0;
    }
    json_write_object_end(&writer);
    json_write_object_end(&writer);
    printf("%s\n", writer.text);
}

static enum program_exit run(const struct command *command)
{
    struct tutti_error error;
    const char *kernel = *command->settings->kernel != '\0' ? command->settings->kernel : NULL;
    char path[PATH_MAX];
    struct model *model = program_open_model(command->settings->model, path, &error);
    if (model == NULL)
        return program_fail(NAME, PROGRAM_FAILED, &error);
    enum program_exit result = PROGRAM_FAILED;
    if (program_check_kernel(command->settings, &error) != TUTTI_OK) {
        model_close(model);
        return program_fail(NAME, PROGRAM_USAGE, &error);
    }
    struct bench *bench = bench_new(model, kernel, command->settings->hop_s, &error);
    struct bench_figures *figures = calloc(1, sizeof *figures);
    if (bench == NULL) {
        result = program_fail(NAME, PROGRAM_FAILED, &error);
    } else if (figures == NULL) {
        fprintf(stderr, NAME ": out of memory\n");
    } else {
        bench_measure(bench, command->seconds, figures);
        if (command->json)
            print_json(model, bench, figures);
        else
            print_figures(model, bench, figures, command->layers);
        result = program_end_output(NAME, PROGRAM_OK);
    }
    free(figures);
    bench_free(bench);
    model_close(model);
    return result;
}

static enum tutti_status read_command_line(struct command *command, int argc, char **argv,
                                           struct tutti_error *error)
{
    memcpy(command->specs, own_options, sizeof own_options);
    for (size_t i = 0; i < SHARED_OPTIONS; i++)
        settings_option(shared_options[i], &command->specs[OWN_OPTIONS + i]);
    int first;
    enum tutti_status status = settings_read_environment(command->settings, error);
    if (status == TUTTI_OK)
        status = options_parse(argc, argv, command->specs, OWN_OPTIONS + SHARED_OPTIONS,
                               take_option, command, &first, error);
    if (status == TUTTI_OK && !command->help && first < argc)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "what is '%.100s' for?", argv[first]);
    return status;
}

int command_bench(int argc, char **argv)
{
    struct tutti_error error;
    struct command command = {.seconds = DEFAULT_SECONDS, .settings = settings_new()};
    enum program_exit result;
    if (command.settings == NULL) {
        fprintf(stderr, NAME ": out of memory\n");
        return PROGRAM_FAILED;
    }
    if (read_command_line(&command, argc, argv, &error) != TUTTI_OK) {
        result = program_misused(NAME, &error);
    } else if (command.help) {
        program_print_help("tutti bench [OPTION]...",
                           "Measures the processor time of every stage of recognition on this "
                           "machine, one thread, and says which hop it can sustain.",
                           command.specs, OWN_OPTIONS + SHARED_OPTIONS, NULL);
        result = program_end_output(NAME, PROGRAM_OK);
    } else {
        result = run(&command);
    }
    settings_free(command.settings);
    return (int)result;
}
