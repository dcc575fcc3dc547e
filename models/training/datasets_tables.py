"""Tables, JSON and sound of strangers: read, or refused with file, line and reason."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import soundfile

RATES_HZ = (2000, 768000)
LONGEST_S = 86400.0  # a header that says more is broken


class Refused(ValueError):
    """What is wrong with data, in a sentence that names the file, the line and the reason."""


class Row(NamedTuple):
    """A row of a table: where it stands (for messages), and its values by column."""

    place: str
    values: Dict[str, str]


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Refused(f"{path}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise Refused(f"{path}: not a text in UTF-8 (byte {error.start})") from None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None


def read_lines(path: Path) -> List[Tuple[str, str]]:
    """Lines that are not blank, stripped, each with its place."""
    return [(f"{path}, line {number}", line.strip())
            for number, line in enumerate(read_text(path).splitlines(), 1) if line.strip()]


def check_columns(path: Path, header: List[str], required: Sequence[str],
                  optional: Sequence[str]) -> None:
    allowed = (*required, *optional)
    missing = [name for name in required if name not in header]
    if missing:
        raise Refused(f"{path}, line 1: there is no column {missing[0]!r}")
    unknown = [name for name in header if name not in allowed]
    if unknown:
        raise Refused(f"{path}, line 1: unknown column {unknown[0]!r}; "
                      f"the columns are {', '.join(allowed)}")
    if len(set(header)) != len(header):
        raise Refused(f"{path}, line 1: a column is named twice")


def read_table(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> List[Row]:
    """A CSV whose first line names its columns."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    rows: List[Row] = []
    header: Optional[List[str]] = None
    try:
        for fields in reader:
            if header is None:
                header = [name.strip() for name in fields]
                check_columns(path, header, required, optional)
            elif fields:
                place = f"{path}, line {reader.line_num}"
                if len(fields) != len(header):
                    raise Refused(f"{place}: {len(fields)} columns instead of {len(header)}")
                rows.append(Row(place, dict(zip(header, fields))))
    except csv.Error as error:
        raise Refused(f"{path}, line {reader.line_num}: {error}") from None
    if header is None:
        raise Refused(f"{path}: empty, without a line that names the columns")
    return rows


def read_json(path: Path) -> Dict[str, object]:
    """A JSON object."""
    try:
        value = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise Refused(f"{path}, line {error.lineno}: not JSON: {error.msg}") from None
    except RecursionError:
        raise Refused(f"{path}: nested too deeply") from None
    if not isinstance(value, dict):
        raise Refused(f"{path}: not a JSON object")
    return value


def seconds(row: Row, column: str, default: Optional[float]) -> Optional[float]:
    """A time from a column that may be missing or empty."""
    text = row.values.get(column, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise Refused(f"{row.place}: {column} is {text!r}, not a number") from None
    if not math.isfinite(value) or value < 0.0:
        raise Refused(f"{row.place}: {column} is {text!r}, not a time in seconds")
    return value


def sound_length(path: Path, place: str) -> float:
    """The length in seconds of a sound file whose header can be read."""
    if not path.is_file():
        raise Refused(f"{place}: there is no file {path}")
    try:
        information = soundfile.info(str(path))
    except (RuntimeError, ValueError, OSError) as error:
        raise Refused(f"{place}: {path} is no sound file: {error}") from None
    if not RATES_HZ[0] <= information.samplerate <= RATES_HZ[1]:
        raise Refused(f"{place}: {path} has {information.samplerate} samples a second, "
                      f"not {RATES_HZ[0]} to {RATES_HZ[1]}")
    if information.frames <= 0:
        raise Refused(f"{place}: {path} holds no sound")
    length_s = information.frames / information.samplerate
    if length_s > LONGEST_S:
        raise Refused(f"{place}: {path} says that it lasts {length_s:.0f} s, more than a day")
    return length_s


def decoded_blocks(file: soundfile.SoundFile, start_s: float, duration_s: Optional[float],
                   block_s: float) -> Iterator[np.ndarray]:
    """A part of an open sound file as mono float32, block after block."""
    file.seek(min(round(start_s * file.samplerate), file.frames))
    left = file.frames if duration_s is None else round(duration_s * file.samplerate)
    while left > 0:
        frames = min(left, round(block_s * file.samplerate))
        samples = file.read(frames, dtype="float32", always_2d=True).mean(axis=1)
        if samples.size == 0:
            return
        yield samples
        left -= samples.size


def sound_blocks(path: Path, place: str, start_s: float = 0.0, duration_s: Optional[float] = None,
                 block_s: float = LONGEST_S) -> Iterator[Tuple[np.ndarray, int]]:
    """A part of a sound file as mono float32 in blocks, each with the rate; a part that ends late
    ends there."""
    length_s = sound_length(path, place)
    if start_s >= length_s:
        raise Refused(f"{place}: a clip of {path} starts at {start_s:g} s, after the end at "
                      f"{length_s:g} s")
    is_empty = True
    try:
        with soundfile.SoundFile(str(path)) as file:
            for samples in decoded_blocks(file, start_s, duration_s, block_s):
                is_empty = False
                if not np.isfinite(samples).all():
                    raise Refused(f"{place}: {path} holds samples that are not numbers")
                yield samples, file.samplerate
    except Refused:
        raise
    except (RuntimeError, ValueError, OSError, MemoryError) as error:
        raise Refused(f"{place}: {path} cannot be decoded: {error}") from None
    if is_empty:
        raise Refused(f"{place}: a clip of {path} holds no sound")


def read_sound(path: Path, place: str, start_s: float = 0.0, duration_s: Optional[float] = None
               ) -> Tuple[np.ndarray, int]:
    """A part of a sound file at once."""
    return next(sound_blocks(path, place, start_s, duration_s))
