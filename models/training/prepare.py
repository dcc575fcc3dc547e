"""Decodes the clips of an index into one array per split: WORK/clips/SPLIT.npy and SPLIT.json.

AUDIO is a folder with `index.csv` (columns file, start_s, duration_s, labels, other_instrument,
kind, split, source, original_name; see models/training/README.md). A file is a path below AUDIO,
or an absolute one; an empty duration_s means to the end. The array holds all clips of the split
one after another, mono int16 at 32 kHz; the JSON lists each clip's first sample, length and row of
the index.
"""

from __future__ import annotations

import argparse
import json
import os
from math import gcd
from pathlib import Path
from typing import BinaryIO, Dict, List, Tuple

import numpy as np
import soundfile
from scipy.signal import resample_poly
from tqdm import tqdm

from .datasets_tables import Refused, Row, read_sound, read_table, seconds
from .frontend import CONFIG
from .labels import NEIGHBOURS, target

COLUMNS = ("file", "start_s", "duration_s", "labels", "other_instrument", "kind", "split",
           "source", "original_name")
SPLITS = ("train", "eval", "eval_real", "unlabelled")
KINDS = ("note", "loop", "phrase", "freesound", "noise", "music")  # or empty: a phrase
HEADER_BYTES = 128


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


def check_row(row: Row) -> None:
    """What is not known is refused here, not hours later."""
    values = row.values
    for column, known in (("split", SPLITS), ("kind", (*KINDS, "")),
                          ("other_instrument", (*NEIGHBOURS, ""))):
        if values[column] not in known:
            raise Refused(f"{row.place}: unknown {column} {values[column]!r}; there are "
                          + ", ".join(name for name in known if name))
    if not values["labels"]:
        raise Refused(f"{row.place}: labels are empty; write none where no label sounds")
    if values["labels"] == "?" and values["split"] != "unlabelled":
        raise Refused(f"{row.place}: labels are ?, which only the split unlabelled may have")
    if values["labels"] != "?":
        try:
            target(values["labels"])
        except ValueError as error:
            raise Refused(f"{row.place}: {error}") from None
    if not values["file"]:
        raise Refused(f"{row.place}: names no file")
    for column in ("start_s", "duration_s"):
        seconds(row, column, None)


def write_header(file: BinaryIO, count: int) -> None:
    """The header of a .npy of `count` int16, always of the same length."""
    text = f"{{'descr': '<i2', 'fortran_order': False, 'shape': ({count},), }}"
    magic = np.lib.format.magic(1, 0)
    length = HEADER_BYTES - len(magic) - 2
    file.seek(0)
    file.write(magic + length.to_bytes(2, "little") + text.ljust(length - 1).encode() + b"\n")


def cut(row: Row, samples: np.ndarray, rate: int, path: Path) -> np.ndarray:
    """The row's clip as int16 at the front end's rate."""
    begin = round((seconds(row, "start_s", 0.0) or 0.0) * rate)
    duration_s = seconds(row, "duration_s", None)
    end = samples.size if duration_s is None else begin + round(duration_s * rate)
    if begin >= samples.size:
        raise Refused(f"{row.place}: the clip starts at {row.values['start_s']} s, after the end "
                      f"of {path}")
    if end <= begin:
        raise Refused(f"{row.place}: the clip of {path} has no length")
    clip = to_rate(samples[begin:end], rate)
    return np.round(np.clip(clip, -1.0, 1.0) * 32767.0).astype("<i2")


def prepare_split(audio: Path, rows: List[Row], output: Path, split: str) -> None:
    """Clip after clip goes to the disk: a split may be larger than memory."""
    by_file: Dict[str, List[Row]] = {}
    for row in rows:
        by_file.setdefault(row.values["file"], []).append(row)
    clips: List[dict] = []
    position = 0
    part = output / f"{split}.npy.part"
    with open(part, "wb") as file:
        write_header(file, 0)
        for name in tqdm(sorted(by_file), desc=split, unit="file"):
            samples, rate = read_sound(audio / name, by_file[name][0].place)
            for row in by_file[name]:
                clip = cut(row, samples, rate, audio / name)
                file.write(clip.tobytes())
                clips.append(dict(row.values, first=position, count=int(clip.size)))
                position += clip.size
        write_header(file, position)
    os.replace(part, output / f"{split}.npy")
    (output / f"{split}.json").write_text(json.dumps(clips))


def load_clips(work: Path, split: str) -> List[Tuple[dict, np.ndarray]]:
    """Every clip of a prepared split: its row and its samples (int16, mapped from the file)."""
    samples = np.load(work / "clips" / f"{split}.npy", mmap_mode="r")
    clips = json.loads((work / "clips" / f"{split}.json").read_text())
    return [(clip, samples[clip["first"]:clip["first"] + clip["count"]]) for clip in clips]


def prepare(audio: Path, work: Path) -> None:
    output = work / "clips"
    output.mkdir(parents=True, exist_ok=True)
    rows = read_table(audio / "index.csv", COLUMNS)
    for row in rows:
        check_row(row)
    for split in sorted({row.values["split"] for row in rows}):
        if (output / f"{split}.json").exists():
            continue
        prepare_split(audio, [row for row in rows if row.values["split"] == split], output, split)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path, required=True, help="folder with index.csv")
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--seed", type=int, default=1, help="unused: nothing here is random")
    arguments = parser.parse_args()
    try:
        prepare(arguments.audio, arguments.work)
    except Refused as error:
        raise SystemExit(f"prepare: {error}") from None


if __name__ == "__main__":
    main()
