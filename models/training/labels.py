"""The labels of the model, and what they are called in AudioSet and in General MIDI."""

from __future__ import annotations

from typing import Dict, List, Tuple

LABELS: Tuple[str, ...] = (
    "accordion", "acoustic_guitar", "banjo", "bass", "cello", "clarinet", "drums",
    "electric_guitar", "flute", "mallet_percussion", "mandolin", "organ", "piano", "saxophone",
    "synthesizer", "trombone", "trumpet", "ukulele", "violin", "voice")

# What else the network answers, so that it learns to tell neighbours from the labels. Labels give
# way to the first of them, which are in the model file for that, if unnamed. The others serve
# training alone: speech stands beside music and explains none of it, and where other percussion
# sounds nobody can say that it is no drums.
GIVEN_WAY_TO: Tuple[str, ...] = (
    "french_horn", "tuba", "oboe", "bassoon", "bagpipe", "harp", "harpsichord", "other_plucked",
    "harmonica")
EXTRAS: Tuple[str, ...] = GIVEN_WAY_TO + ("other_percussion", "speech")
OUTPUTS: Tuple[str, ...] = LABELS + EXTRAS
IN_FILE: Tuple[str, ...] = LABELS + GIVEN_WAY_TO

# Sounds without a label (other_instrument of the index, and GM_OTHERS) and their extra output.
NEIGHBOURS: Dict[str, str] = {
    "french_horn": "french_horn", "tuba": "tuba",
    "oboe": "oboe", "english_horn": "oboe", "cor_anglais": "oboe",
    "bassoon": "bassoon", "contrabassoon": "bassoon", "bagpipe": "bagpipe", "shanai": "bagpipe",
    "harmonica": "harmonica", "harp": "harp", "harpsichord": "harpsichord",
    "sitar": "other_plucked", "koto": "other_plucked", "lute": "other_plucked",
    "zither": "other_plucked", "timpani": "other_percussion", "percussion": "other_percussion",
    "speech": "speech",
}

# Names as in AudioSet's class list. The head starts from the mean of these classes' weights.
AUDIOSET: Dict[str, Tuple[str, ...]] = {
    "accordion": ("Accordion",),
    "acoustic_guitar": ("Acoustic guitar", "Guitar"),
    "banjo": ("Banjo",),
    "bass": ("Bass guitar", "Double bass"),
    "cello": ("Cello",),
    "clarinet": ("Clarinet",),
    "drums": ("Drum kit", "Drum", "Snare drum", "Hi-hat"),
    "electric_guitar": ("Electric guitar",),
    "flute": ("Flute",),
    "mallet_percussion": ("Mallet percussion", "Marimba, xylophone", "Vibraphone"),
    "mandolin": ("Mandolin",),
    "organ": ("Organ", "Electronic organ", "Hammond organ"),
    "piano": ("Piano",),
    "saxophone": ("Saxophone",),
    "synthesizer": ("Synthesizer",),
    "trombone": ("Trombone",),
    "trumpet": ("Trumpet",),
    "ukulele": ("Ukulele",),
    "violin": ("Violin, fiddle",),
    "voice": ("Singing", "Male singing", "Female singing", "Choir"),
    "french_horn": ("French horn",),
    "tuba": ("Brass instrument",),
    "oboe": ("Wind instrument, woodwind instrument",),
    "bassoon": ("Wind instrument, woodwind instrument",),
    "bagpipe": ("Bagpipes",),
    "harp": ("Harp",),
    "harpsichord": ("Harpsichord",),
    "other_plucked": ("Sitar", "Zither", "Plucked string instrument"),
    "harmonica": ("Harmonica",),
    "other_percussion": ("Timpani", "Tambourine", "Maraca", "Gong", "Percussion"),
    "speech": ("Speech", "Male speech, man speaking", "Female speech, woman speaking"),
}

# General MIDI programs (counted from 0) that sound like each label. General MIDI has no mandolin
# and no ukulele: GS_VARIATIONS has them. Pizzicato (45) and tremolo (44) are played by all strings
# of an orchestra, of which the violins are heard most.
GM_PROGRAMS: Dict[str, Tuple[int, ...]] = {
    "accordion": (21, 23),
    "acoustic_guitar": (24, 25),
    "banjo": (105,),
    "bass": (32, 32, 33, 33, 34, 35, 36, 43),  # 43: bowed
    "cello": (42,),
    "clarinet": (71,),
    "drums": (),  # channel 10
    "electric_guitar": (26, 27, 28, 29, 30),
    "flute": (73, 72),
    "mallet_percussion": (11, 12, 13, 9),
    "mandolin": (),
    "organ": (16, 17, 18, 19, 20),
    "piano": (0, 1, 2, 3),
    "saxophone": (64, 65, 66, 67),
    "synthesizer": (38, 39, 62, 63, 80, 81, 82, 84, 87, 88, 89, 90, 91, 93, 95),
    "trombone": (57,),
    "trumpet": (56,),
    "ukulele": (),
    "violin": (40, 40, 40, 110, 44, 45),  # 110: fiddle, 44: tremolo, 45: plucked
    "voice": (52, 53, 54),
}

# Variations (program, bank) of Roland's GS. FluidR3, csound's and MuseScore's soundfonts have them.
GS_VARIATIONS: Dict[str, Tuple[Tuple[int, int], ...]] = {
    "accordion": ((21, 8),), "acoustic_guitar": ((25, 8),),
    "electric_guitar": ((28, 8), (30, 8), (26, 8)),
    "mandolin": ((25, 16),), "organ": ((16, 8), (17, 8), (19, 8)),
    "piano": ((0, 8),), "synthesizer": ((38, 8), (39, 8), (62, 8), (63, 8)),
    "ukulele": ((24, 8),), "violin": ((40, 8),),
}

# Neighbours that are none of the labels: the model must keep quiet on them. Celesta and music box
# are left out: they are too close to the glockenspiel for a negative.
GM_OTHERS: Dict[str, Tuple[int, ...]] = {
    "french_horn": (60,), "tuba": (58,), "oboe": (68,), "english_horn": (69,), "bassoon": (70,),
    "harmonica": (22,), "harp": (46,), "sitar": (104,), "bagpipe": (109,), "shanai": (111,),
    "harpsichord": (6,), "koto": (107,), "timpani": (47,),
}


def output_of(name: str) -> str:
    """The output of a label or of a neighbouring instrument."""
    return name if name in LABELS else NEIGHBOURS[name]


def target(labels: str) -> List[int]:
    """0/1 per label from the index's `labels` column: `a|b`, or `none`."""
    names = [] if labels == "none" else labels.split("|")
    unknown = [name for name in names if name not in LABELS]
    if unknown:
        raise ValueError(f"unknown label {unknown[0]!r}")
    return [int(label in names) for label in LABELS]


def audioset_rows(class_names: List[str]) -> Dict[str, List[int]]:
    """The rows of AudioSet's 527 outputs that belong to each output."""
    return {label: [class_names.index(name) for name in AUDIOSET[label]] for label in OUTPUTS}
