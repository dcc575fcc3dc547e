#include "daemon/clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_boot_ns(void)
{
    return read_ns(CLOCK_BOOTTIME);
}

double clock_wall_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Whole seconds apart from the rest, so that no product overflows. */
uint64_t clock_frames_to_ns(uint64_t frames, unsigned rate_hz)
{
    return frames / rate_hz * CLOCK_NS_PER_S + frames % rate_hz * CLOCK_NS_PER_S / rate_hz;
}

uint64_t clock_ns_to_frames(uint64_t ns, unsigned rate_hz)
{
    return ns / CLOCK_NS_PER_S * rate_hz + ns % CLOCK_NS_PER_S * rate_hz / CLOCK_NS_PER_S;
}

void clock_write_utc(int64_t seconds, char *text, size_t size)
{
    const time_t time = (time_t)seconds;
    struct tm utc;
    if (gmtime_r(&time, &utc) == NULL || strftime(text, size, "%Y-%m-%dT%H:%M:%S", &utc) == 0)
        text[0] = '\0';
}
