#include "daemon/analyze_options.h"

#include "daemon/batch.h"
#include "daemon/number.h"
#include "daemon/options.h"
#include "daemon/output_file.h"
#include "daemon/program.h"
#include "daemon/thread.h"

#include <stdint.h>
#include <string.h>

static const struct option_spec own_options[] = {
    {.letter = 'f',
     .name = "format",
     .value = "FORMAT",
     .help = "text; json, one object per line; csv, the probabilities over time; of one file also "
             "its entries and exits: cues-csv, audacity (a label track), cue (a CUE sheet).",
     .initial = "text"},
    {.letter = 'o',
     .name = "output",
     .value = "FILE",
     .help = "Write to FILE instead of standard output; it appears when it is complete."},
    {.letter = 'j',
     .name = "jobs",
     .value = "N",
     .help = "How many threads analyze, one file in turn or several; the results do not depend on "
             "it.",
     .range = "1 to 256",
     .initial = "the number of cores"},
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

#define OPTIONS (OWN_OPTIONS + SHARED_OPTIONS)

/* What the parser hands out. */
struct reading {
    struct option_spec specs[OPTIONS];
    struct analyze_options *options;
};

static void fill_specs(struct option_spec specs[OPTIONS])
{
    memcpy(specs, own_options, sizeof own_options);
    for (size_t i = 0; i < SHARED_OPTIONS; i++)
        settings_option(shared_options[i], &specs[OWN_OPTIONS + i]);
}

/* As many threads as there are cores for this process. */
static unsigned default_jobs(void)
{
    const unsigned cores = thread_cores();
    return cores < BATCH_MAX_JOBS ? cores : BATCH_MAX_JOBS;
}

bool analyze_options_init(struct analyze_options *options)
{
    *options = (struct analyze_options){.jobs = default_jobs(), .settings = settings_new()};
    return options->settings != NULL;
}

void analyze_options_free(struct analyze_options *options)
{
    settings_free(options->settings);
}

static enum tutti_status refuse_value(const char *option, const char *value, const char *choices,
                                      struct tutti_error *error)
{
    return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "option --%s: '%.100s' is not %s", option,
                           value, choices);
}

static enum tutti_status take_option(void *context, size_t index, const char *value,
                                     struct tutti_error *error)
{
    struct reading *reading = context;
    struct analyze_options *options = reading->options;
    const char *name = reading->specs[index].name;
    if (index >= OWN_OPTIONS)
        return settings_set_option(options->settings, name, value, error);
    if (strcmp(name, "format") == 0) {
        if (!analysis_format_parse(value, &options->format))
            return refuse_value(name, value, "text, json, csv, cues-csv, audacity or cue", error);
    } else if (strcmp(name, "output") == 0) {
        options->output = value;
    } else if (strcmp(name, "jobs") == 0) {
        uint64_t jobs;
        if (!number_parse_unsigned(value, BATCH_MAX_JOBS, &jobs) || jobs == 0)
            return refuse_value(name, value, "1 to 256", error);
        options->jobs = (unsigned)jobs;
    } else if (strcmp(name, "precision") == 0) {
        options->use_float = strcmp(value, "float") == 0;
        if (!options->use_float && strcmp(value, "int8") != 0)
            return refuse_value(name, value, "int8 or float", error);
    } else {
        options->help = true;
    }
    return TUTTI_OK;
}

/* Do files, format and output go together? */
static enum tutti_status check(const struct analyze_options *options, struct tutti_error *error)
{
    if (options->count == 0)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "no sound file was named");
    if (options->count > 1 && !analysis_format_takes_several(options->format))
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "in this format the output belongs to one sound file: name one at a "
                               "time");
    size_t inputs = 0;
    for (size_t i = 0; i < options->count; i++)
        inputs += strcmp(options->files[i], ANALYZE_STANDARD_INPUT) == 0;
    if (inputs > 1)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "standard input (-) can be read once only");
    for (size_t i = 0; options->output != NULL && i < options->count; i++) {
        if (strcmp(options->files[i], ANALYZE_STANDARD_INPUT) != 0 &&
            output_file_replaces(options->output, options->files[i]))
            return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                                   "the output would replace the sound file %s", options->files[i]);
    }
    return TUTTI_OK;
}

enum tutti_status analyze_options_read(struct analyze_options *options, int argc, char **argv,
                                       struct tutti_error *error)
{
    struct reading reading = {.options = options};
    fill_specs(reading.specs);
    int first;
    enum tutti_status status = settings_read_environment(options->settings, error);
    if (status == TUTTI_OK)
        status =
            options_parse(argc, argv, reading.specs, OPTIONS, take_option, &reading, &first, error);
    if (status != TUTTI_OK || options->help)
        return status;
    options->files = argv + first;
    options->count = (size_t)(argc - first);
    return check(options, error);
}

void analyze_options_print_help(void)
{
    struct option_spec specs[OPTIONS];
    fill_specs(specs);
    program_print_help(
        "tutti analyze [OPTION]... FILE...",
        "Says which instruments play when in sound files: wav, flac, ogg, opus, mp3, aiff and "
        "others, of any rate and number of channels. Hears what the daemon would hear with the "
        "same settings, which it takes from options and the environment, not from the daemon's "
        "configuration. FILE may be -, which is standard input.",
        specs, OPTIONS,
        "The mean and the maximum are those of the probability, not smoothed, over all\n"
        "windows that lie wholly in the sound. A sound shorter than a window is repeated\n"
        "to fill it. A file that cannot be analyzed to its end does not stop the others;\n"
        "nothing of it is written, and the exit status is then 1.\n");
}
