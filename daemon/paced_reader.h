/* paced_reader.h - a thread that reads sound which is not live and delivers it as if
 * it were: a file at the speed of its sound, a pipe hardly faster.
 *
 * Every chunk is due at a time counted from the start, so that errors of single
 * sleeps do not add up. Nothing is dropped: where the queue is full, it waits. After a
 * pause (of a writer, a slow disk, or of this process) only catch_up_ms of sound may
 * come at once; the rest of the pause moves everything that follows.
 */
#ifndef TUTTI_DAEMON_PACED_READER_H
#define TUTTI_DAEMON_PACED_READER_H

#include "daemon/source_backend.h"

#include <stddef.h>
#include <stdint.h>

enum paced_read {
    PACED_READ_MORE,   /* *frames were read; 0: nothing has come yet */
    PACED_READ_ENDED,  /* the sound is over */
    PACED_READ_FAILED, /* it broke off */
};

struct paced_reader_config {
    struct source *source; /* its capture, gain and state are used */
    unsigned channels;     /* of what read() delivers, 1 to CONVERT_MAX_CHANNELS */
    int channel;           /* which of them, or CAPTURE_MIX_ALL */
    unsigned chunk_ms;     /* how much sound is read at once: 1 to 1000 */
    uint64_t ahead_ms;     /* how far it may run ahead of real time */
    uint64_t catch_up_ms;  /* how much sound it may deliver at full speed after a pause */
    unsigned faster_ppm;   /* how much faster than our clock it may be in the long run, for live
                              sources with a clock of their own; below 1,000,000 */
    /* Reads up to *frames (at most chunk_ms of sound) into interleaved and sets
     * *frames. It may wait for sound, but no longer than about 100 ms. Called by the thread. */
    enum paced_read (*read)(void *context, float *interleaved, size_t *frames);
    void *context;
};

struct paced_reader; /* opaque */

/* Starts the thread. When the sound is over it sets the source's state to SOURCE_ENDED or
 * SOURCE_LOST and ends the capture queue. */
struct paced_reader *paced_reader_start(const struct paced_reader_config *config,
                                        struct tutti_error *error);

/* Ends the thread within about 100 ms and frees everything; NULL is fine. */
void paced_reader_stop(struct paced_reader *reader);

#endif
