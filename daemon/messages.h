/* messages.h - the fixed-size messages that pass between Tutti's threads.
 *
 *   source --capture_block--> listener --column--> recognizer --result--> publisher
 *
 * They are copied into and out of lock-free rings (dsp/ring.h); nothing in them
 * points anywhere. Every time in them is a 64-bit count of frames at the rate of
 * the source, counted from the source's first frame. Frames that were lost are
 * counted as well, so a loss is a gap in these numbers, never a shift.
 */
#ifndef TUTTI_DAEMON_MESSAGES_H
#define TUTTI_DAEMON_MESSAGES_H

#include <stdint.h>

#define CAPTURE_BLOCK_FRAMES 256 /* 5.3 ms at 48 kHz */
#define MAX_MEL_BANDS 512        /* models/FORMAT.md */
#define MAX_LABELS 256           /* models/FORMAT.md */
#define MAX_SOURCES 256          /* of a daemon */

/* Mono samples, full scale +-1, from one source. */
struct capture_block {
    uint64_t first_frame;
    uint64_t captured_ns; /* CLOCK_MONOTONIC when its last frame arrived from the source (what a
                             device held back before is not in it); 0 when analyzing a file */
    uint32_t frames;      /* 1 ... CAPTURE_BLOCK_FRAMES */
    float samples[CAPTURE_BLOCK_FRAMES];
};

/* One column of the log-mel spectrogram. */
struct column {
    uint64_t index;       /* counted since the stream began or began afresh: 0 there. It says when a
                             hop is complete, and 0 that nothing before it may be put beside it */
    uint64_t end_frame;   /* the sound up to here is in the column: its centre + a hop */
    uint64_t captured_ns; /* CLOCK_MONOTONIC when the sound at end_frame arrived from the source, as
                             in the block; the column itself comes some 10 ms later, once all that
                             it is made of is there, or up to 100 ms later where it completes no
                             hop. 0: a file */
    uint64_t lost_frames; /* lost directly before this column (replaced by silence, or, where index
                             is 0, by nothing) */
    float level_dbfs; /* RMS of the last 400 ms, LEVEL_FLOOR_DBFS ... +3; of the newest sound, which
                         is some 10 ms newer than end_frame */
    float peak_dbfs;
    uint32_t clipped;  /* 1 if the input clipped since the column before */
    uint32_t inserted; /* 1 if end_frame lies in silence that was put in the place of lost sound: up
                          to a window of such columns comes at once */
    float bands[MAX_MEL_BANDS];
};

/* What the network heard in the window that ends at end_frame. */
struct result {
    uint64_t end_frame;
    uint64_t lost_frames; /* lost since the result before */
    uint32_t afresh;      /* 1 if the stream began (afresh) since the result before: a column with
                             index 0 was among its own */
    float level_dbfs;
    float peak_dbfs;
    uint32_t clipped;
    uint64_t captured_ns; /* CLOCK_MONOTONIC when the sound at end_frame arrived from the source;
                             0 when analyzing a file */
    float probability[MAX_LABELS]; /* 0 ... 1, in the model's order of labels */
    uint32_t located;              /* 1 if the model tells where in the window a label sounds: */
    float exit_s[MAX_LABELS];      /* seconds before end_frame at which the label stopped sounding;
                                      0: it sounds to the end; NAN: it does not sound */
};

#endif
