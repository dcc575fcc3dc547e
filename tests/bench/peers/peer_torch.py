"""The network in float with PyTorch, frozen.

    peer_torch.py MODEL WINDOWS [--channels-last]

Built from the graph and the float16 weights of the model file; speaks as peer.h says.
"""

import argparse
import json
import struct
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def read_model(path):
    """The metadata and the tensors of a model file."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__")
    types = {"F16": "<f2", "F32": "<f4"}
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] in types:
            begin, end = entry["data_offsets"]
            values = np.frombuffer(data[8 + length + begin:8 + length + end], types[entry["dtype"]])
            values = values.reshape(entry["shape"]).astype(np.float32)
            tensors[name] = torch.from_numpy(values.copy())
    return metadata, tensors


ACTIVATIONS = {"none": nn.Identity, "relu": nn.ReLU, "hardswish": nn.Hardswish}


def convolution(tensors, name, op, groups=1):
    """A convolution with the weights of the file, (out, in, time, frequency)."""
    weight, bias = tensors[f"{name}.float_weight"], tensors[f"{name}.float_bias"]
    if weight.dim() == 4:
        weight = weight.permute(0, 3, 1, 2)
    elif weight.dim() == 3:
        weight = weight[:, None]
    else:
        weight = weight[:, :, None, None]
    layer = nn.Conv2d(weight.shape[1] * groups, weight.shape[0], tuple(weight.shape[2:]),
                      op.get("stride", 1), op.get("padding", 0), groups=groups)
    layer.weight.data = weight.contiguous()
    layer.bias.data = bias
    return layer


class Layer(nn.Module):
    """conv, depthwise, pointwise, linear."""

    def __init__(self, op, tensors):
        super().__init__()
        groups = op["channels"] if op["op"] == "depthwise" else 1
        self.convolution = convolution(tensors, op["name"], op, groups)
        self.activation = ACTIVATIONS[op["activation"]]()

    def forward(self, x):
        return self.activation(self.convolution(x))


class SqueezeExcite(nn.Module):
    def __init__(self, op, tensors):
        super().__init__()
        self.reduce = convolution(tensors, op["name"] + ".reduce", {})
        self.expand = convolution(tensors, op["name"] + ".expand", {})

    def forward(self, x):
        gate = functional.relu(self.reduce(functional.adaptive_avg_pool2d(x, 1)))
        return x * torch.sigmoid(self.expand(gate))


class Mean(nn.Module):
    def forward(self, x):
        return functional.adaptive_avg_pool2d(x, 1)


class TimeSteps(nn.Module):
    def forward(self, x):
        return torch.cat([x.mean(3, keepdim=True), x.mean((2, 3), keepdim=True)], 2)


class Attention(nn.Module):
    def __init__(self, op, tensors):
        super().__init__()
        self.score = convolution(tensors, op["name"] + ".score", {})
        self.attention = convolution(tensors, op["name"] + ".attention", {})
        self.register_buffer("gate", tensors[op["name"] + ".gate"])

    def forward(self, x):
        score, attention = self.score(x)[..., 0], self.attention(x)[..., 0]
        weights = torch.softmax(attention[..., :-1], 2)
        steps = (weights * score[..., :-1]).sum(2)
        return steps + self.gate * (score[..., -1] - steps)


class Network(nn.Module):
    def __init__(self, metadata, tensors):
        super().__init__()
        other = {"squeeze_excite": SqueezeExcite, "attention": Attention}
        self.layers = nn.ModuleList()
        ops = json.loads(metadata["tutti.layers"])["ops"]
        places = {op["name"]: place for place, op in enumerate(ops)}
        self.residuals = [places.get(op.get("residual"), -1) for op in ops]
        for op in ops:
            if op["op"] in ("mean", "time_steps"):
                self.layers.append(Mean() if op["op"] == "mean" else TimeSteps())
            else:
                self.layers.append(other.get(op["op"], Layer)(op, tensors))
        calibration = json.loads(metadata["tutti.calibration"])
        self.register_buffer("scale", torch.tensor(calibration["scale"]))
        self.register_buffer("offset", torch.tensor(calibration["offset"]))
        self.rivalry = float(calibration.get("rivalry", 0.0))
        self.deference = float(calibration.get("deference", 0.0))

    def forward(self, x):
        outputs = []
        for layer, residual in zip(self.layers, self.residuals):
            x = layer(x)
            if residual >= 0:
                x = x + outputs[residual]
            outputs.append(x)
        outputs, labels = x.flatten(1), len(self.scale)
        heard = 0.01 + torch.sigmoid(outputs[:, :labels]).sum(dim=1, keepdim=True)
        neighbours = torch.sigmoid(outputs[:, labels:]).sum(dim=1, keepdim=True)
        logits = outputs[:, :labels] - self.deference * torch.log((heard + neighbours) / heard)
        sounding = torch.sigmoid(logits)
        rivals = torch.log(0.01 + sounding.sum(dim=1, keepdim=True) - sounding)
        return torch.sigmoid(self.scale * logits + self.offset - self.rivalry * rivals)


DIFFERENCE = 1e-3  # of a probability, from which on something else is computed


def times_ms(network, window, runs):
    network(window)
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        network(window)
        times.append(1e3 * (time.perf_counter() - begun))
    return times


def frozen_network(network, windows):
    """The network as fast as PyTorch makes it without computing something else: frozen, and
    optimized for inference where that is right and faster.

    With AVX-512, optimize_for_inference() of PyTorch 1.13 gives wrong results where a number of
    channels is no multiple of 16; so its result is compared with the network's own.
    """
    example, expected = windows[:1], network(windows)
    traced = torch.jit.trace(network, example)
    frozen = {"frozen": torch.jit.freeze(traced),
              "optimized": torch.jit.optimize_for_inference(torch.jit.freeze(traced))}
    outputs, least_ms = {}, {}
    for how, candidate in frozen.items():
        times_ms(candidate, example, 3)  # the profiling executor makes its plan
        outputs[how] = torch.cat([candidate(window[None]) for window in windows])
        if (outputs[how] - expected).abs().max() <= DIFFERENCE:
            least_ms[how] = min(times_ms(candidate, example, 50))
    if not least_ms:
        raise SystemExit("PyTorch's frozen network computes something else")
    how = min(least_ms, key=least_ms.get)
    return frozen[how], how, outputs[how]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model")
    parser.add_argument("windows")
    parser.add_argument("--channels-last", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    metadata, tensors = read_model(arguments.model)
    frontend = json.loads(metadata["tutti.frontend"])
    windows = np.fromfile(arguments.windows, np.float32)
    windows = torch.from_numpy(windows.reshape(-1, 1, frontend["columns"], frontend["mel_bands"]))
    network = Network(metadata, tensors).eval()
    if arguments.channels_last:
        network = network.to(memory_format=torch.channels_last)
        windows = windows.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        frozen, how, outputs = frozen_network(network, windows)
        name = f"PyTorch float, {how}" + (", NHWC" if arguments.channels_last else "")
        print(json.dumps({"name": name, "probabilities": outputs.tolist()}), flush=True)
        window = windows[:1]
        for line in sys.stdin:
            print(*times_ms(frozen, window, int(line)), flush=True)


if __name__ == "__main__":
    main()
