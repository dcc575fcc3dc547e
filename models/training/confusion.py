"""What is taken for what: the wrong labels of clips as recorded.

In a mixture nothing says which of its instruments a wrong label came from, so mixtures are left
out. A clip with two labels counts for both, and neither is wrong.
"""

from __future__ import annotations

from typing import List, NamedTuple, Sequence, Tuple

import numpy as np

NONE = "none of the labels"


class Confusion(NamedTuple):
    """One row per label and a last one for clips without any; one column per label."""

    clips: np.ndarray   # (rows) how many clips there are
    first: np.ndarray   # (rows, labels) how often the label was the most probable
    raised: np.ndarray  # (rows, labels) how often the label reached its threshold


def counted(said: np.ndarray, target: np.ndarray) -> np.ndarray:
    """How often each label was said (0/1 per clip and label), by what sounds."""
    sounds = target == 1
    rows = np.concatenate([sounds, ~sounds.any(axis=1, keepdims=True)], axis=1)
    counts = rows.astype(int).T @ (said & ~sounds).astype(int)
    np.fill_diagonal(counts, (said & sounds).sum(axis=0))
    return counts


def confusion(scores: np.ndarray, target: np.ndarray, thresholds: np.ndarray) -> Confusion:
    first = scores.argmax(axis=1)[:, None] == np.arange(scores.shape[1])
    clips = np.append(target.sum(axis=0), (~target.any(axis=1)).sum())
    return Confusion(clips, counted(first, target), counted(scores >= thresholds, target))


def wrong(counts: np.ndarray, labels: Sequence[str], row: int) -> List[Tuple[str, int]]:
    """The wrong labels of a row that occur, the most frequent first."""
    order = np.argsort(-counts[row], kind="stable")
    return [(labels[j], int(counts[row, j])) for j in order if j != row and counts[row, j]]


class Mistakes(NamedTuple):
    """Of the clips with one label: the wrong labels that came first, and that were raised."""

    label: str
    clips: int
    first: List[Tuple[str, int]]
    raised: List[Tuple[str, int]]


def mistakes(found: Confusion, labels: Sequence[str]) -> List[Mistakes]:
    """One entry per label that has clips, and one for the clips without any label."""
    names = [*labels, NONE]
    return [Mistakes(name, int(found.clips[row]), wrong(found.first, labels, row),
                     wrong(found.raised, labels, row))
            for row, name in enumerate(names) if found.clips[row]]


def cell(pairs: Sequence[Tuple[str, int]], most: int) -> str:
    return ", ".join(f"{label} {count}" for label, count in pairs[:most])


def markdown(entries: Sequence[Mistakes], most: int = 3) -> str:
    """A table with the `most` most frequent wrong labels. Without a label none can come first."""
    lines = ["| what sounds | clips | wrong label first | wrong label raised |",
             "|---|---|---|---|"]
    for entry in entries:
        first = "" if entry.label == NONE else cell(entry.first, most)
        lines.append(f"| {entry.label} | {entry.clips} | {first} | {cell(entry.raised, most)} |")
    return "\n".join(lines)
