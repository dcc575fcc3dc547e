"""Writes the model file that models/FORMAT.md describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import numpy as np

from . import safetensors_file
from .frontend import CONFIG, FrontendConfig
from .graph import Op
from .quantize import IntegerGraph


def op_metadata(op: Op, network: IntegerGraph) -> dict:
    ranges = network.ranges
    entry: Dict[str, object] = {"op": op.kind, "name": op.name, **op.fields}
    if op.residual is not None:
        entry["residual"] = op.residual
    if op.kind == "squeeze_excite":
        entry["pooled"] = ranges[op.name + ".pooled"].as_metadata()
        entry["hidden"] = ranges[op.name + ".hidden"].as_metadata()
    output = ranges.get(op.name)
    entry["output"] = output.as_metadata() if output is not None else None
    return entry


def op_tensors(op: Op, network: IntegerGraph) -> Dict[str, np.ndarray]:
    tensors: Dict[str, np.ndarray] = {}
    for part, (weight, bias) in op.weights.items():
        name = f"{op.name}.{part}" if part else op.name
        integers = network.weights[name]
        tensors[name + ".weight"] = integers.weight
        tensors[name + ".scale"] = integers.scale
        tensors[name + ".bias"] = integers.bias
        half = weight.astype(np.float16)
        if not np.isfinite(half).all():
            raise ValueError(f"{name}: a weight is too large for float16")
        tensors[name + ".float_weight"] = half
        tensors[name + ".float_bias"] = bias.astype(np.float32)
    return tensors


def write_model(path: Path, network: IntegerGraph, name: str, labels: Sequence[str],
                thresholds: Optional[Sequence[float]] = None, training: Optional[dict] = None,
                frontend: FrontendConfig = CONFIG) -> None:
    """Writes one model; thresholds default to 0.5."""
    head = network.graph.ops[-1]
    if head.kind != "linear" or head.fields["out"] != len(labels):
        raise ValueError("the last op has to be a linear with one output per label")
    count = len(labels)
    calibration = {"scale": [1.0] * count, "offset": [0.0] * count,
                   "threshold": [float(t) for t in (thresholds or [0.5] * count)]}
    layers = {"input": network.ranges["input"].as_metadata(),
              "ops": [op_metadata(op, network) for op in network.graph.ops]}
    tensors: Dict[str, np.ndarray] = {}
    for op in network.graph.ops:
        tensors.update(op_tensors(op, network))
    metadata = {"tutti.format": "1", "tutti.name": name}
    sections: Dict[str, object] = {
        "tutti.labels": list(labels), "tutti.frontend": frontend.as_metadata(),
        "tutti.layers": layers, "tutti.calibration": calibration,
        "tutti.training": training or {}}
    metadata.update({key: json.dumps(value, separators=(",", ":"))
                     for key, value in sections.items()})
    safetensors_file.write(path, tensors, metadata)


def multiply_adds(ops: List[Op], columns: int, bands: int) -> int:
    """Multiplications of one window, squeeze-excite and linear layers included."""
    time, frequency, total = columns, bands, 0
    for op in ops:
        fields = op.fields
        if op.kind in ("conv", "depthwise"):
            sides = [(size + 2 * pad - kernel) // stride + 1 for size, kernel, stride, pad in
                     zip((time, frequency), fields["kernel"], fields["stride"], fields["padding"])]
            time, frequency = sides
        elif op.kind == "mean":
            time = frequency = 1
        for part, (weight, _) in op.weights.items():
            total += weight.size * (1 if part else time * frequency)
    return total
