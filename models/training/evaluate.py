"""Measures a model on real clips, mixtures of them, and a held-out soundfont.

MODEL is a model file (.safetensors; with --precision int8, float or both) or the .pt file of a run.
Figures are over clips: a clip's probability is the mean over its windows, one second apart.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Callable, Dict, List, Optional

import numpy as np
import torch
from tqdm import tqdm

from .evaluation_sets import EvaluationSet, available, load
from .graph import run_float
from .labels import LABELS
from .metrics import average_precision, summary, table
from .model_file import read_model
from .network import Network, as_input, load_network
from .quantize import quantize_input, run_integer

Predictor = Callable[[torch.Tensor], torch.Tensor]  # log-mel windows to logits
COLUMNS = ("clips", "top1", "map", "f1_best", "f1", "raised")


def probabilities(predict: Predictor, logmel: np.ndarray, name: str = "", batch: int = 16
                  ) -> np.ndarray:
    parts = []
    with torch.no_grad():
        for begin in tqdm(range(0, len(logmel), batch), desc=name, unit="batch", leave=False):
            windows = torch.from_numpy(logmel[begin:begin + batch])
            parts.append(torch.sigmoid(predict(windows)).numpy())
    return np.concatenate(parts)


def network_predictor(network: Network) -> Predictor:
    network = network.to(memory_format=torch.channels_last)
    return lambda windows: network(as_input(windows))[:, :len(LABELS)]


def file_predictors(path: Path) -> Dict[str, Predictor]:
    model = read_model(path)
    return {"float": lambda windows: run_float(model.network.graph, windows),
            "int8": lambda windows: run_integer(
                model.network, torch.from_numpy(quantize_input(windows.numpy())))}


def agreement(precise: np.ndarray, integer: np.ndarray) -> Dict[str, float]:
    """How far int8 probabilities are from those of the float network."""
    difference = np.abs(precise - integer)
    return {"mean": float(difference.mean()), "p99": float(np.percentile(difference, 99)),
            "within_0.08": float((difference <= 0.08).mean()), "max": float(difference.max())}


def per_label(scores: np.ndarray, target: np.ndarray) -> Dict[str, float]:
    return {label: average_precision(scores[:, j], target[:, j])
            for j, label in enumerate(LABELS) if target[:, j].any()}


def measure(predictors: Dict[str, Predictor], sets: Dict[str, EvaluationSet],
            thresholds: np.ndarray) -> dict:
    """Figures per precision and set, and how well the precisions agree."""
    results: dict = {precision: {} for precision in predictors}
    results["agreement"] = {}
    for name, data in sets.items():
        windows = {}
        for precision, predict in predictors.items():
            windows[precision] = probabilities(predict, data.logmel, f"{name} {precision}")
            scores = data.clip_means(windows[precision])
            results[precision][name] = summary(scores, data.target, thresholds)
            results[precision][name]["ap"] = per_label(scores, data.target)
        if len(predictors) == 2:
            results["agreement"][name] = agreement(windows["float"], windows["int8"])
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--precision", choices=("float", "int8", "both"), default="both")
    parser.add_argument("--sets", nargs="+", help="which sets (default: all there are)")
    parser.add_argument("--output", type=Path, help="write all figures as JSON")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1, help="of the mixtures")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    thresholds: Optional[np.ndarray] = None
    if arguments.model.suffix == ".safetensors":
        predictors = file_predictors(arguments.model)
        thresholds = read_model(arguments.model).thresholds
        if arguments.precision != "both":
            predictors = {arguments.precision: predictors[arguments.precision]}
    else:
        predictors = {"float": network_predictor(load_network(arguments.model))}
    names: List[str] = arguments.sets or available(arguments.work)
    sets = {name: load(arguments.work, name, arguments.seed) for name in names}
    results = measure(predictors, sets, np.full(len(LABELS), 0.5) if thresholds is None
                      else thresholds)
    for precision in predictors:
        print(f"\n{precision}\n{table(results[precision], COLUMNS)}")
    for name, figures in results["agreement"].items():
        print(f"int8 against float, {name}: "
              + ", ".join(f"{key} {value:.4f}" for key, value in figures.items()))
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
