#include "daemon/watch_options.h"

#include "daemon/program.h"
#include "daemon/stream_address.h"

#include <stdio.h>
#include <string.h>

#define NAME WATCH_NAME

enum { OPTION_SOURCE, OPTION_FORMAT, OPTION_ONCE, OPTION_HELP };

static const struct option_spec specs[] = {
    [OPTION_SOURCE] = {.letter = 's',
                       .name = "source",
                       .value = "NAME",
                       .help = "Watch this one of several inputs.",
                       .initial = "the first"},
    [OPTION_FORMAT] = {.letter = 'f',
                       .name = "format",
                       .value = "FORMAT",
                       .help = "Print lines, on a terminal as well: 'text', one for each entry and "
                               "exit (see below); 'json', one for each event of the API's stream.",
                       .initial = "bars on a terminal, otherwise text"},
    [OPTION_ONCE] = {.name = "once", .help = "Print what plays now, and exit."},
    [OPTION_HELP] = PROGRAM_OPTION_HELP,
};

static const char more_help[] =
    "URL is the address of the daemon's page, with or without ?source=NAME, or a\n"
    "host with or without a port; by default " STREAM_ADDRESS_DEFAULT ".\n"
    "\n"
    "On a terminal: a bar for each instrument, with a tick where it begins to count\n"
    "as playing and the time of its last entry. The key q ends it, as Ctrl-C does.\n"
    "\n"
    "Elsewhere: a line for each entry and exit, with the time in UTC when it was\n"
    "noticed, a sign before the instrument, but for exits how sure it is (0 to 1),\n"
    "and when it was, which is some seconds earlier:\n"
    "\n"
    "  2026-11-29T21:14:05Z +saxophone 0.82 since 2026-11-29T21:14:03Z  comes in\n"
    "  2026-11-29T21:14:45Z -saxophone until 2026-11-29T21:14:41Z       stops\n"
    "  2026-11-29T21:15:00Z =piano 0.93 since 2026-11-29T20:58:12Z      plays already\n"
    "\n"
    "The last kind stands at the beginning, with --once, and where an entry was\n"
    "missed.\n"
    "\n"
    "As json: {\"event\":\"onset\",\"data\":{...}}, with the data as in the API.\n"
    "\n"
    "A connection that is lost is made again, and what was missed is made good for.\n"
    "The exit status is 1 if there is no first connection, with --once also if no\n"
    "sound comes, and 0 once the input has ended and the daemon is gone for 10 s;\n"
    "lines also end where it stays.\n";

struct parsed {
    struct watch_request *request;
    bool help;
};

static enum tutti_status take_option(void *context, size_t index, const char *value,
                                     struct tutti_error *error)
{
    struct parsed *parsed = context;
    struct watch_request *request = parsed->request;
    if (index == OPTION_SOURCE)
        request->source = value;
    else if (index == OPTION_ONCE)
        request->once = true;
    else if (index == OPTION_HELP)
        parsed->help = true;
    else if (strcmp(value, "text") == 0)
        request->output = WATCH_TEXT;
    else if (strcmp(value, "json") == 0)
        request->output = WATCH_JSON;
    else
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "option --format: '%.40s' is not text or json", value);
    return TUTTI_OK;
}

bool watch_options_parse(int argc, char **argv, struct watch_request *request, int *result)
{
    struct tutti_error error;
    struct parsed parsed = {.request = request};
    int first;
    *request = (struct watch_request){.url = STREAM_ADDRESS_DEFAULT};
    if (options_parse(argc, argv, specs, sizeof specs / sizeof *specs, take_option, &parsed, &first,
                      &error) != TUTTI_OK) {
        *result = (int)program_misused(NAME, &error);
        return false;
    }
    if (parsed.help) {
        program_print_help("tutti watch [OPTION]... [URL]",
                           "Shows live what a daemon hears, here or on another machine.", specs,
                           sizeof specs / sizeof *specs, more_help);
        *result = (int)program_end_output(NAME, PROGRAM_OK);
        return false;
    }
    if (argc - first > 1) {
        tutti_error_set(&error, TUTTI_ERROR_ARGUMENT, "what is '%.100s' for?", argv[first + 1]);
        *result = (int)program_misused(NAME, &error);
        return false;
    }
    if (first < argc)
        request->url = argv[first];
    return true;
}
