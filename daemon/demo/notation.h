/* notation.h - from the written music (music.h) to notes in time.
 *
 * Reads a part's phrases, and plays them a little unevenly, as hands would: the
 * same way every time. A tool's module: what is wrong with the music ends the
 * program with a sentence on stderr.
 */
#ifndef TUTTI_DAEMON_DEMO_NOTATION_H
#define TUTTI_DAEMON_DEMO_NOTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/demo/music.h"

enum {
    NOTATION_TICKS_PER_SIXTEENTH = 120,
    NOTATION_TICKS_PER_QUARTER = 4 * NOTATION_TICKS_PER_SIXTEENTH,
    NOTATION_TICKS_PER_BAR = 16 * NOTATION_TICKS_PER_SIXTEENTH,
    NOTATION_MAX_NOTES = 1024, /* in a part */
};

struct note {
    uint32_t on_ticks; /* from the start of the piece */
    uint32_t off_ticks;
    int key;      /* MIDI, 60 is middle C */
    int velocity; /* MIDI */
    bool swells;  /* grows and fades while it sounds */
};

struct part {
    const struct music_part *music;
    size_t count;
    struct note notes[NOTATION_MAX_NOTES]; /* by time */
};

/* Fills *part with all notes of music's phrases. */
void notation_read_part(struct part *part, const struct music_part *music);

/* Where the tempo of that index (below music_tempo_count) begins, and the
 * length of its quarter note in microseconds. */
uint32_t notation_tempo_ticks(size_t tempo);
uint32_t notation_quarter_us(size_t tempo);

/* The time of a tick, from the start of the piece, with all changes of tempo. */
double notation_seconds(uint32_t ticks);

/* Ends the program with a sentence on stderr. */
void demo_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
