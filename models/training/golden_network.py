"""Writes tiny random networks that have every kind of operation, and what they have to answer.

tiny.safetensors   a model file of format 1: 3 labels, windows of 23 columns x 18 bands
tiny_windows.f32   8 windows of log-mel, little-endian float32, [window][column][band]
tiny_float.f32     probabilities [window][label] of the float network on the float16 weights
tiny_int8.f32      probabilities [window][label] of the integer network, simulated bit for bit
steps.*            the same for a network that ends with an attention over time steps, with 2
                   labels that give way to a neighbour, and
steps_steps.f32    the integer network's probabilities of the steps, [window][step][label]

Channel counts are odd on purpose, so that vector code meets its tails; kernels, strides and
paddings differ between time and frequency, so that a swap of the two is found.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
import torch

from .calibration import Calibration, sigmoid, without_calibration
from .frontend import CONFIG
from .graph import Graph, Op, run_float
from .model_file import write_model
from .quantize import (INPUT_SCALE, INPUT_ZERO, calibrate, dequantize_input, quantize,
                       quantize_input, run_integer)

COLUMNS, BANDS, WINDOWS = 23, 18, 8
LABELS = ("low", "middle", "high")


def random_weight(random: np.random.Generator, shape: Tuple[int, ...]) -> np.ndarray:
    fan_in = int(np.prod(shape[1:]))
    return random.normal(0.0, 1.4 / np.sqrt(fan_in), shape).astype(np.float32)


def weighted(random: np.random.Generator, *shape: int) -> Tuple[np.ndarray, np.ndarray]:
    return random_weight(random, shape), random.normal(0.0, 0.3, shape[0]).astype(np.float32)


def tiny_graph(random: np.random.Generator) -> Graph:
    """conv, depthwise, pointwise, squeeze-excite, residual, mean, linear; all three activations."""

    def conv(name: str, inputs: int, outputs: int, kernel: List[int], stride: List[int],
             padding: List[int], activation: str) -> Op:
        fields = {"in": inputs, "out": outputs, "kernel": kernel, "stride": stride,
                  "padding": padding, "activation": activation}
        return Op("conv", name, fields, {"": weighted(random, outputs, *kernel, inputs)})

    def depthwise(name: str, channels: int, kernel: List[int], stride: List[int],
                  padding: List[int], activation: str) -> Op:
        fields = {"channels": channels, "kernel": kernel, "stride": stride, "padding": padding,
                  "activation": activation}
        return Op("depthwise", name, fields, {"": weighted(random, channels, *kernel)})

    def dense(kind: str, name: str, inputs: int, outputs: int, activation: str,
              residual: str = "") -> Op:
        fields = {"in": inputs, "out": outputs, "activation": activation}
        return Op(kind, name, fields, {"": weighted(random, outputs, inputs)}, residual or None)

    def squeeze_excite(name: str, channels: int, squeezed: int) -> Op:
        weights: Dict[str, Tuple[np.ndarray, np.ndarray]] = {
            "reduce": weighted(random, squeezed, channels),
            "expand": weighted(random, channels, squeezed)}
        return Op("squeeze_excite", name, {"channels": channels, "squeezed": squeezed}, weights)

    return Graph([
        conv("stem", 1, 7, [3, 5], [2, 1], [1, 2], "hardswish"),
        depthwise("a.depthwise", 7, [3, 3], [1, 1], [1, 1], "relu"),
        dense("pointwise", "a.project", 7, 7, "none", "stem"),
        dense("pointwise", "b.expand", 7, 37, "hardswish"),
        depthwise("b.depthwise", 37, [5, 3], [1, 2], [2, 0], "hardswish"),
        squeeze_excite("b.squeeze_excite", 37, 9),
        dense("pointwise", "b.project", 37, 19, "none"),
        dense("pointwise", "c.expand", 19, 45, "relu"),
        depthwise("c.depthwise", 45, [5, 5], [1, 1], [2, 2], "relu"),
        squeeze_excite("c.squeeze_excite", 45, 11),
        dense("pointwise", "c.project", 45, 19, "none", "b.project"),
        conv("d.conv", 19, 13, [1, 3], [2, 2], [0, 1], "none"),
        Op("mean", "mean", {"channels": 13}),
        dense("linear", "hidden", 13, 21, "hardswish"),
        dense("linear", "head", 21, len(LABELS), "none"),
    ])


def steps_graph(random: np.random.Generator) -> Graph:
    """A conv that leaves 6 time steps of 3 bands, and the head with time steps and attention."""
    stem = {"in": 1, "out": 11, "kernel": [5, 7], "stride": [2, 2], "padding": [1, 0],
            "activation": "hardswish"}
    down = {"channels": 11, "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1],
            "activation": "relu"}
    hidden = {"in": 11, "out": 21, "activation": "hardswish"}
    parts = {part: weighted(random, len(LABELS), 21) for part in ("score", "attention")}
    return Graph([
        Op("conv", "stem", stem, {"": weighted(random, 11, 5, 7, 1)}),
        Op("depthwise", "down", down, {"": weighted(random, 11, 3, 3)}),
        Op("time_steps", "steps", {"channels": 11}),
        Op("pointwise", "hidden", hidden, {"": weighted(random, 21, 11)}),
        Op("attention", "head", {"in": 21, "out": len(LABELS)}, parts,
           gate=np.array([0.0, 0.3, 1.0], np.float32)),
    ])


def random_windows(random: np.random.Generator, count: int) -> np.ndarray:
    """Windows that use the whole range of the input, on and off the grid of its integers."""
    smooth = random.normal(0.0, 1.0, (count, COLUMNS, BANDS)).cumsum(axis=1) * 0.4
    values = smooth + random.normal(0.5, 0.7, (count, 1, 1))
    low, high = (0 - INPUT_ZERO) * INPUT_SCALE, (255 - INPUT_ZERO) * INPUT_SCALE
    values = np.clip(values, low - 0.2, high + 0.2)
    values[0] = dequantize_input(quantize_input(values[0]))
    return values.astype(np.float32)


def write(folder: Path, name: str, graph: Graph, ranges_from: torch.Tensor,
          windows: np.ndarray, calibration: Calibration) -> None:
    """NAME.safetensors and what it has to answer to the windows. What is no label of `calibration`
    is a neighbour."""
    labels = len(calibration.scale)
    network = quantize(graph, calibrate(graph, ranges_from, 100.0))
    steps: List[torch.Tensor] = []

    def probabilities(logits: torch.Tensor) -> np.ndarray:
        rows = logits.double().numpy().reshape(-1, len(LABELS))
        return sigmoid(calibration.logits(rows))

    with torch.no_grad():
        expected = probabilities(run_float(graph.rounded_to_half(), torch.from_numpy(windows)))
        integers = torch.from_numpy(quantize_input(windows))
        simulated = probabilities(run_integer(network, integers, steps))
    write_model(folder / f"{name}.safetensors", network, name, LABELS[:labels],
                thresholds=[0.5, 0.4, 0.6][:labels], calibration=calibration.as_metadata(),
                training={"purpose": "a test fixture, random weights"},
                frontend=replace(CONFIG, mel_bands=BANDS, columns=COLUMNS),
                neighbours=LABELS[labels:])
    answers = {"float": expected, "int8": simulated}
    if steps:
        answers["steps"] = probabilities(steps[0])
    for kind, values in answers.items():
        values.astype("<f4").tofile(folder / f"{name}_{kind}.f32")
    difference = np.abs(expected - simulated)
    print(f"{name}: probabilities {float(expected.min()):.3f} to {float(expected.max()):.3f}; "
          f"int8 differs by {float(difference.mean()):.4f} on average, "
          f"{float(difference.max()):.4f} at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder to write into")
    parser.add_argument("--seed", type=int, default=1, help="of weights and windows")
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    graph = tiny_graph(random)
    ranges_from = torch.from_numpy(random_windows(random, 64))
    windows = random_windows(random, WINDOWS)
    arguments.output.mkdir(parents=True, exist_ok=True)
    windows.astype("<f4").tofile(arguments.output / "tiny_windows.f32")
    write(arguments.output, "tiny", graph, ranges_from, windows, without_calibration(len(LABELS)))
    write(arguments.output, "steps", steps_graph(random), ranges_from, windows,
          Calibration(np.array([1.0, 0.8]), np.array([0.1, -0.2]), rivalry=0.3, deference=2.0))


if __name__ == "__main__":
    main()
