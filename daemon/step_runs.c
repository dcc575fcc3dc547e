#include "daemon/step_runs.h"

#include <math.h>

#define LEVEL 0.2f /* of the way from the lowest to the highest step */

float step_runs_exit_s(const float *probability, size_t stride, size_t steps, double step_s,
                       double length_s)
{
    float low = 1, high = 0;
    for (size_t step = 0; step < steps; step++) {
        low = fminf(low, probability[step * stride]);
        high = fmaxf(high, probability[step * stride]);
    }
    if (!(high >= STEP_RUNS_FLOOR))
        return NAN;
    /* What never falls to half of its height sounds throughout. */
    const float level = low < 0.5f * high ? low + LEVEL * (high - low) : low;
    size_t last = steps - 1;
    while (!(probability[last * stride] >= level)) /* at the highest step at the latest */
        last--;
    if (last + 1 == steps)
        return 0;
    const float before = probability[last * stride], after = probability[(last + 1) * stride];
    const double share = isnan(after) ? 0 : (double)((level - before) / (after - before));
    return (float)(length_s - step_s * ((double)last + share));
}
