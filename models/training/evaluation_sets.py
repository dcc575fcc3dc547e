"""The windows on which models are measured, cached in WORK/evaluation/.

single-eval, single-real   the clips of the splits `eval` and `eval_real`
outside                    the clips of both whose source is in nothing that is trained on
mix2, mix3                 random mixtures of two and three of the labelled clips of `outside`
font                       stretches of a soundfont that no training data was rendered with
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable, Dict, FrozenSet, List, NamedTuple, Tuple

import numpy as np
import torch
from tqdm import tqdm

from .frontend import CONFIG, Frontend
from .labels import LABELS, target
from .material import to_float, training_clips
from .prepare import clips_digest, load_clips
from .results import digest, file_size, replacing

WINDOW = CONFIG.columns * CONFIG.hop_frames
HOP = CONFIG.rate_hz  # one second between windows
MAXIMUM = 10 * CONFIG.rate_hz  # of a mixture
MIXTURES = 150

Source = Tuple[str, int]  # a split, and the place of a clip in it


class EvaluationSet(NamedTuple):
    """Windows (n, columns, bands) with the clip each belongs to, and the clips' targets."""

    logmel: np.ndarray
    clip: np.ndarray
    target: np.ndarray

    def clip_means(self, probabilities: np.ndarray) -> np.ndarray:
        counts = np.bincount(self.clip, minlength=len(self.target)).astype(np.float64)
        sums = np.zeros((len(self.target), probabilities.shape[1]))
        np.add.at(sums, self.clip, probabilities)
        return sums / counts[:, None]


def windows_of(samples: np.ndarray, frontend: Frontend) -> np.ndarray:
    """Windows of a clip, one second apart; a short clip is repeated to fill one."""
    if samples.size < WINDOW + 1:
        samples = np.resize(samples, WINDOW + 1)
    logmel = frontend(torch.from_numpy(samples)).numpy()
    hop = HOP // CONFIG.hop_frames
    last = len(logmel) - CONFIG.columns
    return np.stack([logmel[begin:begin + CONFIG.columns] for begin in range(0, last + 1, hop)])


def build(sounds: List[Tuple[np.ndarray, List[int]]], name: str) -> EvaluationSet:
    frontend = Frontend()
    parts = [windows_of(samples, frontend) for samples, _ in tqdm(sounds, desc=name, unit="clip")]
    clip = np.concatenate([np.full(len(part), i) for i, part in enumerate(parts)])
    return EvaluationSet(np.concatenate(parts), clip, np.array([labels for _, labels in sounds]))


def split_sounds(work: Path, split: str) -> List[Tuple[np.ndarray, List[int]]]:
    return [(to_float(samples), target(row["labels"])) for row, samples in load_clips(work, split)]


def outside_clips(work: Path) -> List[Tuple[Source, np.ndarray, List[int]]]:
    trained = {row["source"] for split in ("train", "unlabelled")
               for row, _ in training_clips(work, split)}
    return [((split, i), samples, target(row["labels"])) for split in ("eval", "eval_real")
            for i, (row, samples) in enumerate(load_clips(work, split))
            if row["source"] not in trained]


def outside_sounds(work: Path) -> List[Tuple[np.ndarray, List[int]]]:
    return [(to_float(samples), labels) for _, samples, labels in outside_clips(work)]


def mixture_plan(labels: List[int], count: int, seed: int) -> List[List[Tuple[int, float]]]:
    """Per mixture its clips and their gains in dB; `labels` has the one label of every clip."""
    random = np.random.default_rng([seed, count])
    by_label: Dict[int, List[int]] = {}
    for i, label in enumerate(labels):
        by_label.setdefault(label, []).append(i)
    plan = []
    for _ in range(MIXTURES):
        chosen = random.choice(sorted(by_label), count, replace=False)
        picked = [by_label[j][int(random.integers(len(by_label[j])))] for j in chosen]
        plan.append([(i, random.uniform(-3.0, 3.0)) for i in picked])
    return plan


