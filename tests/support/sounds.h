/* sounds.h - sounds and sound files for tests, in a folder that goes with the program.
 *
 * What cannot be written fails the test.
 */
#ifndef TUTTI_TESTS_SUPPORT_SOUNDS_H
#define TUTTI_TESTS_SUPPORT_SOUNDS_H

#include <stddef.h>

/* A path in this program's own temporary folder, which is removed at its end. It stays valid until
 * the next 8 calls. */
const char *scratch_path(const char *name);

/* Writes bytes to a file in that folder and returns its path, as scratch_path(). */
const char *scratch_file(const char *name, const void *bytes, size_t size);

/* All bytes of a file, to be freed, and their number. */
unsigned char *scratch_bytes(const char *path, size_t *size);

/* Fills samples[frames][channels], the same in all channels, with a sine that starts at 0. */
void sound_sine(float *samples, size_t frames, unsigned channels, unsigned rate_hz, double hz,
                float amplitude);

/* [frames][channels] of a sine at 440 Hz with an amplitude of 0.5, to be freed. */
float *sound_tone(size_t frames, unsigned channels, unsigned rate_hz);

/* Writes a sound file with libsndfile's format number and returns its path, as scratch_path(). */
const char *sound_file_write(const char *name, int format, unsigned rate_hz, unsigned channels,
                             const float *samples, size_t frames);

/* The amplitude of the sine at hz that fits the mono samples best. */
double sound_amplitude(const float *samples, size_t frames, unsigned rate_hz, double hz);

#endif
