#include "daemon/live_sentence.h"

#include "daemon/clock.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static double since_s(uint64_t then_ns, uint64_t now_ns)
{
    return now_ns > then_ns ? (double)(now_ns - then_ns) / (double)CLOCK_NS_PER_S : 0;
}

void live_write_duration(double duration_s, char *text, size_t size)
{
    const double clipped_s = fmin(fmax(duration_s, 0), 1e9);
    const unsigned whole_s = (unsigned)lround(clipped_s);
    if (clipped_s < 9.95 && fabs(clipped_s - whole_s) >= 0.05)
        snprintf(text, size, "%.1f s", clipped_s);
    else if (whole_s < 60)
        snprintf(text, size, "%u s", whole_s);
    else if (whole_s < 3600)
        snprintf(text, size, "%u min %u s", whole_s / 60, whole_s % 60);
    else
        snprintf(text, size, "%u h %u min", whole_s / 3600, whole_s % 3600 / 60);
}

static bool say(struct live_sentence *sentence, enum live_mood mood, const char *title,
                const char *chip, const char *format, ...) __attribute__((format(printf, 5, 6)));

static bool say(struct live_sentence *sentence, enum live_mood mood, const char *title,
                const char *chip, const char *format, ...)
{
    *sentence = (struct live_sentence){.mood = mood, .title = title, .chip = chip, .stale = true};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence->detail, sizeof sentence->detail, format, arguments);
    va_end(arguments);
    return true;
}

static bool link_trouble(const struct live *live, uint64_t now_ns, struct live_sentence *sentence)
{
    if (live->link == LIVE_CONNECTED)
        return false;
    if (live->link == LIVE_CONNECTING)
        return say(sentence, LIVE_WAIT, "Connecting", "Connecting", "%s", "");
    const char *reason = live->reason[0] != '\0' ? live->reason : "no answer";
    if (since_s(live->broken_ns, now_ns) < LIVE_UNREACHABLE_S)
        return say(sentence, LIVE_WAIT, "Reconnecting", "Reconnecting",
                   "Connection lost (%s), trying again", reason);
    return say(sentence, LIVE_BAD, "No connection", "Not connected", "Trying again: %s", reason);
}

static bool source_trouble(const struct live *live, struct live_sentence *sentence)
{
    const char *name = live->source[0] != '\0' ? live->source : "the input";
    if (strcmp(live->state, "stalled") == 0)
        return say(sentence, LIVE_BAD, "No sound", "Stalled", "%s delivers nothing", name);
    if (strcmp(live->state, "lost") == 0)
        return say(sentence, LIVE_BAD, "No sound", "Input lost", "%s is gone. Was it unplugged?",
                   name);
    if (strcmp(live->state, "ended") == 0)
        return say(sentence, LIVE_GOOD, "The end", "Ended", "%s has been heard to its end", name);
    return false;
}

static bool result_trouble(const struct live *live, uint64_t now_ns, struct live_sentence *sentence)
{
    const double stale_s = fmax(LIVE_STALE_S, 2 * live->hop_s * live->hop_stretch);
    char duration[40];
    if (live->frame_ns == 0 && since_s(live->hello_ns, now_ns) > live->window_s + stale_s)
        return say(sentence, LIVE_BAD, "No results", "Stalled",
                   "The daemon answers, but no result has come yet");
    if (live->frame_ns == 0 && live->window_s <= 0)
        return say(sentence, LIVE_WAIT, "Listening", "Connected", "%s", "");
    if (live->frame_ns == 0) {
        live_write_duration(live->window_s, duration, sizeof duration);
        return say(sentence, LIVE_WAIT, "Listening", "Connected",
                   "The first result comes after %s of sound", duration);
    }
    const double age_s = since_s(live->frame_ns, now_ns);
    if (age_s <= stale_s)
        return false;
    live_write_duration(floor(age_s), duration, sizeof duration);
    return say(sentence, LIVE_BAD, "No results", "Stalled", "No results for %s", duration);
}

struct live_sentence live_describe(const struct live *live, uint64_t now_ns)
{
    struct live_sentence sentence;
    if (link_trouble(live, now_ns, &sentence) || source_trouble(live, &sentence) ||
        result_trouble(live, now_ns, &sentence))
        return sentence;
    const bool slow = live->hop_stretch > 1;
    char duration[40];
    live_write_duration(live->hop_s * live->hop_stretch, duration, sizeof duration);
    if (live->level_dbfs <= LIVE_SILENT_DBFS && since_s(live->loud_ns, now_ns) > LIVE_STALE_S)
        say(&sentence, LIVE_QUIET, "Silence", "Live", "The input is silent%s",
            live->is_device ? ". Is the microphone on?" : "");
    else if (slow)
        say(&sentence, LIVE_WAIT, "Listening", "Slow",
            "A result every %s: the daemon's machine is too slow for more", duration);
    else
        say(&sentence, LIVE_GOOD, "Listening", "Live", "%s", "");
    sentence.stale = false;
    return sentence;
}
