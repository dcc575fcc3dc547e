/* calibration.h - from a label's logits to probabilities that mean what they say.
 *
 * Private to nn/, and shared by the int8 and the float network. Each label has a scale and an
 * offset (J. Platt, "Probabilistic outputs for support vector machines", 1999), labels take from
 * each other by one number, the rivalry, and give way to instruments that have no label by another,
 * the deference; models/FORMAT.md has the order of operations.
 *
 * No state; any thread.
 */
#ifndef TUTTI_NN_CALIBRATION_H
#define TUTTI_NN_CALIBRATION_H

#include "common/status.h"
#include "nn/model.h"

#include <stdbool.h>
#include <stddef.h>

struct model_calibration {
    size_t labels, neighbours; /* outputs of the network: the labels', then the neighbours' */
    float scale[MODEL_LABELS_MAX], offset[MODEL_LABELS_MAX];
    float threshold[MODEL_LABELS_MAX]; /* of a clip's mean */
    float entry[MODEL_LABELS_MAX];     /* of a stream's smoothed probability */
    float rivalry;                     /* 0: every label for itself */
    float deference;                   /* 0: neighbours are not asked */
};

/* Reads the JSON text of a file's tutti.calibration for so many labels, 1 to MODEL_LABELS_MAX, and
 * neighbours. False with *error filled (TUTTI_ERROR_FORMAT, TUTTI_ERROR_MEMORY) where it is not
 * what models/FORMAT.md asks for. */
bool calibration_read(const char *text, size_t labels, size_t neighbours,
                      struct model_calibration *, struct tutti_error *error);

/* From [labels + neighbours] logits to [labels] probabilities (they may be the same array). First
 * all labels give way to the neighbours: each logit loses deference * ln((0.01 + heard +
 * neighbours) / (0.01 + heard)), where heard and neighbours are the sums of sigmoid(logit) over the
 * labels and over the neighbours. Then a probability is sigmoid(scale * logit + offset - rivalry *
 * ln(0.01 + rivals)), where rivals is the expected number of other instruments, the sum of
 * sigmoid(logit) over the other labels. A logit that is not finite counts as nothing, and gives
 * 0. Real-time safe. */
void calibration_apply(const struct model_calibration *, const float *logits, float *probabilities);

#endif
