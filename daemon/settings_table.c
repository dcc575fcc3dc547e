#include "daemon/settings_table.h"

#include "daemon/host_check.h"
#include "daemon/listen_address.h"
#include "daemon/origin_list.h"
#include "dsp/convert.h"

#define FIELD(name) offsetof(struct settings, name)

static const char *const at_end_choices[] = {"exit", "repeat", "stay", NULL};
static const char *const level_choices[] = {"error", "warning", "info", "debug", NULL};

static enum tutti_status check_format(const char *text, struct tutti_error *error)
{
    struct convert_format format;
    return convert_parse_format(text, &format, error);
}

static enum tutti_status check_listen(const char *text, struct tutti_error *error)
{
    struct listen_address address;
    return listen_address_parse(text, &address, error);
}

const struct settings_row settings_table[] = {
    {.section = "source",
     .key = "input",
     .option = "input",
     .value = "INPUT",
     .type = SETTINGS_TEXT,
     .offset = FIELD(source.input),
     .initial = "default",
     .help = "Where the sound comes from: 'default' is the system's default input, 'demo' the "
             "built-in piece, 'file:PATH' a sound file played in real time, '-' raw samples on "
             "standard input, anything else a device by its name, part of its name or a pattern "
             "such as '*USB*'. `tutti devices` lists the devices. The system's service cannot read "
             "files below /home."},
    {.section = "source",
     .key = "channels",
     .option = "channels",
     .value = "N",
     .type = SETTINGS_WHOLE,
     .offset = FIELD(source.channels),
     .initial = "mix",
     .minimum = 1,
     .maximum = 64,
     .word = "mix",
     .help = "Which channel to listen to: 1 is the first, 'mix' the mean of all (of a device, of "
             "its first two)."},
    {.section = "source",
     .key = "gain_db",
     .option = "gain-db",
     .value = "DB",
     .type = SETTINGS_NUMBER,
     .offset = FIELD(source.gain_db),
     .initial = "0",
     .minimum = -60,
     .maximum = 60,
     .help = "Amplification of the input, in decibels."},
    {.section = "source",
     .key = "rate_hz",
     .option = "rate-hz",
     .value = "HZ",
     .type = SETTINGS_WHOLE,
     .offset = FIELD(source.rate_hz),
     .initial = "auto",
     .minimum = CONVERT_MIN_RATE_HZ,
     .maximum = CONVERT_MAX_RATE_HZ,
     .word = "auto",
     .help = "Sample rate to ask a device for; 'auto' is the device's own."},
    {.section = "source",
     .key = "stdin_format",
     .option = "stdin-format",
     .value = "FORMAT",
     .type = SETTINGS_TEXT,
     .offset = FIELD(source.stdin_format),
     .initial = "f32le:48000:1",
     .check = check_format,
     .help = "What the raw samples on standard input are, as SAMPLE:RATE:CHANNELS. SAMPLE is s16, "
             "s24, s32 or f32 followed by le or be."},
    {.section = "source",
     .key = "at_end",
     .option = "at-end",
     .value = "WHAT",
     .type = SETTINGS_CHOICE,
     .offset = FIELD(source.at_end),
     .initial = "exit",
     .choices = at_end_choices,
     .help = "When a file or standard input has ended: 'exit', 'repeat' the file, or 'stay' and "
             "show what was heard. The demo always repeats."},

    {.section = "recognition",
     .key = "model",
     .option = "model",
     .value = "FILE",
     .type = SETTINGS_TEXT,
     .offset = FIELD(model),
     .initial = "auto",
     .word = "auto",
     .help = "The model file; 'auto' is the one that was installed with the program."},
    {.section = "recognition",
     .key = "hop_s",
     .option = "hop",
     .value = "SECONDS",
     .type = SETTINGS_NUMBER,
     .offset = FIELD(hop_s),
     .initial = "0.25",
     .minimum = 0.01,
     .maximum = 60,
     .help = "Time between two results, in seconds. Shorter costs more processor time; `tutti "
             "bench` says what this machine can sustain. Multiples of 0.08 reuse most of the work "
             "of the window before. The hop is rounded to 0.01 s, or what a column of the "
             "model's spectrum lasts."},
    {.section = "recognition",
     .key = "smoothing_s",
     .option = "smoothing",
     .value = "SECONDS",
     .type = SETTINGS_NUMBER,
     .offset = FIELD(smoothing_s),
     .initial = "0.5",
     .minimum = 0,
     .maximum = 30,
     .help = "Time constant by which probabilities are smoothed, in seconds; 0 is not at all. "
             "Longer is calmer and later."},
    {.section = "recognition",
     .key = "kernel",
     .option = "kernel",
     .value = "NAME",
     .type = SETTINGS_TEXT,
     .offset = FIELD(kernel),
     .initial = "auto",
     .word = "auto",
     .environment = "TUTTI_KERNEL",
     .help = "Which implementation of the network to use; 'auto' is the fastest that this "
             "processor has. All give the same results. `tutti bench` lists them."},
    {.section = "recognition",
     .key = "threads",
     .option = "threads",
     .value = "N",
     .type = SETTINGS_WHOLE,
     .offset = FIELD(threads),
     .initial = "auto",
     .minimum = 1,
     .maximum = MAX_SOURCES,
     .word = "auto",
     .help = "How many threads run the network for all sources; 'auto' is one for each core of the "
             "processor. There are never more than sources."},

    {.section = "labels",
     .key = "include",
     .option = "include",
     .value = "LABELS",
     .type = SETTINGS_LIST,
     .offset = FIELD(include),
     .initial = "",
     .may_be_empty = true,
     .help = "Listen for these instruments alone, separated by commas or spaces; empty is all. "
             "`tutti model` lists them; 'Electric Guitar' is electric_guitar, too."},
    {.section = "labels",
     .key = "exclude",
     .option = "exclude",
     .value = "LABELS",
     .type = SETTINGS_LIST,
     .offset = FIELD(exclude),
     .initial = "",
     .may_be_empty = true,
     .help = "Do not listen for these instruments."},
    {.section = "labels",
     .key = "threshold",
     .option = "threshold",
     .value = "LABEL=P",
     .type = SETTINGS_THRESHOLDS,
     .offset = FIELD(threshold),
     .minimum = 0.001,
     .maximum = 0.999,
     .help = "From which probability on an instrument counts as present, for any number of "
             "instruments: --threshold piano=0.4, or threshold.piano = 0.4 in the daemon's "
             "configuration. The others have the model's own."},

    {.section = "server",
     .key = "listen",
     .option = "listen",
     .value = "ADDRESS",
     .type = SETTINGS_TEXT,
     .offset = FIELD(listen),
     .initial = "127.0.0.1:8808",
     .check = check_listen,
     .help = "Address and port of the page and the API. 127.0.0.1 is reached from this machine "
             "alone, 0.0.0.0 or [::] from everywhere; nobody is asked for a password. Port 0 is "
             "any free one."},
    {.section = "server",
     .key = "allowed_hosts",
     .option = "allowed-hosts",
     .value = "NAMES",
     .type = SETTINGS_LIST,
     .offset = FIELD(allowed_hosts),
     .initial = "",
     .may_be_empty = true,
     .check = host_check_names,
     .help = "Names by which browsers may call this server, beside localhost and the address "
             "itself, separated by commas or spaces; '*' is any."},
    {.section = "server",
     .key = "allowed_origins",
     .option = "allowed-origins",
     .value = "ORIGINS",
     .type = SETTINGS_LIST,
     .offset = FIELD(allowed_origins),
     .initial = "",
     .may_be_empty = true,
     .check = origin_list_check,
     .help = "Pages from elsewhere that may read the API in a browser, by their origins as in "
             "http://stage.local:3000, separated by commas or spaces. The page that is served "
             "here always may."},
    {.section = "server",
     .key = "max_clients",
     .option = "max-clients",
     .value = "N",
     .type = SETTINGS_WHOLE,
     .offset = FIELD(max_clients),
     .initial = "100",
     .minimum = 1,
     .maximum = 10000,
     .help = "How many pages and other readers of the stream of events to serve at once. One "
             "address other than loopback (of IPv6 a network of /64) gets a quarter of them, and "
             "at least 8."},

    {.section = "history",
     .key = "keep_h",
     .option = "keep-h",
     .value = "HOURS",
     .type = SETTINGS_NUMBER,
     .offset = FIELD(keep_h),
     .initial = "2",
     .minimum = 0.01,
     .maximum = 168,
     .help = "How long to remember what was heard, in hours. The memory for it is taken at the "
             "start. All sources together may take 512 MiB; the daemon does not start with more."},

    {.section = "log",
     .key = "level",
     .option = "log-level",
     .value = "LEVEL",
     .type = SETTINGS_CHOICE,
     .offset = FIELD(level),
     .initial = "info",
     .choices = level_choices,
     .help = "How much to tell on standard error."},
};

const size_t settings_table_rows = sizeof settings_table / sizeof *settings_table;

_Static_assert(sizeof settings_table / sizeof *settings_table <= SETTINGS_KEYS_MAX,
               "room for the place of each key");
