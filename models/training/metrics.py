"""Measures of recognition over clips: probabilities (clips, labels) against 0/1 targets."""

from __future__ import annotations

from typing import Dict, Sequence

import numpy as np


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


def first_is_right(scores: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Per clip: whether the most probable label is one of its labels."""
    return target[np.arange(len(target)), scores.argmax(axis=1)] == 1


def summary(scores: np.ndarray, target: np.ndarray, thresholds: np.ndarray) -> Dict[str, float]:
    """Figures over the labels that occur; clips without any label count as negatives.

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
        "raised": float((scores[none] >= thresholds).any(axis=1).mean()) if none.any()
        else float("nan")}
    return result


def table(rows: Dict[str, Dict[str, float]], columns: Sequence[str]) -> str:
    """A Markdown table of summaries."""
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for name, row in rows.items():
        cells = [f"{row[c]:.0f}" if c == "clips" else "" if np.isnan(row[c]) else f"{row[c]:.3f}"
                 for c in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
