/* stopwatch.h - how long something takes: run many times, median and minimum.
 *
 * Processor time of the calling thread, so that a busy machine does not count as a
 * slow one. Beside it the wall clock: where the two differ, the run was interrupted, or
 * a virtual machine corrected its account of stolen time, which can make a single run
 * look shorter than it was. Such runs do not count as long as there are others.
 */
#ifndef TUTTI_DAEMON_STOPWATCH_H
#define TUTTI_DAEMON_STOPWATCH_H

#include <stdbool.h>
#include <stddef.h>

#define STOPWATCH_MAX_RUNS 4096

struct stopwatch_result {
    size_t runs; /* that count, at least 1 */
    double median_ms;
    double min_ms;
};

/* Two clocks: the processor time of the calling thread, and the time that passes. */
struct stopwatch_reading {
    double processor_ms, wall_ms;
};
struct stopwatch_reading stopwatch_read(void);

/* Whether both clocks say the same of what was between the readings. */
bool stopwatch_undisturbed(const struct stopwatch_reading *begin,
                           const struct stopwatch_reading *end);

/* The wall clock alone, which is quick to read, and what reading it takes: the least of many
 * times. */
double stopwatch_wall_ms(void);
double stopwatch_own_ms(void);

/* Runs work(context) once to warm up, then for about for_s seconds: at least 5 times, at most
 * STOPWATCH_MAX_RUNS. */
struct stopwatch_result stopwatch_run(void (*work)(void *context), void *context, double for_s);

/* Median and minimum of count (at least 1) times, which are sorted for it. */
struct stopwatch_result stopwatch_summarize(double *times_ms, size_t count);

#endif
