"""Measures a model: on Tutti's own evaluation sets, or on a data set of others.

MODEL is a model file (.safetensors; with --precision int8, float or both) or the .pt file of a run,
which has no calibration yet and does not give way to neighbours.
Figures are over clips: a clip's probability is the mean over its windows, one second apart.

With --work: real clips, mixtures of them, and a held-out soundfont (see evaluation_sets.py).
With --dataset NAME PATH: irmas, openmic, nsynth, medley-solos, or csv (a table of your own), in
the data set's own classes; how they are read as Tutti's labels, and the protocol, is printed.
top1: the most probable class is one that is there; map: mean average precision over the classes;
lrap: label ranking average precision over clips; f1, f1_micro: macro and micro F1 at the model's
thresholds; hamming: share of right decisions; ece: expected calibration error in ten bins.
"""

from __future__ import annotations

import argparse
import inspect
import json
import math
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np
import torch
from tqdm import tqdm

from . import datasets_measure
from .calibration import Calibration, Predictor, integer_predictor, of_file
from .datasets import mapping_table
from .datasets_layouts import LAYOUTS, load_clips_of
from .evaluation_sets import EvaluationSet, available, load
from .graph import run_float
from .labels import LABELS
from .metrics import average_precision, summary, table
from .model_file import read_model, read_own_model
from .network import Network, as_input, load_network
from .refusals import Refused, reading, refusals

Figures = Dict[str, Dict[str, Dict[str, Any]]]  # by precision (or "agreement") and set
COLUMNS = ("clips", "top1", "map", "f1_best", "f1", "f1_micro", "hamming", "ece", "raised")


def probabilities(predict: Predictor, logmel: np.ndarray, name: str = "", batch: int = 16
                  ) -> np.ndarray:
    parts = []
    with torch.no_grad():
        for begin in tqdm(range(0, len(logmel), batch), desc=name, unit="batch", leave=False,
                          disable=not name):
            windows = torch.from_numpy(logmel[begin:begin + batch])
            parts.append(torch.sigmoid(predict(windows)).numpy())
    return np.concatenate(parts)


def network_predictor(network: Network) -> Predictor:
    """The labels' logits, which no calibration has made honest and no neighbour has lowered."""
    network = network.to(memory_format=torch.channels_last)
    return lambda windows: network(as_input(windows))[:, :len(LABELS)]


def calibrated(predict: Predictor, calibration: Calibration) -> Predictor:
    """With the file's calibration: its probability is the sigmoid of what this gives."""
    return lambda windows: torch.from_numpy(
        calibration.logits(predict(windows).double().numpy())).float()


def file_predictors(path: Path) -> Dict[str, Predictor]:
    """What the file's networks say of windows, calibrated, by precision."""
    model = read_model(path)
    calibration = of_file(model.metadata["tutti.calibration"])
    return {"float": calibrated(lambda windows: run_float(model.network.graph, windows),
                                calibration),
            "int8": calibrated(integer_predictor(model.network), calibration)}


def agreement(precise: np.ndarray, integer: np.ndarray) -> Dict[str, float]:
    """How far int8 probabilities are from those of the float network."""
    difference = np.abs(precise - integer)
    return {"mean": float(difference.mean()), "p99": float(np.percentile(difference, 99)),
            "within_0.08": float((difference <= 0.08).mean()), "max": float(difference.max())}


def per_label(scores: np.ndarray, target: np.ndarray) -> Dict[str, float]:
    return {label: average_precision(scores[:, j], target[:, j])
            for j, label in enumerate(LABELS) if target[:, j].any()}


def measure(predictors: Dict[str, Predictor], sets: Dict[str, EvaluationSet],
            thresholds: np.ndarray) -> Figures:
    """Figures per precision and set, and how well the precisions agree."""
    results: Figures = {precision: {} for precision in predictors}
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


