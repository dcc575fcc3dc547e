#include "daemon/recognition.h"

#include "daemon/feature_stream.h"
#include "daemon/step_runs.h"
#include "dsp/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct recognition {
    struct inference inference;
    struct window *window;
    size_t hop_columns;
    size_t labels;
    float *step_probability; /* [steps][labels]; NULL: the model gives none */
    double step_s;
    double steps_to_end_s; /* from the centre of the first step to the window's end */
    double hop_s;
    double window_s;
    size_t inaudible_columns; /* since the last audible one; beyond the window it stays there */
    size_t window_columns;
    uint64_t next_column; /* index of the one that follows the last */
    uint64_t lost_frames; /* since the last result */
    uint32_t clipped;     /* since the last result */
    uint32_t afresh;      /* since the last result */
};

static struct recognition *refuse(struct recognition *recognition, struct tutti_error *error,
                                  enum tutti_status status, const char *text)
{
    tutti_error_set(error, status, "%s", text);
    recognition_free(recognition);
    return NULL;
}

enum tutti_status recognition_round_hop(const struct model *model, double hop_s, size_t *columns,
                                        struct tutti_error *error)
{
    if (!(hop_s >= RECOGNITION_MIN_HOP_S && hop_s <= RECOGNITION_MAX_HOP_S))
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT, "the hop is %g s; it may be %g to %g s",
                               hop_s, RECOGNITION_MIN_HOP_S, RECOGNITION_MAX_HOP_S);
    /* What is rounded stays within the range as well. A hair, since 0.01 / 0.01 may be above 1. */
    const double column_s = feature_stream_column_s(model);
    const double fewest = ceil(RECOGNITION_MIN_HOP_S / column_s - 1e-9);
    const double most = floor(RECOGNITION_MAX_HOP_S / column_s + 1e-9);
    const double rounded = fmin(fmax(round(hop_s / column_s), fewest), most);
    *columns = rounded < 1.0 ? 1 : (size_t)rounded;
    return TUTTI_OK;
}

struct recognition *recognition_new(const struct model *model, double hop_s,
                                    struct inference *inference, struct tutti_error *error)
{
    struct recognition *recognition = calloc(1, sizeof *recognition);
    if (recognition == NULL) {
        inference->free(inference->network);
        return refuse(NULL, error, TUTTI_ERROR_MEMORY, "out of memory for the recognition");
    }
    recognition->inference = *inference;
    if (recognition_round_hop(model, hop_s, &recognition->hop_columns, error) != TUTTI_OK) {
        recognition_free(recognition);
        return NULL;
    }
    const struct model_frontend *frontend = model_frontend(model);
    const struct frontend_config config = feature_stream_frontend(model);
    const double column_s = feature_stream_column_s(model);
    recognition->hop_s = (double)recognition->hop_columns * column_s;
    recognition->window_s = feature_stream_window_s(model);
    recognition->labels = model_label_count(model);
    recognition->window_columns = frontend->columns;
    recognition->inaudible_columns = frontend->columns;
    recognition->window =
        window_new(frontend->columns, frontend->mel_bands, frontend_config_silence(&config));
    const size_t steps = recognition->inference.steps;
    if (steps > 0) {
        recognition->step_probability =
            calloc(steps * recognition->labels, sizeof *recognition->step_probability);
        recognition->step_s = (double)model_step_columns(model) * column_s;
        recognition->steps_to_end_s =
            recognition->window_s - (double)model_first_step_column(model) * column_s;
    }
    const bool follows = inference->follow == NULL ||
                         inference->follow(inference->network, recognition->hop_columns);
    if (!follows || recognition->window == NULL ||
        (steps > 0 && recognition->step_probability == NULL))
        return refuse(recognition, error, TUTTI_ERROR_MEMORY, "out of memory for the window");
    return recognition;
}

void recognition_free(struct recognition *recognition)
{
    if (recognition == NULL)
        return;
    recognition->inference.free(recognition->inference.network);
    window_free(recognition->window);
    free(recognition->step_probability);
    free(recognition);
}

bool recognition_hop_complete(const struct column *column, size_t hop_columns)
{
    return (column->index + 1) % hop_columns == 0;
}

static void listen_for_silence(struct recognition *recognition, float level_dbfs)
{
    if (level_dbfs >= RECOGNITION_AUDIBLE_DBFS)
        recognition->inaudible_columns = 0;
    else if (recognition->inaudible_columns < recognition->window_columns)
        recognition->inaudible_columns++;
}

bool recognition_skip(struct recognition *recognition, const struct column *column)
{
    if (column->index == 0) {
        window_clear(recognition->window);
        recognition->inaudible_columns = recognition->window_columns;
        recognition->afresh = 1;
    }
    if (column->index != recognition->next_column && recognition->inference.forget != NULL)
        recognition->inference.forget(recognition->inference.network);
    recognition->next_column = column->index + 1;
    listen_for_silence(recognition, column->level_dbfs);
    window_push(recognition->window, column->bands);
    recognition->lost_frames += column->lost_frames;
    recognition->clipped |= column->clipped;
    return recognition_hop_complete(column, recognition->hop_columns);
}

static void locate(struct recognition *recognition, struct result *result)
{
    const struct inference *inference = &recognition->inference;
    inference->step_probabilities(inference->network, recognition->step_probability);
    for (size_t label = 0; label < recognition->labels; label++)
        result->exit_s[label] =
            step_runs_exit_s(recognition->step_probability + label, recognition->labels,
                             inference->steps, recognition->step_s, recognition->steps_to_end_s);
}

/* Runs the network and, where its model can, finds out where in the window the labels sound. */
static void recognize(struct recognition *recognition, struct result *result)
{
    result->located = 0;
    if (recognition->inaudible_columns >= recognition->window_columns) {
        memset(result->probability, 0, recognition->labels * sizeof *result->probability);
        return;
    }
    recognition->inference.run(recognition->inference.network, window_data(recognition->window),
                               recognition->next_column, result->probability);
    if (recognition->inference.steps > 0) {
        locate(recognition, result);
        result->located = 1;
    }
}

bool recognition_take(struct recognition *recognition, const struct column *column,
                      struct result *result)
{
    if (!recognition_skip(recognition, column))
        return false;
    result->end_frame = column->end_frame;
    result->lost_frames = recognition->lost_frames;
    result->afresh = recognition->afresh;
    result->level_dbfs = column->level_dbfs;
    result->peak_dbfs = column->peak_dbfs;
    result->clipped = recognition->clipped;
    result->captured_ns = column->captured_ns;
    recognize(recognition, result);
    recognition->lost_frames = 0;
    recognition->clipped = 0;
    recognition->afresh = 0;
    return true;
}

double recognition_hop_s(const struct recognition *recognition)
{
    return recognition->hop_s;
}

size_t recognition_hop_columns(const struct recognition *recognition)
{
    return recognition->hop_columns;
}

double recognition_window_s(const struct recognition *recognition)
{
    return recognition->window_s;
}

const char *recognition_kernel(const struct recognition *recognition)
{
    return recognition->inference.kernel;
}
