/* tutti bench - how fast every stage is on this machine, and the hop it can sustain. */
#include "daemon/bench.h"
#include "daemon/bench_report.h"
#include "daemon/clock.h"
#include "daemon/command.h"
#include "daemon/number.h"
#include "daemon/program.h"
#include "daemon/progress.h"
#include "daemon/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "tutti bench"
#define DEFAULT_SECONDS 0.5

static const struct option_spec own_options[] = {
    {.name = "json", .help = "Print one JSON object."},
    {.name = "layers", .help = "Show every layer of the network, with its shapes."},
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

static void print_kernels(const struct network *network)
{
    printf("kernel   %s (of", network_kernel_name(network));
    bool available;
    for (size_t i = 0; network_kernel(i, &available) != NULL; i++)
        printf(" %s%s", network_kernel(i, NULL), available ? "" : " [not here]");
    printf(")\n");
}

static void print_text(const struct model *model, const struct bench *bench,
                       const struct bench_figures *figures, bool all_layers)
{
    printf("model    ");
    program_print_name(model_name(model));
    printf(", %.3g million multiply-adds a window\n", 1e-6 * (double)model_multiply_adds(model));
    print_kernels(bench_network(bench));
    printf("hop      %g s\n\n", figures->hop_s);
    bench_report_text(stdout, model, bench, figures, all_layers);
}

static void show_stage(void *context, const char *stage, double done)
{
    progress_show(context, done, stage, clock_monotonic_ns());
}

/* It takes some seconds, in which a bar on the terminal says that something happens. */
static void measure(struct bench *bench, double seconds, struct bench_figures *figures)
{
    struct progress progress;
    progress_init(&progress, stderr, clock_monotonic_ns());
    progress_clear_when_ended(&progress);
    bench_on_stage(bench, show_stage, &progress);
    bench_measure(bench, seconds, figures);
    progress_clear(&progress);
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
        measure(bench, command->seconds, figures);
        if (command->json)
            bench_report_json(stdout, model, bench, figures);
        else
            print_text(model, bench, figures, command->layers);
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
        program_print_help(
            "tutti bench [OPTION]...",
            "Measures the processor time of every stage of recognition on this "
            "machine, one thread, what share of the core's peak the network reaches, and "
            "which hop and how many streams it can sustain.",
            command.specs, OWN_OPTIONS + SHARED_OPTIONS, NULL);
        result = program_end_output(NAME, PROGRAM_OK);
    } else {
        result = run(&command);
    }
    settings_free(command.settings);
    return (int)result;
}
