"""Measures a model on a data set of others, in the data set's own classes."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from .datasets import Clip, Meaning, class_raised, class_scores
from .datasets_tables import Refused, sound_blocks, sound_length
from .evaluation_sets import HOP, WINDOW, windows_of
from .frontend import Frontend
from .metrics import class_figures, masked_summary
from .prepare import to_rate

Scorer = Callable[[np.ndarray], np.ndarray]  # log-mel windows to probabilities
COLUMNS = ("clips", "decisions", "top1", "map", "lrap", "f1", "f1_micro", "hamming", "ece")
CLASS_COLUMNS = ("clips", "positives", "ap", "f1")
BATCH = 32  # windows
BLOCK_S = 60.0  # that is decoded at a time
MARGIN_S = 1  # more than a column and the resampling filter reach to either side


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


def windows_by_block(blocks: Iterator[Tuple[np.ndarray, int]], frontend: Frontend
                     ) -> Iterator[np.ndarray]:
    """The windows that `windows_of` gives of a clip at once; only some of it is held at a time."""
    kept, rate = next(blocks)
    given = 0  # windows of what is kept that were given already, or that its edge has spoilt
    for more, _ in blocks:
        # What is kept begins at a whole second, as windows do, and as columns and resampled samples
        # then do, too. Windows that end within the margin wait for the sound behind them.
        ready = 1 + kept.size // rate - WINDOW // HOP - MARGIN_S
        if ready > given:
            yield windows_of(to_rate(kept, rate), frontend)[given:ready]
            kept, given = kept[(ready - MARGIN_S) * rate:], MARGIN_S
        kept = np.concatenate([kept, more])
    rest = windows_of(to_rate(kept, rate), frontend)[given:]
    if len(rest):
        yield rest


class Tally:
    """Sums of probabilities over the windows of every clip; only a batch of windows is held."""

    def __init__(self, scorers: Dict[str, Scorer]) -> None:
        self.scorers = scorers
        self.waiting: List[Tuple[int, np.ndarray]] = []
        self.counts: Dict[int, int] = {}
        self.sums: Dict[str, Dict[int, np.ndarray]] = {name: {} for name in scorers}

    def add(self, clip: int, windows: np.ndarray) -> None:
        self.waiting.append((clip, windows))
        self.counts[clip] = self.counts.get(clip, 0) + len(windows)
        if sum(len(part) for _, part in self.waiting) >= BATCH:
            self.score()

    def score(self) -> None:
        if not self.waiting:
            return
        ends = np.cumsum([len(part) for _, part in self.waiting])
        windows = np.concatenate([part for _, part in self.waiting])
        for name, scorer in self.scorers.items():
            sums = self.sums[name]
            for (clip, _), part in zip(self.waiting, np.split(scorer(windows), ends[:-1])):
                sums[clip] = sums.get(clip, 0.0) + part.sum(axis=0, dtype=np.float64)
        self.waiting.clear()

    def drop(self, clip: int) -> None:
        self.score()
        self.counts.pop(clip, None)

    def means(self) -> Dict[str, np.ndarray]:
        """(clips, labels) of each scorer."""
        self.score()
        return {name: np.stack([sums[clip] / count for clip, count in self.counts.items()])
                for name, sums in self.sums.items()}


def probabilities_of(clips: List[Clip], scorers: Dict[str, Scorer], leave_out: bool) -> Measured:
    """Decodes clip after clip, block after block."""
    clips, left_out = usable(clips, leave_out)
    frontend, tally = Frontend(), Tally(scorers)
    kept: List[Clip] = []
    for number, clip in enumerate(tqdm(clips, desc="clips", unit="clip")):
        blocks = sound_blocks(clip.path, clip.place, clip.start_s, clip.duration_s, BLOCK_S)
        try:
            for windows in windows_by_block(blocks, frontend):
                tally.add(number, windows)
            kept.append(clip)
        except Refused as error:
            if not leave_out:
                raise
            tally.drop(number)
            left_out.append(str(error))
    if not kept:
        raise Refused("no clip is left to be measured")
    return Measured(kept, tally.means(), left_out)


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
