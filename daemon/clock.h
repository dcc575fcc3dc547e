/* clock.h - the two clocks of the daemon: one that only goes forward, for what is
 * late, and one that people set, for what is shown to them. Any thread; real-time safe.
 */
#ifndef TUTTI_DAEMON_CLOCK_H
#define TUTTI_DAEMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_NS_PER_S UINT64_C(1000000000)
#define CLOCK_NS_PER_MS UINT64_C(1000000)

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t clock_monotonic_ns(void);

/* CLOCK_BOOTTIME in nanoseconds: the same, but it goes on while the machine sleeps. */
uint64_t clock_boot_ns(void);

/* Wall-clock time in seconds since 1970 UTC. */
double clock_wall_s(void);

/* Writes whole seconds since 1970 UTC as ISO 8601 has them, without the zone: 2026-11-29T21:14:03.
 * "" where the calendar or size (at least 1) is too short for it. */
void clock_write_utc(int64_t seconds, char *text, size_t size);

/* How long `frames` last at rate_hz (not 0), in nanoseconds, rounded down; right for any count
 * whose time fits 64 bits (584 years). */
uint64_t clock_frames_to_ns(uint64_t frames, unsigned rate_hz);

/* How many whole frames at rate_hz fit in ns nanoseconds. */
uint64_t clock_ns_to_frames(uint64_t ns, unsigned rate_hz);

#endif
