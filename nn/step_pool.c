#include "nn/step_pool.h"

#include <math.h>

void step_pool(const float *scores, const float *attention, size_t rows, size_t pitch,
               const float *gate, size_t labels, float *logits)
{
    const size_t steps = rows - 1;
    for (size_t label = 0; label < labels; label++) {
        float highest = attention[label];
        for (size_t step = 1; step < steps; step++)
            highest = fmaxf(highest, attention[step * pitch + label]);
        float total = 0, weighted = 0;
        for (size_t step = 0; step < steps; step++) {
            const float share = expf(attention[step * pitch + label] - highest);
            total += share;
            weighted += share * scores[step * pitch + label];
        }
        const float of_steps = weighted / total;
        logits[label] = of_steps + gate[label] * (scores[steps * pitch + label] - of_steps);
    }
}
