"""Single notes of a collection: their pitch and manner by their file names, and groups of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

SMALLEST_GROUP = 8  # notes; what is played otherwise more rarely goes together
DYNAMICS = {"p": "soft", "pp": "soft", "piano": "soft", "pianissimo": "soft",
            "mezzo-piano": "soft", "molto-pianissimo": "soft", "f": "loud", "mf": "loud",
            "forte": "loud", "fortissimo": "loud", "mezzo-forte": "loud"}
ARTICULATIONS = re.compile("pizz|tremolo|trill|harmonic|stacc|spicc|legno|battuto|flutter|slap|"
                           "tongu|twang|(?<!non-)vibrato|sul|btb|mute")
DOUBT = 0.05  # added to the start's probabilities, which are near 0 for what it never knows
SEMITONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
PITCH = re.compile(r"(?:^|[_-])([A-Ga-g])(#|s|b)?(-?\d)(?=[_.\-]|$)")


def pitch_of(name: str) -> Optional[int]:
    """The MIDI key in a file name such as `cello_Cs2_05_piano.mp3` or `A#3-2.wav`, if any."""
    match = PITCH.search(name)
    if match is None:
        return None
    shift = {"#": 1, "s": 1, "b": -1, None: 0}[match.group(2)]
    return SEMITONES[match.group(1).lower()] + shift + 12 * (int(match.group(3)) + 1)


def manner_of(name: str) -> str:
    """How a note in a collection was played, as far as its file name tells."""
    parts = re.split(r"[_.]", name)
    dynamics = [DYNAMICS[part] for part in parts[1:] if part in DYNAMICS]
    return " ".join([*dynamics[:1], *ARTICULATIONS.findall(name)])


@dataclass
class Notes:
    """Single notes of one instrument from one source, played in one manner; sorted by pitch where
    it is known (else 0)."""

    source: str
    instrument: str = ""
    samples: List[np.ndarray] = field(default_factory=list)
    pitches: List[int] = field(default_factory=list)  # as they were recorded
    manner: str = ""
    semitones: Tuple[float, float] = (0.0, 0.0)  # by how much they are transposed, from, to
    share: float = 1.0  # how much one of them counts beside one of other groups
    score: float = 1.0  # the probability that the start gives to phrases of them (score.py)

    def sort(self) -> None:
        order = np.argsort(self.pitches, kind="stable")
        self.samples = [self.samples[i] for i in order]
        self.pitches = [self.pitches[i] for i in order]


def in_manners(notes: List[Tuple[str, np.ndarray]], source: str, instrument: str) -> List[Notes]:
    """The named notes of an instrument, one group for each manner that they are played in."""
    groups: Dict[str, List[Tuple[str, np.ndarray]]] = {}
    for name, samples in notes:
        groups.setdefault(manner_of(name), []).append((name, samples))
    rare = [group for group in groups.values() if len(group) < SMALLEST_GROUP]
    large = {manner: group for manner, group in groups.items() if len(group) >= SMALLEST_GROUP}
    together = sum(rare, [])
    if together:
        large["several"] = together
    out = []
    for manner, group in large.items():
        out.append(Notes(source, instrument, [samples for _, samples in group],
                         [pitch_of(name) or 0 for name, _ in group], manner))
        out[-1].sort()
    return out


def notes_key(bank: str, notes: Notes) -> str:
    """What a group's score is called in the file of the scores."""
    return "/".join((bank, notes.source, notes.instrument, notes.manner))


def chances(groups: Sequence[Notes]) -> np.ndarray:
    """That a group is chosen. An instrument counts as many as the root of its notes, times their
    share, and is divided among its manners; what sounds more real counts more in both."""
    totals: Dict[Tuple[str, str], int] = {}
    for notes in groups:
        key = (notes.source, notes.instrument)
        totals[key] = totals.get(key, 0) + len(notes.samples)
    weights = np.array([notes.share * (notes.score + DOUBT) * len(notes.samples)
                        / np.sqrt(totals[notes.source, notes.instrument]) for notes in groups])
    return weights / weights.sum()


def chosen_notes(groups: Sequence[Notes], random: np.random.Generator) -> Notes:
    """One manner of one instrument."""
    return groups[int(random.choice(len(groups), p=chances(groups)))]
