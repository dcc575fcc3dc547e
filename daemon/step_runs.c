#include "daemon/step_runs.h"

#include <math.h>
#include <stdbool.h>

struct series {
    const float *probability;
    size_t stride, steps;
    float level;
};

static float at(const struct series *series, size_t step)
{
    return series->probability[step * series->stride];
}

static bool sounds(const struct series *series, size_t step)
{
    return at(series, step) >= series->level;
}

/* Where between step and step + 1 the level is crossed, in steps. */
static double crossing(const struct series *series, size_t step)
{
    const float before = at(series, step), after = at(series, step + 1);
    return (double)step + (double)((series->level - before) / (after - before));
}

/* The first step of the stretch that ends with `last`; single silent steps are part of it. */
static size_t stretch_start(const struct series *series, size_t last)
{
    size_t first = last;
    while (first > 0) {
        if (sounds(series, first - 1))
            first--;
        else if (first > 1 && sounds(series, first - 2))
            first -= 2;
        else
            break;
    }
    return first;
}

struct step_run step_runs_last(const float *probability, size_t stride, size_t steps, double step_s,
                               double window_s)
{
    struct series series = {probability, stride, steps, 0};
    struct step_run run = {NAN, NAN};
    float low = 1, high = 0;
    for (size_t step = 0; step < steps; step++) {
        low = fminf(low, at(&series, step));
        high = fmaxf(high, at(&series, step));
    }
    if (!(high >= STEP_RUNS_FLOOR))
        return run;
    /* What never falls to half of its height sounds throughout. */
    series.level = 0.5f * (low < 0.5f * high ? low + high : high);
    size_t last = steps - 1;
    while (!sounds(&series, last))
        last--;
    const size_t first = stretch_start(&series, last);
    run.entry_s = first > 0 ? (float)(window_s - step_s * crossing(&series, first - 1)) : INFINITY;
    run.exit_s = last + 1 < steps ? (float)(window_s - step_s * crossing(&series, last)) : 0.0f;
    return run;
}
