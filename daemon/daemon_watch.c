#include "daemon/daemon_watch.h"

#include "daemon/clock.h"

#include <inttypes.h>
#include <stdio.h>

void daemon_watch_init(struct daemon_watch *watch, struct log *log, const char *name)
{
    *watch = (struct daemon_watch){
        .log = log, .told = {.state = SOURCE_RUNNING}, .state = SOURCE_RUNNING};
    if (name != NULL)
        (void)snprintf(watch->prefix, sizeof watch->prefix, "%s: ", name);
}

static void tell_losses(struct daemon_watch *watch, const struct pipeline_status *status,
                        uint64_t now_ns)
{
    uint64_t lost = status->lost_frames - watch->told.lost_frames;
    if (lost == 0 || now_ns < watch->quiet_until_ns)
        return;
    watch->quiet_until_ns = now_ns + WATCH_QUIET_S * CLOCK_NS_PER_S;
    log_write(watch->log, LOG_LEVEL_WARNING, "%s%.3f s of sound were lost (overruns: %" PRIu64 ")",
              watch->prefix, (double)lost / status->rate_hz,
              status->overruns - watch->told.overruns);
    watch->told.lost_frames = status->lost_frames;
    watch->told.overruns = status->overruns;
}

static void tell_state(const struct daemon_watch *watch, const struct pipeline_status *status)
{
    if (status->state == SOURCE_ENDED)
        log_write(watch->log, LOG_LEVEL_INFO, "%s%s has ended", watch->prefix, status->source_name);
    else if (status->state == SOURCE_LOST)
        log_write(watch->log, LOG_LEVEL_ERROR, "%s%s is lost", watch->prefix, status->source_name);
    else if (watch->told.state == SOURCE_LOST)
        log_write(watch->log, LOG_LEVEL_INFO, "%s%s is back", watch->prefix, status->source_name);
}

/* The end of silence is told only when sound does come, not when a silent source turns out to be
 * lost or over. */
static void tell_silence(const struct daemon_watch *watch, const struct pipeline_status *status)
{
    if (status->stalled)
        log_write(watch->log, LOG_LEVEL_WARNING, "%sno sound comes from %s", watch->prefix,
                  status->source_name);
    else if (status->state == SOURCE_RUNNING)
        log_write(watch->log, LOG_LEVEL_INFO, "%ssound comes from %s again", watch->prefix,
                  status->source_name);
}

static void tell_what_it_looks_like(const struct daemon_watch *watch,
                                    const struct pipeline_status *status)
{
    log_write(
        watch->log, LOG_LEVEL_WARNING,
        "%swhat comes on %s looks like %s, and is heard as raw samples, which is noise: "
        "decode it first, as in ffmpeg -i FILE -f f32le -ac 1 -ar 48000 - | tuttid --input -, "
        "or play the file by --input file:PATH",
        watch->prefix, status->source_name, status->looks_like);
}

/* What changed since the log was told, in words of its own: there was but one change, or the end.
 */
static void tell_change(const struct daemon_watch *watch, const struct pipeline_status *status)
{
    if (status->stalled != watch->told.stalled)
        tell_silence(watch, status);
    if (status->state != watch->told.state)
        tell_state(watch, status);
}

/* " lost 3 times", or nothing. */
static void write_times(char *text, size_t size, const char *what, unsigned times)
{
    if (times == 1)
        (void)snprintf(text, size, " %s once", what);
    else if (times > 1)
        (void)snprintf(text, size, " %s %u times", what, times);
}

static void tell_sum(const struct daemon_watch *watch, const struct pipeline_status *status)
{
    char lost[32] = "";
    char silent[32] = "";
    write_times(lost, sizeof lost, "lost", watch->losses);
    write_times(silent, sizeof silent, "silent", watch->stalls);
    const bool is_lost = status->state == SOURCE_LOST;
    log_write(watch->log, is_lost ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
              "%s%s was%s%s%s in the last minute; %s", watch->prefix, status->source_name, lost,
              lost[0] != '\0' && silent[0] != '\0' ? " and" : "", silent,
              is_lost           ? "it is lost now"
              : status->stalled ? "no sound comes now"
                                : "it runs now");
}

