#include "nn/calibration.h"

#include <math.h>

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* What the other labels take from each one's logit, [labels]. */
static void weigh_rivals(float rivalry, size_t labels, const float *logits, float *taken)
{
    const float few = 0.01f; /* rivals that are always there */
    float sum = 0;
    for (size_t i = 0; i < labels; i++) {
        taken[i] = isfinite(logits[i]) ? sigmoid(logits[i]) : 0;
        sum += taken[i];
    }
    for (size_t i = 0; i < labels; i++)
        taken[i] = rivalry * logf(few + fmaxf(sum - taken[i], 0));
}

void calibration_apply(const struct model_calibration *calibration, size_t labels,
                       const float *logits, float *probabilities)
{
    float taken[MODEL_LABELS_MAX] = {0};
    if (calibration->rivalry > 0)
        weigh_rivals(calibration->rivalry, labels, logits, taken);
    for (size_t i = 0; i < labels; i++) {
        const float x = calibration->scale[i] * logits[i] + calibration->offset[i] - taken[i];
        probabilities[i] = isfinite(logits[i]) ? sigmoid(x) : 0;
    }
}
