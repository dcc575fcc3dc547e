#include "daemon/stopwatch.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#define MIN_RUNS 5
#define OWN_RUNS 1000
#define TOLERANCE 0.02
#define TOLERANCE_MS 0.002

static double read_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

struct stopwatch_reading stopwatch_read(void)
{
    return (struct stopwatch_reading){read_ms(CLOCK_THREAD_CPUTIME_ID), stopwatch_wall_ms()};
}

bool stopwatch_undisturbed(const struct stopwatch_reading *begin,
                           const struct stopwatch_reading *end)
{
    const double wall_ms = end->wall_ms - begin->wall_ms;
    const double difference_ms = wall_ms - (end->processor_ms - begin->processor_ms);
    return fabs(difference_ms) <= TOLERANCE * wall_ms + TOLERANCE_MS;
}

double stopwatch_wall_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

double stopwatch_own_ms(void)
{
    double least = 1;
    double before = stopwatch_wall_ms();
    for (int i = 0; i < OWN_RUNS; i++) {
        const double after = stopwatch_wall_ms();
        if (after - before < least)
            least = after - before;
        before = after;
    }
    return least;
}

static int compare(const void *a, const void *b)
{
    double one = *(const double *)a;
    double two = *(const double *)b;
    return one < two ? -1 : one > two ? 1 : 0;
}

struct stopwatch_result stopwatch_summarize(double *times_ms, size_t count)
{
    qsort(times_ms, count, sizeof *times_ms, compare);
    return (struct stopwatch_result){
        .runs = count,
        .median_ms = (times_ms[(count - 1) / 2] + times_ms[count / 2]) / 2,
        .min_ms = times_ms[0],
    };
}

struct stopwatch_result stopwatch_run(void (*work)(void *context), void *context, double for_s)
{
    double times[STOPWATCH_MAX_RUNS]; /* the undisturbed ones first, from the end the others */
    work(context);
    const struct stopwatch_reading begun = stopwatch_read();
    struct stopwatch_reading before = begun;
    size_t good = 0, bad = 0;
    while (good + bad < STOPWATCH_MAX_RUNS &&
           (good + bad < MIN_RUNS || before.processor_ms - begun.processor_ms < 1e3 * for_s)) {
        work(context);
        const struct stopwatch_reading after = stopwatch_read();
        const double time = after.processor_ms - before.processor_ms;
        if (stopwatch_undisturbed(&before, &after))
            times[good++] = time;
        else
            times[STOPWATCH_MAX_RUNS - ++bad] = time;
        before = after;
    }
    if (good > 0)
        return stopwatch_summarize(times, good);
    return stopwatch_summarize(times + STOPWATCH_MAX_RUNS - bad, bad);
}