def mixture_sounds(work: Path, count: int, seed: int) -> List[Tuple[np.ndarray, List[int]]]:
    """Mixtures of `count` clips with one label each, all different, RMS equal within 3 dB."""
    singles = [(s, t.index(1)) for s, t in outside_sounds(work) if sum(t) == 1]
    mixtures = []
    for parts in mixture_plan([label for _, label in singles], count, seed):
        length = int(np.clip(max(singles[i][0].size for i, _ in parts), WINDOW + 1, MAXIMUM))
        total = np.zeros(length, np.float32)
        for i, gain_db in parts:
            samples = singles[i][0]
            rms = np.sqrt(np.mean(samples ** 2)) + 1e-9
            total += np.resize(samples, length) * np.float32(10 ** (gain_db / 20) / rms)
        total *= np.float32(0.7 / np.abs(total).max())
        chosen = {singles[i][1] for i, _ in parts}
        mixtures.append((total, [int(j in chosen) for j in range(len(LABELS))]))
    return mixtures


def sources(work: Path, name: str, seed: int = 1) -> List[FrozenSet[Source]]:
    """Of every clip of a set the clips of `eval` and `eval_real` that it is made of."""
    if name in ("single-eval", "single-real"):
        split = {"single-eval": "eval", "single-real": "eval_real"}[name]
        return [frozenset([(split, i)]) for i in range(len(load_clips(work, split)))]
    clips = outside_clips(work)
    if name == "outside":
        return [frozenset([source]) for source, _, _ in clips]
    singles = [(source, t.index(1)) for source, _, t in clips if sum(t) == 1]
    plan = mixture_plan([label for _, label in singles], {"mix2": 2, "mix3": 3}[name], seed)
    return [frozenset(singles[i][0] for i, _ in parts) for parts in plan]


def font_sounds(work: Path) -> List[Tuple[np.ndarray, List[int]]]:
    """Stretches of 6 s of the renders in WORK/heldout, with labels and neighbours."""
    sounds = []
    for path in sorted((work / "heldout").glob("*/*.npy")):
        samples = np.load(path, mmap_mode="r")
        labels = [int(path.stem == label) for label in LABELS]
        for begin in range(0, samples.size - 2 * WINDOW, 4 * WINDOW):
            sounds.append((to_float(samples[begin:begin + 2 * WINDOW]), labels))
    return sounds


BUILDERS: Dict[str, Callable[[Path, int], List[Tuple[np.ndarray, List[int]]]]] = {
    "single-eval": lambda work, seed: split_sounds(work, "eval"),
    "single-real": lambda work, seed: split_sounds(work, "eval_real"),
    "outside": lambda work, seed: outside_sounds(work),
    "mix2": lambda work, seed: mixture_sounds(work, 2, seed),
    "mix3": lambda work, seed: mixture_sounds(work, 3, seed),
    "font": lambda work, seed: font_sounds(work),
}


def inputs_of(work: Path, name: str, seed: int) -> str:
    """The digest of what a set is made of."""
    if name == "font":
        folder = work / "heldout"
        return digest([(str(path.relative_to(folder)), file_size(path))
                       for path in sorted(folder.glob("*/*.npy"))])
    clips = [sorted(made_of) for made_of in sources(work, name, seed)]
    splits = sorted({split for made_of in clips for split, _ in made_of})
    return digest(clips, [clips_digest(work, split) for split in splits])


def load(work: Path, name: str, seed: int = 1) -> EvaluationSet:
    """One set, from the cache where it is there and made of the clips that are there now."""
    path = work / "evaluation" / f"{name}-{seed}.npz"
    inputs = inputs_of(work, name, seed)
    if path.exists():
        with np.load(path) as stored:
            if "made_from" in stored and str(stored["made_from"]) == inputs:
                return EvaluationSet(stored["logmel"], stored["clip"], stored["target"])
        print(f"{path}: was made of other clips, or by an older version; it is made anew",
              file=sys.stderr)
    path.parent.mkdir(parents=True, exist_ok=True)
    built = build(BUILDERS[name](work, seed), name)
    with replacing(path) as file:
        np.savez(file, made_from=np.array(inputs), **built._asdict())
    return built


def available(work: Path) -> List[str]:
    return [name for name in BUILDERS if name != "font" or (work / "heldout").exists()]
