#include "daemon/demo/notation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAD_IN_TICKS = NOTATION_TICKS_PER_SIXTEENTH }; /* silence before the first bar */

void demo_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("demo_score: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

/* ---- time ---- */

static uint32_t bar_ticks(int bar)
{
    return LEAD_IN_TICKS + (uint32_t)(bar - 1) * NOTATION_TICKS_PER_BAR;
}

uint32_t notation_tempo_ticks(size_t tempo)
{
    return tempo == 0 ? 0 : bar_ticks(music_tempi[tempo].bar);
}

uint32_t notation_quarter_us(size_t tempo)
{
    return 60000000u / (uint32_t)music_tempi[tempo].beats_per_minute;
}

double notation_seconds(uint32_t ticks)
{
    double us = 0;
    for (size_t i = 0; i < music_tempo_count && notation_tempo_ticks(i) < ticks; i++) {
        uint32_t end = ticks;
        if (i + 1 < music_tempo_count && notation_tempo_ticks(i + 1) < ticks)
            end = notation_tempo_ticks(i + 1);
        us += (double)(end - notation_tempo_ticks(i)) * notation_quarter_us(i) /
              NOTATION_TICKS_PER_QUARTER;
    }
    return us * 1e-6;
}

/* ---- notation ---- */

/* Reads one pitch name at *text and moves past it; -1 if it is none. */
static int read_pitch(const char **text)
{
    static const struct {
        char name[3];
        int key;
    } drums[] = {{"BD", 36}, {"SD", 38}, {"HH", 42}, {"OH", 46}, {"CC", 49},
                 {"RD", 51}, {"T1", 48}, {"T2", 45}, {"T3", 41}};
    for (size_t i = 0; i < sizeof drums / sizeof drums[0]; i++) {
        if (strncmp(*text, drums[i].name, 2) == 0) {
            *text += 2;
            return drums[i].key;
        }
    }
    static const int semitones[] = {9, 11, 0, 2, 4, 5, 7}; /* A to G */
    const char *c = *text;
    if (*c < 'A' || *c > 'G')
        return -1;
    int key = semitones[*c++ - 'A'];
    if (*c == '#' || *c == 'b')
        key += *c++ == '#' ? 1 : -1;
    if (*c < '0' || *c > '8')
        return -1;
    key += 12 * (*c++ - '0' + 1);
    *text = c;
    return key;
}

static void add_note(struct part *part, uint32_t on_ticks, uint32_t length_ticks, int key)
{
    if (part->count == NOTATION_MAX_NOTES)
        demo_fail("%s: more than %d notes", part->music->label, NOTATION_MAX_NOTES);
    uint32_t held_ticks = length_ticks * (uint32_t)part->music->gate_percent / 100;
    part->notes[part->count++] = (struct note){
        .on_ticks = on_ticks,
        .off_ticks = on_ticks + held_ticks,
        .key = key,
        .swells = part->music->swells && length_ticks >= 6 * NOTATION_TICKS_PER_SIXTEENTH,
    };
}

/* Reads PITCHES:LENGTH at *text, adds its notes and returns its length. */
static uint32_t read_event(struct part *part, const struct music_phrase *phrase, const char **text,
                           uint32_t on_ticks)
{
    const char *start = *text;
    int keys[8];
    size_t count = 0;
    if (**text == '-') {
        ++*text;
    } else {
        do {
            if (**text == '+')
                ++*text;
            int key = read_pitch(text);
            if (key < 0 || count == sizeof keys / sizeof keys[0])
                demo_fail("%s, bar %d: no pitch at \"%.12s\"", phrase->label, phrase->bar, start);
            keys[count++] = key;
        } while (**text == '+');
    }
    char *end = NULL;
    long sixteenths = **text == ':' ? strtol(*text + 1, &end, 10) : 0;
    if (sixteenths < 1 || sixteenths > 16)
        demo_fail("%s, bar %d: no length at \"%.12s\"", phrase->label, phrase->bar, start);
    *text = end;
    uint32_t length_ticks = (uint32_t)sixteenths * NOTATION_TICKS_PER_SIXTEENTH;
    for (size_t i = 0; i < count; i++)
        add_note(part, on_ticks, length_ticks, keys[i]);
    return length_ticks;
}

/* The phrase's dynamics, with a little weight on the beats of the bar. */
static void shade(struct part *part, size_t first, const struct music_phrase *phrase,
                  uint32_t start_ticks, uint32_t end_ticks)
{
    for (size_t i = first; i < part->count; i++) {
        struct note *note = &part->notes[i];
        int rise = phrase->velocity_to - phrase->velocity_from;
        int velocity = phrase->velocity_from +
                       rise * (int)(note->on_ticks - start_ticks) / (int)(end_ticks - start_ticks);
        uint32_t in_bar = (note->on_ticks - start_ticks) % NOTATION_TICKS_PER_BAR;
        if (in_bar == 0)
            velocity += 5;
        else if (in_bar % NOTATION_TICKS_PER_QUARTER != 0)
            velocity -= 5;
        note->velocity = velocity;
    }
}

static void read_phrase(struct part *part, const struct music_phrase *phrase)
{
    uint32_t start_ticks = bar_ticks(phrase->bar);
    uint32_t ticks = start_ticks;
    size_t first = part->count;
    const char *text = phrase->notes;
    while (*text != '\0') {
        if (*text == ' ') {
            text++;
        } else if (*text == '|') {
            text++;
            if ((ticks - start_ticks) % NOTATION_TICKS_PER_BAR != 0)
                demo_fail("%s: the bar does not add up before \"%.20s\"", phrase->label, text);
        } else {
            ticks += read_event(part, phrase, &text, ticks);
        }
    }
    if ((ticks - start_ticks) % NOTATION_TICKS_PER_BAR != 0 || ticks == start_ticks)
        demo_fail("%s: the phrase in bar %d has no whole bars", phrase->label, phrase->bar);
    shade(part, first, phrase, start_ticks, ticks);
}

static int compare_notes(const void *a, const void *b)
{
    const struct note *one = a;
    const struct note *other = b;
    if (one->on_ticks != other->on_ticks)
        return one->on_ticks < other->on_ticks ? -1 : 1;
    return one->key - other->key;
}

/* Moves every note a few milliseconds and loudness steps, as hands would, and
 * ends a note that still rings when the same key is struck again. */
static void humanize(struct part *part)
{
    uint32_t random = 0x7u + (uint32_t)part->music->channel;
    for (size_t i = 0; i < part->count; i++) {
        struct note *note = &part->notes[i];
        random = random * 1664525u + 1013904223u;
        note->on_ticks += random >> 29;                /* 0 to 7 ticks of about 1.2 ms */
        note->velocity += (int)(random >> 16 & 7) - 4; /* -4 to 3 */
        if (note->velocity > 127)
            note->velocity = 127;
        for (size_t j = 0; j < i; j++) {
            struct note *earlier = &part->notes[j];
            if (earlier->key == note->key && earlier->off_ticks >= note->on_ticks)
                earlier->off_ticks = note->on_ticks - 1;
        }
    }
}

void notation_read_part(struct part *part, const struct music_part *music)
{
    part->music = music;
    part->count = 0;
    for (size_t i = 0; i < music_phrase_count; i++) {
        if (strcmp(music_phrases[i].label, music->label) == 0)
            read_phrase(part, &music_phrases[i]);
    }
    if (part->count == 0)
        demo_fail("%s plays nothing", music->label);
    qsort(part->notes, part->count, sizeof part->notes[0], compare_notes);
    humanize(part);
    /* Notes of a chord may have changed places. */
    qsort(part->notes, part->count, sizeof part->notes[0], compare_notes);
}
