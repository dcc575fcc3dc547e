"""Platt scaling with rivalry, so that a probability of 0.8 is right in 0.8.

What is made honest is what is shown and measured: a clip's probability, the mean over its windows
of sigmoid(scale * logit + offset - rivalry * ln(0.01 + rivals)), where rivals is the expected
number of other instruments. Fitting maximises the likelihood of the clips' labels (fitted to
windows instead, the means come out too cautious). Scale and offset belong to a label, rivalry is
one number for all.

A label with few clips is drawn toward the pair that fits all labels together. The pull is that of
PRIOR_CLIPS clips with the label that behave as the common pair says. Mixtures repeat the same
clips, so the evidence for a label weighs as much as the different clips that it comes from; without
any, the label gets the common pair.
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
PRIOR_CLIPS = 100.0
SCALES, OFFSETS, RIVALRIES = (0.3, 3.0), (-6.0, 6.0), (0.0, 2.0)
FEW_RIVALS = 0.01  # that are always there, as in the model file's format

Predictor = Callable[[torch.Tensor], torch.Tensor]  # log-mel windows to logits


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -60.0, 60.0)))


def log_rivals(logits: np.ndarray) -> np.ndarray:
    """Of logits (n, labels): the logarithm of the expected number of other instruments."""
    probabilities = sigmoid(logits)
    others = probabilities.sum(axis=1, keepdims=True) - probabilities
    return np.log(FEW_RIVALS + np.maximum(others, 0.0))


class Calibration(NamedTuple):
    scale: np.ndarray
    offset: np.ndarray
    rivalry: float
    common: Tuple[float, float]

    def logits(self, logits: np.ndarray) -> np.ndarray:
        """Those whose sigmoid is the probability, of logits (n, labels)."""
        return self.scale * logits + self.offset - self.rivalry * log_rivals(logits)

    def as_metadata(self) -> Dict[str, object]:
        return {"scale": self.scale.tolist(), "offset": self.offset.tolist(),
                "rivalry": self.rivalry}

    def rounded(self, digits: int) -> "Calibration":
        return self._replace(scale=self.scale.round(digits), offset=self.offset.round(digits),
                             rivalry=round(self.rivalry, digits))


def without_calibration(labels: int) -> Calibration:
    return Calibration(np.ones(labels), np.zeros(labels), 0.0, (1.0, 0.0))


def of_file(metadata: Dict[str, object]) -> Calibration:
    """What the section tutti.calibration of a model file says."""
    return Calibration(np.array(metadata["scale"]), np.array(metadata["offset"]),
                       float(metadata.get("rivalry", 0.0)), (1.0, 0.0))


class Clips(NamedTuple):
    """Logits (windows, labels), the clip of each window; per clip its target, the clips of the
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
    """The logits of the int8 network, without any calibration."""
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


class Prior(NamedTuple):
    """A quadratic penalty: half of (pair - centre) · precision · (pair - centre)."""

    centre: np.ndarray
    precision: np.ndarray


def fit_pair(logits: np.ndarray, taken: np.ndarray, clip: np.ndarray, target: np.ndarray,
             weights: np.ndarray, prior: Prior) -> np.ndarray:
    """The scale and offset under which clips have their targets, most probably; `taken` is what
    rivals take from each logit, `weights` is how much each clip counts."""
    counts = np.bincount(clip)

    def loss(pair: np.ndarray) -> Tuple[float, np.ndarray]:
        windows = sigmoid(pair[0] * logits + pair[1] - taken)
        mean = np.clip(np.bincount(clip, windows) / counts, 1e-9, 1.0 - 1e-9)
        value = -(weights * np.where(target, np.log(mean), np.log(1.0 - mean))).sum()
        slope = weights * ((mean - target) / (mean * (1.0 - mean)) / counts)
        slope = slope[clip] * windows * (1.0 - windows)
        away = pair - prior.centre
        return (value + 0.5 * away @ prior.precision @ away,
                np.array([(slope * logits).sum(), slope.sum()]) + prior.precision @ away)

    return minimize(loss, prior.centre, jac=True, method="L-BFGS-B", bounds=[SCALES, OFFSETS]).x


def information(clips: Clips, pair: np.ndarray, taken: np.ndarray, weights: np.ndarray
                ) -> np.ndarray:
    """What one clip with a label says of the pair, on average: the Hessian of the window loss."""
    weight = (weights / np.bincount(clips.clip))[clips.clip]
    p = sigmoid(pair[0] * clips.logits + pair[1] - taken)
    curvature = weight[:, None] * p * (1.0 - p)
    x = clips.logits
    first, mixed = (curvature * x * x).sum(), (curvature * x).sum()
    positives = (weights[:, None] * clips.target).sum()
    return np.array([[first, mixed], [mixed, curvature.sum()]]) / max(1.0, positives)


def fit_common(clips: Clips, weights: np.ndarray) -> np.ndarray:
    """The scale, offset and rivalry that fit all labels together."""
    rivals = log_rivals(clips.logits)
    sizes = np.bincount(clips.clip)[:, None]

    def loss(values: np.ndarray) -> Tuple[float, np.ndarray]:
        windows = sigmoid(values[0] * clips.logits + values[1] - values[2] * rivals)
        mean = np.clip(clip_sums(clips, windows) / sizes, 1e-9, 1.0 - 1e-9)
        likely = np.where(clips.target, np.log(mean), np.log(1.0 - mean))
        value = -(weights[:, None] * likely).sum()
        slope = weights[:, None] * ((mean - clips.target) / (mean * (1.0 - mean)) / sizes)
        slope = slope[clips.clip] * windows * (1.0 - windows)
        return value, np.array([(slope * clips.logits).sum(), slope.sum(),
                                -(slope * rivals).sum()])

    return minimize(loss, np.array([1.0, 0.0, 0.0]), jac=True, method="L-BFGS-B",
                    bounds=[SCALES, OFFSETS, RIVALRIES]).x


def fit(clips: Clips, prior_clips: float = PRIOR_CLIPS, weights: Optional[np.ndarray] = None
        ) -> Calibration:
    """A scale and an offset for every label, and the rivalry between them.

    `weights` is how much each clip counts; without, each counts 1.
    """
    weights = np.ones(len(clips.target)) if weights is None else weights
    *common, rivalry = fit_common(clips, weights)
    common = np.array(common)
    taken = rivalry * log_rivals(clips.logits)
    one_clip = information(clips, common, taken, weights)
    pairs = []
    for label in range(clips.target.shape[1]):
        different, positives = clips.different(label), weights @ clips.target[:, label]
        if different == 0:
            pairs.append(common)
            continue
        # Instead of giving repeated clips a smaller weight, the prior gets a larger one.
        precision = prior_clips * one_clip * max(1.0, positives / different)
        pairs.append(fit_pair(clips.logits[:, label], taken[:, label], clips.clip,
                              clips.target[:, label], weights, Prior(common, precision)))
    scale, offset = np.array(pairs).T
    return Calibration(scale, offset, float(rivalry), (float(common[0]), float(common[1])))
