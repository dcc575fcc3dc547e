"""Measures of recognition over clips: probabilities (clips, labels) against 0/1 targets."""

from __future__ import annotations

from typing import Dict, Sequence

import numpy as np
from scipy.optimize import minimize

COUNTS = ("clips", "decisions", "positives")


def average_precision(scores: np.ndarray, target: np.ndarray) -> float:
    """Mean of the precision at the rank of every positive; NaN where there is none."""
    if target.sum() == 0:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    hits = target[order].cumsum()
    ranks = np.arange(1, target.size + 1)
    return float((hits / ranks)[target[order] == 1].mean())


def f1(predicted: np.ndarray, target: np.ndarray) -> float:
    true = float((predicted & (target == 1)).sum())
    return 2 * true / max(1.0, float(predicted.sum() + target.sum()))


def best_f1(scores: np.ndarray, target: np.ndarray) -> float:
    """The largest F1 that any threshold reaches."""
    return max(f1(scores >= threshold, target) for threshold in np.unique(scores))


def f1_micro(predicted: np.ndarray, target: np.ndarray) -> float:
    """F1 over all decisions about all labels of all clips together."""
    return f1(predicted.ravel(), target.ravel())


def hamming(predicted: np.ndarray, target: np.ndarray) -> float:
    """The share of decisions that are right: 1 less the Hamming loss."""
    return float((predicted == (target == 1)).mean())


def ece(scores: np.ndarray, target: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: how far, on average over decisions, the mean probability of a
    bin (of equal width) is from the share of its decisions in which the label is there."""
    flat, wanted = scores.ravel(), (target == 1).ravel()
    place = np.minimum((flat * bins).astype(np.int64), bins - 1)
    sums = np.bincount(place, flat - wanted, minlength=bins)
    return float(np.abs(sums).sum() / flat.size)


def ranking_precision(scores: np.ndarray, target: np.ndarray, known: np.ndarray) -> float:
    """Label ranking average precision (LRAP) over the known labels of the clips that have any.

    A label's rank is the number of labels with a score of at least its own, so that the order of
    labels with equal scores does not matter.
    """
    values = []
    for clip_scores, clip_target, clip_known in zip(scores, target, known):
        positives = clip_scores[clip_known & (clip_target == 1)]
        if positives.size:
            hits = (positives >= positives[:, None]).sum(axis=1)
            ranks = (clip_scores[clip_known] >= positives[:, None]).sum(axis=1)
            values.append((hits / ranks).mean())
    return float(np.mean(values)) if values else float("nan")


def clip_loss(scores: np.ndarray, target: np.ndarray) -> float:
    """Minus log likelihood of a clip's labels, mean over clips, after the common scale and offset
    of the logits that make it smallest.

    Every clip and decision counts alike. Means over labels (mAP, macro F1) swing with the few clips
    that rare labels have; this hardly does, and so tells models apart that those cannot.
    """
    clipped = np.clip(scores, 1e-7, 1.0 - 1e-7)
    logits = np.log(clipped / (1.0 - clipped))
    signs = 2.0 * target - 1.0

    def loss(pair: np.ndarray) -> float:
        return float(np.logaddexp(0.0, -signs * (pair[0] * logits + pair[1])).sum(axis=1).mean())

    return float(minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").fun)


def first_is_right(scores: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Per clip: whether the most probable label, or one as probable, is one of its labels."""
    first = scores == scores.max(axis=1, keepdims=True)
    return (first & (target == 1)).any(axis=1)


def summary(scores: np.ndarray, target: np.ndarray, thresholds: np.ndarray) -> Dict[str, float]:
    """Figures over the labels that occur; clips without any label count as negatives.

    `f1_micro` and `hamming` are over all labels, `ece` over all labels of the clips that have one,
    `raised` is the share of the clips without a label on which any label reaches its threshold.
    """
    present = np.flatnonzero(target.sum(axis=0) > 0)
    labelled = target.sum(axis=1) > 0
    none = ~labelled
    result = {
        "clips": float(len(target)),
        "top1": float(first_is_right(scores[labelled], target[labelled]).mean()),
        "map": float(np.mean([average_precision(scores[:, j], target[:, j])
                              for j in present])),
        "f1_best": float(np.mean([best_f1(scores[:, j], target[:, j]) for j in present])),
        "f1": float(np.mean([f1(scores[:, j] >= thresholds[j], target[:, j])
                             for j in present])),
        "f1_micro": f1_micro(scores >= thresholds, target),
        "hamming": hamming(scores >= thresholds, target),
        "ece": ece(scores[labelled], target[labelled]),
        "raised": float((scores[none] >= thresholds).any(axis=1).mean()) if none.any()
        else float("nan")}
    return result


def class_figures(scores: np.ndarray, predicted: np.ndarray, target: np.ndarray,
                  known: np.ndarray) -> Dict[str, float]:
    """Figures of one class over the clips in which it is known."""
    scores, predicted, target = scores[known], predicted[known], target[known]
    return {"clips": float(target.size), "positives": float(target.sum()),
            "ap": average_precision(scores, target),
            "f1": f1(predicted, target) if target.any() else float("nan")}


def masked_summary(scores: np.ndarray, predicted: np.ndarray, target: np.ndarray,
                   known: np.ndarray) -> Dict[str, float]:
    """Figures of the literature over the decisions (clip, class) that are known.

    `f1` and `map` are means over the classes with a positive clip, `top1` is over the clips with a
    positive class: whether the most probable of the known classes is one.
    """
    classes = [class_figures(scores[:, j], predicted[:, j], target[:, j], known[:, j])
               for j in range(target.shape[1])]
    present = [figures for figures in classes if figures["positives"]]
    labelled = (target & known).any(axis=1)
    hidden = np.where(known, scores, -np.inf)
    nothing = float("nan")
    return {
        "clips": float(len(target)), "decisions": float(known.sum()),
        "top1": float(first_is_right(hidden[labelled], target[labelled]).mean())
        if labelled.any() else nothing,
        "map": float(np.mean([figures["ap"] for figures in present])) if present else nothing,
        "lrap": ranking_precision(scores, target, known),
        "f1": float(np.mean([figures["f1"] for figures in present])) if present else nothing,
        "f1_micro": f1_micro(predicted[known], target[known]),
        "hamming": hamming(predicted[known], target[known]),
        "ece": ece(scores[known], target[known])}


def table(rows: Dict[str, Dict[str, float]], columns: Sequence[str]) -> str:
    """A Markdown table of summaries."""
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for name, row in rows.items():
        cells = ["" if np.isnan(row[c]) else f"{row[c]:.0f}" if c in COUNTS else f"{row[c]:.3f}"
                 for c in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
