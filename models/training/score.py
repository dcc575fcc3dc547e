"""Scores every 3 s of the renders by the pretrained start: how much does it sound like the label?

Writes WORK/renders/FONT/NAME.score.npy, one probability per 3 s (the largest over the AudioSet
classes of the label or of the neighbour's output). Mixing prefers renders that sound real, in which
soundfonts differ hugely.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import List

import numpy as np
import torch
from tqdm import tqdm

from .frontend import CONFIG, Frontend
from .labels import LABELS, NEIGHBOURS, audioset_rows, output_of
from .network import CLASSES_FILE, as_input, class_names, published_start
from .results import save_array, score_of

SEGMENT = CONFIG.columns * CONFIG.hop_frames


def segment_probabilities(samples: np.ndarray, network: torch.nn.Module, rows: List[int],
                          frontend: Frontend, batch: int = 16) -> np.ndarray:
    segments = samples[:samples.size // SEGMENT * SEGMENT].reshape(-1, SEGMENT)
    scores = []
    for part in np.array_split(segments, max(1, len(segments) // batch)):
        logmel = frontend(torch.from_numpy(part.astype(np.float32) / 32767.0))[:, :CONFIG.columns]
        logits = network.audioset(network.embed(network.steps(as_input(logmel))))[:, rows]
        scores.append(torch.sigmoid(logits).amax(dim=1).numpy())
    return np.concatenate(scores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--teacher", type=Path, required=True,
                        help="folder with mn04_as_mAP_432.pt and audioset_labels.csv")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch's")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    network = published_start(arguments.teacher)
    network = network.to(memory_format=torch.channels_last)
    rows = audioset_rows(class_names(arguments.teacher / CLASSES_FILE))
    frontend = Frontend()
    paths = [path for path in sorted((arguments.work / "renders").glob("*/*.npy"))
             if path.stem in LABELS or path.stem in NEIGHBOURS]
    summary = []
    with torch.no_grad():
        for path in tqdm(paths, desc="score", unit="stem"):
            output = score_of(path)
            samples = np.load(path, mmap_mode="r")
            own = rows[output_of(path.stem)]
            if not output.exists() and samples.size >= SEGMENT:
                save_array(output, segment_probabilities(samples, network, own, frontend))
            if output.exists():
                summary.append((path.stem, path.parent.name, float(np.load(output).mean())))
    for label, font, mean in sorted(summary):
        print(f"{label:18} {font:16} {mean:.3f}")


if __name__ == "__main__":
    main()
