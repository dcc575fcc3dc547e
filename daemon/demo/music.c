/* music.c - the demo piece. See music.h for the notation.
 *
 * G major, 4/4, 44 bars. G7+ and C7+ are major sevenths.
 *   1  flute alone: the theme            G   | Em  | C   | D
 *   5  + piano                           G   | Bm  | C D | G
 *   9  piano alone                       Em  | C D
 *  11  + cello: second theme             Em  | C   | Am  | B7
 *  15  cello and violin                  Em  | D
 *  17  + flute                           C   | G/B | Am  | Em
 *  21  guitar alone                      Em7 | A7
 *  23  bass alone                        Em7 | A7
 *  25  saxophone alone                   Am7 | D7
 *  27  + guitar, bass, drums             G7+ | C7+
 *  29  drums alone
 *  31  + vibraphone                      Am7 | D7
 *  33  vibraphone alone                  C7+ | D7
 *  35  trumpet alone                     G
 *  37  + piano                           Am7 | D7
 *  39  organ alone                       G D7/F# | Em C D
 *  41  + flute and violin: the theme     G   | Bm  | C D7 | G
 */
#include "daemon/demo/music.h"

const char music_title[] = "Tutti: a demonstration for eleven instruments";

const struct music_tempo music_tempi[] = {
    {1, 112},  {5, 116},  {17, 114}, {21, 116}, {27, 114}, {29, 120},
    {33, 116}, {37, 110}, {39, 106}, {43, 98},  {44, 86},
};

const struct music_part music_parts[] = {
    /* label, channel, program, volume, pan, reverb, gate %, swells */
    {"flute", 0, 73, 104, 56, 48, 97, 1},
    {"piano", 3, 0, 127, 68, 40, 100, 0},
    {"cello", 2, 42, 104, 50, 48, 98, 1},
    {"violin", 4, 40, 104, 78, 48, 98, 1},
    {"acoustic_guitar", 1, 24, 124, 76, 36, 300, 0},
    {"bass", 5, 33, 104, 60, 12, 96, 0},
    {"saxophone", 6, 65, 112, 54, 40, 98, 1},
    {"drums", 9, 0, 116, 64, 28, 100, 0},
    {"mallet_percussion", 8, 11, 127, 48, 40, 200, 0},
    {"trumpet", 7, 56, 124, 70, 44, 98, 1},
    {"organ", 10, 19, 84, 64, 44, 98, 0},
};

