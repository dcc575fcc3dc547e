#include "daemon/stopwatch.h"

#include <stdlib.h>
#include <time.h>

#define MIN_RUNS 5
#define OWN_RUNS 1000

double stopwatch_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

double stopwatch_own_ms(void)
{
    double least = 1;
    double before = stopwatch_now_ms();
    for (int i = 0; i < OWN_RUNS; i++) {
        const double after = stopwatch_now_ms();
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
    double times[STOPWATCH_MAX_RUNS];
    work(context);
    double begun = stopwatch_now_ms();
    double before = begun;
    size_t runs = 0;
    while (runs < STOPWATCH_MAX_RUNS && (runs < MIN_RUNS || before - begun < 1e3 * for_s)) {
        work(context);
        double after = stopwatch_now_ms();
        times[runs++] = after - before;
        before = after;
    }
    return stopwatch_summarize(times, runs);
}
