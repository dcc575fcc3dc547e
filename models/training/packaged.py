"""Adds recordings that packages bring along: WORK/clips/packaged.npy and packaged.json.

packaged_collections.py lists the packages: Debian's with phrases of single instruments, guitar
tracks, drum kits, strums, speech, and music without labels; npm's with notes. A package that is not
installed is left out, and said to be.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import numpy as np
from tqdm import tqdm

from . import packaged_collections
from .effects import RATE_HZ
from .labels import NEIGHBOURS
from .packaged_collections import COLLECTIONS, Clip, Collection, sampler_clips
from .prepare import is_current, writing_clips
from .results import digest, file_size

LONGEST_S = 45
SAMPLERS = "tonejs-instrument-*-mp3"  # packages of npm


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


def files_of(package: str, place: Path) -> List[Tuple[str, int]]:
    """Names and sizes of what the clips of a package may come from."""
    paths = place.glob(f"{SAMPLERS}/*" if package == SAMPLERS else "**/*")
    return [(str(path.relative_to(place)), file_size(path))
            for path in sorted(paths) if path.is_file()]


def gather(collections: List[Collection], folder: Path) -> None:
    """Writes the clips of the collections that are there, unless they were written before."""
    tables = Path(packaged_collections.__file__).read_text(encoding="utf-8")
    inputs = digest([(package, files_of(package, place)) for package, place, _ in collections],
                    tables)
    if is_current(folder, "packaged", inputs):
        return
    counts: Counter[Tuple[str, str]] = Counter()
    with writing_clips(folder, "packaged", inputs) as written:
        for package, place, clips in collections:
            if not place.exists():
                print(f"{package} is not installed; its sounds are left out")
                continue
            for clip in tqdm(clips(), desc=package, unit="file"):
                for piece in pieces_of(clip):
                    written.add(row_of(clip), piece)
                    counts[package, clip.label] += 1
    for (package, label), count in sorted(counts.items()):
        print(f"{package:24} {label:18} {count}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--npm", type=Path, help="folder of npm's packages of notes (default: "
                        "WORK/npm/node_modules)")
    arguments = parser.parse_args()
    modules = arguments.npm or arguments.work / "npm" / "node_modules"
    folder = arguments.work / "clips"
    folder.mkdir(parents=True, exist_ok=True)
    samplers = (SAMPLERS, modules, lambda: sampler_clips(modules))
    gather([*COLLECTIONS, samplers], folder)


if __name__ == "__main__":
    main()
