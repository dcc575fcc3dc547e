/* tuttid - listens to one source or several and publishes which instruments play. */
#include "daemon/clock.h"
#include "daemon/daemon_options.h"
#include "daemon/daemon_watch.h"
#include "daemon/early_end.h"
#include "daemon/feature_stream.h"
#include "daemon/history.h"
#include "daemon/interruption.h"
#include "daemon/listen_address.h"
#include "daemon/log.h"
#include "daemon/pipeline_set.h"
#include "daemon/program.h"
#include "daemon/server.h"
#include "daemon/settings.h"
#include "daemon/stderr_throttle.h"

#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef TUTTI_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#define NAME DAEMON_NAME
#define TICK_NS 200000000L
#define LIBRARY_LINES_PER_S 10
#define LIBRARY_LINES_PER_H 60

/* ---- the daemon ---- */

struct daemon {
    struct settings *settings;
    struct log log;
    struct model *model;
    float threshold[MODEL_LABELS_MAX];
    bool enabled[MODEL_LABELS_MAX];
    size_t sources;
    struct pipeline_set *set;
    struct server *server;
};

/* What systemd hears, where there is one. */
static void notify(const char *state)
{
#ifdef TUTTI_SYSTEMD
    sd_notify(0, state);
#else
    (void)state;
#endif
}

static enum program_exit fail(struct daemon *daemon, enum program_exit result,
                              const struct tutti_error *error)
{
    log_write(&daemon->log, LOG_LEVEL_ERROR, "%s", error->text);
    return result;
}

/* What is wrong with a setting does not get better by trying again. */
static enum program_exit fail_to_start(struct daemon *daemon, const struct tutti_error *error)
{
    return fail(daemon, error->status == TUTTI_ERROR_ARGUMENT ? PROGRAM_USAGE : PROGRAM_FAILED,
                error);
}

static void wake_server(void *context)
{
    const struct daemon *daemon = context;
    server_wake(daemon->server);
}

/* Whether so long a history of so many labels is allowed: known only once both are. */
static enum tutti_status check_history(const struct daemon *daemon, struct tutti_error *error)
{
    const struct settings *settings = daemon->settings;
    size_t labels = 0;
    for (size_t i = 0; i < model_label_count(daemon->model); i++)
        labels += daemon->enabled[i];
    size_t bytes = daemon->sources *
                   history_bytes(labels, (size_t)ceil(settings->keep_h * 3600 / settings->hop_s));
    if (bytes <= TIMELINE_MAX_HISTORY_BYTES)
        return TUTTI_OK;
    char place[TUTTI_ERROR_TEXT_SIZE];
    settings_describe_place(settings, "keep-h", place, sizeof place);
    return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                           "%.200s: %g hours at a hop of %g s%s take %zu MiB, more than the %zu "
                           "MiB allowed: keep less, or use a longer hop",
                           place, settings->keep_h, settings->hop_s,
                           daemon->sources > 1 ? ", for all sources," : "", bytes >> 20,
                           TIMELINE_MAX_HISTORY_BYTES >> 20);
}

static enum program_exit open_model(struct daemon *daemon)
{
    struct tutti_error error;
    char path[PATH_MAX];
    daemon->model = program_open_model(daemon->settings->model, path, &error);
    if (daemon->model == NULL)
        return fail(daemon, PROGRAM_FAILED, &error);
    struct tutti_error reason;
    if (feature_stream_check(daemon->model, &reason) != TUTTI_OK) {
        tutti_error_set(&error, reason.status, "%.250s: %.250s", path, reason.text);
        return fail(daemon, PROGRAM_FAILED, &error);
    }
    if (settings_sources(daemon->settings, NULL, &daemon->sources, &error) != TUTTI_OK ||
        program_labels(daemon->settings, daemon->model, daemon->threshold, daemon->enabled,
                       &error) != TUTTI_OK ||
        program_check_kernel(daemon->settings, &error) != TUTTI_OK ||
        check_history(daemon, &error) != TUTTI_OK)
        return fail(daemon, PROGRAM_USAGE, &error);
    double window_s = feature_stream_window_s(daemon->model);
    if (daemon->settings->hop_s > window_s)
        log_write(&daemon->log, LOG_LEVEL_WARNING,
                  "the hop of %g s is longer than the model's window of %g s: what lies between "
                  "goes unheard",
                  daemon->settings->hop_s, window_s);
    return PROGRAM_OK;
}

static enum program_exit open_sources(struct daemon *daemon)
{
    const struct settings *settings = daemon->settings;
    struct tutti_error error;
    if (server_check_files(settings->max_clients, daemon->sources, &error) != TUTTI_OK)
        return fail(daemon, PROGRAM_FAILED, &error);
    daemon->set =
        pipeline_set_new(settings, daemon->model, daemon->threshold, daemon->enabled, &error);
    if (daemon->set != NULL)
        return PROGRAM_OK;
    enum program_exit result = fail_to_start(daemon, &error);
    if (daemon->sources == 1 && settings->named_count == 0 &&
        strcmp(settings->source.input, "default") == 0)
        log_write(&daemon->log, LOG_LEVEL_INFO,
                  "without a microphone: --input demo, --input file:PATH or --input -; 'tutti "
                  "devices' lists what there is");
    return result;
}

