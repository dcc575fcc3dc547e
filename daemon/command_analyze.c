/* tutti analyze - which instruments play when in sound files. */
#include "daemon/analysis.h"
#include "daemon/analysis_write.h"
#include "daemon/batch.h"
#include "daemon/command.h"
#include "daemon/number.h"
#include "daemon/output_file.h"
#include "daemon/program.h"
#include "daemon/progress.h"
#include "daemon/settings.h"

#include <cblas.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "tutti analyze"
#define SHARE_DONE 1000 /* of a file, in the counters of progress */

static const struct option_spec own_options[] = {
    {.letter = 'f',
     .name = "format",
     .value = "FORMAT",
     .help = "text; json, one object per line; csv, the probabilities over time; audacity, a label "
             "track.",
     .initial = "text"},
    {.letter = 'o',
     .name = "output",
     .value = "FILE",
     .help = "Write to FILE instead of standard output; it appears when it is complete."},
    {.letter = 'j',
     .name = "jobs",
     .value = "N",
     .help = "How many files to analyze at once.",
     .range = "1 to 256",
     .initial = "1"},
    {.name = "precision",
     .value = "P",
     .help = "int8, as the daemon does, or float, the slower reference.",
     .initial = "int8"},
    PROGRAM_OPTION_HELP,
};
#define OWN_OPTIONS (sizeof own_options / sizeof *own_options)

/* Those of the daemon that matter to a file. */
static const char *const shared_options[] = {"model",   "hop",     "smoothing", "kernel",
                                             "include", "exclude", "threshold", "channels"};
#define SHARED_OPTIONS (sizeof shared_options / sizeof *shared_options)

struct command {
    struct option_spec specs[OWN_OPTIONS + SHARED_OPTIONS];
    struct settings *settings;
    enum analysis_format format;
    const char *output; /* NULL: stdout */
    unsigned jobs;
    bool use_float;
    bool help;

    char **files;
    size_t count;
    struct model *model;
    float threshold[MODEL_LABELS_MAX];
    bool enabled[MODEL_LABELS_MAX];
    atomic_uint *share; /* [count] of each file that is done, 0 to SHARE_DONE */

    struct progress progress;
    FILE *stream;
    bool heading_written;
    size_t good;
};

/* One file's result, or why there is none. */
struct outcome {
    struct analysis *analysis;
    struct tutti_error error;
};

/* ---- command line ---- */

static enum tutti_status refuse_value(const char *option, const char *value, const char *choices,
                                      struct tutti_error *error)
{
    return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "option --%s: '%.100s' is not %s", option,
                           value, choices);
}

static enum tutti_status take_option(void *context, size_t index, const char *value,
                                     struct tutti_error *error)
{
    struct command *command = context;
    const char *name = command->specs[index].name;
    if (index >= OWN_OPTIONS)
        return settings_set_option(command->settings, name, value, error);
    if (strcmp(name, "format") == 0) {
        if (!analysis_format_parse(value, &command->format))
            return refuse_value(name, value, "text, json, csv or audacity", error);
    } else if (strcmp(name, "output") == 0) {
        command->output = value;
    } else if (strcmp(name, "jobs") == 0) {
        uint64_t jobs;
        if (!number_parse_unsigned(value, BATCH_MAX_JOBS, &jobs) || jobs == 0)
            return refuse_value(name, value, "1 to 256", error);
        command->jobs = (unsigned)jobs;
    } else if (strcmp(name, "precision") == 0) {
        command->use_float = strcmp(value, "float") == 0;
        if (!command->use_float && strcmp(value, "int8") != 0)
            return refuse_value(name, value, "int8 or float", error);
    } else {
        command->help = true;
    }
    return TUTTI_OK;
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
    if (status != TUTTI_OK || command->help)
        return status;
    command->files = argv + first;
    command->count = (size_t)(argc - first);
    if (command->count == 0)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "no sound file was named");
    if (command->count > 1 && command->format == ANALYSIS_AUDACITY)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "a label track belongs to one sound file: name one at a time");
    for (size_t i = 0; command->output != NULL && i < command->count; i++) {
        if (output_file_replaces(command->output, command->files[i]))
            return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                                   "the output would replace the sound file %s", command->files[i]);
    }
    return TUTTI_OK;
}

static void print_help(const struct command *command)
{
    program_print_help(
        "tutti analyze [OPTION]... FILE...",
        "Says which instruments play when in sound files: wav, flac, ogg, opus, mp3, aiff and "
        "others, of any rate and number of channels. Hears exactly what the daemon would hear.",
        command->specs, OWN_OPTIONS + SHARED_OPTIONS,
        "The mean and the maximum are those of the probability, not smoothed, over all\n"
        "windows that lie wholly in the sound. A sound shorter than a window is repeated\n"
        "to fill it. A file that cannot be analyzed does not stop the others; the exit\n"
        "status is then 1.\n");
}

/* ---- one file, in any thread ---- */

static enum tutti_status open_inference(const struct command *command, struct inference *inference,
                                        struct tutti_error *error)
{
    const char *kernel = command->settings->kernel;
    if (command->use_float)
        return inference_open_float(command->model, inference, error);
    return inference_open_int8(command->model, *kernel != '\0' ? kernel : NULL, inference, error);
}

struct report {
    atomic_uint *share;
};

static bool note_progress(void *context, double done)
{
    struct report *report = context;
    atomic_store_explicit(report->share, (unsigned)(done * SHARE_DONE), memory_order_relaxed);
    return true;
}

