/* tutti - the command-line companion of tuttid. */
#include "daemon/command.h"
#include "daemon/program.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static const struct command commands[] = {
    {"analyze", command_analyze, "Say which instruments play when in sound files."},
    {"devices", command_devices, "List the inputs that tuttid can listen to."},
    {"watch", command_watch, "Show live what a daemon hears."},
    {"bench", command_bench, "Measure how fast this machine is, stage by stage."},
    {"model", command_model, "Show what is in a model file, and whether it is sound."},
};

static void print_help(void)
{
    printf("Usage: tutti COMMAND [OPTION]... [FILE]...\n\n"
           "Hears which instruments play. Commands:\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].help);
    printf("\n'tutti COMMAND --help' tells more. 'tutti --version' tells the version.\n"
           "Exit status: 0 all is well, 1 something could not be done, 2 a wrong command line.\n");
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    program_hold_descriptors();
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_help();
        return (int)program_end_output("tutti", PROGRAM_OK);
    }
    if (strcmp(word, "--version") == 0) {
        printf("tutti " TUTTI_VERSION "\n");
        return (int)program_end_output("tutti", PROGRAM_OK);
    }
    struct tutti_error error;
    if (*word == '\0')
        tutti_error_set(&error, TUTTI_ERROR_ARGUMENT, "a command is missing");
    else
        tutti_error_set(&error, TUTTI_ERROR_ARGUMENT, "there is no command '%.60s'", word);
    return (int)program_misused("tutti", &error);
}
