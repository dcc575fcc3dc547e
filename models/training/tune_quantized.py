"""Tunes integer weights and biases so that the int8 network answers as the float network does.

The float network stays as it is and is the teacher; no labels are needed. Weights and activations
are rounded in the forward pass and treated as if they were not in the backward pass (the
straight-through estimator, Bengio et al. 2013). Weights move by about a rounding step, biases take
up what rounding shifts. The ends of the activations' ranges move, too: what is cut off at them is
weighed against how coarse the steps between them are (Esser et al., "Learned step size
quantization", ICLR 2020; with both ends, Bhalgat et al., "LSQ+", CVPR workshops 2020).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Tuple

import numpy as np
import torch
from tqdm import tqdm

from .graph import Graph, Op, run_float, run_graph
from .quantize import IntegerGraph, Range, quantize, range_of, weight_step
from .windows import Augmentation, WindowSet, augmented_batch

Parameters = Dict[Tuple[str, str], Tuple[torch.Tensor, torch.Tensor]]


def round_through(x: torch.Tensor, rounded: torch.Tensor) -> torch.Tensor:
    return x + (rounded - x).detach()


class RoundedActivation(torch.autograd.Function):
    """`x` in the 256 steps of the range from `low` to `high`, in real numbers.

    The gradient of `x` stops where `x` is beyond the range. There the result moves with the end of
    the range, and inside it by the part of a step that rounding adds, which grows with the step.
    """

    @staticmethod
    def forward(context: Any, x: torch.Tensor, low: torch.Tensor, high: torch.Tensor
                ) -> torch.Tensor:
        step = (high - low) / 255.0
        zero = (-low / step).round()
        rounded = ((x / step).round() + zero).clamp_(0.0, 255.0).sub_(zero).mul_(step)
        context.save_for_backward(rounded - x, step)
        return rounded

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        error, step = context.saved_tensors
        # Rounding is off by half a step at most, and a little by the arithmetic of floats.
        above, below = error < -0.501 * step, error > 0.501 * step
        of_x = gradient.masked_fill(above | below, 0.0)
        of_step = (of_x * error).sum() / step
        of_low = (gradient * below).sum() - of_step / 255.0
        return of_x, of_low, (gradient * above).sum() + of_step / 255.0


class TunedRange:
    """A range whose ends move by a factor each: an end that is zero stays there."""

    def __init__(self, first: Range) -> None:
        self.first = first
        self.ends = torch.tensor([-first.zero * first.scale, (255 - first.zero) * first.scale])
        self.moved = torch.zeros(2, requires_grad=True)

    def rounded(self, x: torch.Tensor) -> torch.Tensor:
        low, high = self.ends * torch.exp(self.moved)
        return RoundedActivation.apply(x, low, high)

    def range(self) -> Range:
        if not self.moved.any():
            return self.first
        low, high = (self.ends * torch.exp(self.moved)).tolist()
        return range_of(low, high)


def fake_weight(weight: torch.Tensor) -> torch.Tensor:
    shape = (-1,) + (1,) * (weight.dim() - 1)
    scale = weight_step(weight.detach()).clamp(min=1e-12).reshape(shape)
    return round_through(weight, (weight / scale).round() * scale)


class Tuner:
    """Copies of a graph's weights, and ranges of its tensors, as parameters, and the network that
    rounds to them. The input's range is fixed."""

    def __init__(self, graph: Graph, ranges: Dict[str, Range]) -> None:
        self.graph, self.input = graph, TunedRange(ranges["input"])
        self.ranges = {name: TunedRange(first) for name, first in ranges.items()
                       if name != "input"}
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
        if name == "input":
            with torch.no_grad():
                return self.input.rounded(x)
        output = self.ranges.get(name)
        return x if output is None else output.rounded(x)

    def groups(self, rate: float, range_rate: float) -> List[Dict[str, Any]]:
        """For an optimizer, each with its `base` rate."""
        weights = [part for pair in self.parameters.values() for part in pair]
        ends = [output.moved for output in self.ranges.values()]
        return [{"params": weights, "base": rate}, {"params": ends, "base": range_rate}]

    def tuned_ranges(self) -> Dict[str, Range]:
        return {"input": self.input.first,
                **{name: output.range() for name, output in self.ranges.items()}}

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
         rate: float, range_rate: float, seed: int) -> IntegerGraph:
    """The integer network of `graph`, tuned; the result keeps the float weights of `graph`.

    `rate` is of the weights, `range_rate` of the logarithms of the ends of the ranges; both fall to
    zero in the course of the steps.
    """
    tuner = Tuner(graph, ranges)
    optimizer = torch.optim.Adam(tuner.groups(rate, range_rate), rate, betas=(0.9, 0.99))
    bar = tqdm(range(steps), desc="tune int8", unit="step")
    smooth = 0.0
    for step in bar:
        random = np.random.default_rng([seed, 3, step])
        indices = random.integers(len(data), size=batch)
        windows = augmented_batch(data, indices, Augmentation(pairs=0.2), random).logmel
        with torch.no_grad():
            wanted = run_float(graph, windows)
        logits = tuner.logits(windows)
        error = (torch.sigmoid(logits) - torch.sigmoid(wanted)).square().mean()
        loss = error + 2e-3 * (logits - wanted).square().mean()
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * min(1.0, (step + 1) / 20) * (1.0 - step / steps)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        smooth = 0.95 * smooth + 0.05 * float(error.detach()) if step else float(error.detach())
        bar.set_postfix(rms=f"{smooth ** 0.5:.4f}")
    integer = quantize(tuner.tuned_graph(), tuner.tuned_ranges())
    return IntegerGraph(graph, integer.ranges, integer.weights)