static void *analyze_file(void *context, size_t index)
{
    const struct command *command = context;
    struct outcome *outcome = calloc(1, sizeof *outcome);
    if (outcome == NULL)
        return NULL;
    struct report report = {.share = &command->share[index]};
    struct analysis_config config = {
        .hop_s = command->settings->hop_s,
        .smoothing_s = command->settings->smoothing_s,
        .threshold = command->threshold,
        .enabled = command->enabled,
        .channels = command->settings->source.channels,
        .progress = note_progress,
        .context = &report,
    };
    struct inference inference;
    struct sound_file *file = sound_file_open(command->files[index], &outcome->error);
    if (file != NULL && open_inference(command, &inference, &outcome->error) == TUTTI_OK)
        outcome->analysis = analysis_run(command->model, &config, file, command->files[index],
                                         &inference, &outcome->error);
    sound_file_close(file);
    atomic_store_explicit(report.share, SHARE_DONE, memory_order_relaxed);
    return outcome;
}

/* ---- their results, in the first thread ---- */

static void show_progress(void *context)
{
    struct command *command = context;
    double done = 0;
    size_t complete = 0;
    for (size_t i = 0; i < command->count; i++) {
        unsigned share = atomic_load_explicit(&command->share[i], memory_order_relaxed);
        done += (double)share / SHARE_DONE;
        complete += share == SHARE_DONE;
    }
    char words[64] = "";
    if (command->count > 1)
        snprintf(words, sizeof words, "%zu of %zu files", complete, command->count);
    progress_show(&command->progress, done / (double)command->count, words);
}

static void take_outcome(void *context, size_t index, void *result)
{
    struct command *command = context;
    struct outcome *outcome = result;
    progress_clear(&command->progress);
    (void)index;
    if (outcome == NULL) {
        fprintf(stderr, NAME ": out of memory\n");
        return;
    }
    if (outcome->analysis == NULL) {
        program_fail(NAME, PROGRAM_FAILED, &outcome->error);
    } else {
        if (!command->heading_written)
            analysis_write_heading(command->stream, outcome->analysis, command->format);
        command->heading_written = true;
        analysis_write(command->stream, outcome->analysis, command->format);
        command->good++;
    }
    analysis_free(outcome->analysis);
    free(outcome);
}

/* Everything that is wrong with all files alike is told once, before any is opened. */
static enum program_exit prepare(struct command *command)
{
    struct tutti_error error;
    char path[PATH_MAX];
    const struct settings *settings = command->settings;
    command->model = program_open_model(settings->model, path, &error);
    if (command->model == NULL)
        return program_fail(NAME, PROGRAM_FAILED, &error);
    size_t labels = model_label_count(command->model);
    const char *names[MODEL_LABELS_MAX];
    for (size_t i = 0; i < labels; i++) {
        names[i] = model_label(command->model, i);
        command->threshold[i] = model_threshold(command->model, i);
    }
    if (settings_labels(settings, names, labels, command->threshold, command->enabled, &error) !=
            TUTTI_OK ||
        program_check_kernel(settings, &error) != TUTTI_OK ||
        analysis_check_hop(command->model, settings->hop_s, &error) != TUTTI_OK)
        return program_fail(NAME, PROGRAM_USAGE, &error);
    command->share = calloc(command->count, sizeof *command->share);
    if (command->share == NULL) {
        tutti_error_set(&error, TUTTI_ERROR_MEMORY, "out of memory");
        return program_fail(NAME, PROGRAM_FAILED, &error);
    }
    return PROGRAM_OK;
}

static enum program_exit analyze_all(struct command *command)
{
    struct tutti_error error;
    struct output_file *output = NULL;
    command->stream = stdout;
    if (command->output != NULL) {
        output = output_file_open(command->output, &error);
        if (output == NULL)
            return program_fail(NAME, PROGRAM_FAILED, &error);
        command->stream = output_file_stream(output);
    }
    if (command->use_float)
        openblas_set_num_threads(1); /* the files are what runs side by side */
    progress_init(&command->progress, stderr);
    const struct batch_work work = {
        .context = command, .work = analyze_file, .take = take_outcome, .tick = show_progress};
    enum tutti_status status = batch_run(&work, command->count, command->jobs, &error);
    progress_clear(&command->progress);
    if (status != TUTTI_OK) {
        output_file_discard(output);
        return program_fail(NAME, PROGRAM_FAILED, &error);
    }
    enum program_exit result = command->good == command->count ? PROGRAM_OK : PROGRAM_FAILED;
    if (output != NULL && command->good == 0)
        output_file_discard(output);
    else if (output != NULL && output_file_commit(output, &error) != TUTTI_OK)
        return program_fail(NAME, PROGRAM_FAILED, &error);
    return program_end_output(NAME, result);
}

int command_analyze(int argc, char **argv)
{
    struct tutti_error error;
    struct command *command = calloc(1, sizeof *command);
    if (command != NULL)
        command->settings = settings_new();
    enum program_exit result = PROGRAM_FAILED;
    if (command == NULL || command->settings == NULL) {
        fprintf(stderr, NAME ": out of memory\n");
        free(command);
        return (int)result;
    }
    command->jobs = 1;
    if (read_command_line(command, argc, argv, &error) != TUTTI_OK) {
        result = program_misused(NAME, &error);
    } else if (command->help) {
        print_help(command);
        result = program_end_output(NAME, PROGRAM_OK);
    } else {
        result = prepare(command);
        if (result == PROGRAM_OK)
            result = analyze_all(command);
    }
    model_close(command->model);
    free(command->share);
    settings_free(command->settings);
    free(command);
    return (int)result;
}
