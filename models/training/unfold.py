"""The inverse of graph.fold: a network to be trained on, from the folded weights of a model file.

Batch norm keeps the gains and statistics of the start, so that the network is conditioned as at the
first training; what differs from the start goes into the convolutions and batch norm's offsets.
"""

from __future__ import annotations

import copy
from typing import Dict, List, Tuple

import numpy as np
import torch
from torch import nn

from .graph import Graph, Op, fold, logits_of_gate
from .network import InvertedResidual, Network, SqueezeExcite, norm_gain

LEAST_GAIN = 1e-3  # below that a channel of the start is all but dead, and stays as it is
NEGLIGIBLE = 0.01  # of an operation's usual weights: what a dead channel may lose by that


def conv_modules(network: Network) -> Dict[str, nn.Sequential]:
    """The convolutions with their batch norms, by the names of graph.fold's operations."""
    features = list(network.features)
    modules = {"features.0": features[0], f"features.{len(features) - 1}": features[-1]}
    for i, module in enumerate(features[1:-1], start=1):
        modules.update({f"features.{i}.{part}": stage for part, stage in block_parts(module)})
    return modules


def block_parts(module: InvertedResidual) -> List[Tuple[str, nn.Module]]:
    parts = ["depthwise"] + ["squeeze_excite"] * bool(module.config.squeezed) + ["project"]
    return list(zip(["expand"] * module.config.expands + parts, module.block))


def set_linear(linear: nn.Linear, pair: Tuple[np.ndarray, np.ndarray]) -> None:
    """The first outputs of `linear`; those that a model file does not have stay."""
    weight, bias = (torch.from_numpy(array) for array in pair)
    linear.weight.data[:len(bias)].copy_(weight)
    linear.bias.data[:len(bias)].copy_(bias)


def set_conv(sequence: nn.Sequential, op: Op) -> None:
    conv, norm = sequence[0], sequence[1]
    folded, bias = (torch.from_numpy(array).double() for array in op.weights[""])
    if op.kind == "depthwise":
        folded = folded[..., None]
    elif op.kind == "pointwise":
        folded = folded[:, None, None, :]
    folded = folded.permute(0, 3, 2, 1)  # (out, in, bands, columns)
    gain = norm_gain(norm).detach()
    alive = gain.abs() > LEAST_GAIN
    own = conv.weight.data.double() * gain[:, None, None, None]
    lost = (folded - own)[~alive].abs()
    typical = own.abs().flatten(1).amax(dim=1).median()
    if lost.numel() and lost.max() > NEGLIGIBLE * typical:
        raise ValueError(f"{op.name}: it uses a channel that is dead in the start")
    conv.weight.data[alive] = (folded[alive] / gain[alive, None, None, None]).float()
    norm.bias.data.copy_((bias + norm.running_mean.double() * gain).float())


def outline(op: Op) -> Tuple[object, ...]:
    """All of an operation but the values of its weights."""
    shapes = {part: (weight.shape, bias.shape) for part, (weight, bias) in op.weights.items()}
    return (op.kind, op.name, op.fields, op.residual, shapes,
            None if op.gate is None else op.gate.shape)


def check_architecture(graph: Graph, start: Network) -> None:
    """ValueError, with the first operation that differs, if `graph` is not a folded `start`."""
    last = graph.ops[-1]
    outputs = last.fields.get("out")
    if last.kind != "attention" or outputs not in range(1, start.head.out_features + 1):
        raise ValueError(f"{last.name}: the network to train ends with an attention of at most "
                         f"{start.head.out_features} outputs")
    wanted = fold(start, outputs).ops
    for op, own in zip(graph.ops, wanted):
        if outline(op) != outline(own):
            raise ValueError(f"{op.name}: the network to train has {own.kind} {own.name} in this "
                             "place, or with other sizes")
    if len(graph.ops) != len(wanted):
        raise ValueError(f"{len(graph.ops)} operations; the network to train has {len(wanted)}")


def unfold(graph: Graph, start: Network) -> Network:
    """A copy of `start` that computes what `graph` does, but for outputs beyond those of `graph`,
    which stay the start's.

    `graph` has to be of the same architecture, and has to make no use of channels that are all but
    dead in the start: ValueError if not.
    """
    check_architecture(graph, start)
    network = copy.deepcopy(start)
    modules = conv_modules(network)
    for op in graph.ops:
        module = modules.get(op.name)
        if isinstance(module, SqueezeExcite):
            gate = module.conc_se_layers[0]
            set_linear(gate.fc1, op.weights["reduce"])
            set_linear(gate.fc2, op.weights["expand"])
        elif module is not None:
            set_conv(module, op)
        elif op.kind == "attention":
            set_linear(network.head, op.weights["score"])
            set_linear(network.attention, op.weights["attention"])
            network.gate.data[:len(op.gate)] = torch.from_numpy(logits_of_gate(op.gate)).float()
        elif op.name == "hidden":
            set_linear(network.hidden, op.weights[""])
    return network
