"""int8 quantization after training, and the integer network of models/FORMAT.md bit for bit.

Weights get one scale per output channel, activations one scale and zero per tensor, taken from the
range that calibration windows reach in the float network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, List, Optional, Tuple

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from .graph import Graph, Op, convolve, pool_steps, run_float

# Covers what the front end can give: (ln 1e-5 + 4.5) / 5 = -1.403 up to full scale.
INPUT_SCALE = 0.018
INPUT_ZERO = 78

# What two neighbours may have of one sign ("Pairs" in models/FORMAT.md): weights that keep it are
# multiplied faster. It costs less than one bit of the weights' eight.
PAIR_LIMIT = 128

# A reader refuses what could exceed its scale so many times.
STEPS_MAX = 2.0 ** 30


@dataclass(frozen=True)
class Range:
    """real = scale * (q - zero), q in 0..255."""

    scale: float
    zero: int

    def as_metadata(self) -> Dict[str, float]:
        return {"scale": self.scale, "zero": self.zero}


@dataclass
class IntegerWeights:
    """The tensors of one weight: `weight` int8, `scale` float32, `bias` int32 per channel."""

    weight: np.ndarray
    scale: np.ndarray
    bias: np.ndarray


@dataclass
class IntegerGraph:
    """A graph with the ranges of its tensors and its integer weights ("NAME" or "NAME.reduce")."""

    graph: Graph
    ranges: Dict[str, Range]
    weights: Dict[str, IntegerWeights]


def range_of(low: float, high: float) -> Range:
    """The range that holds low…high and zero exactly."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32(max(high - low, 1e-6) / 255.0))
    return Range(scale, int(np.clip(round(-low / scale), 0, 255)))


class RangeObserver:
    """Range, and in a second pass histogram, of every tensor that is quantized."""

    BINS = 4096

    def __init__(self) -> None:
        self.low: Dict[str, float] = {}
        self.high: Dict[str, float] = {}
        self.counts: Dict[str, np.ndarray] = {}
        self.counting = False

    def __call__(self, name: str, x: torch.Tensor) -> torch.Tensor:
        if self.counting:
            counts = torch.histc(x, self.BINS, self.low[name], self.high[name]).numpy()
            self.counts[name] = self.counts.get(name, 0.0) + counts.astype(np.float64)
        else:
            self.low[name] = min(self.low.get(name, np.inf), float(x.min()))
            self.high[name] = max(self.high.get(name, -np.inf), float(x.max()))
        return x

    def range(self, name: str, percentile: float) -> Range:
        low, high = self.low[name], self.high[name]
        if percentile < 100.0 and high > low:
            share = np.cumsum(self.counts[name]) / self.counts[name].sum()
            edges = np.linspace(low, high, self.BINS + 1)
            tail = (100.0 - percentile) / 100.0
            high = float(edges[min(np.searchsorted(share, 1.0 - tail) + 1, self.BINS)])
            low = float(edges[np.searchsorted(share, tail)])
        return range_of(low, high)


def calibrate(graph: Graph, windows: torch.Tensor, percentile: float,
              batch: int = 16) -> Dict[str, Range]:
    """Ranges of all quantized tensors over log-mel windows (n, columns, bands)."""
    observer = RangeObserver()
    with torch.no_grad():
        for counting in ((False, True) if percentile < 100.0 else (False,)):
            observer.counting = counting
            for part in tqdm(windows.split(batch), desc="calibration", unit="batch"):
                run_float(graph, part, observer)
    ranges = {name: observer.range(name, percentile) for name in observer.low}
    ranges["input"] = Range(INPUT_SCALE, INPUT_ZERO)
    ranges.pop(graph.ops[-1].name, None)  # the logits stay real
    return ranges


def keeps_limit(weight: torch.Tensor) -> bool:
    """All but the windows of a depthwise op, which nobody multiplies in pairs of bytes."""
    return weight.dim() != 3


def in_pairs(weight: torch.Tensor) -> torch.Tensor:
    """(out, lines, pairs, 2): neighbours in the order of the file, in every line of a kernel."""
    lines = weight.flatten(2) if weight.dim() > 2 else weight.unsqueeze(1)
    return nn.functional.pad(lines, (0, lines.shape[2] % 2)).unflatten(2, (-1, 2))


def weight_step(weight: torch.Tensor) -> torch.Tensor:
    """What 1 stands for among the integers of each output (out,): as little as 127 and PAIR_LIMIT
    allow."""
    step = weight.abs().flatten(1).amax(dim=1) / 127.0
    if not keeps_limit(weight):
        return step
    pairs = in_pairs(weight)
    sums = torch.maximum(pairs.clamp(min=0.0).sum(3), (-pairs).clamp(min=0.0).sum(3))
    return torch.maximum(step, sums.flatten(1).amax(dim=1) / PAIR_LIMIT)


