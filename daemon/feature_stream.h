/* feature_stream.h - from samples at the source's rate to log-mel columns with
 * their place in time: resampling, the front end, level, and gaps.
 *
 * It is the listener's work without the thread, so that a live source and
 * `tutti analyze` go the same way and hear the same.
 *
 * Threads: one stream belongs to one thread. Memory only in feature_stream_new().
 */
#ifndef TUTTI_DAEMON_FEATURE_STREAM_H
#define TUTTI_DAEMON_FEATURE_STREAM_H

#include "common/status.h"
#include "daemon/messages.h"
#include "dsp/frontend.h"
#include "nn/model.h"

struct feature_stream; /* opaque */

/* The front end that a model asks for, in the words of dsp/frontend.h. */
struct frontend_config feature_stream_frontend(const struct model *model);

/* How far a model's columns are apart, and how long its window is, in seconds. Whoever needs these
 * asks here, so that all round alike. */
double feature_stream_column_s(const struct model *model);
double feature_stream_window_s(const struct model *model);

/* Whether a live source or a file can be heard with this model, whose file is sound: its window is
 * 0.01 to 60 s long, and what it listens to reaches up to where a resampler can. The sentence tells
 * which of them is not so. */
enum tutti_status feature_stream_check(const struct model *model, struct tutti_error *error);

/* Called for each column, oldest first. The column is the stream's and valid during the call. */
typedef void feature_column_callback(void *context, const struct column *column);

/* A stream of sound at rate_hz (RESAMPLER_MIN_RATE_HZ to RESAMPLER_MAX_RATE_HZ) for a model's front
 * end. The model is needed only during this call. NULL with *error filled (may be NULL) where the
 * rate or the front end is out of range, or memory is short. */
struct feature_stream *feature_stream_new(const struct model *model, unsigned rate_hz,
                                          feature_column_callback *callback, void *context,
                                          struct tutti_error *error);
void feature_stream_free(struct feature_stream *stream);

/* Takes one block; a column comes as soon as the sound it needs is there. A block that begins later
 * than the last one ended is preceded by as much silence as is missing, up to one window of the
 * model; beyond that the stream finishes and starts afresh at the block's frame number (the next
 * column has index 0). Either way the next column's lost_frames tells the whole loss, and the
 * columns that end in the silence say so (inserted). Frames that were fed before are ignored.
 * Real-time safe. */
void feature_stream_feed(struct feature_stream *stream, const struct capture_block *block);

/* The sound is over: emits the columns that were waiting for more. A block fed afterwards starts
 * the stream afresh. Real-time safe. */
void feature_stream_finish(struct feature_stream *stream);

#endif
