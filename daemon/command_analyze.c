/* tutti analyze - which instruments play when in sound files. */
#include "daemon/analysis.h"
#include "daemon/analysis_write.h"
#include "daemon/analyzer.h"
#include "daemon/batch.h"
#include "daemon/clock.h"
#include "daemon/command.h"
#include "daemon/file_limit.h"
#include "daemon/hearing.h"
#include "daemon/interruption.h"
#include "daemon/number.h"
#include "daemon/output_file.h"
#include "daemon/piped_file.h"
#include "daemon/program.h"
#include "daemon/progress.h"
#include "daemon/settings.h"
#include "daemon/spool.h"
#include "daemon/thread.h"

#include <cblas.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "tutti analyze"
#define STANDARD_INPUT "-"
#define STANDARD_INPUT_NAME "standard input"
#define SHARE_DONE 1000  /* of a file, in the counters of progress */
#define FILES_PER_ITEM 2 /* that are open for a sound: itself, and what is kept of its output */
#define OTHER_FILES 24   /* that are open beside those */

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
    struct hearing *hearing[BATCH_MAX_JOBS]; /* [jobs] one for each thread */
    atomic_uint *share;                      /* [count] of each file that is done, to SHARE_DONE */
    atomic_bool stop;

    struct progress progress;
    struct interruption interruption;
    FILE *stream;
    bool may_block;  /* to write to the stream */
    int write_errno; /* why writing to it failed; 0: it did not */
    bool heading_written;
    bool half_written; /* a file's output */
    size_t good;
};

/* A file at work. */
struct file {
    struct command *command;
    atomic_uint *share;
    struct analysis_config config;
    struct sound_file *sound; /* until all of it is read */
    double promised_s;        /* sound_file.h */
    struct spool *spool;      /* its frames, as they are written */
    struct analyzer *analyzer;
    struct tutti_error error; /* why there is no analyzer */
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
            return refuse_value(name, value, "text, json, csv, cues-csv, audacity or cue", error);
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
    if (command->count > 1 && !analysis_format_takes_several(command->format))
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "in this format the output belongs to one sound file: name one at a "
                               "time");
    size_t inputs = 0;
    for (size_t i = 0; i < command->count; i++)
        inputs += strcmp(command->files[i], STANDARD_INPUT) == 0;
    if (inputs > 1)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "standard input (-) can be read once only");
    for (size_t i = 0; command->output != NULL && i < command->count; i++) {
        if (strcmp(command->files[i], STANDARD_INPUT) != 0 &&
            output_file_replaces(command->output, command->files[i]))
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
        "others, of any rate and number of channels. Hears exactly what the daemon would hear. "
        "FILE may be -, which is standard input.",
        command->specs, OWN_OPTIONS + SHARED_OPTIONS,
        "The mean and the maximum are those of the probability, not smoothed, over all\n"
        "windows that lie wholly in the sound. A sound shorter than a window is repeated\n"
        "to fill it. A file that cannot be analyzed to its end does not stop the others;\n"
        "nothing of it is written, and the exit status is then 1.\n");
}

/* ---- files, in any thread ---- */

static enum tutti_status open_inference(void *context, struct inference *inference,
                                        struct tutti_error *error)
{
    const struct command *command = context;
    const char *kernel = command->settings->kernel;
    if (command->use_float)
        return inference_open_float(command->model, inference, error);
    return inference_open_int8(command->model, *kernel != '\0' ? kernel : NULL, inference, error);
}

static bool note_progress(void *context, double done)
{
    const struct file *file = context;
    atomic_store_explicit(file->share, (unsigned)(done * SHARE_DONE), memory_order_relaxed);
    return !atomic_load(&file->command->stop);
}

static enum tutti_status write_frame(void *context, const struct analysis *analysis, double t_s,
                                     const float *probability, struct tutti_error *error)
{
    const struct file *file = context;
    return analysis_write_frame(file->spool, analysis, file->command->format, t_s, probability,
                                error);
}

/* Many may wait for their turn to be written; the sound of none of them stays open. */
static void close_sound(struct file *file)
{
    sound_file_close(file->sound);
    file->sound = NULL;
}

static bool is_wanted(void *context)
{
    const struct command *command = context;
    return !atomic_load(&command->stop);
}

