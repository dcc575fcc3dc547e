/* tutti watch - what a daemon hears: live bars on a terminal, lines for other programs. */
#include "daemon/clock.h"
#include "daemon/command.h"
#include "daemon/held_signals.h"
#include "daemon/interruption.h"
#include "daemon/live.h"
#include "daemon/live_lines.h"
#include "daemon/live_painter.h"
#include "daemon/live_sentence.h"
#include "daemon/program.h"
#include "daemon/stream_client.h"
#include "daemon/terminal_screen.h"
#include "daemon/watch_options.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define NAME WATCH_NAME
#define TURN_MS 250             /* how often it is looked what time has changed */
#define LEAST_REDRAW_MS 100     /* from one picture to the next */
#define CONNECTING_SHOWN_MS 500 /* an answer that comes sooner is not waited for on the screen */
#define ENTRIES_AFTER_S 2       /* that --once waits for more than what plays */
#define GONE_AFTER_S 10         /* of an input that has ended: the daemon does not come back */
#define ENDED_AFTER_S 5         /* the same: it stays, and so the end is no restart */

struct watch {
    const struct watch_request *request;
    struct stream_address address;
    struct stream_client *client;
    struct live live;
    struct live_lines lines;
    struct terminal_screen screen;
    struct live_look look;
    struct interruption interruption;
    sigset_t window_signals; /* those that are about the terminal */
    int signals;             /* a descriptor that can be read when one has come */
    uint64_t begun_ns;
    uint64_t drawn_ns;
    uint64_t ended_ns; /* since when the input has ended; 0: it has not */
    char *picture;
    char reason[LIVE_REASON_SIZE]; /* why there is no connection */
    bool done;
    bool output_failed;
    int output_error; /* errno of that; 0, EPIPE: the reader has gone away */
    enum program_exit result;
};

/* ---- what comes from the daemon ---- */

static bool has_ended(const struct watch *watch)
{
    return strcmp(watch->live.state, "ended") == 0;
}

/* Of --once: what plays, as soon as it is also known since when, or that this is not to be had. */
static void write_once(struct watch *watch)
{
    if (watch->live.frames == 0 || watch->live.entries == LIVE_ENTRIES_AWAITED)
        return;
    live_lines_write_present(&watch->lines, &watch->live);
    watch->done = true;
}

static void write_lines(struct watch *watch, const char *type, const cJSON *data)
{
    const bool once = watch->request->once;
    const bool frame = strcmp(type, "frame") == 0;
    if (once && !watch->lines.json) {
        write_once(watch);
    } else if (!once || frame) {
        live_lines_take(&watch->lines, &watch->live, type, data);
        watch->done = once;
    }
}

static void take_event(void *context, const struct event *event)
{
    struct watch *watch = context;
    if (watch->done)
        return;
    cJSON *data = cJSON_Parse(event->data);
    const bool good = live_take(&watch->live, event->type, data, clock_monotonic_ns());
    const bool hello = strcmp(event->type, "hello") == 0;
    if (good && hello)
        stream_client_ask(watch->client, STREAM_INFO);
    if (good && (hello || strcmp(event->type, "lagged") == 0))
        stream_client_ask(watch->client, STREAM_CUES);
    if (good && watch->request->output != WATCH_BARS)
        write_lines(watch, event->type, data);
    cJSON_Delete(data);
}

static void take_answer(void *context, enum stream_question question, const char *json)
{
    struct watch *watch = context;
    cJSON *answer = json != NULL ? cJSON_Parse(json) : NULL;
    if (question == STREAM_INFO)
        live_take_info(&watch->live, answer);
    else
        live_take_cues(&watch->live, answer);
    cJSON_Delete(answer);
    if (watch->done || watch->request->output == WATCH_BARS || question != STREAM_CUES)
        return;
    if (!watch->request->once)
        live_lines_take_cues(&watch->lines, &watch->live);
    else if (!watch->lines.json)
        write_once(watch);
}

/* Lines tell only once that the connection is lost, however often it is tried. */
static void tell_link(struct watch *watch, enum stream_link link)
{
    if (link == STREAM_BROKEN && stream_client_failures(watch->client) == 1 && !has_ended(watch))
        program_warn(NAME, "the connection to %s was lost (%s); trying again", watch->address.shown,
                     watch->reason);
    else if (link == STREAM_CONNECTED && watch->reason[0] != '\0')
        program_warn(NAME, "connected to %s again", watch->address.shown);
}

