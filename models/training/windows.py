"""The mixed windows as training batches, with augmentation on the log-mel."""

from __future__ import annotations

from pathlib import Path
from typing import List, NamedTuple, Tuple

import numpy as np
import torch

from .frontend import CONFIG
from .labels import LABELS
from .mix import LEFT_OUT, shard_paths
from .quantize import dequantize_input

MOST_LABELS = 4  # in a pair


class Augmentation(NamedTuple):
    """How batches differ from what is stored, beside level, tilt, time roll and SpecAugment."""

    pairs: float = 0.0  # the share of windows to which another is added
    filter_db: float = 0.0  # the standard deviation of a random filter's gains
    transpose: float = 0.0  # semitones, up to how far


class Batch(NamedTuple):
    """Masks are 0 where a target is left out of the loss."""

    logmel: torch.Tensor  # (n, columns, bands)
    target: torch.Tensor  # (n, outputs), 0 or 1
    mask: torch.Tensor  # (n, outputs)
    step_target: torch.Tensor  # (n, steps, outputs), 0 or 1
    step_mask: torch.Tensor  # (n, steps, outputs)


class Stored(NamedTuple):
    """Some windows as they lie in the files."""

    integers: np.ndarray
    target: np.ndarray
    step: np.ndarray


class WindowSet:
    """All complete shards in WORK/windows, mapped from the files."""

    def __init__(self, folder: Path) -> None:
        shards = [shard_paths(folder, path.name.split(".")[0])
                  for path in sorted(folder.glob("*.mel.npy"))]
        shards = [paths for paths in shards if all(path.exists() for path in paths.values())]
        if not shards:
            raise FileNotFoundError(f"{folder}: no windows; run training.mix first")
        self.mels = [np.load(paths["mel"], mmap_mode="r") for paths in shards]
        targets = [np.load(paths["target"]) for paths in shards]
        steps = [np.load(paths["step"]) for paths in shards]
        for paths, *parts in zip(shards, self.mels, targets, steps):
            if len({len(part) for part in parts}) > 1:
                raise ValueError(f"{paths['mel']} and the files beside it have not as many "
                                 "windows; delete them and run training.mix again")
        self.targets, self.steps = np.concatenate(targets), np.concatenate(steps)
        self.places: List[Tuple[int, int]] = [
            (shard, row) for shard, mel in enumerate(self.mels) for row in range(len(mel))]

    def __len__(self) -> int:
        return len(self.places)

    def gather(self, indices: np.ndarray) -> Stored:
        places = [self.places[i] for i in indices]
        return Stored(np.stack([self.mels[shard][row] for shard, row in places]),
                      self.targets[indices], self.steps[indices])


def to_power(logmel: np.ndarray) -> np.ndarray:
    power = np.exp(logmel * np.float32(CONFIG.divide) - np.float32(CONFIG.add))
    return np.maximum(power - np.float32(CONFIG.log_offset), 0.0)


def to_logmel(power: np.ndarray) -> np.ndarray:
    return ((np.log(power + np.float32(CONFIG.log_offset)) + np.float32(CONFIG.add))
            / np.float32(CONFIG.divide))


