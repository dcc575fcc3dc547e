"""Averages the weights of fine-tuned runs with each other and with those of their start.

Fine-tuning on little data forgets some of what the start knows of real sound; an average with it
keeps more (WiSE-FT: Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022). Runs
from one start that differ in seed or options lie in one basin, and their average is better than
each (Wortsman et al., "Model soups", ICML 2022). With --shares the figures of several averages are
printed; with --share one is written to WORK/RUN/averaged.pt, RUN being the first of the runs.

Choose by `loss` and `lrap`, which are means over clips: mean average precision and macro F1 are
means over labels, of which some have a single clip, and differ by 0.03 between seeds.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Dict, Sequence, Tuple

import numpy as np
import torch

from .evaluate import network_predictor, probabilities
from .evaluation_sets import load
from .labels import LABELS
from .metrics import clip_loss, ranking_precision, summary, table
from .network import Network, network_of, published_start
from .refusals import reading, refusals
from .train import save

COLUMNS = ("top1", "map", "f1_best", "raised", "lrap", "loss")


def averaged(start: Network, tuned: Sequence[Network], share: float) -> Network:
    """`share` of the mean of the tuned weights and the rest of the start's."""
    states = [network.state_dict() for network in tuned]
    mixed = {}
    for key, first in start.state_dict().items():
        if first.is_floating_point():
            mean = torch.stack([state[key] for state in states]).mean(dim=0)
            mixed[key] = torch.lerp(first, mean, share)
        else:
            mixed[key] = first
    network = Network(start.head.out_features, keep_audioset=True)
    network.load_state_dict(mixed)
    return network.eval()


def measured(averages: Dict[float, Network], names: Sequence[str], work: Path, seed: int
             ) -> Dict[str, Dict[str, float]]:
    """Figures of the averages, by their shares, on every set."""
    thresholds = np.full(len(LABELS), 0.3)
    rows = {}
    for name in names:
        data = load(work, name, seed)
        for share, network in averages.items():
            predict = network_predictor(network)
            scores = data.clip_means(probabilities(predict, data.logmel, f"{name} {share}"))
            row = summary(scores, data.target, thresholds)
            row["lrap"] = ranking_precision(scores, data.target, np.ones_like(scores, bool))
            row["loss"] = clip_loss(scores, data.target)
            rows[f"{name}, {share:.2f}"] = row
    return rows


def load_run(path: Path) -> Tuple[Network, Dict[str, str]]:
    """The network of a run, and the options that it was trained with."""
    with reading(path):
        saved = torch.load(path, map_location="cpu")
        return network_of(saved), saved.get("options", {})


def average(arguments: argparse.Namespace) -> None:
    start = published_start(arguments.teacher)
    runs = {run: load_run(arguments.work / run / "final.pt") for run in arguments.runs}
    tuned = [network for network, _ in runs.values()]
    if arguments.shares:
        averages = {share: averaged(start, tuned, share) for share in arguments.shares}
        print(table(measured(averages, arguments.sets, arguments.work, arguments.seed), COLUMNS))
    if arguments.share is not None:
        network = averaged(start, tuned, arguments.share)
        save(arguments.work / arguments.runs[0] / "averaged.pt",
             {"network": network.state_dict(), "share": arguments.share, "runs": list(runs),
              "options": {run: options for run, (_, options) in runs.items()}})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--teacher", type=Path, required=True,
                        help="folder with mn04_as_mAP_432.pt and audioset_labels.csv")
    parser.add_argument("--runs", nargs="+", default=["run"], help="names of folders in WORK")
    parser.add_argument("--shares", type=float, nargs="+", default=[],
                        help="of the fine-tuned weights: measure these averages")
    parser.add_argument("--share", type=float, help="write this average")
    parser.add_argument("--sets", nargs="+", default=["outside", "mix2", "mix3"],
                        help="on which sets --shares measures (default: outside mix2 mix3)")
    parser.add_argument("--threads", type=int, default=1,
                        help="how many to compute with (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the mixtures")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with refusals("average"):
        average(arguments)


if __name__ == "__main__":
    main()
