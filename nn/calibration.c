#include "nn/calibration.h"

#include <math.h>

/* Instruments, of labels and rivals alike, that are always there. */
static const float few = 0.01f;

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* How much of an instrument a logit stands for. */
static float sounding(float logit)
{
    return isfinite(logit) ? sigmoid(logit) : 0;
}

/* The expected number of the instruments that these logits are of. */
static float expected(const float *logits, size_t count)
{
    float sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += sounding(logits[i]);
    return sum;
}

/* What neighbours take from every label's logit. */
static float given_way(const struct model_calibration *c, const float *logits)
{
    if (!(c->deference > 0) || c->neighbours == 0)
        return 0;
    const float heard = few + expected(logits, c->labels);
    return c->deference * logf((heard + expected(logits + c->labels, c->neighbours)) / heard);
}

/* What the other labels take from each one's logit, [labels]. */
static void weigh_rivals(float rivalry, size_t labels, const float *logits, float *taken)
{
    float sum = 0;
    for (size_t i = 0; i < labels; i++) {
        taken[i] = sounding(logits[i]);
        sum += taken[i];
    }
    for (size_t i = 0; i < labels; i++)
        taken[i] = rivalry * logf(few + fmaxf(sum - taken[i], 0));
}

void calibration_apply(const struct model_calibration *calibration, const float *logits,
                       float *probabilities)
{
    const size_t labels = calibration->labels;
    const float given = given_way(calibration, logits);
    float left[MODEL_LABELS_MAX], taken[MODEL_LABELS_MAX] = {0};
    for (size_t i = 0; i < labels; i++)
        left[i] = logits[i] - given;
    if (calibration->rivalry > 0)
        weigh_rivals(calibration->rivalry, labels, left, taken);
    for (size_t i = 0; i < labels; i++) {
        const float x = calibration->scale[i] * left[i] + calibration->offset[i] - taken[i];
        probabilities[i] = isfinite(left[i]) ? sigmoid(x) : 0;
    }
}
