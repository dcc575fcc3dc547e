#include "nn/step_pool.h"

#include <math.h>

void step_pool(const float *scores, const float *attention, size_t rows, size_t pitch,
               const float *gate, size_t outputs, float *logits)
{
    const size_t steps = rows - 1;
    for (size_t output = 0; output < outputs; output++) {
        float highest = attention[output];
        for (size_t step = 1; step < steps; step++)
            highest = fmaxf(highest, attention[step * pitch + output]);
        float total = 0, weighted = 0;
        for (size_t step = 0; step < steps; step++) {
            const float share = expf(attention[step * pitch + output] - highest);
            total += share;
            weighted += share * scores[step * pitch + output];
        }
        const float of_steps = weighted / total;
        logits[output] = of_steps + gate[output] * (scores[steps * pitch + output] - of_steps);
    }
}