static struct sound_file *open_input(struct command *command, struct tutti_error *error)
{
    const int descriptor =
        piped_file_open(STDIN_FILENO, STANDARD_INPUT_NAME, is_wanted, command, error);
    if (descriptor < 0)
        return NULL;
    struct sound_file *sound = sound_file_open_descriptor(descriptor, STANDARD_INPUT_NAME, error);
    const struct tutti_error refusal = *error;
    if (sound == NULL && refusal.status == TUTTI_ERROR_FORMAT)
        tutti_error_set(error, refusal.status,
                        "%.300s (raw samples, which have no header, are taken by tuttid alone: "
                        "--input - --stdin-format)",
                        refusal.text);
    return sound;
}

static void *begin_file(void *context, size_t index)
{
    struct command *command = context;
    struct file *file = calloc(1, sizeof *file);
    if (file == NULL || atomic_load(&command->stop))
        return file;
    *file = (struct file){
        .command = command,
        .share = &command->share[index],
        .config = {.hop_s = command->settings->hop_s,
                   .smoothing_s = command->settings->smoothing_s,
                   .threshold = command->threshold,
                   .enabled = command->enabled,
                   .channels = command->settings->source.channels,
                   .frame = write_frame,
                   .progress = note_progress,
                   .context = file},
        .spool = spool_new(),
    };
    const bool is_input = strcmp(command->files[index], STANDARD_INPUT) == 0;
    if (file->spool == NULL)
        tutti_error_set(&file->error, TUTTI_ERROR_MEMORY, "out of memory");
    else
        file->sound = is_input ? open_input(command, &file->error)
                               : sound_file_open(command->files[index], &file->error);
    if (file->sound != NULL) {
        file->promised_s = sound_file_promised_s(file->sound);
        file->analyzer =
            analyzer_new(command->model, &file->config, file->sound,
                         is_input ? STANDARD_INPUT_NAME : command->files[index], &file->error);
    }
    if (file->analyzer == NULL)
        close_sound(file);
    return file;
}

static void *read_piece(void *context, void *item)
{
    struct file *file = item;
    (void)context;
    void *piece = file->analyzer != NULL ? analyzer_read(file->analyzer) : NULL;
    if (piece == NULL)
        close_sound(file);
    return piece;
}

static void hear_piece(void *context, unsigned worker, void *item, void *piece)
{
    const struct command *command = context;
    (void)item;
    hearing_hear(command->hearing[worker], piece);
}

static void take_piece(void *context, void *item, void *piece)
{
    const struct file *file = item;
    (void)context;
    analyzer_take(file->analyzer, piece);
}

/* ---- their results, in the first thread ---- */

static void show_progress(void *context)
{
    struct command *command = context;
    if (interruption_came(&command->interruption))
        atomic_store(&command->stop, true);
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
    progress_show(&command->progress, done / (double)command->count, words, clock_monotonic_ns());
}

/* What a format cannot hold is not kept secret. */
static void warn_of_left_out(const struct command *command, const struct analysis *analysis)
{
    const size_t left_out = analysis_left_out(analysis, command->format);
    if (left_out > 0)
        program_warn(NAME,
                     "%s: of %zu entries the sheet has the last %zu: no more than 99, of no more "
                     "than 100 minutes",
                     analysis->name, analysis->cues, analysis->cues - left_out);
}

static void warn_of_cut(double promised_s, const struct analysis *analysis)
{
    if (promised_s > 0)
        program_warn(
            NAME,
            "the sound file %s is cut short: its header promises %.2f s, and it ends after "
            "%.2f s",
            analysis->name, promised_s, analysis->duration_s);
}

static void write_result(struct command *command, const struct analysis *analysis,
                         struct spool *spool)
{
    struct tutti_error error;
    if (command->may_block)
        interruption_let_through(&command->interruption, true);
    if (!command->heading_written)
        analysis_write_heading(command->stream, analysis, command->format);
    command->heading_written = true;
    if (analysis_write(command->stream, analysis, command->format, spool, &error) == TUTTI_OK) {
        command->good++;
        warn_of_left_out(command, analysis);
    } else {
        program_fail(NAME, PROGRAM_FAILED, &error);
        command->half_written = true;
    }
    if (ferror(command->stream) && command->write_errno == 0)
        command->write_errno = errno;
    if (command->may_block)
        interruption_let_through(&command->interruption, false);
}