static void take_link(void *context, enum stream_link link, const char *reason)
{
    struct watch *watch = context;
    static const enum live_link links[] = {[STREAM_CONNECTING] = LIVE_CONNECTING,
                                           [STREAM_CONNECTED] = LIVE_CONNECTED,
                                           [STREAM_BROKEN] = LIVE_BROKEN,
                                           [STREAM_REFUSED] = LIVE_BROKEN};
    live_set_link(&watch->live, links[link], reason, clock_monotonic_ns());
    if (link == STREAM_REFUSED) {
        watch->done = true;
        watch->result = PROGRAM_FAILED;
    }
    if (*reason != '\0')
        snprintf(watch->reason, sizeof watch->reason, "%s", reason);
    if (watch->request->output != WATCH_BARS && !watch->done)
        tell_link(watch, link);
    if (link == STREAM_CONNECTED)
        watch->reason[0] = '\0';
}

/* ---- the terminal ---- */

/* Anything but an empty NO_COLOR means: no colours (https://no-color.org). */
static void look_at_terminal(struct watch *watch)
{
    const char *no_colour = getenv("NO_COLOR");
    (void)setlocale(LC_CTYPE, "");
    watch->look.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    watch->look.palette =
        no_colour != NULL && *no_colour != '\0' ? CANVAS_MONOCHROME : CANVAS_COLOURED;
}

static void draw(struct watch *watch)
{
    const uint64_t now_ns = clock_monotonic_ns();
    if (watch->live.link == LIVE_CONNECTING &&
        now_ns - watch->begun_ns < CONNECTING_SHOWN_MS * CLOCK_NS_PER_MS)
        return;
    if (now_ns - watch->drawn_ns < LEAST_REDRAW_MS * CLOCK_NS_PER_MS)
        return;
    watch->drawn_ns = now_ns;
    terminal_screen_enter(&watch->screen);
    terminal_screen_measure(&watch->look.columns, &watch->look.rows);
    (void)live_paint(&watch->live, &watch->look, now_ns, watch->picture, LIVE_PAINT_SIZE);
    if (!terminal_screen_show(&watch->screen, watch->picture))
        watch->done = watch->output_failed = true;
}

/* Ctrl-Z: the terminal is given back until the program goes on. */
static void pause_program(struct watch *watch)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    terminal_screen_leave(&watch->screen);
    raise(SIGTSTP);
    held_signals_end(&stop); /* here it stops */
    held_signals_begin(&stop);
    watch->drawn_ns = 0;
}

static void take_window_signals(struct watch *watch)
{
    int number;
    while ((number = sigtimedwait(&watch->window_signals, NULL, &(struct timespec){0})) > 0) {
        if (number == SIGTSTP)
            pause_program(watch);
        else
            terminal_screen_forget(&watch->screen);
        watch->drawn_ns = 0;
    }
}

static void take_keys(struct watch *watch)
{
    for (char key; (key = terminal_screen_key(&watch->screen)) != 0;) {
        if (key == 'q' || key == 'Q')
            watch->done = true;
        else if (key == 'L' - '@') /* Ctrl-L */
            terminal_screen_forget(&watch->screen);
    }
}

/* ---- the loop ---- */

/* Whether whoever reads the lines has gone away: seen before there is a line to write. */
static bool reader_has_gone(void)
{
    struct pollfd output = {.fd = STDOUT_FILENO};
    return poll(&output, 1, 0) > 0 && (output.revents & (POLLERR | POLLNVAL)) != 0;
}

/* Lines go out at once. */
static void write_out(struct watch *watch)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout) && !reader_has_gone())
        return;
    watch->done = watch->output_failed = true;
    watch->output_error = errno;
}

/* Whether the input has ended for good. A daemon that is merely started anew says that it has
 * ended, too, but is back soon. */
static bool is_over(struct watch *watch)
{
    const uint64_t now_ns = clock_monotonic_ns();
    if (!has_ended(watch))
        watch->ended_ns = 0;
    else if (watch->ended_ns == 0)
        watch->ended_ns = now_ns;
    if (watch->ended_ns == 0)
        return false;
    if (watch->live.link == LIVE_BROKEN)
        return now_ns - watch->live.broken_ns > GONE_AFTER_S * CLOCK_NS_PER_S;
    return watch->request->output != WATCH_BARS && watch->live.link == LIVE_CONNECTED &&
           now_ns - watch->ended_ns > ENDED_AFTER_S * CLOCK_NS_PER_S;
}

/* Of --once: where there is no sound, or no result in time, none is waited for. */
static void give_up_without_results(struct watch *watch)
{
    if (watch->live.link != LIVE_CONNECTED || watch->live.frames > 0 || has_ended(watch))
        return;
    const struct live_sentence said = live_describe(&watch->live, clock_monotonic_ns());
    if (said.mood != LIVE_BAD)
        return;
    snprintf(watch->reason, sizeof watch->reason, "%.255s", said.detail);
    watch->result = PROGRAM_FAILED;
    watch->done = true;
}

/* A daemon that does not answer is not waited for. */
static void write_once_in_time(struct watch *watch)
{
    const uint64_t asked_ns = watch->live.hello_ns;
    if (watch->done || !watch->request->once)
        return;
    give_up_without_results(watch);
    if (watch->done || watch->lines.json || watch->live.frames == 0 ||
        clock_monotonic_ns() - asked_ns < ENTRIES_AFTER_S * CLOCK_NS_PER_S)
        return;
    live_take_cues(&watch->live, NULL);
    write_once(watch);
}

