/* wall_clock.c - see wall_clock.h */
#include "daemon/wall_clock.h"

#include <math.h>

void wall_clock_init(struct wall_clock *clock, unsigned rate_hz)
{
    *clock = (struct wall_clock){.rate_hz = rate_hz};
}

double wall_clock_seconds(uint64_t frames, unsigned rate_hz)
{
    return (double)(frames / rate_hz) + (double)(frames % rate_hz) / rate_hz;
}

double wall_clock_observe(struct wall_clock *clock, uint64_t frame, double time_s)
{
    double offset_s = time_s - wall_clock_seconds(frame, clock->rate_hz);
    double apart_s = offset_s - clock->offset_s;
    double jump_s = 0;
    if (!clock->known || fabs(apart_s) > WALL_CLOCK_STEP_S) {
        jump_s = clock->known ? apart_s : 0;
        clock->offset_s = offset_s;
        clock->known = true;
    } else if (frame > clock->last_frame) {
        double passed_s = wall_clock_seconds(frame - clock->last_frame, clock->rate_hz);
        clock->offset_s += apart_s * -expm1(-passed_s / WALL_CLOCK_FOLLOW_S);
    }
    clock->last_frame = frame;
    return jump_s;
}

double wall_clock_time(const struct wall_clock *clock, uint64_t frame)
{
    return clock->known ? clock->offset_s + wall_clock_seconds(frame, clock->rate_hz) : 0;
}
