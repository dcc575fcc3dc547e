/* sound_card.h - whether a sound card is still the one that PortAudio's list says.
 *
 * That list is as old as PortAudio's start (audio_system.h), and a device in it is opened
 * by the card's number, as in "USB Audio: Line (hw:1,0)". Meanwhile the card may be gone
 * and another one have its number.
 *
 * Threads: any; nothing here has state.
 */
#ifndef TUTTI_DAEMON_SOUND_CARD_H
#define TUTTI_DAEMON_SOUND_CARD_H

#include <stdbool.h>

/* False if a name of PortAudio's begins with another card's name than the card has now whose number
 * is in it, or there is no such card. True if there is no number in it, and where nobody can be
 * asked (built without ALSA). Two cards of the same name are not told apart. */
bool sound_card_is_the_same(const char *system_name);

#endif
