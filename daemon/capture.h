/* capture.h - the queue between a source and its listener.
 *
 * The source's side takes mono or interleaved samples in chunks of any size,
 * never blocks, allocates, locks or logs, and may be called from an audio
 * callback. Samples are handed over in blocks of CAPTURE_BLOCK_FRAMES. A full
 * queue drops whole blocks and counts them; the frame numbers go on, so that the
 * listener sees a gap of exactly that length.
 *
 * Threads: one writer (capture_write, capture_skip, capture_wait_for_room,
 * capture_end), one reader (capture_wait, capture_read, capture_done); the counters
 * are for anyone.
 */
#ifndef TUTTI_DAEMON_CAPTURE_H
#define TUTTI_DAEMON_CAPTURE_H

#include "daemon/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPTURE_MIX_ALL (-1)

struct capture; /* opaque */

/* A queue that holds at least hold_ms (10 to 60,000) of sound at rate_hz (8,000
 * to 384,000). NULL if out of range or memory is short. */
struct capture *capture_new(unsigned rate_hz, unsigned hold_ms);
void capture_free(struct capture *capture);

unsigned capture_rate_hz(const struct capture *capture);

/* Appends frames of interleaved samples with 1 to CONVERT_MAX_CHANNELS (dsp/convert.h) channels,
 * mixed to mono by their mean (channel = CAPTURE_MIX_ALL) or taking one channel (0 = first), times
 * gain (finite). NaN counts as 0 and what is beyond +-CONVERT_LIMIT as that limit, before the gain.
 * Writer's thread; real-time safe. */
void capture_write(struct capture *capture, const float *interleaved, size_t frames,
                   unsigned channels, int channel, float gain);

/* Counts frames that the source knows to be lost before they reached us (a device's own overrun):
 * a gap after the last frame written. 0: something was lost, but nobody knows how much; then it is
 * only counted as an overrun. Writer's thread; real-time safe. */
void capture_skip(struct capture *capture, uint64_t frames);

/* Blocks the writer (for sources that are not real-time: files, pipes) until there is room for
 * frames (or the queue is empty, if it is smaller than that) or timeout_ms passed; false on
 * timeout. */
bool capture_wait_for_room(struct capture *capture, size_t frames, unsigned timeout_ms);

/* No more will come; the last, shorter block is handed over and the reader is woken. Writer's
 * thread, or any once the writer has stopped. Twice is as good as once. */
void capture_end(struct capture *capture);

/* Sleeps until a block that ends with this frame or later was handed over, half of the queue is
 * full, frames were skipped, the end was reached, or timeout_ms passed. It may return early for
 * nothing. With frame 0 it sleeps while there is no block. To wake costs more than to hear a block,
 * so who can wait for several should. Reader's thread. */
void capture_wait(struct capture *capture, uint64_t frame, unsigned timeout_ms);

/* The oldest block into *block; false if there is none. Reader's thread; real-time safe. */
bool capture_read(struct capture *capture, struct capture_block *block);

/* True once capture_end() was called and everything was read. */
bool capture_done(const struct capture *capture);

/* Counters, any thread. */
uint64_t capture_frames(const struct capture *capture); /* offered so far, lost ones included */
uint64_t capture_lost_frames(const struct capture *capture); /* dropped or skipped */
uint64_t capture_overruns(const struct capture *capture); /* times that frames were lost: a loss in
                                                              one piece counts once */
uint64_t capture_last_write_ns(const struct capture *capture); /* CLOCK_MONOTONIC, 0: never */

/* When sound came again after the last pause of CAPTURE_PAUSE_S or more (CLOCK_MONOTONIC); 0: there
 * was none. */
#define CAPTURE_PAUSE_S 1
uint64_t capture_resumed_ns(const struct capture *capture);

#endif