def either(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """The targets of a sum of two sounds."""
    both = np.maximum(mine % LEFT_OUT, theirs % LEFT_OUT)
    unsure = (mine == LEFT_OUT) | (theirs == LEFT_OUT)
    return np.where(both == 1, 1, np.where(unsure, LEFT_OUT, 0))


def mel_of(hz: np.ndarray) -> np.ndarray:
    return 1127.0 * np.log1p(np.asarray(hz) / 700.0)


def centres_hz(bands: int) -> np.ndarray:
    """Of the mel bands."""
    edges = np.linspace(*mel_of((CONFIG.low_hz, CONFIG.high_hz)), bands + 2)
    return 700.0 * np.expm1(edges[1:-1] / 1127.0)


def deemphasis(bands: int) -> np.ndarray:
    """Per mel band, what makes of its power the power of the samples before pre-emphasis."""
    turn = 2.0 * np.pi * centres_hz(bands) / CONFIG.rate_hz
    return 1.0 / np.abs(1.0 - CONFIG.preemphasis * np.exp(-1j * turn)) ** 2


def loudness(power: np.ndarray) -> np.ndarray:
    """Mean power of the samples of windows (…, columns, bands), as mixtures are levelled by."""
    return (power.mean(axis=-2) * deemphasis(power.shape[-1])).sum(axis=-1)


def add_pairs(power: np.ndarray, target: np.ndarray, step: np.ndarray, share: float,
              random: np.random.Generator) -> None:
    """Adds to some windows the sound of another one at a similar level (in place).

    Mel powers of independent sounds add up on average, so this is mixing without the samples. Not
    where nothing is known of one of the two, nor where more labels would sound than are ever asked
    for.
    """
    others = np.roll(np.arange(len(power)), 1)
    chosen = np.flatnonzero(random.random(len(power)) < share)
    source = power[others[chosen]].copy()
    source_target, source_step = target[others[chosen]].copy(), step[others[chosen]].copy()
    loud = loudness(power)
    unknown = (target == LEFT_OUT).all(axis=1)
    for i, added, labels, step_labels in zip(chosen, source, source_target, source_step):
        other = others[i]
        gain = loud[i] / max(loud[other], 1e-12) * 10 ** (random.uniform(-6.0, 6.0) / 10)
        together = either(target[i], labels)
        if min(power[i].mean(), added.mean()) < 1e-4 or unknown[i] or unknown[other]:
            continue
        if (together[:len(LABELS)] == 1).sum() > MOST_LABELS:
            continue
        power[i] += np.float32(gain) * added
        target[i], step[i] = together, either(step[i], step_labels)


def filter_curves(count: int, bands: int, spread_db: float,
                  random: np.random.Generator) -> np.ndarray:
    """Gains in dB (count, 1, bands): straight lines between 3 to 6 bands that differ at random, as
    by microphones and rooms (after FilterAugment: Nam, Kim, Park, ICASSP 2022)."""
    curves = np.empty((count, 1, bands))
    for curve in curves:
        inner = random.choice(np.arange(1, bands - 1), int(random.integers(1, 5)), replace=False)
        places = np.concatenate([[0], np.sort(inner), [bands - 1]])
        curve[0] = np.interp(np.arange(bands), places, random.normal(0.0, spread_db, places.size))
    return curves


def transpose(logmel: np.ndarray, semitones: np.ndarray) -> None:
    """Each window (columns, bands) by so many semitones, as a tape played faster would but for the
    time (in place). Beyond the outermost bands it is as in those."""
    bands = logmel.shape[2]
    hz, own = centres_hz(bands), np.arange(bands)
    for window, shift in zip(logmel, semitones):
        places = np.interp(mel_of(hz / 2 ** (shift / 12)), mel_of(hz), own)
        below = np.minimum(places.astype(int), bands - 2)
        part = (places - below).astype(np.float32)
        window[:] = window[:, below] * (1 - part) + window[:, below + 1] * part


def mask_stripes(logmel: np.ndarray, random: np.random.Generator) -> None:
    """SpecAugment: one stripe of bands and one of columns per window takes the window's mean."""
    for window in logmel:
        mean = window.mean()
        bands, columns = int(random.integers(0, 17)), int(random.integers(0, 31))
        low = int(random.integers(0, window.shape[1] - bands + 1))
        begin = int(random.integers(0, window.shape[0] - columns + 1))
        window[:, low:low + bands] = mean
        window[begin:begin + columns] = mean


def as_floats(target: np.ndarray) -> Tuple[torch.Tensor, torch.Tensor]:
    """0/1 targets and their mask."""
    return (torch.from_numpy((target == 1).astype(np.float32)),
            torch.from_numpy((target != LEFT_OUT).astype(np.float32)))


def augmented_batch(data: WindowSet, indices: np.ndarray, augmentation: Augmentation,
                    random: np.random.Generator) -> Batch:
    """Transposition, pairs, level, tilt, filter, time roll and SpecAugment."""
    stored = data.gather(indices)
    target, step = stored.target.copy(), stored.step.copy()
    count = len(indices)
    heard = dequantize_input(stored.integers)
    if augmentation.transpose > 0.0:
        transpose(heard, augmentation.transpose * random.uniform(-1.0, 1.0, count))
    power = to_power(heard)
    add_pairs(power, target, step, augmentation.pairs, random)
    level_db = random.uniform(-8.0, 4.0, (count, 1, 1))
    tilt_db = random.normal(0.0, 2.0, (count, 1, 1)) * np.linspace(-1, 1, power.shape[2])
    gain_db = level_db + tilt_db
    if augmentation.filter_db > 0.0:
        gain_db = gain_db + filter_curves(count, power.shape[2], augmentation.filter_db, random)
    logmel = to_logmel(power * (10 ** (gain_db / 10)).astype(np.float32))
    for i in np.flatnonzero(random.random(count) < 0.3):
        logmel[i] = np.roll(logmel[i], int(random.integers(logmel.shape[1])), axis=0)
        step[i] = LEFT_OUT  # the steps no longer lie where they were
    mask_stripes(logmel, random)
    return Batch(torch.from_numpy(logmel), *as_floats(target), *as_floats(step))
