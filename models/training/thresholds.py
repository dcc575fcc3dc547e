"""Chooses the threshold of every label from calibrated clips, with shrinkage toward a common one.

What is maximised is macro F1, its mean over clips as recorded, mixtures of two and mixtures of
three, less `alarm_weight` times the share of the clips without any label on which a label is
raised. For one label the share on which it is raised counts as often as there are labels, as if
labels never raised the same clip together. There are few clips without a label, so that the weight
is a wish and no promise.
"""

from __future__ import annotations

from typing import List, Sequence, Tuple

import numpy as np

from .metrics import f1

GRID = np.round(np.arange(0.10, 0.705, 0.01), 2)
ALARM_WEIGHT = 0.1
SHRINKAGE_CLIPS = 20.0  # a label with this many clips as recorded goes half way to its own optimum
ENTRY_ODDS = 2.0
AS_RECORDED = 0  # the kind of clips that are no mixtures


def macro_f1(predicted: np.ndarray, target: np.ndarray, kind: np.ndarray) -> float:
    """Mean over the kinds of clips of the mean over the labels that occur in them."""
    means = []
    for one in np.unique(kind):
        rows = kind == one
        present = np.flatnonzero(target[rows].any(axis=0))
        means.append(np.mean([f1(predicted[rows, j], target[rows, j]) for j in present]))
    return float(np.mean(means))


def alarms(predicted: np.ndarray, target: np.ndarray) -> float:
    """The share of the clips without a label on which any label is raised."""
    none = ~target.any(axis=1)
    return float(predicted[none].any(axis=1).mean()) if none.any() else 0.0


def common_threshold(scores: np.ndarray, target: np.ndarray, kind: np.ndarray,
                     alarm_weight: float) -> float:
    """The one threshold that is best for all labels together."""
    values = [macro_f1(scores >= t, target, kind) - alarm_weight * alarms(scores >= t, target)
              for t in GRID]
    return float(GRID[int(np.argmax(values))])


def middle_of_longest_run(chosen: np.ndarray) -> float:
    """Of the thresholds of the grid that are chosen (bool): there may be gaps between them."""
    runs = np.split(np.arange(len(GRID)), np.flatnonzero(np.diff(chosen.astype(int))) + 1)
    longest = max((run for run in runs if chosen[run[0]]), key=len)
    return float(np.median(GRID[longest]))


def own_threshold(scores: np.ndarray, target: np.ndarray, label: int, kind: np.ndarray,
                  alarm_weight: float) -> float:
    """The middle of the longest run of thresholds that come within 0.01 of the label's best."""
    labels = int(target.any(axis=0).sum())
    none = ~target.any(axis=1)
    one, wanted = scores[:, label], target[:, label]
    kinds = [k for k in np.unique(kind) if wanted[kind == k].any()]
    values = []
    for t in GRID:
        raised = one >= t
        alarm = raised[none].mean() if none.any() else 0.0
        values.append(np.mean([f1(raised[kind == k], wanted[kind == k]) for k in kinds])
                      - alarm_weight * labels * alarm)
    return middle_of_longest_run(np.array(values) >= max(values) - 0.01)


def choose(scores: np.ndarray, target: np.ndarray, kind: np.ndarray,
           alarm_weight: float = ALARM_WEIGHT) -> Tuple[float, List[float]]:
    """The common threshold, and one per label; a label without clips gets the common one.

    `kind` says of every clip in which mean it counts: as recorded, a mixture of two, of three.
    Mixtures repeat the same clips, so they do not count toward how much a label is trusted.
    """
    common = common_threshold(scores, target, kind, alarm_weight)
    chosen = []
    for j in range(target.shape[1]):
        clips = float(target[kind == AS_RECORDED, j].sum())
        own = own_threshold(scores, target, j, kind, alarm_weight) if clips else common
        weight = clips / (clips + SHRINKAGE_CLIPS)
        chosen.append(round(weight * own + (1.0 - weight) * common, 3))
    return common, chosen


def entry_thresholds(thresholds: Sequence[float], odds: float = ENTRY_ODDS) -> List[float]:
    """Those of a stream, with so many times the odds of those of clips.

    A clip is judged by the mean of its windows; in a stream an instrument enters as soon as any
    stretch reaches its threshold, which is the easier the longer one listens.
    """
    return [round(odds * t / (1.0 + (odds - 1.0) * t), 3) for t in thresholds]
