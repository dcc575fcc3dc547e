/* analyzer.h - analyzes a whole sound file in pieces that several threads hear, faster
 * than real time. What hears is the same as in the daemon: feature stream, recognition,
 * presence; so a file gives the same here as when it is played to the daemon.
 *
 *   analyzer_read()  --piece-->  hearing_hear()  --piece-->  analyzer_take()  -->  struct analysis
 *   one after another            side by side                in order
 *
 * Decoding, resampling and the front end keep a state from the file's first sample on,
 * so one thread at a time does them. The network, most of the cost, looks at a window
 * alone: a piece is the columns of a number of consecutive hops and those before them
 * that their first window reaches back to. So nothing in the result depends on where a
 * sound is cut and on who hears what.
 *
 * A sound shorter than the model's window is repeated to fill it, and gives one frame.
 * Memory does not grow with the length of the sound, but for the cues.
 *
 * It prints nothing and starts no thread. Threads: analyzer_read() in one at a time,
 * analyzer_take() in one at a time, both also at the same time; each hearing belongs to
 * one thread. Any number of analyzers at once, sharing the model.
 */
#ifndef TUTTI_DAEMON_ANALYZER_H
#define TUTTI_DAEMON_ANALYZER_H

#include "common/status.h"
#include "daemon/analysis.h"
#include "daemon/hearing.h"
#include "daemon/sound_file.h"
#include "nn/model.h"

struct analyzer; /* opaque: a file at work */

/* Begins to analyze a sound file from where it stands to its end; name stands for it in the result
 * and in messages. The model and what *config points to have to outlive it, and the file has to
 * last until analyzer_read() has given NULL. NULL with *error filled (may be NULL): a number out of
 * range, a channel that the file does not have, no sound in the file, a file that is broken from
 * the start, too little memory. */
struct analyzer *analyzer_new(const struct model *model, const struct analysis_config *config,
                              struct sound_file *file, const char *name, struct tutti_error *error);

/* The next piece, which the caller gives to hearing_hear() and then to analyzer_take(); NULL: the
 * end of the file, or something failed, which analyzer_finish() tells. */
struct hearing_piece *analyzer_read(struct analyzer *analyzer);

/* Takes over pieces that were heard, in the order in which they were read. */
void analyzer_take(struct analyzer *analyzer, struct hearing_piece *piece);

/* Ends it and frees it. Returns the result, to be freed with analysis_free(). NULL with *error
 * filled (may be NULL): the file turned out to be broken, too little memory, the frame callback
 * failed, progress() gave up, or not all was read. Frames may have been passed on before that. */
struct analysis *analyzer_finish(struct analyzer *analyzer, struct tutti_error *error);

#endif
