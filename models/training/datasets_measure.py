"""Measures a model on a data set of others, in the data set's own classes."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from .datasets import Clip, Meaning, class_raised, class_scores
from .datasets_tables import Refused, read_sound, sound_length
from .evaluation_sets import windows_of
from .frontend import Frontend
from .metrics import class_figures, masked_summary
from .prepare import to_rate

Scorer = Callable[[np.ndarray], np.ndarray]  # log-mel windows to probabilities
COLUMNS = ("clips", "decisions", "top1", "map", "lrap", "f1", "f1_micro", "hamming", "ece")
CLASS_COLUMNS = ("clips", "positives", "ap", "f1")
BATCH = 32  # windows


class Measured(NamedTuple):
    clips: List[Clip]
    probabilities: Dict[str, np.ndarray]  # per precision: (clips, labels)
    left_out: List[str]


def some_of(clips: List[Clip], count: int, seed: int) -> List[Clip]:
    """A random `count` of the clips in their order; 0: all."""
    if not 0 < count < len(clips):
        return clips
    chosen = np.random.default_rng([seed, 7]).choice(len(clips), count, replace=False)
    return [clips[i] for i in sorted(chosen)]


def usable(clips: List[Clip], leave_out: bool) -> Tuple[List[Clip], List[str]]:
    """The clips whose sound files are there and have a sound header; unless `leave_out`, refused
    before anything is measured."""
    kept, broken = [], []
    lengths: Dict[Path, float] = {}
    for clip in tqdm(clips, desc="files", unit="clip", leave=False):
        try:
            if clip.path not in lengths:
                lengths[clip.path] = sound_length(clip.path, clip.place)
            if clip.start_s >= lengths[clip.path]:
                raise Refused(f"{clip.place}: starts at {clip.start_s:g} s, after the end of "
                              f"{clip.path} at {lengths[clip.path]:g} s")
            kept.append(clip)
        except Refused as error:
            if not leave_out:
                raise
            broken.append(str(error))
    return kept, broken


def means(windows: List[np.ndarray], scorer: Scorer) -> np.ndarray:
    """(clips, labels): the mean over each clip's windows."""
    ends = np.cumsum([len(part) for part in windows])
    return np.stack([part.mean(axis=0) for part in
                     np.split(scorer(np.concatenate(windows)), ends[:-1])])


def probabilities_of(clips: List[Clip], scorers: Dict[str, Scorer], leave_out: bool) -> Measured:
    """Decodes clip after clip; only a batch of windows is held at a time."""
    clips, left_out = usable(clips, leave_out)
    frontend = Frontend()
    kept: List[Clip] = []
    waiting: List[np.ndarray] = []
    parts: Dict[str, List[np.ndarray]] = {name: [] for name in scorers}

    def flush() -> None:
        for name, scorer in scorers.items():
            parts[name].append(means(waiting, scorer))
        waiting.clear()

    for clip in tqdm(clips, desc="clips", unit="clip"):
        try:
            samples, rate = read_sound(clip.path, clip.place, clip.start_s, clip.duration_s)
        except Refused as error:
            if not leave_out:
                raise
            left_out.append(str(error))
            continue
        kept.append(clip)
        waiting.append(windows_of(to_rate(samples, rate), frontend))
        if sum(len(part) for part in waiting) >= BATCH:
            flush()
    if waiting:
        flush()
    if not kept:
        raise Refused("no clip is left to be measured")
    return Measured(kept, {name: np.concatenate(part) for name, part in parts.items()}, left_out)


def figures(meanings: Dict[str, Meaning], clips: Sequence[Clip], probabilities: np.ndarray,
            thresholds: np.ndarray) -> dict:
    """Figures over the data set's classes, all together and one by one."""
    scores = class_scores(meanings, probabilities)
    predicted = class_raised(meanings, probabilities >= thresholds)
    target = np.stack([clip.classes for clip in clips])
    known = np.stack([clip.classes_known for clip in clips])
    if not known.any():
        raise Refused("nothing is known of any clip, so nothing can be measured")
    return {"all": masked_summary(scores, predicted, target, known),
            "classes": {name: class_figures(scores[:, j], predicted[:, j], target[:, j],
                                            known[:, j])
                        for j, name in enumerate(meanings)}}
