/* calibration.h - from a label's logits to probabilities that mean what they say.
 *
 * Private to nn/, and shared by the int8 and the float network. Each label has a scale and an
 * offset (J. Platt, "Probabilistic outputs for support vector machines", 1999), and labels take
 * from each other by one number, the rivalry; models/FORMAT.md has the order of operations.
 *
 * No state; any thread.
 */
#ifndef TUTTI_NN_CALIBRATION_H
#define TUTTI_NN_CALIBRATION_H

#include "nn/model.h"

#include <stddef.h>

struct model_calibration {
    float scale[MODEL_LABELS_MAX], offset[MODEL_LABELS_MAX];
    float threshold[MODEL_LABELS_MAX]; /* of a clip's mean */
    float entry[MODEL_LABELS_MAX];     /* of a stream's smoothed probability */
    float rivalry;                     /* 0: every label for itself */
};

/* From [labels] logits to [labels] probabilities (they may be the same array): sigmoid(scale *
 * logit + offset - rivalry * ln(0.01 + rivals)), where rivals is the expected number of other
 * instruments, the sum of sigmoid(logit) over the other labels. 0 for a logit that is not finite.
 * At most MODEL_LABELS_MAX labels. Real-time safe. */
void calibration_apply(const struct model_calibration *, size_t labels, const float *logits,
                       float *probabilities);

#endif
