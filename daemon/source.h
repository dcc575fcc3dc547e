/* source.h - where sound comes from: a microphone or line input, a file, the
 * built-in demo piece, or raw PCM on standard input.
 *
 * A source is opened (which finds out its rate), then started onto a capture
 * queue, which it fills from a thread or callback of its own until it is closed
 * or its sound ends. Any number of sources may be open at once.
 *
 * Threads: open, start, stop and close from one thread; the state and source_hangs()
 * from any until close.
 */
#ifndef TUTTI_DAEMON_SOURCE_H
#define TUTTI_DAEMON_SOURCE_H

#include "common/status.h"
#include "daemon/capture.h"

#include <stdbool.h>

enum source_state {
    SOURCE_OPEN,    /* not started */
    SOURCE_RUNNING, /* delivering, as far as the source itself can tell */
    SOURCE_ENDED,   /* the file or pipe is over and everything was delivered, or it was stopped */
    SOURCE_LOST,    /* the device or file failed while running; a device may come back */
};

struct source_config {
    /* "default" or "" : the default input device; "demo"; "file:PATH"; "-": standard input;
     * anything else: a device by its exact name, else by the system's name for it, else by a
     * case-insensitive shell pattern or part of its name that fits one device only. */
    const char *input;
    const char *stdin_format; /* for "-", such as "f32le:48000:1"; see dsp/convert.h */
    int channel;              /* 0, 1, ... or CAPTURE_MIX_ALL: the mean of all; of a device's first
                                 two, because plug-ins claim to have dozens */
    double gain_db;           /* -60 ... +60 */
    unsigned rate_hz;         /* wanted from a device; 0: the device's own */
    bool repeat;              /* a file starts again when it ends; the demo always does */
};

struct source; /* opaque */

/* Opens what config->input names; the strings are copied. NULL with a sentence in *error: no such
 * device (the text lists what there is), not a sound file, a directory, ... */
struct source *source_open(const struct source_config *config, struct tutti_error *error);

unsigned source_rate_hz(const struct source *source);
const char *
source_name(const struct source *source); /* for people: "demo", the device's name, ... */
const char *source_kind(const struct source *source); /* "device", "file", "demo", "stdin" */

/* Begins delivering into capture, which must have the source's rate and outlive source_stop(). Once
 * per source. A device that is lost is looked for, by its very name and at the same rate, until the
 * source is stopped; it is running again when its sound comes again, and the time in between is a
 * gap. PortAudio looks for devices only when it is started (audio_system.h). So while another
 * device is open, one that was unplugged is found again only if its card comes back under the
 * number that it had; else it stays lost until the other one is closed or lost as well. Another
 * card that got the number is not taken for it, if it has another name (sound_card.h). */
enum tutti_status source_start(struct source *source, struct capture *capture,
                               struct tutti_error *error);

enum source_state source_state(const struct source *source);

/* What came on standard input if it cannot well be raw samples, such as "an Ogg file"; NULL:
 * samples, as far as can be seen. Static. From any thread. */
const char *source_looks_like(const struct source *source);

/* True when a lost device has not let go of us for SOURCE_HANG_S: as long as the system behind it
 * hangs it cannot be opened again, and often nothing but a new process can. After source_stop():
 * whether it was abandoned, and a thread of it may still be about. */
#define SOURCE_HANG_S 15
bool source_hangs(const struct source *source);

/* Stops delivering; from then on the capture queue has no writer. Returns within about 2 s even if
 * a device hangs (then the stuck device is abandoned, not freed). The queue is not ended by this.
 */
void source_stop(struct source *source);

/* Stops if that was not done, and frees; NULL is fine. */
void source_close(struct source *source);

/* One input device as `tutti devices` lists it. */
struct source_device {
    char name[256];        /* as source_open() takes it; survives a reboot where that is possible */
    char system_name[256]; /* as the system calls it now, such as "USB Audio: Line (hw:1,0)" */
    char backend[64];      /* "ALSA", "JACK Audio Connection Kit", ... */
    unsigned channels;     /* inputs */
    unsigned rate_hz;      /* default */
    bool is_default;
};

/* Up to capacity input devices into devices; returns how many there are in all, or -1 with *error.
 * Probing may make ALSA or JACK print to stderr; this is suppressed. */
int source_list_devices(struct source_device *devices, int capacity, struct tutti_error *error);

#endif
