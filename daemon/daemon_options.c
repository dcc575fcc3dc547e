#include "daemon/daemon_options.h"

#include "daemon/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_FILE TUTTI_CONFIG_DIR "/tuttid.conf"
#define CONFIG_VARIABLE "TUTTI_CONFIG"

enum { OPTION_CONFIG, OPTION_PRINT_CONFIG, OPTION_HELP, OPTION_VERSION, OWN_OPTIONS };

static const struct option_spec own_options[OWN_OPTIONS] = {
    [OPTION_CONFIG] = {.letter = 'c',
                       .name = "config",
                       .value = "FILE",
                       .help = "Read the settings from FILE rather than from " CONFIG_FILE
                               ", which need not exist. The environment variable " CONFIG_VARIABLE
                               " does the same."},
    [OPTION_PRINT_CONFIG] = {.name = "print-config",
                             .help = "Print a configuration file with every setting, its meaning "
                                     "and its default, and exit."},
    [OPTION_HELP] = PROGRAM_OPTION_HELP,
    [OPTION_VERSION] = {.name = "version", .help = "Print the version and exit."},
};

struct command_line {
    struct option_spec specs[OWN_OPTIONS + SETTINGS_KEYS_MAX];
    size_t count;
    struct settings *settings;
    const char *config; /* NULL: that of CONFIG_VARIABLE, or CONFIG_FILE if it exists */
    bool print_config;
    bool help;
    bool version;
};

static enum tutti_status take_option(void *context, size_t index, const char *value,
                                     struct tutti_error *error)
{
    struct command_line *line = context;
    switch (index) {
    case OPTION_CONFIG:
        line->config = value;
        return TUTTI_OK;
    case OPTION_PRINT_CONFIG:
        line->print_config = true;
        return TUTTI_OK;
    case OPTION_HELP:
        line->help = true;
        return TUTTI_OK;
    case OPTION_VERSION:
        line->version = true;
        return TUTTI_OK;
    default:
        return settings_set_option(line->settings, line->specs[index].name, value, error);
    }
}

static enum tutti_status read_command_line(struct command_line *line, int argc, char **argv,
                                           struct tutti_error *error)
{
    memcpy(line->specs, own_options, sizeof own_options);
    line->count = OWN_OPTIONS + settings_options(line->specs + OWN_OPTIONS, SETTINGS_KEYS_MAX);
    int first;
    enum tutti_status status =
        options_parse(argc, argv, line->specs, line->count, take_option, line, &first, error);
    if (status == TUTTI_OK && first < argc)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "what is '%.100s' for? (a file is played by --input file:PATH)",
                               argv[first]);
    return status;
}

static enum tutti_status read_settings(const struct command_line *line, struct tutti_error *error)
{
    enum tutti_status status = settings_read_environment(line->settings, error);
    if (status != TUTTI_OK)
        return status;
    if (line->config != NULL)
        return settings_read_file(line->settings, line->config, error);
    const char *named = getenv(CONFIG_VARIABLE);
    if (named != NULL && *named != '\0')
        return settings_read_file(line->settings, named, error);
    status = settings_read_file(line->settings, CONFIG_FILE, error);
    return status == TUTTI_ERROR_NOT_FOUND ? TUTTI_OK : status; /* there need not be one */
}

/* All that is wrong with the configuration, so that it need not be found one by one. */
static void tell_mistakes(struct log *log, const struct settings *settings,
                          const struct tutti_error *error)
{
    if (settings->mistakes == 0)
        log_write(log, LOG_LEVEL_ERROR, "%s", error->text);
    for (size_t i = 0; i < settings->mistakes; i++)
        log_write(log, LOG_LEVEL_ERROR, "%s", settings->mistake[i].text);
    if (settings->more_mistakes)
        log_write(log, LOG_LEVEL_ERROR, "%s: these are the first %d mistakes; there may be more",
                  settings->file, SETTINGS_MISTAKES_MAX);
}

static void print_help(const struct command_line *line)
{
    program_print_help(
        "tuttid [OPTION]...",
        "Listens to a microphone, a file or a pipe, and shows on a web page which instruments "
        "play. Runs until it is interrupted or its input ends.",
        line->specs, line->count,
        "Exit status: 0 stopped by a signal or at the end of its input, 1 it could not\n"
        "start, or its input could not be read or was empty, 2 a wrong command line or\n"
        "configuration. A device that is unplugged is waited for.\n"
        "SIGINT while it stops ends it at once.\n");
}

static enum program_exit print_what_is_asked(const struct command_line *line)
{
    if (line->help)
        print_help(line);
    else if (line->version)
        printf(DAEMON_NAME " " TUTTI_VERSION "\n");
    else
        settings_print_sample(stdout);
    return program_end_output(DAEMON_NAME, PROGRAM_OK);
}

bool daemon_options_read(int argc, char **argv, struct settings *settings, struct log *log,
                         enum program_exit *result)
{
    struct tutti_error error;
    struct command_line line = {.settings = settings};
    if (read_command_line(&line, argc, argv, &error) != TUTTI_OK) {
        *result = program_misused(DAEMON_NAME, &error);
    } else if (line.help || line.version || line.print_config) {
        *result = print_what_is_asked(&line);
    } else if (read_settings(&line, &error) != TUTTI_OK) {
        tell_mistakes(log, settings, &error);
        *result = PROGRAM_USAGE;
    } else {
        return true;
    }
    return false;
}
