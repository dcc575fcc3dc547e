/* stopwatch.h - how long something takes: run many times, median and minimum.
 *
 * Processor time of the calling thread, so that a busy machine does not count as a
 * slow one.
 */
#ifndef TUTTI_DAEMON_STOPWATCH_H
#define TUTTI_DAEMON_STOPWATCH_H

#include <stddef.h>

#define STOPWATCH_MAX_RUNS 4096

struct stopwatch_result {
    size_t runs;
    double median_ms;
    double min_ms;
};

/* Processor time that the calling thread has used, in milliseconds. */
double stopwatch_now_ms(void);

/* What a call of stopwatch_now_ms() itself takes: the least of many. To be taken off what is too
 * short to measure otherwise. */
double stopwatch_own_ms(void);

/* Runs work(context) once to warm up, then for about for_s seconds: at least 5 times, at most
 * STOPWATCH_MAX_RUNS. */
struct stopwatch_result stopwatch_run(void (*work)(void *context), void *context, double for_s);

/* Median and minimum of count (at least 1) times, which are sorted for it. */
struct stopwatch_result stopwatch_summarize(double *times_ms, size_t count);

#endif
