/* test_score.c - daemon/demo/score.c: the program that writes the score.
 *
 * The MIDI file is read by a reader of its own, and the true entries and exits
 * are worked out again from its notes and tempi.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/demo/files.h"

enum {
    MAX_NOTES = 4096,
    MAX_TEMPI = 64,
    MAX_TRACKS = 32,
};

#define BREATH_S 1.5

static const char *const known_labels[] = {
    "accordion", "acoustic_guitar", "banjo",           "bass",      "cello",
    "clarinet",  "drums",           "electric_guitar", "flute",     "mallet_percussion",
    "mandolin",  "organ",           "piano",           "saxophone", "synthesizer",
    "trombone",  "trumpet",         "ukulele",         "violin",    "voice"};

struct note {
    size_t track;
    uint32_t on_ticks;
    uint32_t off_ticks;
};

struct tempo {
    uint32_t ticks;
    uint32_t quarter_us;
};

struct midi {
    size_t tracks;
    uint32_t quarter_ticks;
    uint32_t end_ticks;
    char names[MAX_TRACKS][64];
    size_t note_count;
    struct note notes[MAX_NOTES];
    size_t tempo_count;
    struct tempo tempi[MAX_TEMPI];
};

struct fixture {
    char folder[64];
    char midi_path[96];
    char truth_path[96];
};

/* ---- running the program ---- */

/* Runs demo_score with the arguments given (NULL ends them); its exit status. Meson names the
 * emulator that a program for another processor needs. */
static int run_score(const char *const arguments[])
{
    const char *emulator = getenv("MESON_EXE_WRAPPER");
    char *argv[8] = {NULL};
    size_t count = 0;
    if (emulator != NULL)
        argv[count++] = strdup(emulator);
    argv[count++] = strdup(need("TUTTI_DEMO_SCORE"));
    for (size_t i = 0; arguments[i] != NULL; i++)
        argv[count++] = strdup(arguments[i]);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (freopen("/dev/null", "w", stderr) != NULL)
            execv(argv[0], argv);
        _exit(127);
    }
    for (size_t i = 0; argv[i] != NULL; i++)
        free(argv[i]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* ---- a reader of MIDI files ---- */

struct cursor {
    const unsigned char *at;
    const unsigned char *end;
};

static uint32_t take(struct cursor *cursor, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++) {
        assert_true(cursor->at < cursor->end);
        value = value << 8 | *cursor->at++;
    }
    return value;
}

static uint32_t take_variable(struct cursor *cursor)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t byte = take(cursor, 1);
        value = value << 7 | (byte & 0x7F);
        if ((byte & 0x80) == 0)
            return value;
    }
    fail_msg("a number of more than four bytes");
    return 0;
}

/* A meta event; true if it ends the track. */
static bool take_meta(struct cursor *cursor, struct midi *midi, size_t track, uint32_t ticks)
{
    uint32_t type = take(cursor, 1);
    uint32_t length = take_variable(cursor);
    assert_true(length <= (size_t)(cursor->end - cursor->at));
    if (type == 0x51) {
        assert_int_equal(length, 3);
        assert_int_equal(track, 0);
        assert_true(midi->tempo_count < MAX_TEMPI);
        midi->tempi[midi->tempo_count++] = (struct tempo){ticks, take(cursor, 3)};
        return false;
    }
    if (type == 0x03)
        snprintf(midi->names[track], sizeof midi->names[track], "%.*s", (int)length,
                 (const char *)cursor->at);
    cursor->at += length;
    return type == 0x2F;
}

/* A note starts or ends: every note is ended, and none is struck again before. */
static void take_note(struct midi *midi, size_t track, uint32_t ticks, bool on, size_t *sounding)
{
    if (on) {
        assert_int_equal(*sounding, 0);
        assert_true(midi->note_count < MAX_NOTES);
        midi->notes[midi->note_count++] = (struct note){track, ticks, 0};
        *sounding = midi->note_count;
    } else {
        assert_int_not_equal(*sounding, 0);
        midi->notes[*sounding - 1].off_ticks = ticks;
        *sounding = 0;
    }
}

static void read_track(struct cursor *cursor, struct midi *midi, size_t track)
{
    size_t sounding[128] = {0}; /* 1 + index of the note that a key sounds */
    uint32_t ticks = 0;
    for (bool ended = false; !ended;) {
        ticks += take_variable(cursor);
        uint32_t status = take(cursor, 1);
        if (status == 0xFF) {
            ended = take_meta(cursor, midi, track, ticks);
            continue;
        }
        assert_true(status >= 0x80 && status < 0xF0);
        uint32_t first = take(cursor, 1);
        uint32_t second = (status & 0xE0) == 0xC0 ? 0 : take(cursor, 1);
        assert_true(first < 128 && second < 128);
        if ((status & 0xE0) == 0x80)
            take_note(midi, track, ticks, (status & 0xF0) == 0x90 && second > 0, &sounding[first]);
    }
    assert_ptr_equal(cursor->at, cursor->end);
    for (size_t key = 0; key < 128; key++)
        assert_int_equal(sounding[key], 0);
    if (track > 0)
        assert_int_equal(ticks, midi->end_ticks);
    midi->end_ticks = ticks;
}

