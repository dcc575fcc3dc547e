"""Scores renders and notes by the pretrained start: how much do they sound like the label?

Writes WORK/renders/FONT/NAME.score.npy, one probability per 3 s (the largest over the AudioSet
classes of the label or of the neighbour's output; a violin may be plucked, too), and
WORK/notes.score.json, the mean probability of phrases that are strung of each group of notes.
Mixing prefers what sounds real, in which soundfonts and collections of notes differ hugely.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
import torch
from tqdm import tqdm

from .frontend import CONFIG, Frontend
from .labels import LABELS, NEIGHBOURS, OUTPUTS, audioset_rows, output_of
from .material import NOTES_SCORES, notes_digest, phrase, recorded_banks, to_float
from .network import CLASSES_FILE, as_input, class_names, published_start
from .notes import notes_key
from .prepare import to_int16
from .refusals import refusals
from .results import digest, is_made_from, save_made_from, save_text, score_of

ALSO = {"violin": ("Pizzicato",)}  # heard for a label, though its output does not start from them
SEGMENT = CONFIG.columns * CONFIG.hop_frames
PHRASES = 24  # of 3 s, for each group of notes


class Start:
    """The pretrained start as a judge of how real material sounds."""

    def __init__(self, teacher: Path) -> None:
        self.network = published_start(teacher).to(memory_format=torch.channels_last)
        self.names = class_names(teacher / CLASSES_FILE)
        self.rows = audioset_rows(self.names)
        for label, also in ALSO.items():
            self.rows[label] += [self.names.index(name) for name in also]
        self.frontend = Frontend()

    @torch.no_grad()
    def probabilities(self, samples: np.ndarray, output: str, batch: int = 16) -> np.ndarray:
        """Of the output, for each whole 3 s of the samples (of 16 bits)."""
        segments = samples[:samples.size // SEGMENT * SEGMENT].reshape(-1, SEGMENT)
        scores = []
        for part in np.array_split(segments, max(1, len(segments) // batch)):
            logmel = self.frontend(torch.from_numpy(to_float(part)))[:, :CONFIG.columns]
            embedding = self.network.embed(self.network.steps(as_input(logmel)))
            logits = self.network.audioset(embedding)[:, self.rows[output]]
            scores.append(torch.sigmoid(logits).amax(dim=1).numpy())
        return np.concatenate(scores)


def score_renders(folder: Path, start: Start) -> None:
    """Those that have no scores yet, or by other classes."""
    paths = [path for path in sorted(folder.glob("*/*.npy"))
             if path.stem in LABELS or path.stem in NEIGHBOURS]
    summary: List[Tuple[str, str, float]] = []
    for path in tqdm(paths, desc="score", unit="stem"):
        output, label = score_of(path), output_of(path.stem)
        samples = np.load(path, mmap_mode="r")
        asked = digest([start.names[row] for row in start.rows[label]])
        if not is_made_from(output, asked) and samples.size >= SEGMENT:
            save_made_from(output, start.probabilities(samples, label), asked)
        if output.exists():
            summary.append((path.stem, path.parent.name, float(np.load(output).mean())))
    for label, font, mean in sorted(summary):
        print(f"{label:18} {font:16} {mean:.3f}")


def score_notes(work: Path, start: Start, random: np.random.Generator) -> Dict[str, float]:
    """The mean probability of phrases of each group of notes, by `notes_key`."""
    scores = {}
    banks = recorded_banks(work)
    for name in tqdm(OUTPUTS, desc="notes", unit="label"):
        for notes in banks[name].notes:
            phrases = [phrase(notes, name, SEGMENT, random) for _ in range(PHRASES)]
            samples = to_int16(np.concatenate(
                [played * (0.5 / max(np.abs(played).max(), 1e-6)) for played in phrases]))
            scores[notes_key(name, notes)] = float(start.probabilities(samples, name).mean())
    return scores


def score(work: Path, teacher: Path, random: np.random.Generator) -> None:
    start = Start(teacher)
    score_renders(work / "renders", start)
    scores = score_notes(work, start, random)
    for key, probability in scores.items():
        print(f"{key:60} {probability:.3f}")
    save_text(work / NOTES_SCORES, json.dumps({"made_from": notes_digest(work), "scores": scores},
                                              indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--teacher", type=Path, required=True,
                        help="folder with mn04_as_mAP_432.pt and audioset_labels.csv")
    parser.add_argument("--seed", type=int, default=1, help="of the phrases")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch's")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with refusals("score"):
        score(arguments.work, arguments.teacher, np.random.default_rng(arguments.seed))


if __name__ == "__main__":
    main()
