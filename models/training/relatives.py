"""Instruments made from their relatives: another size of the same build.

A recording that is played faster by so many semitones has a smaller body, shorter strings or a
shorter tube, all by the same ratio, as the next smaller member of a family of instruments about
has. What the pretrained start says to such phrases of notes is written in RESULTS.md, "Relatives":
a cello seven semitones up is a violin to it as much as a violin is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Tuple

from .notes import SMALLEST_GROUP, Notes

RELATIVES_SHARE = 0.5  # of what as many notes of the instrument itself would count


@dataclass(frozen=True)
class Relative:
    """Notes of `of` from a source that are played so many semitones higher become `label`."""

    label: str
    of: str
    source: str
    semitones: Tuple[float, float]
    keys: Tuple[int, int]  # that `label` is played in, the lowest and the highest
    manners: str = ""  # a pattern that names the manners


RELATIVES: Tuple[Relative, ...] = (
    Relative("violin", "cello", "philharmonia", (5.0, 9.0), (55, 96)),
    Relative("violin", "cello", "tonejs-samplers", (5.0, 9.0), (55, 96)),
    Relative("cello", "bass", "philharmonia", (5.0, 7.0), (36, 76)),
    Relative("bass", "cello", "philharmonia", (-9.0, -5.0), (26, 55)),
    Relative("bass", "electric_guitar", "black_and_green_guitars", (-12.0, -7.0), (28, 55),
             r"^(?!.*btb)"),
    Relative("trumpet", "trombone", "philharmonia", (4.0, 8.0), (54, 84)),
    Relative("ukulele", "acoustic_guitar", "philharmonia", (3.0, 6.0), (60, 84), "^loud"),
    Relative("mallet_percussion", "mallet_percussion", "tonejs_instruments", (-12.0, -3.0),
             (40, 96)),
)


def stand_ins(relative: Relative, notes: Dict[str, List[Notes]]) -> List[Notes]:
    """The groups of notes that one relative gives; the samples are those of `notes`."""
    (low, high), (lowest, highest) = relative.semitones, relative.keys
    out = []
    for group in notes[relative.of]:
        if group.source != relative.source or not re.search(relative.manners, group.manner):
            continue
        kept = [(pitch, samples) for pitch, samples in zip(group.pitches, group.samples)
                if pitch and pitch + low >= lowest and pitch + high <= highest]
        if len(kept) >= min(SMALLEST_GROUP, len(group.samples)):
            out.append(Notes(group.source, f"{relative.of} {group.instrument}".strip(),
                             [samples for _, samples in kept], [pitch for pitch, _ in kept],
                             group.manner, relative.semitones, RELATIVES_SHARE))
    return out


def add_relatives(notes: Dict[str, List[Notes]]) -> List[Relative]:
    """To the groups of every label, in place; what is added is no one's relative in turn. Returns
    the relatives of which there are no notes."""
    added = [(relative, stand_ins(relative, notes)) for relative in RELATIVES]
    for relative, groups in added:
        notes[relative.label] += groups
    return [relative for relative, groups in added if not groups]
