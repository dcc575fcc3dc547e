/* analysis.h - which instruments play when in a whole sound file: takes what the
 * network heard hop by hop, and makes of it frames, cues, and how sure it is of each
 * instrument. daemon/analyzer.h gives it these results.
 *
 * Frames leave by a callback as they come. Memory does not grow with the length of the
 * sound, but for the cues.
 *
 * Threads: one at a time; no thread of its own. A finished analysis is immutable.
 */
#ifndef TUTTI_DAEMON_ANALYSIS_H
#define TUTTI_DAEMON_ANALYSIS_H

#include "common/status.h"
#include "daemon/cue_export.h"
#include "daemon/messages.h"
#include "nn/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct analysis_instrument {
    float mean; /* of the probability, unsmoothed, over all windows that lie wholly in the sound */
    float max;  /* of the same */
    bool present; /* at any time */
};

/* Everything in it is about the enabled labels, in the model's order. */
struct analysis {
    char *name; /* of the sound */
    char model[MODEL_NAME_SIZE];
    double duration_s; /* once it is finished */
    unsigned rate_hz;
    double window_s;
    double hop_s; /* as rounded to whole columns */
    size_t labels;
    char (*label)[MODEL_LABEL_SIZE];        /* [labels] */
    struct analysis_instrument *instrument; /* [labels] mean: once it is finished */
    size_t frames;
    size_t cues;
    struct cue *cue;              /* [cues], in order of their entry; each ends */
    struct analysis_state *state; /* private */
};

/* Takes a frame: t_s, the end of its window, at most duration_s; probability[labels], smoothed,
 * valid during the call. analysis->frames is the number of those before it. Anything but TUTTI_OK,
 * with *error filled, ends the analysis. */
typedef enum tutti_status analysis_frame_callback(void *context, const struct analysis *analysis,
                                                  double t_s, const float *probability,
                                                  struct tutti_error *error);

struct analysis_config {
    double hop_s;           /* 0.01 up to the model's window, so that nothing goes unheard */
    double smoothing_s;     /* 0 to 30 */
    const float *threshold; /* [labels of the model] */
    const bool *enabled;    /* [labels of the model]; others are left out; NULL: all */
    unsigned channels;      /* 0: the mean of all; otherwise that one, the first is 1; sounds that
                               do not have it are refused */

    /* How many hops one thread hears at a time, 0: as many as suits. Nothing in the result depends
     * on it. */
    size_t piece_hops;

    analysis_frame_callback *frame; /* may be NULL */
    /* Called about once per second of sound with the share that is done, 0 to 1 (a guess where the
     * file does not state its length); false gives up. May be NULL. */
    bool (*progress)(void *context, double done);
    void *context; /* of both */
};

/* What is to be known of a sound before the first result. */
struct analysis_sound {
    const char *name;
    unsigned rate_hz;
    uint64_t frames;  /* as the file states it; 0: it does not */
    bool is_repeated; /* it is shorter than a window, has the stated frames, and is repeated to fill
                         that, which is the one hop */
};

/* Whether a model can analyze a sound with this hop; otherwise *error (may be NULL) says why. */
enum tutti_status analysis_check_hop(const struct model *model, double hop_s,
                                     struct tutti_error *error);

/* hop_columns: the hop as rounded. The model is needed only during this call; what *config points
 * to as long as the analysis is not finished. NULL with *error filled: a threshold or the smoothing
 * is out of range, too little memory. */
struct analysis *analysis_new(const struct model *model, const struct analysis_config *config,
                              const struct analysis_sound *sound, size_t hop_columns,
                              struct tutti_error *error);

/* Takes the results of all hops, in order. On failure the analysis is of no more use: too little
 * memory, the frame callback failed, progress() gave up. */
enum tutti_status analysis_take(struct analysis *analysis, const struct result *result,
                                struct tutti_error *error);

/* The sound is over after so many frames. */
enum tutti_status analysis_finish(struct analysis *analysis, uint64_t frames,
                                  struct tutti_error *error);

/* NULL is fine. */
void analysis_free(struct analysis *analysis);

#endif
