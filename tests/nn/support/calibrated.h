/* calibrated.h - checks what rivalry between labels, and their deference to neighbours, make of
 * probabilities: of a window and of each of its steps, in the int8 and in the float network.
 */
#ifndef TUTTI_TESTS_NN_CALIBRATED_H
#define TUTTI_TESTS_NN_CALIBRATED_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/nn/support/model_builder.h"

enum { CALIBRATED_STEPS = 9 };

/* Runs a network of the model, which has so many steps, on some window: its probabilities [labels]
 * and those of the steps [steps][labels]. Closes the model. */
typedef void answers_of(struct model *model, size_t steps, float *probabilities, float *of_steps);

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

/* A window of CALIBRATED_STEPS columns, each a step, and a head over them. */
static inline struct builder *builder_of_steps(unsigned outputs)
{
    struct builder *builder = builder_new(7, CALIBRATED_STEPS, 6, outputs);
    builder_time_steps(builder);
    builder_attention(builder, outputs);
    return builder;
}

/* Rivalry works between the labels of a window, and between those of each step. */
static inline void check_rivalry(answers_of *answers)
{
    struct builder *builder = builder_of_steps(2);
    float p[2], q[2], p_steps[CALIBRATED_STEPS * 2], q_steps[CALIBRATED_STEPS * 2];
    answers(builder_open(builder), CALIBRATED_STEPS, p, p_steps);
    builder_edit(builder, "tutti.calibration", "{", "{\"rivalry\": 0.4, ");
    answers(builder_open(builder), CALIBRATED_STEPS, q, q_steps);
    assert_rivalry(0.4f, p, q);
    for (size_t step = 0; step < CALIBRATED_STEPS; step++)
        assert_rivalry(0.4f, p_steps + 2 * step, q_steps + 2 * step);
    builder_free(builder);
}

/* Labels give way to neighbours, of a window and of each step. */
static inline void check_deference(answers_of *answers)
{
    struct builder *builder = builder_of_steps(4);
    float p[4], q[2], p_steps[CALIBRATED_STEPS * 4], q_steps[CALIBRATED_STEPS * 2 + 1];
    answers(builder_open(builder), CALIBRATED_STEPS, p, p_steps);
    builder_neighbours(builder, 2, 2);
    builder_edit(builder, "tutti.calibration", "{", "{\"deference\": 1.5, ");
    q_steps[CALIBRATED_STEPS * 2] = 7;
    answers(builder_open(builder), CALIBRATED_STEPS, q, q_steps);
    assert_true(q_steps[CALIBRATED_STEPS * 2] == 7); /* steps have labels alone */
    assert_deference(1.5f, p, q);
    for (size_t step = 0; step < CALIBRATED_STEPS; step++)
        assert_deference(1.5f, p_steps + 4 * step, q_steps + 2 * step);
    builder_free(builder);
}

#endif