static void finish_file(void *context, size_t index, void *item)
{
    struct command *command = context;
    struct file *file = item;
    progress_clear(&command->progress);
    atomic_store_explicit(&command->share[index], SHARE_DONE, memory_order_relaxed);
    if (file == NULL) {
        fprintf(stderr, NAME ": out of memory\n");
        return;
    }
    struct analysis *analysis = NULL;
    if (file->analyzer != NULL)
        analysis = analyzer_finish(file->analyzer, &file->error);
    if (!atomic_load(&command->stop)) {
        if (analysis != NULL) {
            warn_of_cut(file->promised_s, analysis);
            write_result(command, analysis, file->spool);
        } else {
            program_fail(NAME, PROGRAM_FAILED, &file->error);
        }
    }
    analysis_free(analysis);
    spool_free(file->spool);
    free(file);
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
    bool complete = true;
    for (size_t i = 0; i < command->jobs && complete; i++) {
        command->hearing[i] = hearing_new(command->model, open_inference, command);
        complete = command->hearing[i] != NULL;
    }
    command->share = calloc(command->count, sizeof *command->share);
    if (!complete || command->share == NULL) {
        tutti_error_set(&error, TUTTI_ERROR_MEMORY, "out of memory");
        return program_fail(NAME, PROGRAM_FAILED, &error);
    }
    return PROGRAM_OK;
}

static enum program_exit finish_output(struct command *command, struct output_file *output)
{
    struct tutti_error error;
    bool stopped = interruption_came(&command->interruption);
    if (command->may_block)
        interruption_let_through(&command->interruption, true);
    errno = command->write_errno; /* for the complaint of the commit */
    if (output != NULL && (stopped || command->half_written || command->good == 0))
        output_file_discard(output);
    else if (output != NULL && output_file_commit(output, &error) != TUTTI_OK)
        return program_fail(NAME, PROGRAM_FAILED, &error);
    return program_end_output(NAME, command->good == command->count ? PROGRAM_OK : PROGRAM_FAILED);
}

/* How many sounds may be at work or wait at once, by the number of files that may be open. */
static size_t items_max(const struct command *command)
{
    const size_t limit =
        file_limit_raise(OTHER_FILES + FILES_PER_ITEM * batch_items_wanted(command->jobs));
    return limit >= OTHER_FILES + FILES_PER_ITEM ? (limit - OTHER_FILES) / FILES_PER_ITEM : 1;
}

static enum program_exit analyze_all(struct command *command)
{
    struct tutti_error error;
    struct output_file *output = NULL;
    struct stat target;
    command->stream = stdout;
    if (command->output != NULL) {
        output = output_file_open(command->output, &error);
        if (output == NULL)
            return program_fail(NAME, PROGRAM_FAILED, &error);
        command->stream = output_file_stream(output);
    }
    command->may_block = fstat(fileno(command->stream), &target) != 0 || !S_ISREG(target.st_mode);
    if (command->use_float)
        openblas_set_num_threads(1); /* the pieces are what runs side by side */
    progress_init(&command->progress, stderr, clock_monotonic_ns());
    const struct batch_work work = {.context = command,
                                    .begin = begin_file,
                                    .read = read_piece,
                                    .work = hear_piece,
                                    .take = take_piece,
                                    .finish = finish_file,
                                    .items_max = items_max(command),
                                    .tick = show_progress};
    interruption_begin(&command->interruption);
    enum tutti_status status = batch_run(&work, command->count, command->jobs, &error);
    progress_clear(&command->progress);
    if (status == TUTTI_OK)
        return finish_output(command, output);
    output_file_discard(output);
    return program_fail(NAME, PROGRAM_FAILED, &error);
}

/* As many threads as there are cores for this process. */
static unsigned default_jobs(void)
{
    const unsigned cores = thread_cores();
    return cores < BATCH_MAX_JOBS ? cores : BATCH_MAX_JOBS;
}

static void free_command(struct command *command)
{
    for (size_t i = 0; i < command->jobs; i++)
        hearing_free(command->hearing[i]);
    model_close(command->model);
    free(command->share);
    settings_free(command->settings);
    free(command);
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
    command->jobs = default_jobs();
    struct interruption interruption = {.number = 0};
    sigemptyset(&interruption.signals);
    if (read_command_line(command, argc, argv, &error) != TUTTI_OK) {
        result = program_misused(NAME, &error);
    } else if (command->help) {
        print_help(command);
        result = program_end_output(NAME, PROGRAM_OK);
    } else {
        result = prepare(command);
        if (result == PROGRAM_OK)
            result = analyze_all(command);
        interruption = command->interruption;
    }
    free_command(command);
    interruption_end(&interruption);
    return (int)result;
}
