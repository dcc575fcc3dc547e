"""What calibration and thresholds are worth on clips that they were not fitted to.

MODEL is a model file. The clips of `eval` and `eval_real` are dealt into folds. A clip is judged
with scales, offsets and thresholds that come from the clips of the other folds alone, a mixture
with those from the folds that none of its clips is in. The file's own are left aside: what is
measured is how they are made, with the logits of the int8 network.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Dict, FrozenSet, List, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from .calibration import Clips, fit, gather, integer_predictor, without_calibration
from .metrics import ece, table
from .model_file import read_own_model
from .refusals import refusals
from .thresholds import ALARM_WEIGHT, alarms, choose, macro_f1

FOLDS = 10
COLUMNS = ("clips", "ece before", "ece", "loss before", "loss", "loss in sample", "f1", "raised")


class HeldOut(NamedTuple):
    """Of every clip, by a fit without it: the probabilities, and which labels are raised."""

    probabilities: np.ndarray
    raised: np.ndarray


def folds_of(clips: Clips, folds: int, seed: int) -> List[FrozenSet[int]]:
    """The folds that each clip's sources are in."""
    every = sorted({source for made_of in clips.sources for source in made_of})
    dealt = np.random.default_rng([seed, 5]).permutation(len(every)) % folds
    fold = {source: int(number) for source, number in zip(every, dealt)}
    return [frozenset(fold[source] for source in made_of) for made_of in clips.sources]


def kind_weights(learned: np.ndarray, every: np.ndarray) -> np.ndarray:
    """Of the clips that are learned from, so that each kind has the share that it has of `every`.

    A mixture of three is in more folds than a clip as recorded, so that fewer of its kind are left.
    """
    kinds = np.unique(learned)
    wanted = np.array([(every == kind).sum() for kind in kinds], float)
    there = np.array([(learned == kind).sum() for kind in kinds], float)
    weight = wanted / there * (len(learned) / wanted.sum())
    return weight[np.searchsorted(kinds, learned)]


def held_out(clips: Clips, alarm_weight: float = ALARM_WEIGHT, folds: int = FOLDS, seed: int = 1
             ) -> HeldOut:
    """Judges every clip by a fit without its folds."""
    where = folds_of(clips, folds, seed)
    probabilities = np.zeros(clips.target.shape)
    raised = np.zeros(clips.target.shape, bool)
    for left_out in tqdm(sorted(set(where), key=sorted), desc="held out", unit="fit"):
        learned = clips.only(np.array([not place & left_out for place in where]))
        calibration = fit(learned, weights=kind_weights(learned.kind, clips.kind))
        _, thresholds = choose(learned.probabilities(calibration), learned.target, learned.kind,
                               alarm_weight)
        judged = np.array([place == left_out for place in where])
        scores = clips.only(judged).probabilities(calibration)
        probabilities[judged], raised[judged] = scores, scores >= thresholds
    return HeldOut(probabilities, raised)


def log_loss(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Minus the log likelihood of a clip's labels, on average."""
    right = np.where(target == 1, probabilities, 1.0 - probabilities)
    return float(-np.log(np.maximum(right, 1e-9)).sum(axis=1).mean())


def figures(clips: Clips, judged: HeldOut) -> Dict[str, Dict[str, float]]:
    """Before and after, for each kind of clips and all; ece and loss over clips with a label.

    `loss in sample` is that of a fit to these very clips: what `loss` lies above it is overfitting.
    """
    before = clips.probabilities(without_calibration(clips.target.shape[1]))
    in_sample = clips.probabilities(fit(clips))
    rows = {}
    for name, kind in (("as recorded", 0), ("mixtures of two", 1), ("mixtures of three", 2),
                       ("all", None)):
        chosen = np.full(len(clips.kind), True) if kind is None else clips.kind == kind
        if not chosen.any():
            continue
        target, after = clips.target[chosen], judged.probabilities[chosen]
        some = target.any(axis=1)
        rows[name] = {
            "clips": float(chosen.sum()),
            "ece before": ece(before[chosen][some], target[some]),
            "ece": ece(after[some], target[some]),
            "loss before": log_loss(before[chosen][some], target[some]),
            "loss": log_loss(after[some], target[some]),
            "loss in sample": log_loss(in_sample[chosen][some], target[some]),
            "f1": macro_f1(judged.raised[chosen], target, clips.kind[chosen]),
            "raised": alarms(judged.raised[chosen], target) if not some.all() else float("nan")}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a model file")
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--alarm-weight", type=float, default=ALARM_WEIGHT,
                        help="what false alarms cost when thresholds are chosen "
                             "(default: %(default)s)")
    parser.add_argument("--folds", type=int, default=FOLDS,
                        help="how many parts the clips are dealt into (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1,
                        help="how many to compute with (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the mixtures and the folds")
    arguments = parser.parse_args()
    if arguments.folds < 4:
        parser.error("--folds: at least 4, since a mixture of three is in up to 3 of them")
    torch.set_num_threads(arguments.threads)
    with refusals("held_out"):
        network = read_own_model(arguments.model).network
        clips = gather(integer_predictor(network), arguments.work, arguments.seed)
    judged = held_out(clips, arguments.alarm_weight, arguments.folds, arguments.seed)
    print(table(figures(clips, judged), COLUMNS))


if __name__ == "__main__":
    main()
