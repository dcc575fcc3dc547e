/* tutti - the command-line companion of tuttid. */
#include "daemon/command.h"
#include "daemon/program.h"

#include <stdbool.h>
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
    printf("\n'tutti COMMAND --help' or 'tutti help COMMAND' tells more. 'tutti --version' tells "
           "the version.\n"
           "Exit status: 0 all is well, 1 something could not be done, 2 a wrong command line.\n");
}

/* The command of that name, or NULL. */
static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* prefix 'word' suffix; word NULL: the prefix alone. */
static int misused(const char *prefix, const char *word, const char *suffix)
{
    struct tutti_error error;
    if (word != NULL)
        tutti_error_set(&error, TUTTI_ERROR_ARGUMENT, "%s'%.60s'%s", prefix, word, suffix);
    else
        tutti_error_set(&error, TUTTI_ERROR_ARGUMENT, "%s", prefix);
    return (int)program_misused("tutti", &error);
}

static int no_such_command(const char *word)
{
    return misused("there is no command ", word, "");
}

static bool is_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* tutti help COMMAND is tutti COMMAND --help. */
static int help(int argc, char **argv)
{
    if (argc == 1 && is_help(argv[0]))
        argc = 0;
    if (argc > 1)
        return misused("one command at a time; what is ", argv[1], " for?");
    const struct command *command = argc == 1 ? find_command(argv[0]) : NULL;
    if (argc == 1 && command == NULL)
        return no_such_command(argv[0]);
    if (command != NULL) {
        char option[] = "--help";
        char *arguments[] = {argv[0], option, NULL};
        return command->run(2, arguments);
    }
    print_help();
    return (int)program_end_output("tutti", PROGRAM_OK);
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    program_hold_descriptors();
    const struct command *command = find_command(word);
    if (command != NULL)
        return command->run(argc - 1, argv + 1);
    if (strcmp(word, "help") == 0)
        return help(argc - 2, argv + 2);
    if (is_help(word))
        return help(0, NULL);
    if (strcmp(word, "--version") == 0) {
        printf("tutti " TUTTI_VERSION "\n");
        return (int)program_end_output("tutti", PROGRAM_OK);
    }
    return *word == '\0' ? misused("a command is missing", NULL, "") : no_such_command(word);
}
