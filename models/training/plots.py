"""Draws how well a model file hears: calibration, average precision, what is taken for what.

MODEL is a model file; its int8 network is measured on `eval`, `eval_real` and mixtures of them.
Calibration is drawn with probabilities of fits without the clip (see held_out.py).
--markdown prints the table of what is taken for what.
"""

from __future__ import annotations

import argparse
from io import BytesIO
from pathlib import Path
from typing import List, NamedTuple, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from .calibration import Clips, gather, integer_predictor, of_file, without_calibration
from .confusion import NONE, Confusion, confusion, markdown, mistakes
from .held_out import held_out
from .metrics import average_precision, ece
from .model_file import Model, read_own_model
from .refusals import refusals
from .thresholds import AS_RECORDED

BINS = 10
BEFORE, AFTER, GRID = "#b0b0b0", "#0b6e8a", "#e4e4e4"
MIXTURE = "#e0a030"


class Bins(NamedTuple):
    """Decisions in bins of equal width: how many, their mean probability, the share that is so."""

    count: np.ndarray
    probability: np.ndarray
    share: np.ndarray


def bins_of(scores: np.ndarray, target: np.ndarray) -> Bins:
    flat, wanted = scores.ravel(), (target == 1).ravel()
    place = np.minimum((flat * BINS).astype(np.int64), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    some = np.maximum(count, 1)
    return Bins(count, np.bincount(place, flat, BINS) / some,
                np.bincount(place, wanted, BINS) / some)


def save(figure: Figure, path: Path) -> None:
    """With a palette of 64 colours, which is a third of the size."""
    memory = BytesIO()
    figure.savefig(memory, dpi=100, bbox_inches="tight")
    Image.open(memory).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(
        path, optimize=True)


def plot_reliability(before: np.ndarray, after: np.ndarray, target: np.ndarray, path: Path) -> None:
    """All decisions about labels of clips that have one."""
    figure = Figure(figsize=(5.2, 6.2))
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 1)})
    upper.plot((0, 1), (0, 1), color="black", linewidth=0.8, linestyle=":")
    for scores, colour, name in ((before, BEFORE, "before calibration"),
                                 (after, AFTER, "calibrated, held out")):
        bins = bins_of(scores, target)
        there = bins.count > 0
        upper.plot(bins.probability[there], bins.share[there], "o-", color=colour, markersize=5,
                   label=f"{name}: error {ece(scores, target):.3f}")
    upper.set_ylabel("share in which the label sounds")
    upper.set_ylim(0, 1)
    upper.legend(frameon=False, loc="lower right")
    middles = (np.arange(BINS) + 0.5) / BINS
    lower.bar(middles, bins.count, 0.9 / BINS, color=AFTER)
    for x, count in zip(middles, bins.count):
        lower.text(x, max(1, count) * 1.2, str(count), ha="center", fontsize=8)
    lower.set_yscale("log")
    lower.set_ylim(1, bins.count.max() * 8)
    lower.set_ylabel("decisions")
    lower.set_xlabel("probability")
    lower.set_xlim(0, 1)
    for axes in (upper, lower):
        axes.grid(color=GRID)
        axes.set_axisbelow(True)
    figure.suptitle("Is 0.8 right four times in five?", y=0.94)
    save(figure, path)


def precisions(scores: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.array([average_precision(scores[:, j], target[:, j])
                     for j in range(target.shape[1])])


def plot_precision(scores: np.ndarray, clips: Clips, labels: Sequence[str], path: Path) -> None:
    """A pair of bars per label: clips as recorded, and mixtures of two and three."""
    recorded = clips.kind == AS_RECORDED
    figure = Figure(figsize=(7, 7))
    axes = figure.subplots()
    place = np.arange(len(labels))
    for rows, shift, colour, name in ((recorded, -0.2, AFTER, "clips as recorded"),
                                      (~recorded, 0.2, MIXTURE, "mixtures of two and three")):
        if not rows.any():
            continue
        values = precisions(scores[rows], clips.target[rows])
        axes.barh(place + shift, np.nan_to_num(values), 0.38, color=colour, label=name)
        for y, value, count in zip(place + shift, values, clips.target[rows].sum(axis=0)):
            text = f"{value:.2f} ({count})" if count else "no clips"
            axes.text(0.01 + np.nan_to_num(value), y, text, va="center", fontsize=7)
    axes.set_yticks(place, [label.replace("_", " ") for label in labels])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12)
    axes.set_xticks(np.arange(0, 1.1, 0.2))
    axes.set_xlabel("average precision (number of clips with the label)")
    axes.grid(axis="x", color=GRID)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.45, 1.07), ncol=2)
    save(figure, path)


def plot_confusion(found: Confusion, labels: Sequence[str], path: Path) -> None:
    """Of the clips with a label the share on which each label is raised."""
    rows = np.flatnonzero(found.clips)
    names: List[str] = [*labels, NONE]
    share = found.raised[rows] / found.clips[rows, None]
    figure = Figure(figsize=(8.4, 7.4))
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    for y, row in enumerate(rows):
        for x in np.flatnonzero(found.raised[row]):
            axes.text(x, y, str(found.raised[row, x]), ha="center", va="center", fontsize=8,
                      color="white" if share[y, x] > 0.55 else "black")
    axes.set_xticks(range(len(labels)), [label.replace("_", " ") for label in labels], rotation=60,
                    ha="right")
    axes.set_yticks(range(len(rows)), [f"{names[row].replace('_', ' ')} ({found.clips[row]})"
                                       for row in rows])
    axes.set_xlabel("label raised (number of clips)")
    axes.set_ylabel("what sounds (clips as recorded)")
    save(figure, path)


def draw(clips: Clips, model: Model, output: Path, seed: int) -> Confusion:
    """Writes all pictures; returns what was taken for what."""
    output.mkdir(parents=True, exist_ok=True)
    labels = len(model.labels)
    scores = clips.probabilities(of_file(model.metadata["tutti.calibration"]))
    raw = clips.probabilities(without_calibration(labels))
    some = clips.target.any(axis=1)
    plot_reliability(raw[some], held_out(clips, seed=seed).probabilities[some], clips.target[some],
                     output / "reliability.png")
    plot_precision(scores, clips, model.labels, output / "average_precision.png")
    recorded = clips.kind == AS_RECORDED
    found = confusion(scores[recorded], clips.target[recorded], model.thresholds)
    plot_confusion(found, model.labels, output / "confusion.png")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a model file")
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--output", type=Path, default=Path("plots"),
                        help="folder for the pictures (default: %(default)s)")
    parser.add_argument("--markdown", action="store_true",
                        help="print what is taken for what as a Markdown table")
    parser.add_argument("--threads", type=int, default=1,
                        help="how many to compute with (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the mixtures and the folds")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with refusals("plots"):
        model = read_own_model(arguments.model)
        clips = gather(integer_predictor(model.network), arguments.work, arguments.seed)
        found = draw(clips, model, arguments.output, arguments.seed)
    if arguments.markdown:
        print(markdown(mistakes(found, model.labels)))


if __name__ == "__main__":
    main()
