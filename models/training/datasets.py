"""Data sets of others as clips with Tutti's labels and with their own classes.

Every data set names instruments in its own way. A `Meaning` says which of Tutti's labels a class
stands for; from that and from what a data set says of a clip follow the clip's targets, with what
is not said left unknown. Figures of the literature are over the data set's classes, training is
over Tutti's labels, so a clip carries both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Tuple

import numpy as np

from .labels import LABELS


class Meaning(NamedTuple):
    """Tutti's labels that a class stands for, the most probable of which is taken.

    `sure`: whoever hears the class hears the label. False where the class also holds instruments
    that are none of the labels; where several labels are given it is not known which one sounds.
    """

    labels: Tuple[str, ...]
    sure: bool = True
    remark: str = ""


class Clip(NamedTuple):
    path: Path
    place: str  # file and line that speak of it, for messages
    start_s: float
    duration_s: Optional[float]  # None: to the end of the file
    split: str
    target: np.ndarray  # 0/1 per Tutti label
    known: np.ndarray  # bool per Tutti label: False where the data set does not say
    classes: np.ndarray  # 0/1 per class of the data set
    classes_known: np.ndarray  # bool per class: False where the figures leave it out
    name: str  # what the data set calls it, with the pitch where it is known
    fields: Dict[str, str]  # further columns of Tutti's own index


class Statement(NamedTuple):
    """What a data set says of one clip, in its own classes."""

    present: FrozenSet[str]
    absent: FrozenSet[str]  # for the figures: nobody named it, though asked
    silent: FrozenSet[str] = frozenset()  # of these: really not to be heard
    alone: bool = False  # nothing but the present classes sounds


class Layout(NamedTuple):
    """How to read one data set. The first split is the one that is measured by default."""

    load: Callable[[Path, str], List[Clip]]
    meanings: Dict[str, Meaning]
    splits: Tuple[str, ...]
    training_splits: Tuple[str, ...]
    kind: str


def targets_of(meanings: Dict[str, Meaning], said: Statement) -> Tuple[np.ndarray, np.ndarray]:
    """0/1 per Tutti label, and which of them are known."""
    target, known = np.zeros(len(LABELS), np.int64), np.zeros(len(LABELS), bool)
    for j, label in enumerate(LABELS):
        holders = {name for name, meaning in meanings.items() if label in meaning.labels}
        present = holders & said.present
        if any(meanings[name].sure and len(meanings[name].labels) == 1 for name in present):
            target[j], known[j] = 1, True
        elif not present:
            known[j] = said.alone or (bool(holders) and holders <= said.silent)
    return target, known


def make_clip(meanings: Dict[str, Meaning], said: Statement, path: Path, place: str, split: str,
              name: str = "", start_s: float = 0.0, duration_s: Optional[float] = None,
              fields: Optional[Dict[str, str]] = None) -> Clip:
    target, known = targets_of(meanings, said)
    classes = np.array([int(name in said.present) for name in meanings])
    classes_known = np.array([name in said.present or name in said.absent for name in meanings])
    return Clip(path, place, start_s, duration_s, split, target, known, classes, classes_known,
                name or path.name, fields or {})


def class_scores(meanings: Dict[str, Meaning], probabilities: np.ndarray) -> np.ndarray:
    """(clips, classes): the probability of a class is that of its most probable label."""
    return np.stack([probabilities[:, indices(meaning)].max(axis=1)
                     for meaning in meanings.values()], axis=1)


def class_raised(meanings: Dict[str, Meaning], raised: np.ndarray) -> np.ndarray:
    """(clips, classes): whether any label of the class reached its threshold."""
    return np.stack([raised[:, indices(meaning)].any(axis=1)
                     for meaning in meanings.values()], axis=1)


def indices(meaning: Meaning) -> List[int]:
    return [LABELS.index(label) for label in meaning.labels]


def identity() -> Dict[str, Meaning]:
    return {label: Meaning((label,)) for label in LABELS}


def mapping_table(meanings: Dict[str, Meaning]) -> str:
    """The mapping in Markdown, with the labels that the data set never asks for."""
    lines = ["| its class | Tutti's labels | remark |", "|---|---|---|"]
    lines += [f"| {name} | {', '.join(meaning.labels)} | {meaning.remark} |"
              for name, meaning in meanings.items()]
    unused = unused_labels(meanings.values())
    if unused:
        lines.append("\nLabels that it never asks for: " + ", ".join(unused) + ".")
    return "\n".join(lines)


def unused_labels(meanings: Iterable[Meaning]) -> List[str]:
    used = {label for meaning in meanings for label in meaning.labels}
    return [label for label in LABELS if label not in used]