static enum program_exit open_server(struct daemon *daemon)
{
    const struct server_config config = {
        .listen = daemon->settings->listen,
        .allowed_hosts = daemon->settings->allowed_hosts,
        .allowed_origins = daemon->settings->allowed_origins,
        .max_clients = daemon->settings->max_clients,
    };
    struct tutti_error error;
    daemon->server = server_new(&config, daemon->set->pipeline, daemon->set->count, &error);
    if (daemon->server == NULL)
        return fail_to_start(daemon, &error);
    for (size_t i = 0; i < daemon->set->count; i++)
        pipeline_on_change(daemon->set->pipeline[i], wake_server, daemon);
    return PROGRAM_OK;
}

/* Where a browser on this machine finds the page. */
static void tell_where(struct daemon *daemon)
{
    struct listen_address address;
    char host[NI_MAXHOST] = "127.0.0.1";
    bool everywhere = true;
    if (listen_address_parse(daemon->settings->listen, &address, NULL) == TUTTI_OK &&
        !listen_address_is_wildcard((const struct sockaddr *)&address.socket_address)) {
        everywhere = false;
        getnameinfo((const struct sockaddr *)&address.socket_address, address.length, host,
                    sizeof host, NULL, 0, NI_NUMERICHOST);
    }
    char elsewhere[HOST_NAME_MAX + 100] = "";
    char name[HOST_NAME_MAX + 1] = "";
    if (everywhere && gethostname(name, sizeof name - 1) == 0)
        (void)snprintf(elsewhere, sizeof elsewhere,
                       ", and for other machines at http://%s%s:%u/ or this one's address", name,
                       strchr(name, '.') == NULL ? ".local" : "", server_port(daemon->server));
    bool brackets = strchr(host, ':') != NULL;
    const struct pipeline_set *set = daemon->set;
    char what[320];
    snprintf(what, sizeof what, "%s", pipeline_status(set->pipeline[0]).source_name);
    for (size_t i = 0; i < set->count && set->count > 1; i++) {
        log_write(&daemon->log, LOG_LEVEL_INFO, "%s: listening to %s",
                  pipeline_name(set->pipeline[i]), pipeline_status(set->pipeline[i]).source_name);
        snprintf(what, sizeof what, "%zu sources", set->count);
    }
    log_write(&daemon->log, LOG_LEVEL_INFO, "listening to %s; page at http://%s%s%s:%u/%s", what,
              brackets ? "[" : "", host, brackets ? "]" : "", server_port(daemon->server),
              elsewhere);
}

static bool hangs(struct daemon *daemon, const struct pipeline_status *status)
{
    if (!status->hangs)
        return false;
    log_write(&daemon->log, LOG_LEVEL_ERROR, "%s hangs: giving up, to be started again",
              status->source_name);
    return true;
}

/* Whether what a source that has ended delivered was in order. */
static bool ended_well(struct daemon *daemon, const struct pipeline_status *status)
{
    /* A program before the pipe that failed, most likely. */
    const bool nothing_came = status->frames == 0;
    if (nothing_came)
        log_write(&daemon->log, LOG_LEVEL_ERROR, "no sound came from %s", status->source_name);
    return !nothing_came && status->state != SOURCE_LOST;
}

/* Whether the daemon's work is over, and with which exit status. A device that is lost is looked
 * for until it comes back; one that hangs keeps everybody from the sound system, and only a new
 * process can help, which systemd starts when this one fails. */
static bool is_over(struct daemon *daemon, struct daemon_watch *watch, struct speed_watch *speed,
                    enum program_exit *result)
{
    const struct pipeline_set *set = daemon->set;
    /* Before the looks: what is told below is then the whole. */
    const bool done = pipeline_set_done(set);
    bool hung = false;
    bool well = true;
    struct pipeline_status status = {.hop_stretch = 1};
    uint64_t skipped_hops = 0;
    for (size_t i = 0; i < set->count; i++) {
        status = pipeline_status(set->pipeline[i]);
        daemon_watch_take(&watch[i], &status, clock_monotonic_ns());
        skipped_hops += status.skipped_hops;
        hung = hung || hangs(daemon, &status);
        if (done)
            well = ended_well(daemon, &status) && well;
    }
    speed_watch_take(speed, &status, skipped_hops, clock_monotonic_ns());
    *result = hung || !well ? PROGRAM_FAILED : PROGRAM_OK;
    return hung || done;
}

/* What the entries were is gone with this process, to the dismay of who wanted them. */
static void tell_what_is_forgotten(struct daemon *daemon)
{
    size_t entries = 0;
    for (size_t i = 0; i < daemon->set->count; i++)
        entries += timeline_cues(pipeline_timeline(daemon->set->pipeline[i]), NULL, 0);
    if (entries > 0)
        log_write(&daemon->log, LOG_LEVEL_INFO,
                  "%zu %s forgotten; with --at-end stay the page and the API would stay, until a "
                  "signal",
                  entries, entries == 1 ? "entry is" : "entries are");
}

