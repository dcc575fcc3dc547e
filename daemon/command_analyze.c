/* tutti analyze - which instruments play when in sound files. */
#include "daemon/analysis.h"
#include "daemon/analysis_write.h"
#include "daemon/analyze_options.h"
#include "daemon/analyzer.h"
#include "daemon/batch.h"
#include "daemon/clock.h"
#include "daemon/command.h"
#include "daemon/file_limit.h"
#include "daemon/hearing.h"
#include "daemon/interruption.h"
#include "daemon/output_file.h"
#include "daemon/piped_file.h"
#include "daemon/program.h"
#include "daemon/progress.h"
#include "daemon/settings.h"
#include "daemon/spool.h"
#include "daemon/stderr_throttle.h"

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
#define STANDARD_INPUT_NAME "standard input"
#define SHARE_DONE 1000  /* of a file, in the counters of progress */
#define FILES_PER_ITEM 2 /* that are open for a sound: itself, and what is kept of its output */
#define OTHER_FILES 24   /* that are open beside those */

struct command {
    struct analyze_options options;
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
    struct sound_file *sound;        /* until all of it is read */
    char loss[SOUND_FILE_LOSS_SIZE]; /* what of it was missing; "": nothing */
    struct spool *spool;             /* its frames, as they are written */
    struct analyzer *analyzer;
    struct tutti_error error; /* why there is no analyzer */
};

/* ---- files, in any thread ---- */

static enum tutti_status open_inference(void *context, struct inference *inference,
                                        struct tutti_error *error)
{
    const struct command *command = context;
    const char *kernel = command->options.settings->kernel;
    if (command->options.use_float)
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
    return analysis_write_frame(file->spool, analysis, file->command->options.format, t_s,
                                probability, error);
}

/* Many may wait for their turn to be written; the sound of none of them stays open. */
static void close_sound(struct file *file)
{
    if (file->sound != NULL)
        (void)sound_file_has_loss(file->sound, file->loss);
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
        .config = {.hop_s = command->options.settings->hop_s,
                   .smoothing_s = command->options.settings->smoothing_s,
                   .threshold = command->threshold,
                   .enabled = command->enabled,
                   .channels = command->options.settings->source.channels,
                   .frame = write_frame,
                   .progress = note_progress,
                   .context = file},
        .spool = spool_new(),
    };
    const bool is_input = strcmp(command->options.files[index], ANALYZE_STANDARD_INPUT) == 0;
    if (file->spool == NULL)
        tutti_error_set(&file->error, TUTTI_ERROR_MEMORY, "out of memory");
    else
        file->sound = is_input ? open_input(command, &file->error)
                               : sound_file_open(command->options.files[index], &file->error);
    if (file->sound != NULL) {
        file->analyzer = analyzer_new(
            command->model, &file->config, file->sound,
            is_input ? STANDARD_INPUT_NAME : command->options.files[index], &file->error);
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
    for (size_t i = 0; i < command->options.count; i++) {
        unsigned share = atomic_load_explicit(&command->share[i], memory_order_relaxed);
        done += (double)share / SHARE_DONE;
        complete += share == SHARE_DONE;
    }
    char words[64] = "";
    if (command->options.count > 1)
        snprintf(words, sizeof words, "%zu of %zu files", complete, command->options.count);
    progress_show(&command->progress, done / (double)command->options.count, words,
                  clock_monotonic_ns());
}

/* What a format cannot hold is not kept secret. */
static void warn_of_left_out(const struct command *command, const struct analysis *analysis)
{
    const size_t left_out = analysis_left_out(analysis, command->options.format);
    if (left_out > 0)
        program_warn(NAME,
                     "%s: of %zu entries the sheet has the last %zu: no more than 99, of no more "
                     "than 100 minutes",
                     analysis->name, analysis->cues, analysis->cues - left_out);
}

