/* score.c - writes the demo piece (music.c) as a standard MIDI file and, if
 * asked, the true entries and exits of its instruments as CSV.
 *
 * usage: demo_score [--only LABEL] MIDI [CSV]
 *
 * Built and run by hand (render.sh) when the piece changes, and by its test.
 * The output depends on nothing but music.c: same music, same bytes.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/demo/music.h"
#include "daemon/demo/notation.h"

enum {
    TAIL_TICKS = 4 * NOTATION_TICKS_PER_QUARTER, /* for the last notes to die away */
    MAX_EVENTS_PER_TRACK = 16 * NOTATION_MAX_NOTES,
    MAX_PARTS = 16,
    MAX_STRETCHES = 64,
};

/* A silence shorter than this is a breath, not an exit. */
static const double BREATH_S = 1.5;

static const char TRUTH_COMMENT[] =
    "# The true entries and exits in piece.opus, written by score.c from music.c.\n"
    "# Times are seconds from the start of the file. on_s: the first note is struck (note-on);\n"
    "# it is heard within 0.07 s. off_s: the last note is let go (note-off); its release and the\n"
    "# reverberation fall by 20 dB within 0.3 s and by 40 dB within 0.9 s. A rest shorter than\n"
    "# 1.5 s does not end an entry. duration_s is the length of the file.\n";

/* The order of events of the same tick. */
enum rank { RANK_SETUP, RANK_PROGRAM, RANK_OFF, RANK_CONTROL, RANK_ON };

struct event {
    uint32_t ticks;
    enum rank rank;
    uint8_t bytes[3];
};

struct track {
    size_t count;
    struct event events[MAX_EVENTS_PER_TRACK];
};

struct stretch {
    const char *label;
    double on_s;
    double off_s;
};

/* ---- MIDI ---- */

static int compare_events(const void *a, const void *b)
{
    const struct event *one = a;
    const struct event *other = b;
    if (one->ticks != other->ticks)
        return one->ticks < other->ticks ? -1 : 1;
    if (one->rank != other->rank)
        return one->rank < other->rank ? -1 : 1;
    return memcmp(one->bytes, other->bytes, sizeof one->bytes);
}

static void add_event(struct track *track, uint32_t ticks, enum rank rank, int status, int first,
                      int second)
{
    if (track->count == MAX_EVENTS_PER_TRACK)
        demo_fail("a track has more than %d events", MAX_EVENTS_PER_TRACK);
    track->events[track->count++] = (struct event){
        .ticks = ticks,
        .rank = rank,
        .bytes = {(uint8_t)status, (uint8_t)first, (uint8_t)second},
    };
}

/* A long note of a wind or string player grows, then fades. */
static void add_swell(struct track *track, const struct note *note, int channel)
{
    enum { STEP_TICKS = 40, START = 94, PEAK = 122, END = 90 };
    uint32_t length_ticks = note->off_ticks - note->on_ticks;
    uint32_t peak_ticks = length_ticks * 2 / 5;
    for (uint32_t t = 0; t < length_ticks; t += STEP_TICKS) {
        int value = t < peak_ticks ? START + (PEAK - START) * (int)t / (int)peak_ticks
                                   : PEAK - (PEAK - END) * (int)(t - peak_ticks) /
                                                (int)(length_ticks - peak_ticks);
        add_event(track, note->on_ticks + t, RANK_CONTROL, 0xB0 | channel, 11, value);
    }
}

