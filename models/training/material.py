"""What a stem of a mixture is made of: real notes strung into phrases, real clips, and renders."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from scipy.signal import resample

from .datasets_tables import Refused
from .effects import RATE_HZ, amplifier
from .labels import EXTRAS, LABELS, NEIGHBOURS, OUTPUTS, output_of
from .notes import DOUBT, Notes, chances, chosen_notes, in_manners, notes_key
from .prepare import clips_digest, load_clips
from .refusals import reading
from .relatives import RELATIVES, add_relatives
from .results import digest, score_of

POLYPHONIC = {"piano", "acoustic_guitar", "electric_guitar", "banjo", "mallet_percussion",
              "mandolin", "voice", "organ", "accordion"}
STRAIGHT_FROM_PICKUP = {"black_and_green_guitars", "tonejs_instruments"}
# Played or sung with vibrato and slides, which single notes in a collection mostly lack.
VIBRATO_SHARES = {"voice": 0.6, "violin": 0.4, "cello": 0.4, "saxophone": 0.25, "flute": 0.25,
                  "trumpet": 0.25, "trombone": 0.25, "electric_guitar": 0.15}
# Of these every clip is another player; a clip of other sources is one of many by the same.
SOURCES_OF_MANY_PLAYERS = {"freesound_fsd", "gcompris", "qabcs", "tuxpaint", "lmms"}
# Of these a label is several instruments; which one, file names begin with.
SOURCES_OF_MANY_INSTRUMENTS = {"philharmonia", "berklee"}
# Sounds that are with the drums of one collection and with the other percussion of another, or
# the like of them: left out where they are the exception.
NOT_OF = {
    "drums": re.compile("agogo|cabasa|cowbell|guiro|tamb|maraca|vibraslap|whistle|metronome|"
                        "scratch|clave|wood|snap|handclap|glass|shak|castan|triang|bell(?! ride)",
                        re.IGNORECASE),
    "other_percussion": re.compile("djundjun|hand-cymbals", re.IGNORECASE)}
SHORTEST_RENDER = 20 * RATE_HZ  # samples; a stretch of 8 s is cut from anywhere in it
REACH = 1.5  # semitones, by which half of the phrases of notes are transposed at most
NOTES_SCORES = "notes.score.json"  # in the work folder
REAL = 0.3  # the start's probability of notes and renders that are mixed as often as they come
RENDER_SHARES = {"voice": 0.15}  # choirs of soundfonts, which sound little like singing
REMEDY = ("labels and neighbours come from the clips of `train` and from render, speech also from "
          "the step of that name, noise from clips of `train` whose labels are none, music from "
          "the clips of `unlabelled` and from packaged")


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
class Bank:
    """All material of one label (or of one kind of sound that is none)."""

    notes: List[Notes] = field(default_factory=list)
    players: Dict[str, List[np.ndarray]] = field(default_factory=dict)  # the clips of each
    renders: List[Tuple[np.ndarray, np.ndarray]] = field(default_factory=list)  # samples, scores
    scores: Dict[str, float] = field(default_factory=dict)  # of notes and of renders, in the mean


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
    groups: Dict[Tuple[str, str, str], List[Tuple[str, np.ndarray]]] = {}
    for row, samples in training_clips(work, "train"):
        if "|" in row["labels"]:
            continue
        label = bank_of(row)
        if row["kind"] in ("note", "loop") and label in NOT_OF:
            if NOT_OF[label].search(row["original_name"]):
                continue
        instrument = row["other_instrument"] or re.split(r"[_.]", row["original_name"])[0]
        if row["kind"] != "note":
            own = row["source"] in SOURCES_OF_MANY_PLAYERS
            player = row["source"] + (f"/{row['original_name']}" if own else "")
            banks[label].players.setdefault(player, []).append(samples)
            continue
        several = row["source"] in SOURCES_OF_MANY_INSTRUMENTS and label != "drums"
        key = instrument if several or label in EXTRAS else ""
        groups.setdefault((label, row["source"], key), []).append((row["original_name"], samples))
    for (label, source, instrument), named in groups.items():
        if label in NOT_OF:  # nothing that has a pitch or a manner
            notes = Notes(source, instrument, [samples for _, samples in named], [0] * len(named))
            banks[label].notes.append(notes)
        else:
            banks[label].notes += in_manners(named, source, instrument)


def add_renders(banks: Dict[str, Bank], folder: Path) -> None:
    for path in sorted(folder.glob("*/*.npy")):
        if path.name.endswith(".score.npy"):
            continue
        samples = np.load(path, mmap_mode="r")
        if samples.size < SHORTEST_RENDER:
            continue
        score_path = score_of(path)
        unscored = np.ones(samples.size // (3 * RATE_HZ))
        scores = np.load(score_path) if score_path.exists() else unscored
        banks[output_of(path.stem)].renders.append((samples, scores))


def recorded_banks(work: Path) -> Dict[str, Bank]:
    """Of the notes and clips, with the notes of relatives."""
    banks = {name: Bank() for name in (*LABELS, *EXTRAS, "noise", "music")}
    add_clips(banks, work)
    for relative in add_relatives({name: bank.notes for name, bank in banks.items()}):
        print(f"there are no notes of {relative.of} from {relative.source} to play as "
              f"{relative.label}", file=sys.stderr)
    return banks


def notes_digest(work: Path) -> str:
    """Of what the groups of notes are made of."""
    return digest([clips_digest(work, split) for split in ("train", "packaged")
                   if (work / "clips" / f"{split}.json").exists()],
                  [asdict(relative) for relative in RELATIVES])


def add_scores(banks: Dict[str, Bank], scores: Dict[str, float]) -> None:
    """What the start says of notes, by `notes_key`, and of renders, which have it with them."""
    for name, bank in banks.items():
        if name not in OUTPUTS:
            continue
        for notes in bank.notes:
            notes.score = scores[notes_key(name, notes)]
        if bank.notes:
            bank.scores["notes"] = float(chances(bank.notes) @ [x.score for x in bank.notes])
        if bank.renders:
            shares, weights = render_chances(bank.renders)
            means = [weight @ own for weight, (_, own) in zip(weights, bank.renders)]
            bank.scores["renders"] = float(shares @ means)


def read_scores(work: Path) -> Optional[Dict[str, float]]:
    """Those of notes, as score.py left them; None where it was not run."""
    path = work / NOTES_SCORES
    if not path.exists():
        return None
    with reading(path):
        content = json.loads(path.read_text())
        if content["made_from"] != notes_digest(work):
            raise Refused(f"{path}: is of other clips, or by another version; run training.score "
                          "again")
        return {str(key): float(score) for key, score in content["scores"].items()}


def load_banks(work: Path) -> Dict[str, Bank]:
    banks = recorded_banks(work)
    add_renders(banks, work / "renders")
    scores = read_scores(work)
    if scores is not None:
        with reading(work / NOTES_SCORES):
            add_scores(banks, scores)
    if (work / "speech.npy").exists():
        speech = np.load(work / "speech.npy", mmap_mode="r")
        if speech.size >= SHORTEST_RENDER:
            banks["speech"].renders.append((speech, np.ones(speech.size // (3 * RATE_HZ))))
    for row, samples in training_clips(work, "unlabelled"):
        banks["music"].players.setdefault(row["source"], []).append(samples)
    empty = [name for name, bank in banks.items()
             if not (bank.notes or bank.players or bank.renders)]
    if empty:
        raise Refused(f"{work}: there is nothing to mix of {', '.join(empty)}; " + REMEDY)
    return banks


def string_notes(notes: Notes, label: str, count: int, random: np.random.Generator) -> np.ndarray:
    """A walk over neighbouring pitches in a rhythm, with overlaps, chords and a loudest place."""
    out = np.zeros(count + 4 * RATE_HZ, np.float32)  # the longest note lasts 2.9 s
    beat = 60.0 / random.uniform(60, 160)
    reach = 4.0 if label == "voice" else REACH  # moves formants, too: a larger or smaller singer
    shift = random.uniform(*notes.semitones)
    shift += random.uniform(-reach, reach) if random.random() < 0.5 else 0.0
    place = int(random.integers(len(notes.samples)))
    chords = label in POLYPHONIC and random.random() < 0.5
    step = max(1, len(notes.samples) // 24)
    overlap = random.uniform(0.0, 0.4)
    unsteady_s = float(random.choice((0.0, 0.01, 0.02, 0.03)))
    summit, swell_db = random.uniform(0.0, 1.0), random.uniform(-2.0, 9.0)
    bends = random.random() < VIBRATO_SHARES.get(label, 0.0)
    values = random.choice((0.25, 0.5, 0.5, 1.0, 1.0, 2.0), size=8)
    time, index = 0.0, 0
    while time * RATE_HZ < count:
        duration = beat * float(values[index % 8])
        loud_db = -swell_db * abs(time * RATE_HZ / count - summit)
        for voice in range(int(random.integers(2, 4)) if chords else 1):
            chosen = min(len(notes.samples) - 1, place + 3 * step * voice)
            long_enough = int((duration * (1 + overlap) + 0.08) * RATE_HZ)
            # Cut before it is transposed (up by less than an octave) and bent, to take less time.
            note = transposed(to_float(notes.samples[chosen][:2 * long_enough]), shift)
            note = bent(note, random) if bends else note
            note = fade(note[:long_enough], 0.0, 0.06)
            start = int(max(0.0, time + random.normal(0.0, unsteady_s)) * RATE_HZ)
            out[start:start + note.size] += note * 10 ** ((loud_db + random.normal(0.0, 2.0)) / 20)
        time += duration
        index += 1
        if random.random() < 0.06:
            time += beat * 2
        place = int(np.clip(place + random.integers(-3 * step, 3 * step + 1), 0,
                            len(notes.samples) - 1))
        if random.random() < 0.05:
            place = int(random.integers(len(notes.samples)))
    return out[:count]


def string_hits(notes: Notes, count: int, random: np.random.Generator) -> np.ndarray:
    """Bars of sixteenths on a few pieces of a kit, repeated with small changes."""
    out = np.zeros(count, np.float32)
    sixteenth = 15.0 / random.uniform(60, 160)
    unsteady_s = float(random.choice((0.0, 0.004, 0.01)))
    pieces = random.choice(len(notes.samples), int(random.integers(1, 6)))
    shift = random.uniform(-1.5, 1.5) if random.random() < 0.3 else 0.0
    hits = [transposed(to_float(notes.samples[piece][:4 * RATE_HZ]), shift) for piece in pieces]
    bars = []
    for level_db in random.normal(0.0, 4.0, len(hits)):
        every = int(random.choice((2, 4, 4, 8, 16)))
        often = np.where((np.arange(16) + int(random.integers(every))) % every == 0, 0.9, 0.06)
        bars.append((random.random(16) < often, level_db))
    for step in range(int(count / RATE_HZ / sixteenth) + 1):
        for hit, (bar, level_db) in zip(hits, bars):
            if bar[step % 16] == (random.random() < 0.04):
                continue
            start = int(max(0.0, step * sixteenth + random.normal(0.0, unsteady_s)) * RATE_HZ)
            sound = hit[:max(0, count - start)]
            gain_db = level_db + random.normal(0.0, 2.0)
            out[start:start + sound.size] += sound * np.float32(10 ** (gain_db / 20))
    return out


def phrase(notes: Notes, label: str, count: int, random: np.random.Generator) -> np.ndarray:
    """`count` samples of what the label plays on these notes."""
    if label == "drums":
        return string_hits(notes, count, random)
    samples = string_notes(notes, label, count, random)
    if label == "electric_guitar" and notes.source in STRAIGHT_FROM_PICKUP:
        if random.random() < 0.75:
            samples = amplifier(samples, random)
    return samples


def chosen_player(players: Dict[str, List[np.ndarray]],
                  random: np.random.Generator) -> List[np.ndarray]:
    """The clips of one player, of whom each counts as many as the root of their clips."""
    sizes = np.sqrt([len(clips) for clips in players.values()])
    return list(players.values())[int(random.choice(sizes.size, p=sizes / sizes.sum()))]


def string_clips(players: Dict[str, List[np.ndarray]], count: int,
                 random: np.random.Generator) -> np.ndarray:
    """One clip, repeated or followed by others of the same player and, more rarely, by another's,
    with short rests."""
    out = np.zeros(count, np.float32)
    clips = chosen_player(players, random)
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
        if random.random() < 0.15:
            clips = chosen_player(players, random)
        if random.random() < 0.4:
            clip = clips[int(random.integers(len(clips)))]
    return out


def render_chances(renders: Sequence[Tuple[np.ndarray, np.ndarray]]
                   ) -> Tuple[np.ndarray, List[np.ndarray]]:
    """That a render is chosen, and in each that a stretch of 3 s is: by how real the teacher finds
    it, the stretches around included, so that less doubt is left than of notes (DOUBT). Of renders
    of different lengths the longer ones are chosen more often, by the root."""
    weights = [np.convolve(scores, np.ones(3) / 3, "same") + 0.015 for _, scores in renders]
    shares = np.array([weight.sum() / np.sqrt(weight.size) for weight in weights])
    return shares / shares.sum(), [weight / weight.sum() for weight in weights]


def cut_render(renders: Sequence[Tuple[np.ndarray, np.ndarray]], count: int,
               random: np.random.Generator) -> np.ndarray:
    """A stretch of a render."""
    segment = 3 * RATE_HZ
    shares, weights = render_chances(renders)
    chosen = int(random.choice(len(renders), p=shares))
    samples = renders[chosen][0]
    place = int(random.choice(weights[chosen].size, p=weights[chosen]))
    begin = (place - 1) * segment + int(random.integers(segment))
    begin = int(np.clip(begin, 0, samples.size - count))
    return to_float(samples[begin:begin + count])


def stem(banks: Dict[str, Bank], label: str, count: int, random: np.random.Generator) -> np.ndarray:
    """`count` samples of one instrument (or of an extra output, "noise", "music"): of each kind of
    material more where there is much of it, and of notes and renders more where they sound real."""
    bank = banks[label]
    options: List[Tuple[str, float]] = []
    if bank.notes:
        total = sum(notes.share * len(notes.samples) for notes in bank.notes)
        options.append(("notes", 0.35 * min(1.0, total / 60)))
    if bank.players:
        total = sum(len(clips) for clips in bank.players.values())
        options.append(("clips", 0.4 * min(1.0, total / 10)))
    if bank.renders:
        options.append(("renders", RENDER_SHARES.get(label, 0.3)))
    shares = np.array([share * np.sqrt((bank.scores.get(kind, REAL) + DOUBT) / (REAL + DOUBT))
                       for kind, share in options])
    kind = options[int(random.choice(len(options), p=shares / shares.sum()))][0]
    if kind == "renders":
        return cut_render(bank.renders, count, random)
    if kind == "clips":
        return string_clips(bank.players, count, random)
    return phrase(chosen_notes(bank.notes, random), label, count, random)
