#include "daemon/daemon_watch.h"

#include "daemon/clock.h"

#include <inttypes.h>
#include <stdio.h>

void daemon_watch_init(struct daemon_watch *watch, const struct log *log, const char *name)
{
    *watch = (struct daemon_watch){.log = log, .told = {.state = SOURCE_RUNNING}};
    if (name != NULL)
        (void)snprintf(watch->prefix, sizeof watch->prefix, "%s: ", name);
}

void daemon_watch_stretch(const struct log *log, unsigned *told,
                          const struct pipeline_status *status)
{
    if (status->hop_stretch == *told)
        return;
    *told = status->hop_stretch;
    if (*told > 1)
        log_write(log, LOG_LEVEL_WARNING,
                  "this machine is too slow for a hop of %g s: results come every %g s",
                  status->hop_s, status->hop_s * *told);
    else
        log_write(log, LOG_LEVEL_INFO, "results come every %g s again", status->hop_s);
}

static void tell_losses(struct daemon_watch *watch, const struct pipeline_status *status,
                        uint64_t now_ns)
{
    uint64_t lost = status->lost_frames - watch->told.lost_frames;
    uint64_t skipped = status->skipped_hops - watch->told.skipped_hops;
    if ((lost == 0 && skipped == 0) || now_ns < watch->quiet_until_ns)
        return;
    watch->quiet_until_ns = now_ns + WATCH_QUIET_S * CLOCK_NS_PER_S;
    if (lost > 0)
        log_write(watch->log, LOG_LEVEL_WARNING,
                  "%s%.3f s of sound were lost (overruns: %" PRIu64 ")", watch->prefix,
                  (double)lost / status->rate_hz, status->overruns - watch->told.overruns);
    if (skipped > 0)
        log_write(watch->log, LOG_LEVEL_WARNING,
                  "%sthis machine is too slow for a hop of %g s: %" PRIu64 " results were left out",
                  watch->prefix, status->hop_s * status->hop_stretch, skipped);
    watch->told.lost_frames = status->lost_frames;
    watch->told.overruns = status->overruns;
    watch->told.skipped_hops = status->skipped_hops;
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

void daemon_watch_take(struct daemon_watch *watch, const struct pipeline_status *status,
                       uint64_t now_ns)
{
    if (status->stalled != watch->told.stalled)
        tell_silence(watch, status);
    watch->told.stalled = status->stalled;
    if (status->state != watch->told.state)
        tell_state(watch, status);
    watch->told.state = status->state;
    tell_losses(watch, status, now_ns);
}
