"""Folds, quantizes, tunes and writes a model file; chooses its thresholds; measures it.

The float weights of the file are the trained ones with batch norm folded in; the integer weights
are tuned until the int8 network answers like the float one. Thresholds are chosen with the int8
network on clips of `eval` and `eval_real` and mixtures of them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Dict, List

import numpy as np
import torch

from .evaluate import COLUMNS, file_predictors, measure, probabilities
from .evaluation_sets import available, load
from .frontend import CONFIG
from .graph import fold
from .labels import LABELS
from .metrics import table
from .model_file import multiply_adds, write_model
from .network import Network, load_network, start_network
from .quantize import (IntegerGraph, calibrate, dequantize_input, quantize, quantize_input,
                       run_integer)
from .thresholds import choose
from .tune_quantized import tune
from .windows import WindowSet

START = ("MobileNetV3 mn04_as by Schmid, Koutini, Widmer (ICASSP 2023), MIT licence, "
         "trained on AudioSet (CC BY 4.0)")
SOURCES = {
    "Philharmonia Orchestra sound samples": "CC BY-SA 3.0",
    "Karoryfer Weresax; Black And Green Guitars": "CC0",
    "Salamander Grand Piano, Alexander Holm": "CC BY 3.0",
    "tonejs-instruments": "CC BY 3.0",
    "vocobox human voice dataset": "MIT",
    "Berklee College of Music sample archive": "CC BY 3.0",
    "Sonic Pi sample set": "CC0",
    "Discord SFZ GM Bank": "CC0 or CC BY",
    "Versilian Community Sample Library": "CC0",
    "music of Open Surge (distillation only)": "CC BY-SA or CC BY",
    "Freesound clips of FSDKaggle2018": "CC0 or CC BY",
    "soundfont FluidR3 GM, Frank Wen": "MIT",
    "soundfont TimGM6mb, Tim Brechbill": "GPL-2",
    "soundfont of csound (sf_GMbank)": "public domain",
}


def threshold_scores(network: IntegerGraph, work: Path, seed: int) -> List[np.ndarray]:
    """Clip means of the int8 network, and targets, on the sets that thresholds are chosen on."""
    scores, targets = [], []
    for name in ("single-eval", "single-real", "mix2", "mix3"):
        data = load(work, name, seed)
        windows = probabilities(
            lambda x: run_integer(network, torch.from_numpy(quantize_input(x.numpy()))),
            data.logmel, name)
        scores.append(data.clip_means(windows))
        targets.append(data.target)
    return [np.concatenate(scores), np.concatenate(targets)]


def rounded(results: Dict[str, Dict[str, float]]) -> dict:
    return {name: {key: round(row[key], 3) for key in COLUMNS if not np.isnan(row[key])}
            for name, row in results.items()}


def source_network(arguments: argparse.Namespace) -> Network:
    if arguments.network is not None:
        return load_network(arguments.network)
    return start_network(arguments.teacher / "mn04_as_mAP_432.pt",
                         arguments.teacher / "audioset_labels.csv")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="the model file to write")
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--network", type=Path, help="a .pt file of train or average")
    group.add_argument("--teacher", type=Path, help="export the untrained start from this folder")
    parser.add_argument("--name", default="tutti-20")
    parser.add_argument("--calibration-windows", type=int, default=384)
    parser.add_argument("--percentile", type=float, default=99.999,
                        help="of the values in calibration that the ranges hold")
    parser.add_argument("--tune-steps", type=int, default=300, help="0: no tuning")
    parser.add_argument("--tune-batch", type=int, default=24)
    parser.add_argument("--tune-rate", type=float, default=2e-4)
    parser.add_argument("--note", default="", help="a sentence for the metadata")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    graph = fold(source_network(arguments), len(LABELS))
    data = WindowSet(arguments.work / "windows")
    random = np.random.default_rng([arguments.seed, 4])
    chosen = random.integers(len(data), size=arguments.calibration_windows)
    windows = torch.from_numpy(dequantize_input(data.gather(chosen)[0]))
    ranges = calibrate(graph, windows, arguments.percentile)
    if arguments.tune_steps:
        network = tune(graph, ranges, data, arguments.tune_steps, arguments.tune_batch,
                       arguments.tune_rate, arguments.seed)
    else:
        network = quantize(graph, ranges)
    common, thresholds = choose(*threshold_scores(network, arguments.work, arguments.seed))
    training = {
        "start": START, "licence": "distributed with Tutti; attribution to the sources below",
        "sources": SOURCES, "note": arguments.note,
        "multiply_adds": multiply_adds(graph.ops, CONFIG.columns, CONFIG.mel_bands),
        "thresholds": "F (beta 0.7) on eval, eval_real and mixtures, shrunk toward the common "
                      f"{common:.2f}"}
    write_model(arguments.output, network, arguments.name, LABELS, thresholds, training)
    sets = {name: load(arguments.work, name, arguments.seed)
            for name in available(arguments.work)}
    results = measure(file_predictors(arguments.output), sets, np.array(thresholds))
    training["measured"] = {"int8": rounded(results["int8"]), "float": rounded(results["float"]),
                            "int8_against_float": results["agreement"]}
    write_model(arguments.output, network, arguments.name, LABELS, thresholds, training)
    for precision in ("float", "int8"):
        print(f"\n{precision}\n{table(results[precision], COLUMNS)}")
    print(json.dumps(results["agreement"], indent=1))


if __name__ == "__main__":
    main()
