/* fake_portaudio.h - a PortAudio whose devices do as a test says. A program that has
 * fake_portaudio.c among its own sources gets it in place of the real one.
 *
 * As the real one does, it looks for devices only when its count of users goes from 0
 * to 1, and gives each running stream a thread that calls back every 10 ms. In place of
 * ALSA's it says which name a card has: that of the device with its number now.
 */
#ifndef TUTTI_TESTS_SUPPORT_FAKE_PORTAUDIO_H
#define TUTTI_TESTS_SUPPORT_FAKE_PORTAUDIO_H

#include <stdbool.h>

#define FAKE_PORTAUDIO_RATE_HZ 48000

/* Which mono input devices there are from now on, up to 4; the first is the default one. */
void fake_portaudio_plug(const char *const *names, int count);

/* Every running stream breaks off. */
void fake_portaudio_break(void);

/* Streams open and run, but deliver nothing, until this is taken back. */
void fake_portaudio_be_silent(bool silent);

/* Streams cannot be stopped until this is taken back. */
void fake_portaudio_hang(bool hang);

int fake_portaudio_opened(void);       /* streams so far */
const char *fake_portaudio_last(void); /* the device opened last */

/* How often a call began while another one was going on, of those calls that PortAudio wants one at
 * a time. */
int fake_portaudio_overlaps(void);

#endif
