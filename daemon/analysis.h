/* analysis.h - which instruments play when in a whole sound file, faster than real
 * time. What hears is the same as in the daemon: feature stream, recognition,
 * presence; so a file gives the same here as when it is played to the daemon.
 *
 * A sound shorter than the model's window is repeated to fill it, and gives one
 * frame. Memory does not grow with the length of the sound, but for the result:
 * one frame per hop.
 *
 * It prints nothing and starts no thread. Threads: one analysis_run() per sound file;
 * any number at once, sharing the model. A finished analysis is immutable.
 */
#ifndef TUTTI_DAEMON_ANALYSIS_H
#define TUTTI_DAEMON_ANALYSIS_H

#include "common/status.h"
#include "daemon/cue_export.h"
#include "daemon/inference.h"
#include "daemon/sound_file.h"
#include "nn/model.h"

#include <stdbool.h>
#include <stddef.h>

struct analysis_config {
    double hop_s;           /* 0.01 up to the model's window, so that nothing goes unheard */
    double smoothing_s;     /* 0 to 30 */
    const float *threshold; /* [labels of the model] */
    const bool *enabled;    /* [labels of the model]; others are left out; NULL: all */
    unsigned channels;      /* 0: the mean of all; otherwise that one, the first is 1 */

    /* Called about once per second of sound with the share that is done, 0 to 1 (a guess
     * where the file does not state its length); false gives up. May be NULL. */
    bool (*progress)(void *context, double done);
    void *context;
};

struct analysis_instrument {
    float mean; /* of the probability, unsmoothed, over all windows that lie wholly in the sound */
    float max;  /* of the same */
    bool present; /* at any time */
};

/* Everything in it is about the enabled labels, in the model's order. */
struct analysis {
    char *name; /* of the sound */
    char model[MODEL_NAME_SIZE];
    double duration_s;
    unsigned rate_hz;
    double window_s;
    double hop_s; /* as rounded to whole columns */
    size_t labels;
    char (*label)[MODEL_LABEL_SIZE];        /* [labels] */
    struct analysis_instrument *instrument; /* [labels] */
    size_t frames;
    double *t;          /* [frames] end of the window, s; at most duration_s */
    float *probability; /* [frames][labels], smoothed */
    size_t cues;
    struct cue *cue; /* [cues], in order of their entry; each ends */
};

/* Whether a model can analyze a sound with this hop; otherwise *error (may be NULL) says why. */
enum tutti_status analysis_check_hop(const struct model *model, double hop_s,
                                     struct tutti_error *error);

/* Analyzes a sound file from where it stands to its end; name stands for it in the result and in
 * messages. Takes over *inference, also when it fails. NULL with *error filled (may be NULL): a
 * number out of range, a file that turns out to be broken, too little memory, or progress() gave
 * up. Free the result with analysis_free(). */
struct analysis *analysis_run(const struct model *model, const struct analysis_config *config,
                              struct sound_file *file, const char *name,
                              struct inference *inference, struct tutti_error *error);

/* NULL is fine. */
void analysis_free(struct analysis *analysis);

#endif