static void note_change(struct daemon_watch *watch, const struct pipeline_status *status)
{
    if (status->state == watch->state && status->stalled == watch->stalled)
        return;
    watch->changes++;
    watch->losses += status->state == SOURCE_LOST && watch->state != SOURCE_LOST;
    watch->stalls += status->stalled && !watch->stalled;
    watch->state = status->state;
    watch->stalled = status->stalled;
}

static void take_changes(struct daemon_watch *watch, const struct pipeline_status *status,
                         uint64_t now_ns)
{
    const bool quiet = now_ns < watch->changes_quiet_until_ns;
    if (watch->changes == 0 && !quiet)
        watch->at_once = WATCH_AT_ONCE;
    note_change(watch, status);
    const bool ended = status->state == SOURCE_ENDED;
    if (watch->changes == 0 || (quiet && watch->at_once == 0 && !ended))
        return;
    if (watch->changes == 1 || ended)
        tell_change(watch, status);
    else
        tell_sum(watch, status);
    if (!quiet)
        watch->changes_quiet_until_ns = now_ns + WATCH_QUIET_S * CLOCK_NS_PER_S;
    if (watch->at_once > 0)
        watch->at_once--;
    watch->changes = watch->losses = watch->stalls = 0;
    watch->told.state = status->state;
    watch->told.stalled = status->stalled;
}

void daemon_watch_take(struct daemon_watch *watch, const struct pipeline_status *status,
                       uint64_t now_ns)
{
    if (status->looks_like != NULL && watch->told.looks_like == NULL)
        tell_what_it_looks_like(watch, status);
    watch->told.looks_like = status->looks_like;
    take_changes(watch, status, now_ns);
    tell_losses(watch, status, now_ns);
}

/* ---- all sources together ---- */

void speed_watch_init(struct speed_watch *watch, struct log *log, size_t sources)
{
    *watch = (struct speed_watch){.log = log, .sources = sources, .hop_stretch = 1};
}

static void tell_stretch(struct speed_watch *watch, const struct pipeline_status *status)
{
    if (status->hop_stretch == watch->hop_stretch)
        return;
    watch->hop_stretch = status->hop_stretch;
    if (status->hop_stretch > 1)
        log_write(watch->log, LOG_LEVEL_WARNING,
                  "this machine is too slow for a hop of %g s: results come every %g s",
                  status->hop_s, status->hop_s * status->hop_stretch);
    else
        log_write(watch->log, LOG_LEVEL_INFO, "results come every %g s again", status->hop_s);
}

static void tell_skipped(struct speed_watch *watch, const struct pipeline_status *status,
                         uint64_t skipped_hops, uint64_t now_ns)
{
    const uint64_t skipped = skipped_hops - watch->skipped_hops;
    if (skipped == 0 || now_ns < watch->quiet_until_ns)
        return;
    char together[48] = "";
    if (watch->sources > 1)
        (void)snprintf(together, sizeof together, ", of all %zu sources together", watch->sources);
    log_write(watch->log, LOG_LEVEL_WARNING,
              "this machine is too slow for a hop of %g s: %" PRIu64 " %s left out%s",
              status->hop_s * status->hop_stretch, skipped,
              skipped == 1 ? "result was" : "results were", together);
    watch->quiet_until_ns = now_ns + WATCH_QUIET_S * CLOCK_NS_PER_S;
    watch->skipped_hops = skipped_hops;
}

void speed_watch_take(struct speed_watch *watch, const struct pipeline_status *status,
                      uint64_t skipped_hops, uint64_t now_ns)
{
    tell_stretch(watch, status);
    tell_skipped(watch, status, skipped_hops, now_ns);
}

/* ---- the server ---- */

void refusal_watch_init(struct refusal_watch *watch, struct log *log)
{
    *watch = (struct refusal_watch){.log = log};
}

void refusal_watch_take(struct refusal_watch *watch, uint64_t refused, uint64_t now_ns)
{
    const uint64_t more = refused - watch->told;
    if (more == 0 || now_ns < watch->quiet_until_ns)
        return;
    watch->quiet_until_ns = now_ns + WATCH_QUIET_S * CLOCK_NS_PER_S;
    watch->told = refused;
    log_write(watch->log, LOG_LEVEL_WARNING,
              "%" PRIu64 " %s turned away: more pages or programs read along than max_clients "
              "allows, or more than a quarter of them from one address",
              more, more == 1 ? "client was" : "clients were");
}
