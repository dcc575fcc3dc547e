/* audio_system.h - PortAudio as one guarded thing.
 *
 * PortAudio keeps its state in globals of its own and is not thread-safe; behind it,
 * ALSA and JACK print to stderr as they like. This module is the one place that
 * knows: the one lock of the process, the counting of Pa_Initialize(), and quiet.
 *
 * PortAudio looks for devices when its count goes from 0 to 1 and at no other time. A
 * device that was plugged in later is found only after everyone has left.
 *
 * Threads: any. Nobody may hold the system for long, but a device that hangs inside
 * PortAudio may hold it for ever: hence the deadline.
 */
#ifndef TUTTI_DAEMON_AUDIO_SYSTEM_H
#define TUTTI_DAEMON_AUDIO_SYSTEM_H

#include "common/status.h"

#include <stdbool.h>

#define AUDIO_SYSTEM_DEADLINE_MS 5000

/* Initializes PortAudio (or counts one more user) and takes the lock, for Pa_...() calls until
 * audio_system_pause() or audio_system_leave(). With quiet, stderr of the whole process goes
 * nowhere until then: for the start of a program, when nobody else has anything to say.
 * TUTTI_ERROR_IO when another thread holds the system for AUDIO_SYSTEM_DEADLINE_MS, or PortAudio
 * fails. */
enum tutti_status audio_system_enter(bool quiet, struct tutti_error *error);

/* Gives the lock back; PortAudio stays initialized. */
void audio_system_pause(void);

/* Takes the lock again; false, without the lock, when another thread holds it for
 * AUDIO_SYSTEM_DEADLINE_MS. */
bool audio_system_resume(void);

/* The end of what audio_system_enter() began: counts one user less and gives back the lock, which
 * the caller has. */
void audio_system_leave(void);

#endif