static void finish_turn(struct watch *watch)
{
    watch->done = watch->done || is_over(watch);
    if (watch->request->output == WATCH_BARS) {
        take_window_signals(watch);
        take_keys(watch);
        if (!watch->done)
            draw(watch);
    } else {
        write_once_in_time(watch);
        write_out(watch);
    }
    if (interruption_came(&watch->interruption))
        watch->done = true;
}

static void watch_until_done(struct watch *watch)
{
    while (!watch->done) {
        const int descriptors[] = {watch->signals, STDIN_FILENO};
        const bool keys = watch->screen.entered && watch->screen.keys;
        stream_client_turn(watch->client, descriptors, keys ? 2 : 1, TURN_MS);
        finish_turn(watch);
    }
}

/* From here on signals wait until they are asked for, and wake the loop. */
static enum tutti_status hold_signals(struct watch *watch, struct tutti_error *error)
{
    (void)signal(SIGPIPE, SIG_IGN); /* told by the writing */
    interruption_begin(&watch->interruption);
    sigset_t all = watch->interruption.signals;
    sigemptyset(&watch->window_signals);
    if (watch->request->output == WATCH_BARS) {
        sigaddset(&watch->window_signals, SIGWINCH);
        sigaddset(&watch->window_signals, SIGTSTP);
        sigaddset(&all, SIGWINCH);
        sigaddset(&all, SIGTSTP);
        held_signals_begin(&watch->window_signals);
    }
    watch->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (watch->signals < 0)
        return tutti_error_set(error, TUTTI_ERROR_IO, "signals: %s", strerror(errno));
    return TUTTI_OK;
}

static enum program_exit tell_the_end(struct watch *watch)
{
    struct tutti_error error;
    if (watch->result != PROGRAM_OK) {
        tutti_error_set(&error, TUTTI_ERROR_IO, "%s: %s", watch->address.shown, watch->reason);
        return program_fail(NAME, watch->result, &error);
    }
    if (has_ended(watch) && watch->interruption.number == 0 && !watch->request->once) {
        tutti_error_set(&error, TUTTI_OK, "the input has ended: %s", watch->live.source);
        fflush(stdout);
        fprintf(stderr, NAME ": %s\n", error.text);
    }
    if (!watch->output_failed)
        return program_end_output(NAME, PROGRAM_OK);
    return watch->output_error == 0 ? PROGRAM_FAILED
                                    : program_fail_output(NAME, watch->output_error);
}

static enum program_exit run(struct watch *watch)
{
    struct tutti_error error;
    const struct stream_client_callbacks callbacks = {
        .event = take_event, .answer = take_answer, .link = take_link, .context = watch};
    if (hold_signals(watch, &error) != TUTTI_OK)
        return program_fail(NAME, PROGRAM_FAILED, &error);
    watch->client = stream_client_new(&watch->address, &callbacks, &error);
    if (watch->client == NULL)
        return program_fail(NAME, PROGRAM_FAILED, &error);
    watch_until_done(watch);
    terminal_screen_leave(&watch->screen);
    const enum program_exit result = tell_the_end(watch);
    stream_client_free(watch->client);
    close(watch->signals);
    interruption_end(&watch->interruption); /* may be the end */
    return result;
}

static enum program_exit watch_daemon(const struct watch_request *request)
{
    struct tutti_error error;
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL || (watch->picture = malloc(LIVE_PAINT_SIZE)) == NULL ||
        terminal_screen_init(&watch->screen, LIVE_PAINT_SIZE, &error) != TUTTI_OK) {
        tutti_error_set(&error, TUTTI_ERROR_MEMORY, "out of memory");
        return program_fail(NAME, PROGRAM_FAILED, &error);
    }
    watch->request = request;
    watch->begun_ns = clock_monotonic_ns();
    live_init(&watch->live, watch->begun_ns);
    live_lines_init(&watch->lines, stdout, request->output == WATCH_JSON);
    look_at_terminal(watch);
    enum program_exit result;
    if (stream_address_parse(request->url, request->source, &watch->address, &error) != TUTTI_OK)
        result = program_misused(NAME, &error);
    else
        result = run(watch);
    terminal_screen_free(&watch->screen);
    free(watch->picture);
    free(watch);
    return result;
}

int command_watch(int argc, char **argv)
{
    struct watch_request request;
    int result;
    if (!watch_options_parse(argc, argv, &request, &result))
        return result;
    if (request.output == WATCH_AUTOMATIC)
        request.output = terminal_screen_possible() && !request.once ? WATCH_BARS : WATCH_TEXT;
    return (int)watch_daemon(&request);
}