const struct music_phrase music_phrases[] = {
    {"flute", 1, 82, 94,
     "D5:4 G5:4 B5:6 A5:2 | G5:4 E5:4 B5:8 | C6:6 B5:2 A5:4 G5:4 | A5:10 -:2 B5:2 C6:2 |"},

    {"flute", 5, 92, 82,
     "D6:6 B5:2 G5:4 A5:4 | B5:6 A5:2 F#5:8 | E5:4 G5:4 A5:4 F#5:4 | G5:12 -:4 |"},
    {"piano", 5, 66, 66, /* right hand */
     "B3:2 D4:2 G4:2 D4:2 B3:2 D4:2 G4:2 D4:2 | B3:2 D4:2 F#4:2 D4:2 B3:2 D4:2 F#4:2 D4:2 |"
     "C4:2 E4:2 G4:2 E4:2 C4:2 F#4:2 A4:2 F#4:2 | B3:2 D4:2 G4:2 B4:2 D5:2 B4:2 G4:2 D4:2 |"},
    {"piano", 5, 58, 60, /* left hand */
     "G2+D3:16 | B2+F#3:16 | C3+G3:8 D3+A3:8 | G2+D3:16 |"},

    {"piano", 9, 74, 80, "G4+B4+E5:6 F#5:2 E5:4 B4:4 | G4+C5+E5:6 D5:2 F#4+A4+D5:4 C5:2 A4:2 |"},
    {"piano", 9, 64, 68, "E3+B3:8 G3+B3:8 | C3+G3:8 D3+A3:8 |"},

    {"cello", 11, 80, 92,
     "B2:6 C3:2 E3:4 G3:4 | E3:6 D3:2 C3:4 E3:4 | A2:4 C3:4 A3:6 G3:2 | F#3:8 D#3:8 |"},
    {"piano", 11, 66, 72,
     "G4:2 B4:2 E5:2 B4:2 G4:2 B4:2 E5:2 B4:2 | G4:2 C5:2 E5:2 C5:2 G4:2 C5:2 E5:2 C5:2 |"
     "E4:2 A4:2 C5:2 A4:2 E4:2 A4:2 C5:2 E5:2 | F#4:2 A4:2 B4:2 D#5:2 F#5:4 -:4 |"},
    {"piano", 11, 58, 62, "E3+B3:16 | C3+G3:16 | A2+E3:16 | B2+A3:12 -:4 |"},

    {"cello", 15, 84, 84, "E3:8 G2:6 B2:2 | D3:6 E3:2 F#3:8 |"},
    {"cello", 17, 70, 70, "C3:8 E3:8 | B2:8 D3:8 | C3:8 E3:4 A2:4 | E3:12 -:4 |"},
    {"violin", 15, 88, 96, "E5:2 G5:2 B5:8 G5:4 | A5:6 F#5:2 D5:4 F#5:4 |"},
    {"violin", 17, 60, 60, "G5:8 E5:8 | D5:8 G5:8 | E5:8 A5:8 | G5:12 -:4 |"},
    {"flute", 17, 112, 118,
     "E5:2 G5:2 C6:8 B5:4 | D6:6 B5:2 G5:8 | A5:4 C6:4 E6:6 D6:2 | B5:12 -:4 |"},

    {"acoustic_guitar", 21, 94, 92,
     "E3:2 B3:2 D4:2 G4:2 F#4:2 D4:2 B3:2 G3:2 | A2:2 E3:2 G3:2 C#4:2 E4:2 C#4:2 E4:2 -:2 |"},

    {"bass", 23, 96, 100,
     "E2:2 E2:2 B1:2 E2:2 G2:2 A2:2 B2:2 G2:2 | A1:2 A1:2 E2:2 A2:2 G2:2 E2:2 C#2:4 |"},

    {"saxophone", 25, 100, 116, "C4:4 E4:2 A4:2 G4:6 E4:2 | F#4:2 D4:2 F#4:2 A4:6 G4:2 E4:2 |"},

    {"saxophone", 27, 92, 92, "D4:6 G4:2 F#4:4 E4:2 D4:2 | E4:2 D4:2 B3:2 E4:8 -:2 |"},
    {"acoustic_guitar", 27, 112, 112,
     "G3:2 B3:2 D4:2 F#4:2 D4:2 B3:2 G3:2 F#3:2 | G3:2 B3:2 C4:2 E4:2 C4:2 B3:2 G3:2 -:2 |"},
    {"bass", 27, 100, 100,
     "G1:2 G1:2 D2:2 G2:2 B2:2 G2:2 F#2:2 D2:2 | C2:2 C2:2 G2:2 C3:2 B2:2 G2:2 E2:2 -:2 |"},
    {"drums", 27, 92, 94,
     "BD+CC:2 HH:2 SD+HH:2 HH:2 HH:2 BD+HH:2 SD+HH:2 HH:2 |"
     "BD+HH:2 HH:2 SD+HH:2 HH:1 HH:1 BD+HH:2 SD:1 SD:1 T1:1 T1:1 T2:1 T3:1 |"},

    {"drums", 29, 100, 108,
     "BD+CC:2 SD:1 SD:1 SD+HH:2 BD:1 BD:1 T1:1 T1:1 T2:1 T2:1 SD:2 BD+OH:2 |"
     "BD+HH:2 SD:1 SD:1 BD+HH:1 SD:1 HH:2 SD:1 SD:1 T1:1 T1:1 T2:1 T2:1 T3:1 T3:1 |"},

    {"drums", 31, 72, 72,
     "BD+CC:2 RD:2 SD+RD:2 RD:2 BD+RD:2 BD+RD:2 SD+RD:2 RD:2 |"
     "BD+RD:2 RD:2 SD+RD:2 RD:2 BD+RD:2 BD+RD:2 SD+RD:2 -:2 |"},
    {"mallet_percussion", 31, 112, 112,
     "A4:2 C5:2 E5:2 G5:2 E5:2 C5:2 G5:2 A5:2 | F#5:2 A5:2 C6:2 F#5:2 D5:2 A5:2 F#5:2 D5:2 |"},

    {"mallet_percussion", 33, 104, 92,
     "E5:2 G5:2 B5:2 C6:2 B5:2 G5:2 E5:2 D5:2 | F#5:2 A5:2 C6:2 D6:2 C6:2 A5:2 D5+F#5:4 |"},

    {"trumpet", 35, 76, 88,
     "G4:4 B4:4 D5:6 C5:2 | B4:4 A4:4 G4:8 | A4:4 C5:4 B4:2 A4:2 G4:4 | F#4:6 G4:2 A4:6 -:2 |"},
    {"piano", 37, 84, 84, "C5+E5+G5:8 C5+E5+A5:8 | C5+D5+F#5:8 A4+D5+F#5:6 -:2 |"},
    {"piano", 37, 76, 76, "A3+E4:16 | D3+A3:14 -:2 |"},

    {"organ", 39, 84, 90,
     "G3+D4+G4+B4:8 F#3+D4+A4+C5:8 | E3+E4+G4+B4:8 C3+E4+G4+C5:4 D3+F#4+A4+C5:4 |"},
    {"organ", 41, 92, 92, "G2+G3+D4:16 | B2+F#3+D4:16 | C3+G3+E4:8 D3+F#3+C4:8 | G2+G3+D4+B4:16 |"},
    {"flute", 41, 118, 116,
     "D6:6 B5:2 G5:4 A5:4 | B5:6 A5:2 F#5:8 | E5:4 G5:4 A5:4 F#5:4 | G5:16 |"},
    {"violin", 41, 84, 88, "B5:8 D6:8 | F#6:6 E6:2 D6:8 | E6:4 C6:4 D6:4 C6:4 | B5:16 |"},
};

const size_t music_tempo_count = sizeof music_tempi / sizeof music_tempi[0];
const size_t music_part_count = sizeof music_parts / sizeof music_parts[0];
const size_t music_phrase_count = sizeof music_phrases / sizeof music_phrases[0];