def load_model(path: Path, precision: str) -> Tuple[Dict[str, Predictor], np.ndarray]:
    """The predictors of a model file or of a run, and the thresholds."""
    if path.suffix != ".safetensors":
        if precision == "int8":
            raise Refused(f"{path}: only a model file has an int8 network; run training.export")
        with reading(path):
            network = load_network(path)
        return ({"float": network_predictor(network)}, np.full(len(LABELS), 0.5))
    model = read_own_model(path)
    predictors = file_predictors(path)
    if precision != "both":
        predictors = {precision: predictors[precision]}
    return predictors, model.thresholds


def write_json(path: Path, results: Mapping[str, object]) -> None:
    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return None if isinstance(value, float) and math.isnan(value) else value

    path.write_text(json.dumps(plain(results), indent=1) + "\n")


def evaluate_sets(predictors: Dict[str, Predictor], thresholds: np.ndarray,
                  arguments: argparse.Namespace) -> Figures:
    names: List[str] = arguments.sets or available(arguments.work)
    sets = {name: load(arguments.work, name, arguments.seed) for name in names}
    results = measure(predictors, sets, thresholds)
    for precision in predictors:
        print(f"\n{precision}\n{table(results[precision], COLUMNS)}")
    for name, figures in results["agreement"].items():
        print(f"int8 against float, {name}: "
              + ", ".join(f"{key} {value:.4f}" for key, value in figures.items()))
    return results


def evaluate_dataset(predictors: Dict[str, Predictor], thresholds: np.ndarray,
                     arguments: argparse.Namespace) -> Dict[str, object]:
    name, path = arguments.dataset[0], Path(arguments.dataset[1])
    split = arguments.split or (LAYOUTS[name].splits[0] if name in LAYOUTS else "")
    clips = datasets_measure.some_of(load_clips_of(name, path, split), arguments.clips,
                                     arguments.seed)
    layout = LAYOUTS[name]
    protocol = " ".join((inspect.getdoc(layout.load) or "").split())
    print(f"{protocol}\n\n{mapping_table(layout.meanings)}")
    scorers = {precision: (lambda windows, predict=predict: probabilities(predict, windows))
               for precision, predict in predictors.items()}
    measured = datasets_measure.probabilities_of(clips, scorers, arguments.leave_out_broken)
    results: Dict[str, object] = {
        "dataset": name, "path": str(path), "split": split, "protocol": protocol,
        "mapping": {key: meaning._asdict() for key, meaning in layout.meanings.items()},
        "left_out": measured.left_out}
    for precision in predictors:
        figures = datasets_measure.figures(layout.meanings, measured.clips,
                                           measured.probabilities[precision], thresholds)
        results[precision] = figures
        print(f"\n{precision}\n"
              + table({f"{name}, {split}": figures["all"]}, datasets_measure.COLUMNS)
              + "\n\n" + table(figures["classes"], datasets_measure.CLASS_COLUMNS))
    for sentence in measured.left_out:
        print(f"left out: {sentence}")
    return results


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a model file, or the .pt file of a run")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--work", type=Path, help="folder for intermediate results")
    what.add_argument("--dataset", nargs=2, metavar=("NAME", "PATH"),
                      help=f"a data set of others: {', '.join(LAYOUTS)}")
    parser.add_argument("--precision", choices=("float", "int8", "both"), default="both",
                        help="of a model file, which network (default: %(default)s)")
    parser.add_argument("--sets", nargs="+", help="which sets (default: all there are)")
    parser.add_argument("--split", help="of the data set (default: its test split)")
    parser.add_argument("--clips", type=int, default=0,
                        help="of the data set, measure so many chosen at random (default: all)")
    parser.add_argument("--leave-out-broken", action="store_true",
                        help="of the data set, leave out what has no sound file that can be read")
    parser.add_argument("--output", type=Path, help="write all figures as JSON")
    parser.add_argument("--threads", type=int, default=1,
                        help="how many to compute with (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the mixtures, and of --clips")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    with refusals("evaluate"):
        predictors, thresholds = load_model(arguments.model, arguments.precision)
        run = evaluate_dataset if arguments.dataset else evaluate_sets
        results = run(predictors, thresholds, arguments)
        if arguments.output is not None:
            write_json(arguments.output, results)


if __name__ == "__main__":
    main()
