"""The graph of models/FORMAT.md: a list of operations with folded float weights.

A graph is what is left of a trained network once batch norm is folded into the convolutions. Here
tensors are (windows, channels, time, frequency); weights have the shapes of the model file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Callable, Dict, List, Optional, Tuple

import numpy as np
import torch
from torch import nn

from .network import InvertedResidual, Network, SqueezeExcite, norm_gain

Tensors = Dict[str, torch.Tensor]

LEAST_GATE = 1e-6  # a gate is taken to be so far from 0 and 1, where its logit is infinite


@dataclass
class Op:
    """One operation. `weights` maps "" (or "reduce"/"expand", "score"/"attention") to (weight,
    bias); `gate` is the share of the mean's score in an attention, per output."""

    kind: str
    name: str
    fields: Dict[str, object] = field(default_factory=dict)
    weights: Dict[str, Tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    residual: Optional[str] = None
    gate: Optional[np.ndarray] = None

    @property
    def activation(self) -> str:
        return str(self.fields.get("activation", "none"))


@dataclass
class Graph:
    ops: List[Op]

    def rounded_to_half(self) -> "Graph":
        """The network that a reader of the file's float weights sees."""
        ops = []
        for op in self.ops:
            weights = {key: (weight.astype(np.float16).astype(np.float32), bias)
                       for key, (weight, bias) in op.weights.items()}
            ops.append(replace(op, weights=weights))
        return Graph(ops)


def activate(x: torch.Tensor, activation: str) -> torch.Tensor:
    """The activation in the order of float operations that the format prescribes."""
    if activation == "relu":
        return x.clamp(min=0.0)
    if activation == "hardswish":
        return x * ((x + 3.0).clamp(0.0, 6.0) * torch.tensor(np.float32(1.0) / np.float32(6.0)))
    return x


def convolve(x: torch.Tensor, op: Op, weight: torch.Tensor) -> torch.Tensor:
    """The sum of products of a conv, depthwise, pointwise or linear op, without its bias."""
    stride, padding, groups = [1, 1], [0, 0], 1
    if op.kind == "depthwise":
        kernel, groups = weight.unsqueeze(1), x.shape[1]
    elif op.kind == "conv":
        kernel = weight.permute(0, 3, 1, 2)
    else:
        kernel = weight[:, :, None, None]
    if op.kind in ("conv", "depthwise"):
        stride, padding = op.fields["stride"], op.fields["padding"]
    # Channels last is 2.5 times faster here than PyTorch's own order.
    kernel = kernel.contiguous(memory_format=torch.channels_last)
    return nn.functional.conv2d(x, kernel, None, stride, padding, 1, groups)


WeightOf = Callable[[Op, str], Tuple[torch.Tensor, torch.Tensor]]
OnTensor = Callable[[str, torch.Tensor], torch.Tensor]


def stored_weight(op: Op, part: str) -> Tuple[torch.Tensor, torch.Tensor]:
    weight, bias = op.weights[part]
    return torch.from_numpy(weight), torch.from_numpy(bias)


def run_squeeze_excite(x: torch.Tensor, op: Op, weight_of: WeightOf,
                       on_tensor: OnTensor) -> torch.Tensor:
    pooled = on_tensor(op.name + ".pooled", x.mean(dim=(2, 3)))
    weight, bias = weight_of(op, "reduce")
    hidden = on_tensor(op.name + ".hidden", torch.relu(pooled @ weight.T + bias))
    weight, bias = weight_of(op, "expand")
    return x * torch.sigmoid(hidden @ weight.T + bias)[:, :, None, None]


def time_steps(x: torch.Tensor) -> torch.Tensor:
    """The means over frequency and, as a last step, over all: (n, channels, steps + 1, 1)."""
    return torch.cat([x.mean(dim=3, keepdim=True), x.mean(dim=(2, 3), keepdim=True)], dim=2)


def pool_steps(scores: torch.Tensor, attention: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
    """Logits (n, outputs) from what an attention gives for steps and mean, (n, outputs, steps + 1).

    In the order of float operations that the format prescribes.
    """
    raised = attention[:, :, :-1]
    share = torch.exp(raised - raised.amax(dim=2, keepdim=True))
    total, weighted = torch.zeros_like(share[:, :, 0]), torch.zeros_like(share[:, :, 0])
    for step in range(share.shape[2]):
        total = total + share[:, :, step]
        weighted = weighted + share[:, :, step] * scores[:, :, step]
    of_steps = weighted / total
    return of_steps + gate * (scores[:, :, -1] - of_steps)


def run_attention(x: torch.Tensor, op: Op, weight_of: WeightOf,
                  steps: Optional[List[torch.Tensor]]) -> torch.Tensor:
    rows = x.squeeze(3).transpose(1, 2)
    scores, attention = (
        (rows @ weight.T + bias).transpose(1, 2)
        for weight, bias in (weight_of(op, "score"), weight_of(op, "attention")))
    if steps is not None:
        steps.append(scores[:, :, :-1].transpose(1, 2))
    return pool_steps(scores, attention, torch.from_numpy(op.gate))


def run_graph(graph: Graph, windows: torch.Tensor, weight_of: WeightOf, on_tensor: OnTensor,
              steps: Optional[List[torch.Tensor]] = None) -> torch.Tensor:
    """Logits (n, outputs) of log-mel windows (n, columns, bands), in float; those of the single
    time steps (n, steps, outputs) are added to `steps` where the graph ends with an attention.

    `on_tensor` is given every tensor that the integer network quantizes (an op's output by the op's
    name, NAME.pooled and NAME.hidden of a squeeze-excite) and returns what is computed on.
    """
    x = on_tensor("input", windows.unsqueeze(1))
    outputs: Tensors = {}
    for op in graph.ops:
        if op.kind == "mean":
            x = x.mean(dim=(2, 3), keepdim=True)
        elif op.kind == "squeeze_excite":
            x = run_squeeze_excite(x, op, weight_of, on_tensor)
        elif op.kind == "time_steps":
            x = time_steps(x)
        elif op.kind == "attention":
            return run_attention(x, op, weight_of, steps)
        else:
            weight, bias = weight_of(op, "")
            x = activate(convolve(x, op, weight) + bias[:, None, None], op.activation)
            if op.residual is not None:
                x = x + outputs[op.residual]
        x = on_tensor(op.name, x)
        outputs[op.name] = x
    return x.flatten(1)


def run_float(graph: Graph, windows: torch.Tensor, on_tensor: OnTensor = lambda name, x: x,
              steps: Optional[List[torch.Tensor]] = None) -> torch.Tensor:
    """Logits of the float network; no quantization anywhere."""
    return run_graph(graph, windows, stored_weight, on_tensor, steps)


def fold_norm(sequence: nn.Sequential) -> Tuple[np.ndarray, np.ndarray]:
    """Weight (out, in/groups, bands, columns) and bias of a convolution and its batch norm."""
    conv, norm = sequence[0], sequence[1]
    gain = norm_gain(norm)
    weight = conv.weight.double() * gain[:, None, None, None]
    bias = norm.bias.double() - norm.running_mean.double() * gain
    return weight.detach().float().numpy(), bias.detach().float().numpy()


def conv_op(name: str, sequence: nn.Sequential, activation: str) -> Op:
    """A conv, depthwise or pointwise op from a folded convolution."""
    weight, bias = fold_norm(sequence)
    conv = sequence[0]
    time_first = weight.transpose(0, 3, 2, 1)  # (out, columns, bands, in)
    geometry = {"kernel": list(conv.kernel_size[::-1]), "stride": list(conv.stride[::-1]),
                "padding": list(conv.padding[::-1])}
    if conv.groups > 1:
        fields = {"channels": conv.out_channels, **geometry, "activation": activation}
        return Op("depthwise", name, fields, {"": (time_first[..., 0].copy(), bias)})
    fields = {"in": conv.in_channels, "out": conv.out_channels}
    if conv.kernel_size == (1, 1):
        return Op("pointwise", name, {**fields, "activation": activation},
                  {"": (weight[:, :, 0, 0].copy(), bias)})
    return Op("conv", name, {**fields, **geometry, "activation": activation},
              {"": (time_first.copy(), bias)})


def arrays(linear: nn.Linear) -> Tuple[np.ndarray, np.ndarray]:
    return linear.weight.detach().float().numpy(), linear.bias.detach().float().numpy()


def squeeze_excite_op(name: str, module: SqueezeExcite) -> Op:
    gate = module.conc_se_layers[0]
    fields = {"channels": gate.fc1.in_features, "squeezed": gate.fc1.out_features}
    return Op("squeeze_excite", name, fields,
              {"reduce": arrays(gate.fc1), "expand": arrays(gate.fc2)})


def block_ops(name: str, module: InvertedResidual, previous: str) -> List[Op]:
    config = module.config
    activation = "hardswish" if config.hardswish else "relu"
    stages = list(module.block)
    ops: List[Op] = []
    if config.expands:
        ops.append(conv_op(f"{name}.expand", stages.pop(0), activation))
    ops.append(conv_op(f"{name}.depthwise", stages.pop(0), activation))
    if config.squeezed:
        ops.append(squeeze_excite_op(f"{name}.squeeze_excite", stages.pop(0)))
    project = conv_op(f"{name}.project", stages.pop(0), "none")
    project.residual = previous if config.residual else None
    return ops + [project]


def attention_op(name: str, network: Network, outputs: int) -> Op:
    weights = {}
    for part, module in (("score", network.head), ("attention", network.attention)):
        weight, bias = arrays(module)
        weights[part] = (weight[:outputs].copy(), bias[:outputs].copy())
    fields = {"in": network.head.in_features, "out": outputs}
    gate = torch.sigmoid(network.gate.detach())[:outputs].numpy()
    return Op("attention", name, fields, weights, gate=gate)


def fold(network: Network, outputs: int) -> Graph:
    """The graph of a trained network; only the first `outputs` rows of its head are kept."""
    features = list(network.features)
    ops = [conv_op("features.0", features[0], "hardswish")]
    for i, module in enumerate(features[1:-1], start=1):
        ops += block_ops(f"features.{i}", module, ops[-1].name)
    ops.append(conv_op(f"features.{len(features) - 1}", features[-1], "hardswish"))
    ops.append(Op("time_steps", "steps", {"channels": network.hidden.in_features}))
    hidden = {"in": network.hidden.in_features, "out": network.hidden.out_features,
              "activation": "hardswish"}
    ops.append(Op("pointwise", "hidden", hidden, {"": arrays(network.hidden)}))
    ops.append(attention_op("head", network, outputs))
    return Graph(ops)


def logits_of_gate(gate: np.ndarray) -> np.ndarray:
    """What training has in place of a gate, in float64; finite for gates of 0 and 1, too."""
    clamped = np.clip(gate.astype(np.float64), LEAST_GATE, 1.0 - LEAST_GATE)
    return np.log(clamped / (1.0 - clamped))


def blended_gate(mine: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    logits = (1.0 - share) * logits_of_gate(mine) + share * logits_of_gate(other)
    return (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)


def mixed_rows(mine: np.ndarray, his: np.ndarray, share: float) -> np.ndarray:
    """`mine` with `share` of `his` in as many rows as that has."""
    mixed = mine.astype(np.float32)
    mixed[:len(his)] += np.float32(share) * (his - mixed[:len(his)])
    return mixed


def blended(graph: Graph, other: Graph, share: float) -> Graph:
    """The weights and gates of `graph` with `share` of those that `other` has for the same ops.

    Both have to come from the same start, with batch-norm statistics frozen: a mean of folded
    weights is then nearly a mean of networks (not quite, since batch norm's gains are trained).
    A linear head of `other` counts as the score of an attention; what it does not have (attention,
    gate, outputs of the head behind its own) stays as it is.
    """
    theirs = {(op.name, part): pair for op in other.ops for part, pair in op.weights.items()}
    gates = {op.name: op.gate for op in other.ops if op.gate is not None}
    ops = []
    for op in graph.ops:
        weights = {}
        for part, (weight, bias) in op.weights.items():
            pair = theirs.get((op.name, part))
            if pair is None and part == "score":
                pair = theirs.get((op.name, ""))
            if pair is None:
                weights[part] = (weight, bias)
                continue
            shared = len(pair[1]) if op is graph.ops[-1] else len(bias)
            if pair[0].shape != weight[:shared].shape:
                raise ValueError(f"{op.name}: the weights have shapes {weight.shape} and "
                                 f"{pair[0].shape}")
            weights[part] = tuple(mixed_rows(mine, his, share)
                                  for mine, his in zip((weight, bias), pair))
        gate = op.gate
        if gate is not None and op.name in gates:
            his = gates[op.name]
            gate = np.concatenate([blended_gate(gate[:len(his)], his, share), gate[len(his):]])
        ops.append(replace(op, weights=weights, gate=gate))
    return Graph(ops)
