/* calibrated.h - checks what a model's rivalry makes of the probabilities of two labels, and its
 * deference to neighbours.
 */
#ifndef TUTTI_TESTS_NN_CALIBRATED_H
#define TUTTI_TESTS_NN_CALIBRATED_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline float probability_to_logit(float p)
{
    return logf(p / (1 - p));
}

/* The probabilities of both labels without rivalry and with it, for a model whose scales are 1 and
 * offsets 0.5, as those of model_builder.h. */
static inline void assert_rivalry(float rivalry, const float alone[2], const float together[2])
{
    for (size_t i = 0; i < 2; i++) {
        const float rival = probability_to_logit(alone[1 - i]) - 0.5f;
        const float rivals = 1 / (1 + expf(-rival));
        const float x = probability_to_logit(alone[i]) - rivalry * logf(0.01f + rivals);
        assert_true(fabsf(together[i] - 1 / (1 + expf(-x))) < 1e-4f);
        assert_true(fabsf(together[i] - alone[i]) > 1e-3f);
    }
}

/* The probabilities of two labels and two neighbours where all are labels, and those of the labels
 * where they give way to the neighbours; again for a scale of 1 and offsets of 0.5. */
static inline void assert_deference(float deference, const float four[4], const float two[2])
{
    float logit[4], sum[2] = {0, 0};
    for (size_t i = 0; i < 4; i++) {
        logit[i] = probability_to_logit(four[i]) - 0.5f;
        sum[i / 2] += 1 / (1 + expf(-logit[i]));
    }
    const float given = deference * logf((0.01f + sum[0] + sum[1]) / (0.01f + sum[0]));
    for (size_t i = 0; i < 2; i++) {
        const float x = logit[i] - given + 0.5f;
        assert_true(fabsf(two[i] - 1 / (1 + expf(-x))) < 1e-4f);
        assert_true(fabsf(two[i] - four[i]) > 1e-3f);
    }
}

#endif