static void read_midi(struct midi *midi, const char *path)
{
    memset(midi, 0, sizeof *midi);
    size_t size = 0;
    unsigned char *bytes = read_file(path, &size);
    struct cursor file = {bytes, bytes + size};
    assert_int_equal(take(&file, 4), 0x4D546864); /* MThd */
    assert_int_equal(take(&file, 4), 6);
    assert_int_equal(take(&file, 2), 1);
    midi->tracks = take(&file, 2);
    assert_true(midi->tracks >= 2 && midi->tracks <= MAX_TRACKS);
    midi->quarter_ticks = take(&file, 2);
    assert_true(midi->quarter_ticks > 0 && midi->quarter_ticks < 0x8000);
    for (size_t i = 0; i < midi->tracks; i++) {
        assert_int_equal(take(&file, 4), 0x4D54726B); /* MTrk */
        uint32_t length = take(&file, 4);
        assert_true(length <= (size_t)(file.end - file.at));
        struct cursor track = {file.at, file.at + length};
        read_track(&track, midi, i);
        file.at += length;
    }
    assert_ptr_equal(file.at, file.end);
    free(bytes);
}

static double midi_seconds(const struct midi *midi, uint32_t ticks)
{
    assert_true(midi->tempo_count > 0 && midi->tempi[0].ticks == 0);
    double s = 0;
    for (size_t i = 0; i < midi->tempo_count; i++) {
        uint32_t from = midi->tempi[i].ticks;
        uint32_t to = i + 1 < midi->tempo_count ? midi->tempi[i + 1].ticks : UINT32_MAX;
        if (ticks > from)
            s += (double)((ticks < to ? ticks : to) - from) * midi->tempi[i].quarter_us * 1e-6 /
                 midi->quarter_ticks;
    }
    return s;
}

/* ---- tests ---- */

static int write_outputs(void **state)
{
    static struct fixture fixture;
    const char *base = getenv("TMPDIR");
    snprintf(fixture.folder, sizeof fixture.folder, "%.40s/tutti-XXXXXX", base ? base : "/tmp");
    if (mkdtemp(fixture.folder) == NULL)
        return -1;
    snprintf(fixture.midi_path, sizeof fixture.midi_path, "%s/piece.mid", fixture.folder);
    snprintf(fixture.truth_path, sizeof fixture.truth_path, "%s/piece.csv", fixture.folder);
    *state = &fixture;
    return run_score((const char *[]){fixture.midi_path, fixture.truth_path, NULL});
}

static int remove_outputs(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->midi_path);
    unlink(fixture->truth_path);
    return rmdir(fixture->folder);
}

static void test_wrong_arguments_are_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[96];
    snprintf(path, sizeof path, "%s/none", fixture->folder);
    assert_int_equal(run_score((const char *[]){NULL}), 1);
    assert_int_equal(run_score((const char *[]){"--help", NULL}), 1);
    assert_int_equal(run_score((const char *[]){path, path, path, NULL}), 1);
    assert_int_equal(run_score((const char *[]){"--only", "flute", NULL}), 1);
    assert_int_equal(run_score((const char *[]){"--only", "kazoo", path, NULL}), 1);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(run_score((const char *[]){"/nonexistent/folder/piece.mid", NULL}), 1);
}

static void test_midi_is_well_formed(void **state)
{
    struct fixture *fixture = *state;
    static struct midi midi;
    read_midi(&midi, fixture->midi_path);
    assert_int_equal(midi.tracks, 12);
    assert_true(midi.note_count > 400);
    for (size_t i = 0; i < midi.note_count; i++)
        assert_true(midi.notes[i].on_ticks < midi.notes[i].off_ticks);
}

static void test_one_part_alone(void **state)
{
    struct fixture *fixture = *state;
    static struct midi all, alone;
    char path[96];
    snprintf(path, sizeof path, "%s/alone.mid", fixture->folder);
    assert_int_equal(run_score((const char *[]){"--only", "cello", path, NULL}), 0);
    read_midi(&all, fixture->midi_path);
    read_midi(&alone, path);
    unlink(path);
    assert_int_equal(alone.tracks, 2);
    assert_string_equal(alone.names[1], "cello");
    assert_int_equal(alone.end_ticks, all.end_ticks);
    size_t notes = 0;
    for (size_t i = 0; i < all.note_count; i++)
        notes += strcmp(all.names[all.notes[i].track], "cello") == 0;
    assert_int_equal(alone.note_count, notes);
}