static void make_track(struct track *track, const struct part *part)
{
    const struct music_part *music = part->music;
    int channel = music->channel;
    const int controls[][2] = {{0, 0},  {7, music->volume}, {10, music->pan}, {91, music->reverb},
                               {93, 0}, {11, 110}};
    track->count = 0;
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++)
        add_event(track, 0, RANK_SETUP, 0xB0 | channel, controls[i][0], controls[i][1]);
    add_event(track, 0, RANK_PROGRAM, 0xC0 | channel, music->program, 0);
    for (size_t i = 0; i < part->count; i++) {
        const struct note *note = &part->notes[i];
        if (note->swells)
            add_swell(track, note, channel);
        else if (music->swells)
            add_event(track, note->on_ticks, RANK_CONTROL, 0xB0 | channel, 11, 110);
        add_event(track, note->on_ticks, RANK_ON, 0x90 | channel, note->key, note->velocity);
        add_event(track, note->off_ticks, RANK_OFF, 0x80 | channel, note->key, 0);
    }
    qsort(track->events, track->count, sizeof track->events[0], compare_events);
}

static void write_big_endian(FILE *file, uint32_t value, int bytes)
{
    while (bytes-- > 0)
        putc((int)(value >> (8 * bytes) & 0xFF), file);
}

/* A number in groups of seven bits, as MIDI files store time. */
static void write_variable(FILE *file, uint32_t value)
{
    for (int shift = 21; shift > 0; shift -= 7) {
        if (value >> shift != 0)
            putc((int)(0x80 | (value >> shift & 0x7F)), file);
    }
    putc((int)(value & 0x7F), file);
}

/* Starts a track chunk; returns where its length has to be filled in. */
static long begin_chunk(FILE *file)
{
    fputs("MTrk", file);
    long place = ftell(file);
    write_big_endian(file, 0, 4);
    return place;
}

static void end_chunk(FILE *file, long place, uint32_t silent_ticks)
{
    write_variable(file, silent_ticks);
    fwrite("\xFF\x2F\x00", 1, 3, file);
    long end = ftell(file);
    if (fseek(file, place, SEEK_SET) == 0)
        write_big_endian(file, (uint32_t)(end - place - 4), 4);
    if (place < 0 || end < 0 || fseek(file, end, SEEK_SET) != 0)
        demo_fail("cannot move within the MIDI file: %s", strerror(errno));
}

static void write_meta_text(FILE *file, int type, const char *text)
{
    putc(0, file);
    putc(0xFF, file);
    putc(type, file);
    write_variable(file, (uint32_t)strlen(text));
    fputs(text, file);
}

static void write_tempo_track(FILE *file, uint32_t end_ticks)
{
    long place = begin_chunk(file);
    write_meta_text(file, 0x03, music_title);
    uint32_t ticks = 0;
    for (size_t i = 0; i < music_tempo_count; i++) {
        write_variable(file, notation_tempo_ticks(i) - ticks);
        ticks = notation_tempo_ticks(i);
        fwrite("\xFF\x51\x03", 1, 3, file);
        write_big_endian(file, notation_quarter_us(i), 3);
    }
    end_chunk(file, place, end_ticks - ticks);
}

static void write_track(FILE *file, const struct track *track, const char *name, uint32_t end_ticks)
{
    long place = begin_chunk(file);
    write_meta_text(file, 0x03, name);
    uint32_t ticks = 0;
    for (size_t i = 0; i < track->count; i++) {
        const struct event *event = &track->events[i];
        write_variable(file, event->ticks - ticks);
        ticks = event->ticks;
        bool program = (event->bytes[0] & 0xF0) == 0xC0;
        fwrite(event->bytes, 1, program ? 2 : 3, file);
    }
    end_chunk(file, place, end_ticks - ticks);
}

static void write_midi(FILE *file, const struct part *parts, const char *only, uint32_t end_ticks)
{
    static struct track track;
    uint32_t tracks = 1 + (only != NULL ? 1 : (uint32_t)music_part_count);
    fputs("MThd", file);
    write_big_endian(file, 6, 4);
    write_big_endian(file, 1, 2);
    write_big_endian(file, tracks, 2);
    write_big_endian(file, NOTATION_TICKS_PER_QUARTER, 2);
    write_tempo_track(file, end_ticks);
    for (size_t i = 0; i < music_part_count; i++) {
        const char *label = music_parts[i].label;
        if (only != NULL && strcmp(only, label) != 0)
            continue;
        make_track(&track, &parts[i]);
        write_track(file, &track, label, end_ticks);
    }
}

