"""What a stem of a mixture is made of: real notes strung into phrases, real clips, and renders."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from scipy.signal import resample

from .datasets_tables import Refused
from .effects import RATE_HZ, amplifier
from .labels import EXTRAS, LABELS, NEIGHBOURS, output_of
from .prepare import load_clips

POLYPHONIC = {"piano", "acoustic_guitar", "electric_guitar", "banjo", "mallet_percussion",
              "mandolin", "voice", "organ", "accordion"}
STRAIGHT_FROM_PICKUP = {"black_and_green_guitars", "tonejs_instruments"}
# Played or sung with vibrato and slides, which single notes in a collection mostly lack.
VIBRATO_SHARES = {"voice": 0.6, "violin": 0.4, "cello": 0.4, "saxophone": 0.25, "flute": 0.25,
                  "trumpet": 0.25, "trombone": 0.25, "electric_guitar": 0.15}
SHORTEST_RENDER = 20 * RATE_HZ  # samples; a stretch of 8 s is cut from anywhere in it
SEMITONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
PITCH = re.compile(r"(?:^|[_-])([A-Ga-g])(#|s|b)?(-?\d)(?=[_.\-]|$)")
REMEDY = ("labels and neighbours come from the clips of `train` and from render, speech also from "
          "the step of that name, noise from clips of `train` whose labels are none, music from "
          "the clips of `unlabelled` and from packaged")


def pitch_of(name: str) -> Optional[int]:
    """The MIDI key in a file name such as `cello_Cs2_05_piano.mp3` or `A#3-2.wav`, if any."""
    match = PITCH.search(name)
    if match is None:
        return None
    shift = {"#": 1, "s": 1, "b": -1, None: 0}[match.group(2)]
    return SEMITONES[match.group(1).lower()] + shift + 12 * (int(match.group(3)) + 1)


def to_float(samples: np.ndarray) -> np.ndarray:
    return samples.astype(np.float32) / 32767.0


def fade(samples: np.ndarray, begin_s: float, end_s: float) -> np.ndarray:
    """A copy with a linear fade in and out."""
    out = samples.copy()
    begin, end = min(int(begin_s * RATE_HZ), out.size), min(int(end_s * RATE_HZ), out.size)
    if begin:
        out[:begin] *= np.linspace(0.0, 1.0, begin, dtype=np.float32)
    if end:
        out[-end:] *= np.linspace(1.0, 0.0, end, dtype=np.float32)
    return out


def transposed(samples: np.ndarray, semitones: float) -> np.ndarray:
    """Played faster or slower, as a tape would."""
    if abs(semitones) < 0.05:
        return samples
    return resample(samples, max(16, int(samples.size / 2 ** (semitones / 12)))).astype(np.float32)


def bent(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """With vibrato and a slide into the note: a tape whose speed changes."""
    t = np.arange(samples.size) / RATE_HZ
    depth = random.uniform(0.1, 0.6) * np.minimum(1.0, t / random.uniform(0.1, 0.6))
    semitones = depth * np.sin(2 * np.pi * random.uniform(4.5, 6.8) * t)
    if random.random() < 0.4:
        semitones += random.uniform(-2.0, 1.0) * np.exp(-t / random.uniform(0.03, 0.12))
    places = np.cumsum(2 ** (semitones / 12))
    return np.interp(places, np.arange(samples.size), samples, right=0.0).astype(np.float32)


@dataclass
class Notes:
    """Single notes of one instrument from one source, sorted by pitch where it is known."""

    source: str
    samples: List[np.ndarray] = field(default_factory=list)
    pitches: List[int] = field(default_factory=list)

    def sort(self) -> None:
        order = np.argsort(self.pitches, kind="stable")
        self.samples = [self.samples[i] for i in order]
        self.pitches = [self.pitches[i] for i in order]


@dataclass
class Bank:
    """All material of one label (or of one kind of sound that is none)."""

    notes: List[Notes] = field(default_factory=list)
    clips: List[np.ndarray] = field(default_factory=list)
    renders: List[Tuple[np.ndarray, np.ndarray]] = field(default_factory=list)  # samples, scores


def bank_of(row: dict) -> str:
    """The bank that a clip of the index belongs to."""
    if row["labels"] != "none":
        return row["labels"]
    return NEIGHBOURS.get(row["other_instrument"], "noise")


def training_clips(work: Path, split: str) -> List[Tuple[dict, np.ndarray]]:
    """The clips of a split, with those of training.packaged where they are there."""
    clips = load_clips(work, split) if (work / "clips" / f"{split}.json").exists() else []
    if (work / "clips" / "packaged.json").exists():
        clips += [clip for clip in load_clips(work, "packaged") if clip[0]["split"] == split]
    return clips


def add_clips(banks: Dict[str, Bank], work: Path) -> None:
    groups: Dict[Tuple[str, str], Notes] = {}
    for row, samples in training_clips(work, "train"):
        if "|" in row["labels"]:
            continue
        label = bank_of(row)
        instrument = row["other_instrument"] or re.split(r"[_.]", row["original_name"])[0]
        if row["kind"] != "note":
            banks[label].clips.append(samples)
            continue
        key = instrument if row["source"] == "philharmonia" or label in EXTRAS else ""
        notes = groups.setdefault((label, f"{row['source']}/{key}"), Notes(row["source"]))
        notes.samples.append(samples)
        notes.pitches.append(pitch_of(row["original_name"]) or 0)
    for (label, _), notes in groups.items():
        notes.sort()
        banks[label].notes.append(notes)


def add_renders(banks: Dict[str, Bank], folder: Path) -> None:
    for path in sorted(folder.glob("*/*.npy")):
        if path.name.endswith(".score.npy"):
            continue
        samples = np.load(path, mmap_mode="r")
        if samples.size < SHORTEST_RENDER:
            continue
        score_path = path.with_suffix(".score.npy")
        unscored = np.ones(samples.size // (3 * RATE_HZ))
        scores = np.load(score_path) if score_path.exists() else unscored
        banks[output_of(path.stem)].renders.append((samples, scores))


def load_banks(work: Path) -> Dict[str, Bank]:
    banks = {name: Bank() for name in (*LABELS, *EXTRAS, "noise", "music")}
    add_clips(banks, work)
    add_renders(banks, work / "renders")
    if (work / "speech.npy").exists():
        speech = np.load(work / "speech.npy", mmap_mode="r")
        if speech.size >= SHORTEST_RENDER:
            banks["speech"].renders.append((speech, np.ones(speech.size // (3 * RATE_HZ))))
    banks["music"].clips = [samples for _, samples in training_clips(work, "unlabelled")]
    empty = [name for name, bank in banks.items()
             if not (bank.notes or bank.clips or bank.renders)]
    if empty:
        raise Refused(f"{work}: there is nothing to mix of {', '.join(empty)}; " + REMEDY)
    return banks


def string_notes(notes: Notes, label: str, count: int, random: np.random.Generator) -> np.ndarray:
    """A walk over neighbouring pitches in a steady rhythm, with overlaps and chords."""
    out = np.zeros(count + 12 * RATE_HZ, np.float32)
    beat = 60.0 / random.uniform(60, 160)
    reach = 4.0 if label == "voice" else 1.5  # moves formants, too: a larger or smaller singer
    shift = random.uniform(-reach, reach) if random.random() < 0.5 else 0.0
    place = int(random.integers(len(notes.samples)))
    chords = label in POLYPHONIC and random.random() < 0.5
    step = max(1, len(notes.samples) // 24)
    overlap = random.uniform(0.0, 0.4)
    bends = random.random() < VIBRATO_SHARES.get(label, 0.0)
    values = random.choice((0.25, 0.5, 0.5, 1.0, 1.0, 2.0), size=8)
    time, index = 0.0, 0
    while time * RATE_HZ < count:
        duration = beat * float(values[index % 8])
        for voice in range(int(random.integers(2, 4)) if chords else 1):
            chosen = min(len(notes.samples) - 1, place + 3 * step * voice)
            note = transposed(to_float(notes.samples[chosen][:6 * RATE_HZ]), shift)
            note = bent(note, random) if bends else note
            long_enough = int((duration * (1 + overlap) + 0.08) * RATE_HZ)
            if label not in ("drums",):
                note = fade(note[:long_enough], 0.0, 0.06)
            start = int(time * RATE_HZ)
            out[start:start + note.size] += note * 10 ** (random.normal(0.0, 2.5) / 20)
        time += duration
        index += 1
        if random.random() < 0.06:
            time += beat * 2
        place = int(np.clip(place + random.integers(-3 * step, 3 * step + 1), 0,
                            len(notes.samples) - 1))
        if random.random() < 0.05:
            place = int(random.integers(len(notes.samples)))
    return out[:count]


def string_clips(clips: Sequence[np.ndarray], count: int,
                 random: np.random.Generator) -> np.ndarray:
    """One clip, repeated or followed by others of the same kind, with short rests."""
    out = np.zeros(count, np.float32)
    clip = clips[int(random.integers(len(clips)))]
    shift = random.uniform(-1.5, 1.5) if random.random() < 0.4 else 0.0
    time = 0
    while time < count:
        samples = clip
        if samples.size > count and time == 0:
            begin = int(random.integers(samples.size - count + 1))
            samples = samples[begin:begin + count]
        piece = fade(transposed(to_float(samples), shift), 0.003, 0.02)[:count - time]
        out[time:time + piece.size] += piece
        time += piece.size + int(random.uniform(0.0, 0.4) * RATE_HZ)
        if random.random() < 0.4:
            clip = clips[int(random.integers(len(clips)))]
    return out


def cut_render(renders: Sequence[Tuple[np.ndarray, np.ndarray]], count: int,
               random: np.random.Generator) -> np.ndarray:
    """A stretch of a render, chosen by how real the teacher finds it."""
    segment = 3 * RATE_HZ
    weights = [np.convolve(scores, np.ones(3) / 3, "same") + 0.015 for _, scores in renders]
    sums = np.array([w.sum() for w in weights])
    chosen = int(random.choice(len(renders), p=sums / sums.sum()))
    samples = renders[chosen][0]
    place = int(random.choice(weights[chosen].size, p=weights[chosen] / sums[chosen]))
    begin = (place - 1) * segment + int(random.integers(segment))
    begin = int(np.clip(begin, 0, samples.size - count))
    return to_float(samples[begin:begin + count])


def stem(banks: Dict[str, Bank], label: str, count: int, random: np.random.Generator) -> np.ndarray:
    """`count` samples of one instrument (or of an extra output, "noise", "music")."""
    bank = banks[label]
    options: List[Tuple[str, float]] = []
    if bank.notes:
        total = sum(len(notes.samples) for notes in bank.notes)
        options.append(("notes", 0.35 * min(1.0, total / 60)))
    if bank.clips:
        options.append(("clips", 0.4 * min(1.0, len(bank.clips) / 10)))
    if bank.renders:
        options.append(("renders", 0.3 if label not in ("mandolin",) else 0.1))
    shares = np.array([share for _, share in options])
    kind = options[int(random.choice(len(options), p=shares / shares.sum()))][0]
    if kind == "renders":
        return cut_render(bank.renders, count, random)
    if kind == "clips":
        return string_clips(bank.clips, count, random)
    sizes = np.sqrt([len(notes.samples) for notes in bank.notes])
    notes = bank.notes[int(random.choice(len(bank.notes), p=sizes / sizes.sum()))]
    samples = string_notes(notes, label, count, random)
    if label == "electric_guitar" and notes.source in STRAIGHT_FROM_PICKUP:
        if random.random() < 0.75:
            samples = amplifier(samples, random)
    return samples
