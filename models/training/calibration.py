"""Platt scaling with rivalry and deference, so that a probability of 0.8 is right in 0.8.

What is made honest is what is shown and measured: a clip's probability, the mean over its windows
of sigmoid(scale * logit + offset - rivalry * ln(0.01 + rivals)), where rivals is the expected
number of other instruments. Fitting maximises the likelihood of the clips' labels (fitted to
windows instead, the means come out too cautious). Scale and offset belong to a label, rivalry is
one number for all.

Before that, all labels give way to neighbours, instruments that have an output and no label: each
logit loses deference * ln((0.01 + labels + neighbours) / (0.01 + labels)), of the expected numbers
of both: the same for all labels of a window, before scale and rivalry. Deference is not fitted:
clips of neighbours are few, and what it is for is to keep quiet on them (RESULTS.md).

Every label is drawn toward the scale 1 and the offset 0: the network was trained to give
probabilities, and a common scale and offset that are fitted to few clips are worse on others
(RESULTS.md). The pull is that of PRIOR_CLIPS clips with the label that behave so. Mixtures repeat
the same clips, so the evidence for a label weighs as much as the different clips that it comes
from; a label without any stays as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, FrozenSet, List, NamedTuple, Optional, Tuple

import numpy as np
import torch
from scipy.optimize import minimize

from .evaluation_sets import Source, load, sources
from .quantize import IntegerGraph, quantize_input, run_integer

KINDS = {"single-eval": 0, "single-real": 0, "mix2": 1, "mix3": 2}  # the sets that are fitted to
PRIOR_CLIPS = 300.0
ROUNDS = 4  # of fitting rivalry to the pairs and the pairs to rivalry
AS_TRAINED = np.array([1.0, 0.0])  # scale and offset
SCALES, OFFSETS, RIVALRIES = (0.3, 3.0), (-6.0, 6.0), (0.0, 2.0)
FEW_RIVALS = 0.01  # that are always there, as in the model file's format
DEFERENCE = 2.0  # two thirds of the false alarms go, and macro F1 stays; 3 costs mixtures

Predictor = Callable[[torch.Tensor], torch.Tensor]  # log-mel windows to logits


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -60.0, 60.0)))


def log_rivals(logits: np.ndarray) -> np.ndarray:
    """Of logits (n, labels): the logarithm of the expected number of other instruments."""
    probabilities = sigmoid(logits)
    others = probabilities.sum(axis=1, keepdims=True) - probabilities
    return np.log(FEW_RIVALS + np.maximum(others, 0.0))


def given_way(logits: np.ndarray, labels: int, deference: float) -> np.ndarray:
    """Logits (n, labels) that have given way to the outputs of neighbours behind them, of which
    there may be none, in (n, outputs)."""
    heard = FEW_RIVALS + sigmoid(logits[:, :labels]).sum(axis=1, keepdims=True)
    neighbours = sigmoid(logits[:, labels:]).sum(axis=1, keepdims=True)
    return logits[:, :labels] - deference * np.log((heard + neighbours) / heard)


class Calibration(NamedTuple):
    scale: np.ndarray
    offset: np.ndarray
    rivalry: float
    deference: float = 0.0

    def logits(self, logits: np.ndarray) -> np.ndarray:
        """Those whose sigmoid is the probability (n, labels), of logits (n, outputs)."""
        left = given_way(logits, len(self.scale), self.deference)
        return self.scale * left + self.offset - self.rivalry * log_rivals(left)

    def as_metadata(self) -> Dict[str, object]:
        return {"scale": self.scale.tolist(), "offset": self.offset.tolist(),
                "rivalry": self.rivalry, "deference": self.deference}

    def rounded(self, digits: int) -> "Calibration":
        return self._replace(scale=self.scale.round(digits), offset=self.offset.round(digits),
                             rivalry=round(self.rivalry, digits))


def without_calibration(labels: int) -> Calibration:
    return Calibration(np.ones(labels), np.zeros(labels), 0.0)


def of_file(metadata: Dict[str, object]) -> Calibration:
    """What the section tutti.calibration of a model file says."""
    return Calibration(np.array(metadata["scale"]), np.array(metadata["offset"]),
                       float(metadata.get("rivalry", 0.0)), float(metadata.get("deference", 0.0)))


class Clips(NamedTuple):
    """Logits (windows, outputs), the clip of each window; per clip its target, the clips of the
    splits that it is made of, and its kind: 0 as recorded, 1 a mixture of two, 2 of three."""

    logits: np.ndarray
    clip: np.ndarray
    target: np.ndarray
    sources: List[FrozenSet[Source]]
    kind: np.ndarray

    def only(self, chosen: np.ndarray) -> "Clips":
        """The clips where `chosen` (bool) is set."""
        windows = chosen[self.clip]
        place = np.cumsum(chosen) - 1
        return Clips(self.logits[windows], place[self.clip[windows]], self.target[chosen],
                     [s for s, is_chosen in zip(self.sources, chosen) if is_chosen],
                     self.kind[chosen])

    def probabilities(self, calibration: Calibration) -> np.ndarray:
        """Of every clip: the mean over its windows."""
        windows = sigmoid(calibration.logits(self.logits))
        return clip_sums(self, windows) / np.bincount(self.clip)[:, None]

    def different(self, label: int) -> int:
        """How many different clips with the label there are, however often they are mixed."""
        return len({s for s, t in zip(self.sources, self.target) if len(s) == 1 and t[label]})


def clip_sums(clips: Clips, values: np.ndarray) -> np.ndarray:
    """Over each clip's windows, of values (windows, labels)."""
    sums = [np.bincount(clips.clip, column, len(clips.target)) for column in values.T]
    return np.stack(sums, axis=1)


