/* wall_clock.h - what time of day a frame of sound was.
 *
 * A sound card's crystal is off by some parts per million: counting frames alone,
 * the time of day would be wrong by seconds after a few days. So the distance
 * between the two clocks is measured with every result and followed slowly
 * (time constant WALL_CLOCK_FOLLOW_S, like a first-order loop), which hides the
 * jitter of arrival and keeps times increasing. When they part by more than
 * WALL_CLOCK_STEP_S, the system clock was set or the machine slept: then the
 * distance is taken over at once.
 *
 * A plain value without allocation; it belongs to one thread.
 */
#ifndef TUTTI_DAEMON_WALL_CLOCK_H
#define TUTTI_DAEMON_WALL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define WALL_CLOCK_FOLLOW_S 60.0 /* 100 ppm of drift lag behind by 6 ms */
#define WALL_CLOCK_STEP_S 1.0

struct wall_clock {
    unsigned rate_hz;
    bool known;
    uint64_t last_frame;
    double offset_s; /* time of day of frame 0, as far as now known */
};

void wall_clock_init(struct wall_clock *clock, unsigned rate_hz);

/* frame was captured at time_s (s since 1970 UTC). Frames do not decrease. Returns by how much the
 * times of all frames have jumped with it, 0 if they have not. */
double wall_clock_observe(struct wall_clock *clock, uint64_t frame, double time_s);

/* The time of day of a frame (s since 1970 UTC), 0 before the first observation. */
double wall_clock_time(const struct wall_clock *clock, uint64_t frame);

/* A count of frames as seconds, exact to below a microsecond for 50 years at 48 kHz. */
double wall_clock_seconds(uint64_t frames, unsigned rate_hz);

#endif