static void write_result(struct command *command, const struct analysis *analysis,
                         struct spool *spool)
{
    struct tutti_error error;
    if (command->may_block)
        interruption_let_through(&command->interruption, true);
    if (!command->heading_written)
        analysis_write_heading(command->stream, analysis, command->options.format);
    command->heading_written = true;
    if (analysis_write(command->stream, analysis, command->options.format, spool, &error) ==
        TUTTI_OK) {
        command->good++;
        warn_of_left_out(command, analysis);
    } else {
        program_fail(NAME, PROGRAM_FAILED, &error);
        command->half_written = true;
    }
    if (ferror(command->stream) && command->write_errno == 0) {
        command->write_errno = errno;
        atomic_store(&command->stop, true); /* what else there is would be lost as well */
    }
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
            if (file->loss[0] != '\0')
                program_warn(NAME, "the sound file %s %s", analysis->name, file->loss);
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
    const struct settings *settings = command->options.settings;
    command->model = program_open_model(settings->model, path, &error);
    if (command->model == NULL)
        return program_fail(NAME, PROGRAM_FAILED, &error);
    if (program_labels(settings, command->model, command->threshold, command->enabled, &error) !=
            TUTTI_OK ||
        program_check_kernel(settings, &error) != TUTTI_OK ||
        analysis_check_hop(command->model, settings->hop_s, &error) != TUTTI_OK)
        return program_fail(NAME, PROGRAM_USAGE, &error);
    bool complete = true;
    for (size_t i = 0; i < command->options.jobs && complete; i++) {
        command->hearing[i] = hearing_new(command->model, open_inference, command);
        complete = command->hearing[i] != NULL;
    }
    command->share = calloc(command->options.count, sizeof *command->share);
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
    if (output == NULL && command->write_errno != 0)
        return program_fail_output(NAME, command->write_errno);
    return program_end_output(NAME, command->good == command->options.count ? PROGRAM_OK
                                                                            : PROGRAM_FAILED);
}

/* How many sounds may be at work or wait at once, by the number of files that may be open. */
static size_t items_max(const struct command *command)
{
    const size_t limit =
        file_limit_raise(OTHER_FILES + FILES_PER_ITEM * batch_items_wanted(command->options.jobs));
    return limit >= OTHER_FILES + FILES_PER_ITEM ? (limit - OTHER_FILES) / FILES_PER_ITEM : 1;
}

static enum program_exit analyze_all(struct command *command)
{
    struct tutti_error error;
    struct output_file *output = NULL;
    struct stat target;
    command->stream = stdout;
    if (command->options.output != NULL) {
        output = output_file_open(command->options.output, &error);
        if (output == NULL)
            return program_fail(NAME, PROGRAM_FAILED, &error);
        command->stream = output_file_stream(output);
    }
    command->may_block = fstat(fileno(command->stream), &target) != 0 || !S_ISREG(target.st_mode);
    if (command->options.use_float)
        openblas_set_num_threads(1); /* the pieces are what runs side by side */
    progress_init(&command->progress, stderr, clock_monotonic_ns());
    struct stderr_throttle *silence = stderr_throttle_begin_silence();
    const struct batch_work work = {.context = command,
                                    .begin = begin_file,
                                    .read = read_piece,
                                    .work = hear_piece,
                                    .take = take_piece,
                                    .finish = finish_file,
                                    .items_max = items_max(command),
                                    .tick = show_progress};
    interruption_begin(&command->interruption);
    enum tutti_status status =
        batch_run(&work, command->options.count, command->options.jobs, &error);
    stderr_throttle_end(silence);
    progress_clear(&command->progress);
    if (status == TUTTI_OK)
        return finish_output(command, output);
    output_file_discard(output);
    return program_fail(NAME, PROGRAM_FAILED, &error);
}

static void free_command(struct command *command)
{
    for (size_t i = 0; i < command->options.jobs; i++)
        hearing_free(command->hearing[i]);
    model_close(command->model);
    free(command->share);
    analyze_options_free(&command->options);
    free(command);
}

int command_analyze(int argc, char **argv)
{
    struct tutti_error error;
    struct command *command = calloc(1, sizeof *command);
    enum program_exit result = PROGRAM_FAILED;
    if (command == NULL || !analyze_options_init(&command->options)) {
        fprintf(stderr, NAME ": out of memory\n");
        free(command);
        return (int)result;
    }
    struct interruption interruption = {.number = 0};
    sigemptyset(&interruption.signals);
    if (analyze_options_read(&command->options, argc, argv, &error) != TUTTI_OK) {
        result = program_misused(NAME, &error);
    } else if (command->options.help) {
        analyze_options_print_help();
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