static enum program_exit watch_until_end(struct daemon *daemon, const sigset_t *signals,
                                         struct daemon_watch *watch)
{
    const struct pipeline_set *set = daemon->set;
    struct speed_watch speed;
    speed_watch_init(&speed, &daemon->log, set->count);
    struct refusal_watch refusals;
    refusal_watch_init(&refusals, &daemon->log);
    for (size_t i = 0; i < set->count; i++)
        daemon_watch_init(&watch[i], &daemon->log,
                          set->count > 1 ? pipeline_name(set->pipeline[i]) : NULL);
    const struct timespec tick = {.tv_nsec = TICK_NS};
    for (;;) {
        int number = sigtimedwait(signals, NULL, &tick);
        if (number > 0) {
            log_write(&daemon->log, LOG_LEVEL_INFO, "stopping: %s", strsignal(number));
            return PROGRAM_OK;
        }
        refusal_watch_take(&refusals, server_refused_streams(daemon->server), clock_monotonic_ns());
        enum program_exit result;
        if (is_over(daemon, watch, &speed, &result)) {
            tell_what_is_forgotten(daemon);
            return result;
        }
    }
}

static enum program_exit run_until_end(struct daemon *daemon, const sigset_t *signals)
{
    struct daemon_watch *watch = calloc(daemon->set->count, sizeof *watch);
    if (watch == NULL) {
        log_write(&daemon->log, LOG_LEVEL_ERROR, "out of memory");
        return PROGRAM_FAILED;
    }
    const enum program_exit result = watch_until_end(daemon, signals, watch);
    free(watch);
    return result;
}

/* From here on SIGINT, which somebody at a terminal sends who cannot wait, does what it does to any
 * program. The others may well come together (a session that ends sends SIGHUP and SIGTERM), and
 * stay blocked: the end that has begun is a clean one. */
static void let_interrupt_through(const sigset_t *signals)
{
    sigset_t interrupt;
    if (!sigismember(signals, SIGINT))
        return;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    signal(SIGINT, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &interrupt, NULL);
}

static enum program_exit start(struct daemon *daemon)
{
    enum program_exit result = open_model(daemon);
    if (result == PROGRAM_OK)
        result = open_sources(daemon);
    if (result == PROGRAM_OK)
        result = open_server(daemon);
    if (result != PROGRAM_OK)
        return result;
    struct tutti_error error;
    if (pipeline_set_start(daemon->set, &error) != TUTTI_OK)
        return fail(daemon, PROGRAM_FAILED, &error);
    return PROGRAM_OK;
}

static enum program_exit run(struct daemon *daemon, const sigset_t *signals)
{
    struct early_end *early_end = early_end_begin(signals, &daemon->log);
    enum program_exit result = start(daemon);
    early_end_finish(early_end);
    if (result != PROGRAM_OK)
        return result;
    tell_where(daemon);
    notify("READY=1");
    result = run_until_end(daemon, signals);
    notify("STOPPING=1");
    let_interrupt_through(signals);
    return result;
}

static enum program_exit run_daemon(struct settings *settings, struct log log)
{
    struct daemon *daemon = calloc(1, sizeof *daemon);
    if (daemon == NULL) {
        fprintf(stderr, NAME ": out of memory\n");
        return PROGRAM_FAILED;
    }
    daemon->settings = settings;
    log.level = (enum log_level)settings->level;
    daemon->log = log;
    /* For all but the log. */
    struct stderr_throttle *throttle =
        stderr_throttle_begin(LIBRARY_LINES_PER_S, LIBRARY_LINES_PER_H);
    /* Blocked before any thread begins, so that this one alone gets them. */
    sigset_t signals;
    interruption_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN); /* a client that goes away is no reason to end */

    enum program_exit result = run(daemon, &signals);
    bool stuck = false;
    if (daemon->set != NULL) {
        pipeline_set_stop(daemon->set);
        for (size_t i = 0; i < daemon->set->count; i++)
            stuck = stuck || pipeline_status(daemon->set->pipeline[i]).hangs;
    }
    server_free(daemon->server);
    pipeline_set_free(daemon->set);
    model_close(daemon->model);
    free(daemon);
    if (!stuck) /* a device that hangs leaves a thread that may print */
        stderr_throttle_end(throttle);
    return result;
}

int main(int argc, char **argv)
{
    struct settings *settings = settings_new();
    enum program_exit result = PROGRAM_OK;
    struct log log;
    program_hold_descriptors();
    log_init(&log, stderr, NAME, LOG_LEVEL_INFO); /* how much to tell comes with the settings */
    if (settings == NULL) {
        fprintf(stderr, NAME ": out of memory\n");
        return PROGRAM_FAILED;
    }
    if (daemon_options_read(argc, argv, settings, &log, &result))
        result = run_daemon(settings, log);
    settings_free(settings);
    return (int)result;
}
