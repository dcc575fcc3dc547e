"""Results of steps: written in one go, and known by what they were made from.

A step takes a file that is there for done, so a file must never be there in part. What a result was
made from is told by a digest beside it, so that a result of other inputs is not taken for one of
these.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Iterator

import numpy as np


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` once all is written."""
    # Two commands may make the same result side by side.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            yield file
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def save_array(path: Path, array: np.ndarray) -> None:
    with replacing(path) as file:
        np.save(file, array)


def save_text(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode())


def digest(*inputs: object) -> str:
    """Of values that JSON can hold."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def file_size(path: Path) -> int:
    """In bytes; -1 where there is no file."""
    return path.stat().st_size if path.is_file() else -1


def mark_of(path: Path) -> Path:
    """The file with the digest of the result `path`."""
    return path.with_name(path.name + ".made_from")


def score_of(path: Path) -> Path:
    """The file with the scores of the render `path`."""
    return path.with_suffix(".score.npy")


def discard_render(path: Path) -> None:
    """Removes the render `path`, with its digest and its scores, where there is one."""
    for old in (path, mark_of(path), score_of(path), mark_of(score_of(path))):
        old.unlink(missing_ok=True)


def is_made_from(path: Path, inputs: str) -> bool:
    """Whether the result `path` is there and was made from what has this digest."""
    return path.exists() and made_from(path) == inputs


def save_made_from(path: Path, samples: np.ndarray, inputs: str) -> None:
    """With the digest of what it was made from, behind it, so that half a result is none."""
    save_array(path, samples)
    save_text(mark_of(path), inputs)


def made_from(path: Path) -> str:
    """The digest that was noted for the result `path`; empty where there is none."""
    mark = mark_of(path)
    return mark.read_text() if mark.exists() else ""