def integer_predictor(network: IntegerGraph) -> Predictor:
    """The logits of all outputs of the int8 network, without any calibration."""
    return lambda x: run_integer(network, torch.from_numpy(quantize_input(x.numpy())))


def logits_of(predict: Predictor, logmel: np.ndarray, batch: int = 16) -> np.ndarray:
    with torch.no_grad():
        return np.concatenate([predict(torch.from_numpy(logmel[begin:begin + batch])).numpy()
                               for begin in range(0, len(logmel), batch)]).astype(np.float64)


def gather(predict: Predictor, work: Path, seed: int) -> Clips:
    """What a network says of the sets that its calibration and thresholds come from."""
    parts = []
    count = 0
    for name, kind in KINDS.items():
        data = load(work, name, seed)
        parts.append((logits_of(predict, data.logmel), data.clip + count, data.target,
                      sources(work, name, seed), np.full(len(data.target), kind)))
        count += len(data.target)
    logits, clip, target, made_of, kinds = zip(*parts)
    return Clips(np.concatenate(logits), np.concatenate(clip), np.concatenate(target),
                 sum(made_of, []), np.concatenate(kinds))


def fit_pair(logits: np.ndarray, taken: np.ndarray, clip: np.ndarray, target: np.ndarray,
             weights: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """The scale and offset under which clips have their targets, most probably; `taken` is what
    rivals take from each logit, `weights` is how much each clip counts, `precision` that of a
    normal prior around AS_TRAINED."""
    counts = np.bincount(clip)

    def loss(pair: np.ndarray) -> Tuple[float, np.ndarray]:
        windows = sigmoid(pair[0] * logits + pair[1] - taken)
        mean = np.clip(np.bincount(clip, windows) / counts, 1e-9, 1.0 - 1e-9)
        value = -(weights * np.where(target, np.log(mean), np.log(1.0 - mean))).sum()
        slope = weights * ((mean - target) / (mean * (1.0 - mean)) / counts)
        slope = slope[clip] * windows * (1.0 - windows)
        away = pair - AS_TRAINED
        return (value + 0.5 * away @ precision @ away,
                np.array([(slope * logits).sum(), slope.sum()]) + precision @ away)

    return minimize(loss, AS_TRAINED, jac=True, method="L-BFGS-B", bounds=[SCALES, OFFSETS]).x


def information(clips: Clips, taken: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What one clip with a label says of its pair, on average: the Hessian of the window loss."""
    weight = (weights / np.bincount(clips.clip))[clips.clip]
    x = clips.logits
    p = sigmoid(AS_TRAINED[0] * x + AS_TRAINED[1] - taken)
    curvature = weight[:, None] * p * (1.0 - p)
    first, mixed = (curvature * x * x).sum(), (curvature * x).sum()
    positives = (weights[:, None] * clips.target).sum()
    return np.array([[first, mixed], [mixed, curvature.sum()]]) / max(1.0, positives)


def fit_rivalry(clips: Clips, pairs: np.ndarray, rivals: np.ndarray, weights: np.ndarray) -> float:
    """The rivalry that fits all labels together; `pairs` (labels, 2) are scales and offsets."""
    sizes = np.bincount(clips.clip)[:, None]
    logits = pairs[:, 0] * clips.logits + pairs[:, 1]

    def loss(rivalry: np.ndarray) -> Tuple[float, np.ndarray]:
        windows = sigmoid(logits - rivalry * rivals)
        mean = np.clip(clip_sums(clips, windows) / sizes, 1e-9, 1.0 - 1e-9)
        likely = np.where(clips.target, np.log(mean), np.log(1.0 - mean))
        slope = weights[:, None] * ((mean - clips.target) / (mean * (1.0 - mean)) / sizes)
        slope = slope[clips.clip] * windows * (1.0 - windows)
        return -(weights[:, None] * likely).sum(), np.array([-(slope * rivals).sum()])

    return float(minimize(loss, np.zeros(1), jac=True, method="L-BFGS-B", bounds=[RIVALRIES]).x[0])


def fit_pairs(clips: Clips, taken: np.ndarray, prior_clips: float, weights: np.ndarray
              ) -> np.ndarray:
    """The scale and offset of every label, (labels, 2)."""
    one_clip = information(clips, taken, weights)
    pairs = np.tile(AS_TRAINED, (clips.target.shape[1], 1))
    for label in range(len(pairs)):
        different, positives = clips.different(label), weights @ clips.target[:, label]
        if different == 0:
            continue
        # Instead of giving repeated clips a smaller weight, the prior gets a larger one.
        precision = prior_clips * one_clip * max(1.0, positives / different)
        pairs[label] = fit_pair(clips.logits[:, label], taken[:, label], clips.clip,
                                clips.target[:, label], weights, precision)
    return pairs


def fit(clips: Clips, prior_clips: float = PRIOR_CLIPS, weights: Optional[np.ndarray] = None
        ) -> Calibration:
    """A scale and an offset for every label, and the rivalry between them; they give way to the
    outputs behind the labels', if there are any.

    `weights` is how much each clip counts; without, each counts 1.
    """
    labels = clips.target.shape[1]
    deference = DEFERENCE if clips.logits.shape[1] > labels else 0.0
    clips = clips._replace(logits=given_way(clips.logits, labels, deference))
    weights = np.ones(len(clips.target)) if weights is None else weights
    rivals = log_rivals(clips.logits)
    pairs = np.tile(AS_TRAINED, (clips.target.shape[1], 1))
    rivalry = 0.0
    for _ in range(ROUNDS):
        rivalry = fit_rivalry(clips, pairs, rivals, weights)
        pairs = fit_pairs(clips, rivalry * rivals, prior_clips, weights)
    scale, offset = pairs.T
    return Calibration(scale, offset, rivalry, deference)