/* ---- truth ---- */

/* The stretches in which a part sounds, from a note's start to the last end of
 * the notes before the next silence that is longer than a breath. */
static size_t find_stretches(const struct part *part, struct stretch *stretches, size_t count)
{
    bool open = false;
    for (size_t i = 0; i < part->count; i++) {
        double on_s = notation_seconds(part->notes[i].on_ticks);
        double off_s = notation_seconds(part->notes[i].off_ticks);
        if (!open || on_s - stretches[count - 1].off_s >= BREATH_S) {
            if (count == MAX_STRETCHES)
                demo_fail("more than %d entries", MAX_STRETCHES);
            stretches[count++] = (struct stretch){part->music->label, on_s, off_s};
            open = true;
        } else if (off_s > stretches[count - 1].off_s) {
            stretches[count - 1].off_s = off_s;
        }
    }
    return count;
}

static int compare_stretches(const void *a, const void *b)
{
    const struct stretch *one = a;
    const struct stretch *other = b;
    if (one->on_s < other->on_s || one->on_s > other->on_s)
        return one->on_s < other->on_s ? -1 : 1;
    return strcmp(one->label, other->label);
}

static void write_truth(FILE *file, const struct part *parts, uint32_t end_ticks)
{
    struct stretch stretches[MAX_STRETCHES];
    size_t count = 0;
    for (size_t i = 0; i < music_part_count; i++)
        count = find_stretches(&parts[i], stretches, count);
    qsort(stretches, count, sizeof stretches[0], compare_stretches);
    fputs(TRUTH_COMMENT, file);
    fprintf(file, "# duration_s=%.3f\n", notation_seconds(end_ticks));
    fputs("label,on_s,off_s\n", file);
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%s,%.3f,%.3f\n", stretches[i].label, stretches[i].on_s, stretches[i].off_s);
}

/* ---- program ---- */

static FILE *open_output(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        demo_fail("%s: %s", path, strerror(errno));
    return file;
}

static void close_output(FILE *file, const char *path)
{
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed)
        demo_fail("%s: could not be written", path);
}

static bool is_label(const char *name)
{
    for (size_t i = 0; i < music_part_count; i++) {
        if (strcmp(music_parts[i].label, name) == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    static struct part parts[MAX_PARTS];
    const char *only = NULL;
    if (argc > 2 && strcmp(argv[1], "--only") == 0) {
        only = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc < 2 || argc > 3 || argv[1][0] == '-')
        demo_fail("usage: demo_score [--only LABEL] MIDI [CSV]");
    if (only != NULL && !is_label(only))
        demo_fail("no part is called \"%s\"", only);
    if (music_part_count > MAX_PARTS)
        demo_fail("more than %d parts", MAX_PARTS);
    for (size_t i = 0; i < music_phrase_count; i++) {
        if (!is_label(music_phrases[i].label))
            demo_fail("a phrase is for \"%s\", which is no part", music_phrases[i].label);
    }
    uint32_t end_ticks = 0;
    for (size_t i = 0; i < music_part_count; i++) {
        notation_read_part(&parts[i], &music_parts[i]);
        for (size_t j = 0; j < parts[i].count; j++) {
            if (parts[i].notes[j].off_ticks > end_ticks)
                end_ticks = parts[i].notes[j].off_ticks;
        }
    }
    end_ticks += TAIL_TICKS;

    FILE *midi = open_output(argv[1]);
    write_midi(midi, parts, only, end_ticks);
    close_output(midi, argv[1]);
    if (argc == 3) {
        FILE *truth = open_output(argv[2]);
        write_truth(truth, parts, end_ticks);
        close_output(truth, argv[2]);
    }
    return EXIT_SUCCESS;
}
