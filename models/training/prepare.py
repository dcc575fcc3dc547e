"""Decodes the clips of an index into one array per split: WORK/clips/SPLIT.npy and SPLIT.json.

AUDIO is a folder with `index.csv` (columns file, start_s, duration_s, labels, other_instrument,
kind, split, source, original_name; see models/training/README.md). The array holds all clips of
the split one after another, mono int16 at 32 kHz; the JSON lists each clip's first sample, length
and row of the index.
"""

from __future__ import annotations

import argparse
import csv
import json
from math import gcd
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
import soundfile
from scipy.signal import resample_poly
from tqdm import tqdm

from .frontend import CONFIG
from .labels import target


def decode(path: Path) -> Tuple[np.ndarray, int]:
    """A whole sound file as mono float32."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return samples.mean(axis=1), rate


def to_rate(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """Resampled to the front end's rate."""
    if rate_hz == CONFIG.rate_hz:
        return samples
    divisor = gcd(rate_hz, CONFIG.rate_hz)
    return resample_poly(samples, CONFIG.rate_hz // divisor, rate_hz // divisor).astype(np.float32)


def prepare_split(audio: Path, rows: List[Dict[str, str]], output: Path, split: str) -> None:
    by_file: Dict[str, List[Dict[str, str]]] = {}
    for row in rows:
        if row["labels"] != "?":
            target(row["labels"])  # an unknown label is refused here, not hours later
        by_file.setdefault(row["file"], []).append(row)
    pieces: List[np.ndarray] = []
    clips: List[dict] = []
    position = 0
    for name in tqdm(sorted(by_file), desc=split, unit="file"):
        samples, rate = decode(audio / name)
        for row in by_file[name]:
            begin = round(float(row["start_s"]) * rate)
            end = begin + round(float(row["duration_s"]) * rate)
            if begin >= samples.size:
                raise ValueError(f"{name}: a clip starts at {row['start_s']} s, after the end")
            clip = to_rate(samples[begin:end], rate)
            pieces.append(np.round(np.clip(clip, -1.0, 1.0) * 32767.0).astype(np.int16))
            clips.append(dict(row, first=position, count=int(clip.size)))
            position += clip.size
    np.save(output / f"{split}.npy", np.concatenate(pieces))
    (output / f"{split}.json").write_text(json.dumps(clips))


def load_clips(work: Path, split: str) -> List[Tuple[dict, np.ndarray]]:
    """Every clip of a prepared split: its row and its samples (int16, mapped from the file)."""
    samples = np.load(work / "clips" / f"{split}.npy", mmap_mode="r")
    clips = json.loads((work / "clips" / f"{split}.json").read_text())
    return [(clip, samples[clip["first"]:clip["first"] + clip["count"]]) for clip in clips]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path, required=True, help="folder with index.csv")
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--seed", type=int, default=1, help="unused: nothing here is random")
    arguments = parser.parse_args()
    output = arguments.work / "clips"
    output.mkdir(parents=True, exist_ok=True)
    with open(arguments.audio / "index.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for split in sorted({row["split"] for row in rows}):
        if (output / f"{split}.json").exists():
            continue
        prepare_split(arguments.audio, [row for row in rows if row["split"] == split], output,
                      split)


if __name__ == "__main__":
    main()
