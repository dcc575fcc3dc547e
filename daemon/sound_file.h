/* sound_file.h - opens what people call a sound file and reads its samples: wav,
 * flac, ogg (Vorbis, Opus), mp3, aiff and what else libsndfile reads.
 *
 * A refusal is a sentence that names the file and the reason: no such file, a
 * directory, not a sound file, empty, a rate or number of channels out of range.
 *
 * Threads: one sound file belongs to one thread at a time; any number may be opened at
 * once (they wait for each other, because libsndfile has one reason for all). Opening takes memory;
 * reading takes none of our own (a decoder may while it warms up).
 */
#ifndef TUTTI_DAEMON_SOUND_FILE_H
#define TUTTI_DAEMON_SOUND_FILE_H

#include "common/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sound_file; /* opaque */

/* NULL with *error filled (may be NULL): TUTTI_ERROR_NOT_FOUND, TUTTI_ERROR_IO (cannot be read, no
 * regular file), TUTTI_ERROR_FORMAT (no sound file, no sound in it), TUTTI_ERROR_UNSUPPORTED (rate
 * or channels out of range), TUTTI_ERROR_MEMORY. */
struct sound_file *sound_file_open(const char *path, struct tutti_error *error);

/* The same for a file that is open, from its beginning; the descriptor is closed in any case. name
 * stands for the path in messages. */
struct sound_file *sound_file_open_descriptor(int descriptor, const char *name,
                                              struct tutti_error *error);

/* The same for a file in memory, which has to outlive it; name stands for the path in messages. */
struct sound_file *sound_file_open_memory(const void *bytes, size_t size, const char *name,
                                          struct tutti_error *error);

/* NULL is fine. */
void sound_file_close(struct sound_file *file);

unsigned sound_file_rate_hz(const struct sound_file *file);  /* 8,000 to 384,000 */
unsigned sound_file_channels(const struct sound_file *file); /* 1 to CONVERT_MAX_CHANNELS */

/* The length as the file states it; some formats only guess. 0: not stated. */
uint64_t sound_file_frames(const struct sound_file *file);

#define SOUND_FILE_LOSS_SIZE 160

/* Whether sound is missing, once all has been read: the file is cut short, or its decoder passed
 * over damaged parts (other faults end the reading, sound_file_failed()). text, of
 * SOUND_FILE_LOSS_SIZE, becomes what is wrong, to stand behind the name: "is cut short: its header
 * promises 2.00 s, and it ends after 1.00 s". It is known of WAV, W64, RF64, AIFF and AU, of Ogg
 * (Vorbis and Opus), and of MP3 files that state their length; not of one that was written into a
 * pipe, nor of other files. A FLAC file that is cut short has a fault at its end instead, a CAF
 * file is refused, and so may be a damaged MP3 file. */
bool sound_file_has_loss(const struct sound_file *file, char *text);

/* Reads up to `frames` frames into interleaved [frames][channels], full scale +-1 (samples of float
 * formats may be anything, also NaN). Fewer than asked for, or 0: the end, or a fault in the file
 * (sound_file_failed()). */
size_t sound_file_read(struct sound_file *file, float *interleaved, size_t frames);

/* True once reading came upon a fault: what was read before it is good. */
bool sound_file_failed(const struct sound_file *file);

/* Back to the first frame; false if that is not possible. */
bool sound_file_rewind(struct sound_file *file);

#endif