static void test_committed_truth_is_what_the_score_says(void **state)
{
    struct fixture *fixture = *state;
    size_t size = 0, committed_size = 0;
    unsigned char *written = read_file(fixture->truth_path, &size);
    unsigned char *kept = read_file(committed("piece.csv"), &committed_size);
    assert_int_equal(size, committed_size);
    assert_memory_equal(written, kept, size);
    free(written);
    free(kept);
}

static double total_s(const struct truth *truth, const char *label)
{
    double sum_s = 0;
    for (size_t i = 0; i < truth->count; i++) {
        if (strcmp(truth->rows[i].label, label) == 0)
            sum_s += truth->rows[i].off_s - truth->rows[i].on_s;
    }
    return sum_s;
}

static void test_truth_is_a_sound_one(void **state)
{
    struct fixture *fixture = *state;
    static struct truth truth;
    read_truth(&truth, fixture->truth_path);
    assert_true(truth.duration_s > 80 && truth.duration_s < 100);
    for (size_t i = 0; i < truth.count; i++) {
        const struct row *row = &truth.rows[i];
        assert_true(row->on_s >= 0 && row->on_s < row->off_s && row->off_s < truth.duration_s);
        assert_true(i == 0 || truth.rows[i - 1].on_s <= row->on_s);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(truth.rows[j].label, row->label) == 0)
                assert_true(row->on_s - truth.rows[j].off_s >= BREATH_S);
        }
    }
    size_t playing = 0;
    double known_s = 0, all_s = 0;
    for (size_t i = 0; i < sizeof known_labels / sizeof known_labels[0]; i++) {
        double sum_s = total_s(&truth, known_labels[i]);
        assert_true(sum_s < 1e-9 || sum_s >= 4);
        playing += sum_s >= 4;
        known_s += sum_s;
    }
    for (size_t i = 0; i < truth.count; i++)
        all_s += truth.rows[i].off_s - truth.rows[i].on_s;
    assert_true(playing >= 8);
    assert_true(fabs(all_s - known_s) < 1e-6); /* no label but the twenty */
}

/* Whoever starts the piece has to see something within two seconds: a solo. */
static void test_the_piece_starts_with_a_solo(void **state)
{
    struct fixture *fixture = *state;
    static struct truth truth;
    read_truth(&truth, fixture->truth_path);
    assert_true(truth.rows[0].on_s < 0.25);
    assert_true(truth.rows[1].on_s > 5);
}

/* Every note lies in a row of its part, and every row starts and ends with one. */
static void test_truth_follows_from_the_midi_file(void **state)
{
    struct fixture *fixture = *state;
    static struct truth truth;
    static struct midi midi;
    read_truth(&truth, fixture->truth_path);
    read_midi(&midi, fixture->midi_path);
    assert_true(fabs(midi_seconds(&midi, midi.end_ticks) - truth.duration_s) < 1e-3);
    for (size_t i = 0; i < truth.count; i++) {
        struct row *row = &truth.rows[i];
        double first_s = INFINITY, last_s = 0, reach_s = row->on_s;
        for (size_t j = 0; j < midi.note_count; j++) {
            const struct note *note = &midi.notes[j];
            double on_s = midi_seconds(&midi, note->on_ticks);
            if (strcmp(midi.names[note->track], row->label) != 0 || on_s < row->on_s - 1e-3 ||
                on_s > row->off_s)
                continue;
            assert_true(on_s - reach_s < BREATH_S);
            first_s = fmin(first_s, on_s);
            last_s = fmax(last_s, midi_seconds(&midi, note->off_ticks));
            reach_s = fmax(reach_s, last_s);
            midi.notes[j].track = 0; /* seen; track 0 has no notes */
        }
        assert_true(fabs(first_s - row->on_s) < 1e-3);
        assert_true(fabs(last_s - row->off_s) < 1e-3);
    }
    for (size_t j = 0; j < midi.note_count; j++)
        assert_int_equal(midi.notes[j].track, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_arguments_are_refused),
        cmocka_unit_test(test_midi_is_well_formed),
        cmocka_unit_test(test_one_part_alone),
        cmocka_unit_test(test_committed_truth_is_what_the_score_says),
        cmocka_unit_test(test_truth_is_a_sound_one),
        cmocka_unit_test(test_the_piece_starts_with_a_solo),
        cmocka_unit_test(test_truth_follows_from_the_midi_file),
    };
    return cmocka_run_group_tests_name("demo/score", tests, write_outputs, remove_outputs);
}
