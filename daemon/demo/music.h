/* music.h - the demo piece as data: tempo, parts and phrases.
 *
 * The piece is written down in music.c; score.c turns it into a MIDI file and
 * into the list of true entries and exits. Nothing here is code, so whoever
 * reads music can read, check and change it.
 *
 * Notation of a phrase: events separated by spaces, bars ended by '|'. An event
 * is PITCHES:LENGTH, the length in sixteenths (16 fill a bar of 4/4). PITCHES is
 * '-' for a rest, or names joined by '+': C4 is middle C (MIDI 60), F#3, Bb2;
 * for drums BD SD HH OH CC RD T1 T2 T3 (bass drum, snare, closed hi-hat, open
 * hi-hat, crash, ride, high, middle and low tom). Every bar has to add up.
 */
#ifndef TUTTI_DAEMON_DEMO_MUSIC_H
#define TUTTI_DAEMON_DEMO_MUSIC_H

#include <stddef.h>

/* From the first beat of a bar (counted from 1) on. */
struct music_tempo {
    int bar;
    int beats_per_minute;
};

/* One instrument. The label is one of those the recognizer knows. */
struct music_part {
    const char *label;
    int channel;      /* MIDI, from 0; 9 is drums */
    int program;      /* General MIDI, from 0 */
    int volume;       /* MIDI controller 7 */
    int pan;          /* MIDI controller 10, 64 is the middle */
    int reverb;       /* MIDI controller 91 */
    int gate_percent; /* how long a note is held, of its written length; above 100 it rings on */
    int swells;       /* nonzero: long notes grow and fade (MIDI controller 11) */
};

/* What one part plays from the first beat of a bar on. Two phrases of a part
 * may overlap (a pianist's hands). Loudness goes from one MIDI velocity to the
 * other, evenly from the first event to the last. */
struct music_phrase {
    const char *label; /* whose */
    int bar;           /* counted from 1 */
    int velocity_from;
    int velocity_to;
    const char *notes;
};

extern const char music_title[];
extern const struct music_tempo music_tempi[];
extern const size_t music_tempo_count;
extern const struct music_part music_parts[];
extern const size_t music_part_count;
extern const struct music_phrase music_phrases[];
extern const size_t music_phrase_count;

#endif
