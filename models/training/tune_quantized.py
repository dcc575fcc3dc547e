"""Tunes integer weights and biases so that the int8 network answers as the float network does.

The float network stays as it is and is the teacher; no labels are needed. Weights and activations
are rounded in the forward pass and treated as if they were not in the backward pass (the
straight-through estimator, Bengio et al. 2013). Weights move by about a rounding step, biases take
up what rounding shifts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Tuple

import numpy as np
import torch
from tqdm import tqdm

from .graph import Graph, Op, run_float, run_graph
from .quantize import IntegerGraph, Range, quantize, weight_step
from .windows import WindowSet, augmented_batch

Parameters = Dict[Tuple[str, str], Tuple[torch.Tensor, torch.Tensor]]


def round_through(x: torch.Tensor, rounded: torch.Tensor) -> torch.Tensor:
    return x + (rounded - x).detach()


def fake_activation(x: torch.Tensor, output: Range) -> torch.Tensor:
    low, high = -output.zero * output.scale, (255 - output.zero) * output.scale
    x = x.clamp(low, high)
    return round_through(x, (x / output.scale).round() * output.scale)


def fake_weight(weight: torch.Tensor) -> torch.Tensor:
    shape = (-1,) + (1,) * (weight.dim() - 1)
    scale = weight_step(weight.detach()).clamp(min=1e-12).reshape(shape)
    return round_through(weight, (weight / scale).round() * scale)


class Tuner:
    """Copies of a graph's weights as parameters, and the network that rounds them."""

    def __init__(self, graph: Graph, ranges: Dict[str, Range]) -> None:
        self.graph, self.ranges = graph, ranges
        self.parameters: Parameters = {}
        for op in graph.ops:
            for part, (weight, bias) in op.weights.items():
                self.parameters[op.name, part] = (
                    torch.from_numpy(weight.copy()).requires_grad_(),
                    torch.from_numpy(bias.copy()).requires_grad_())

    def weight_of(self, op: Op, part: str) -> Tuple[torch.Tensor, torch.Tensor]:
        weight, bias = self.parameters[op.name, part]
        return fake_weight(weight), bias

    def on_tensor(self, name: str, x: torch.Tensor) -> torch.Tensor:
        output = self.ranges.get(name)
        return x if output is None else fake_activation(x, output)

    def logits(self, windows: torch.Tensor) -> torch.Tensor:
        return run_graph(self.graph, windows, self.weight_of, self.on_tensor)

    def tuned_graph(self) -> Graph:
        ops = []
        for op in self.graph.ops:
            weights = {}
            for part in op.weights:
                weight, bias = self.parameters[op.name, part]
                weights[part] = (weight.detach().numpy().copy(), bias.detach().numpy().copy())
            ops.append(replace(op, weights=weights))
        return Graph(ops)


def tune(graph: Graph, ranges: Dict[str, Range], data: WindowSet, steps: int, batch: int,
         rate: float, seed: int) -> IntegerGraph:
    """The integer network of `graph`, tuned; the result keeps the float weights of `graph`."""
    tuner = Tuner(graph, ranges)
    parameters = [p for pair in tuner.parameters.values() for p in pair]
    optimizer = torch.optim.Adam(parameters, rate, betas=(0.9, 0.99))
    bar = tqdm(range(steps), desc="tune int8", unit="step")
    smooth = 0.0
    for step in bar:
        random = np.random.default_rng([seed, 3, step])
        indices = random.integers(len(data), size=batch)
        windows = augmented_batch(data, indices, 0.2, 0.0, random).logmel
        with torch.no_grad():
            wanted = run_float(graph, windows)
        logits = tuner.logits(windows)
        error = (torch.sigmoid(logits) - torch.sigmoid(wanted)).square().mean()
        loss = error + 2e-3 * (logits - wanted).square().mean()
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 20) * (1.0 - step / steps)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        smooth = 0.95 * smooth + 0.05 * float(error.detach()) if step else float(error.detach())
        bar.set_postfix(rms=f"{smooth ** 0.5:.4f}")
    integer = quantize(tuner.tuned_graph(), ranges)
    return IntegerGraph(graph, integer.ranges, integer.weights)
