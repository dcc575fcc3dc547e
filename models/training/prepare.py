"""Decodes the clips of an index into one array per split: WORK/clips/SPLIT.npy and SPLIT.json.

AUDIO is a folder with `index.csv` (columns file, start_s, duration_s, labels, other_instrument,
kind, split, source, original_name; see models/training/README.md). A file is a path below AUDIO,
or an absolute one; an empty duration_s means to the end. The array holds all clips of the split
one after another, mono int16 at 32 kHz; the JSON lists each clip's first sample, length and row of
the index. A split whose rows or files have changed since is decoded anew.
"""

from __future__ import annotations

import argparse
import json
from contextlib import contextmanager
from math import gcd
from pathlib import Path
from typing import BinaryIO, Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np
import soundfile
from scipy.signal import resample_poly
from tqdm import tqdm

from .datasets_tables import Refused, Row, read_sound, read_table, seconds
from .frontend import CONFIG
from .labels import NEIGHBOURS, target
from .refusals import refusals
from .results import digest, file_size, made_from, mark_of, replacing, save_text

COLUMNS = ("file", "start_s", "duration_s", "labels", "other_instrument", "kind", "split",
           "source", "original_name")
SPLITS = ("train", "eval", "eval_real", "unlabelled")
KINDS = ("note", "loop", "phrase", "freesound", "noise", "music")  # or empty: a phrase
HEADER_BYTES = 128
FAINTEST = 1e-3  # peak of what sounds


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


def at_peak(samples: np.ndarray, rate_hz: int) -> Optional[np.ndarray]:
    """Resampled to the front end's rate, with a peak of 0.9 before; None where nothing sounds."""
    peak = float(np.abs(samples).max(initial=0.0))
    return to_rate(samples * np.float32(0.9 / peak), rate_hz) if peak > FAINTEST else None


def to_int16(samples: np.ndarray) -> np.ndarray:
    """What lies outside full scale is clipped."""
    return np.round(np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2")


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


class ClipFile:
    """Clip after clip goes to the disk: a split may be larger than memory."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.rows: List[Dict[str, object]] = []
        self.position = 0
        write_header(file, 0)

    def add(self, row: Mapping[str, object], samples: np.ndarray) -> None:
        self.file.write(samples.astype("<i2", copy=False).tobytes())
        self.rows.append(dict(row, first=self.position, count=int(samples.size)))
        self.position += samples.size


@contextmanager
def writing_clips(folder: Path, split: str, inputs: str) -> Iterator[ClipFile]:
    """A split to add clips to; `inputs` is the digest of what they are made from."""
    path = folder / f"{split}.json"
    with replacing(folder / f"{split}.npy") as file:
        clips = ClipFile(file)
        yield clips
        write_header(file, clips.position)
        # Rows of other samples would be worse than none.
        path.unlink(missing_ok=True)
        mark_of(path).unlink(missing_ok=True)
    save_text(path, json.dumps(clips.rows))
    save_text(mark_of(path), inputs)


def is_current(folder: Path, split: str, inputs: str) -> bool:
    """Whether a split is there that was made from just this."""
    path = folder / f"{split}.json"
    if not path.exists():
        return False
    if made_from(path) == inputs:
        return True
    print(f"{path}: was made from something else, or by an older version; it is made anew")
    return False


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
    return to_int16(to_rate(samples[begin:end], rate))


def prepare_split(audio: Path, rows: List[Row], output: Path, split: str) -> None:
    by_file: Dict[str, List[Row]] = {}
    for row in rows:
        by_file.setdefault(row.values["file"], []).append(row)
    inputs = digest([row.values for row in rows],
                    {name: file_size(audio / name) for name in by_file})
    if is_current(output, split, inputs):
        return
    with writing_clips(output, split, inputs) as clips:
        for name in tqdm(sorted(by_file), desc=split, unit="file"):
            samples, rate = read_sound(audio / name, by_file[name][0].place)
            for row in by_file[name]:
                clips.add(row.values, cut(row, samples, rate, audio / name))


def load_clips(work: Path, split: str) -> List[Tuple[dict, np.ndarray]]:
    """Every clip of a prepared split: its row and its samples (int16, mapped from the file)."""
    samples = np.load(work / "clips" / f"{split}.npy", mmap_mode="r")
    clips = json.loads((work / "clips" / f"{split}.json").read_text())
    return [(clip, samples[clip["first"]:clip["first"] + clip["count"]]) for clip in clips]


def clips_digest(work: Path, split: str) -> str:
    """Of what a prepared split holds."""
    path = work / "clips" / f"{split}.json"
    return digest(path.read_text(), made_from(path))


def prepare(audio: Path, work: Path) -> None:
    output = work / "clips"
    output.mkdir(parents=True, exist_ok=True)
    rows = read_table(audio / "index.csv", COLUMNS)
    for row in rows:
        check_row(row)
    for split in SPLITS:
        of_split = [row for row in rows if row.values["split"] == split]
        if of_split:
            prepare_split(audio, of_split, output, split)
        elif (output / f"{split}.json").exists():
            print(f"{output / split}.json: the index has no clip of this split; it stays as it is")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path, required=True, help="folder with index.csv")
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    arguments = parser.parse_args()
    with refusals("prepare"):
        prepare(arguments.audio, arguments.work)


if __name__ == "__main__":
    main()