def limit_pairs(integers: torch.Tensor) -> torch.Tensor:
    """Takes away what rounding put above PAIR_LIMIT, from the larger of the two: where both were
    halves, or the scale's own rounding made them so."""
    if not keeps_limit(integers):
        return integers
    pairs = in_pairs(integers)
    for sign in (1, -1):
        part = (sign * pairs).clamp(min=0)
        excess = (part.sum(3) - PAIR_LIMIT).clamp(min=0)
        larger = nn.functional.one_hot(part.argmax(dim=3), 2)
        pairs = pairs - sign * excess.unsqueeze(3) * larger
    lines = pairs.flatten(2)
    return lines[:, :, :integers[0].numel() // lines.shape[1]].reshape(integers.shape)


def quantize_weight(weight: np.ndarray, bias: np.ndarray, input_range: Range) -> IntegerWeights:
    step = weight_step(torch.from_numpy(weight).double()).numpy()
    # The sum of products and the bias share 32 bits. A channel whose weights all but vanished
    # would get a scale so small that its bias overflows; it gets a larger one instead.
    room = np.iinfo(np.int32).max - weight[0].size * 255 * 127
    floor = np.abs(bias.astype(np.float64)) / (input_range.scale * 0.99 * room)
    scale = np.maximum(np.maximum(step, floor), 1e-12).astype(np.float32)
    shape = (-1,) + (1,) * (weight.ndim - 1)
    integers = np.clip(np.rint(weight / scale.reshape(shape)), -127, 127).astype(np.int64)
    unit = (np.float32(input_range.scale) * scale).astype(np.float64)
    return IntegerWeights(limit_pairs(torch.from_numpy(integers)).numpy().astype(np.int8), scale,
                          np.rint(bias / unit).astype(np.int32))


def furthest(source: Range, weights: IntegerWeights) -> float:
    """The furthest that an output can get from zero, whatever the input."""
    products = np.abs(weights.weight.reshape(len(weights.scale), -1).astype(np.float64)).sum(axis=1)
    sums = np.abs(weights.bias.astype(np.float64)) + products * max(source.zero, 255 - source.zero)
    return float((sums * weights.scale).max() * source.scale)


def with_room(output: Range, largest: float) -> Range:
    """A scale as coarse as it has to be for values up to `largest`, where all that calibration saw
    was next to nothing."""
    return replace(output, scale=float(np.float32(max(output.scale, largest / (STEPS_MAX / 2)))))


def quantize(graph: Graph, ranges: Dict[str, Range]) -> IntegerGraph:
    weights: Dict[str, IntegerWeights] = {}
    ranges = dict(ranges)
    previous = ranges["input"]
    for op in graph.ops:
        largest = 0.0
        if op.kind == "squeeze_excite":
            hidden = op.name + ".hidden"
            pooled = ranges[op.name + ".pooled"]
            weights[op.name + ".reduce"] = quantize_weight(*op.weights["reduce"], pooled)
            ranges[hidden] = with_room(ranges[hidden],
                                       furthest(pooled, weights[op.name + ".reduce"]))
            weights[op.name + ".expand"] = quantize_weight(*op.weights["expand"], ranges[hidden])
            largest = 255 * previous.scale
        elif op.kind == "attention":
            for part in ("score", "attention"):
                weights[f"{op.name}.{part}"] = quantize_weight(*op.weights[part], previous)
        elif op.weights:
            weights[op.name] = quantize_weight(*op.weights[""], previous)
            largest = furthest(previous, weights[op.name])
            if op.residual is not None:
                largest += 255 * ranges[op.residual].scale
        if op.name in ranges:
            ranges[op.name] = with_room(ranges[op.name], largest)
        previous = ranges.get(op.name, previous)
    return IntegerGraph(graph, ranges, weights)


def to_integers(real: torch.Tensor, output: Range) -> torch.Tensor:
    """q = clamp(round-half-even(real · (1/scale)) + zero), as a float tensor of integers."""
    return steps_to_integers(real * inverse_of(output), output)


def accumulate(x: torch.Tensor, op: Op, weights: IntegerWeights) -> torch.Tensor:
    """(float)acc of a convolution; x holds q - zero.

    The sums stay below 2^24 (at most 512 products of 255 · 127), so float32 holds them exactly in
    whatever order they are added.
    """
    products = weights.weight[0].size
    if products * 255 * 127 >= 1 << 24:
        raise ValueError(f"{op.name}: {products} products do not fit float32 exactly")
    sums = convolve(x, op, torch.from_numpy(weights.weight).float())
    return (sums.int() + torch.from_numpy(weights.bias)[:, None, None]).float()


def inverse_of(output: Range) -> torch.Tensor:
    return torch.tensor(np.float32(1.0) / np.float32(output.scale))


def unit_of(source: Range, weights: IntegerWeights) -> torch.Tensor:
    unit = torch.from_numpy(np.float32(source.scale) * weights.scale)
    return unit[:, None, None]


def in_steps(sums: torch.Tensor, unit: torch.Tensor, activation: str, output: Range
             ) -> torch.Tensor:
    """What accumulators are after the activation, in steps of the output, in float."""
    inverse = inverse_of(output)
    if activation == "hardswish":
        x = sums * unit
        sixth = torch.tensor(np.float32(1.0) / np.float32(6.0)) * inverse
        return x * ((x + 3.0).clamp(0.0, 6.0) * sixth)
    steps = sums * (unit * inverse)
    return steps.clamp(min=0.0) if activation == "relu" else steps


def steps_to_integers(steps: torch.Tensor, output: Range) -> torch.Tensor:
    """q = clamp(round-half-even(steps) + zero), as a float tensor of integers."""
    return (steps.round() + output.zero).clamp(0, 255)


def mean_integers(x: torch.Tensor, source: Range, output: Range,
                  over: Tuple[int, ...] = (2, 3)) -> torch.Tensor:
    """The mean over time and frequency (or frequency alone) of x = q - zero, requantized."""
    positions = int(np.prod([x.shape[axis] for axis in over]))
    sums = x.int().sum(dim=over, keepdim=True).float()
    unit = torch.tensor(np.float32(source.scale) / np.float32(positions))
    return to_integers(sums * unit, output)


def squeeze_excite(x: torch.Tensor, op: Op, source: Range, network: IntegerGraph) -> torch.Tensor:
    ranges = network.ranges
    pooled_range, hidden_range = ranges[op.name + ".pooled"], ranges[op.name + ".hidden"]
    pooled = mean_integers(x, source, pooled_range) - pooled_range.zero
    linear = Op("linear", op.name)
    weights = network.weights[op.name + ".reduce"]
    hidden = in_steps(accumulate(pooled, linear, weights), unit_of(pooled_range, weights), "relu",
                      hidden_range)
    hidden = steps_to_integers(hidden, hidden_range) - hidden_range.zero
    weights = network.weights[op.name + ".expand"]
    logits = accumulate(hidden, linear, weights) * unit_of(hidden_range, weights)
    gate = 1.0 / (1.0 + torch.exp(-logits))
    output = ranges[op.name]
    scale = torch.tensor(np.float32(source.scale)) * inverse_of(output)
    return steps_to_integers(x * (scale * gate), output)


def attend(x: torch.Tensor, op: Op, source: Range, network: IntegerGraph,
           steps: Optional[List[torch.Tensor]]) -> torch.Tensor:
    """Logits from the steps and the mean, x = q - zero (n, channels, steps + 1, 1)."""
    linear = Op("pointwise", op.name)
    scores, attention = (
        (accumulate(x, linear, weights) * unit_of(source, weights)).squeeze(3)
        for weights in (network.weights[f"{op.name}.{part}"] for part in ("score", "attention")))
    if steps is not None:
        steps.append(scores[:, :, :-1].transpose(1, 2))
    return pool_steps(scores, attention, torch.from_numpy(op.gate))


def run_integer(network: IntegerGraph, windows: torch.Tensor,
                steps: Optional[List[torch.Tensor]] = None) -> torch.Tensor:
    """Logits (n, outputs) of windows (n, columns, bands) of input integers 0…255 (uint8); those
    of the single time steps are added to `steps` where the graph ends with an attention.

    Every float operation is done in float32 in the order that the format prescribes; only the
    exponential of the gate may differ from another implementation's in its last bit.
    """
    source = network.ranges["input"]
    x = windows.unsqueeze(1).float() - source.zero
    kept: Dict[str, Tuple[torch.Tensor, Range]] = {}
    for op in network.graph.ops:
        output = network.ranges.get(op.name)
        if op.kind == "mean":
            x = mean_integers(x, source, output)
        elif op.kind == "squeeze_excite":
            x = squeeze_excite(x, op, source, network)
        elif op.kind == "time_steps":
            x = torch.cat([mean_integers(x, source, output, (3,)),
                           mean_integers(x, source, output)], dim=2)
        elif op.kind == "attention":
            return attend(x, op, source, network, steps)
        else:
            weights = network.weights[op.name]
            sums, unit = accumulate(x, op, weights), unit_of(source, weights)
            if output is None:
                return (sums * unit).flatten(1)
            scaled = in_steps(sums, unit, op.activation, output)
            if op.residual is not None:
                earlier, earlier_range = kept[op.residual]
                scale = torch.tensor(np.float32(earlier_range.scale)) * inverse_of(output)
                scaled = scaled + earlier * scale
            x = steps_to_integers(scaled, output)
        x = x - output.zero
        source = output
        kept[op.name] = (x, output)
    raise ValueError("the last op has to have a null output")


def quantize_input(logmel: np.ndarray) -> np.ndarray:
    """Log-mel as the integers that the network sees (round half to even, as in the format)."""
    inverse = np.float32(1.0) / np.float32(INPUT_SCALE)
    q = np.rint(logmel.astype(np.float32) * inverse) + INPUT_ZERO
    return np.clip(q, 0, 255).astype(np.uint8)


def dequantize_input(integers: np.ndarray) -> np.ndarray:
    return (integers.astype(np.float32) - INPUT_ZERO) * np.float32(INPUT_SCALE)
