"""Writes the model file that models/FORMAT.md describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from . import safetensors_file
from .frontend import CONFIG, FrontendConfig
from .graph import Graph, Op
from .labels import GIVEN_WAY_TO, LABELS
from .quantize import INPUT_SCALE, INPUT_ZERO, IntegerGraph, IntegerWeights, Range
from .refusals import Refused, reading


def op_metadata(op: Op, network: IntegerGraph) -> Dict[str, object]:
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
    if op.gate is not None:
        tensors[op.name + ".gate"] = op.gate.astype(np.float32)
    return tensors


def write_model(path: Path, network: IntegerGraph, name: str, labels: Sequence[str],
                thresholds: Optional[Sequence[float]] = None,
                training: Optional[Dict[str, object]] = None, frontend: FrontendConfig = CONFIG,
                calibration: Optional[Dict[str, object]] = None,
                neighbours: Sequence[str] = ()) -> None:
    """Writes one model; thresholds default to 0.5, probabilities to the sigmoid of the logit.
    `calibration` has the keys of the file's section but for `threshold`."""
    head = network.graph.ops[-1]
    if (head.kind not in ("linear", "attention")
            or head.fields["out"] != len(labels) + len(neighbours)):
        raise ValueError("the last op has to be a linear or an attention, one output per label "
                         "and neighbour")
    count = len(labels)
    calibration = {**(calibration or {"scale": [1.0] * count, "offset": [0.0] * count}),
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
    if neighbours:
        sections["tutti.neighbours"] = list(neighbours)
    metadata.update({key: json.dumps(value, separators=(",", ":"))
                     for key, value in sections.items()})
    safetensors_file.write(path, tensors, metadata)


class Model(NamedTuple):
    """A model file as it was read; `network.graph` has the float16 weights."""

    network: IntegerGraph
    metadata: Dict[str, object]

    @property
    def labels(self) -> List[str]:
        return list(self.metadata["tutti.labels"])

    @property
    def neighbours(self) -> List[str]:
        return list(self.metadata.get("tutti.neighbours", []))

    @property
    def thresholds(self) -> np.ndarray:
        return np.array(self.metadata["tutti.calibration"]["threshold"])

    @property
    def entries(self) -> np.ndarray:
        """The thresholds of a stream; where a file has none, those of clips."""
        calibration = self.metadata["tutti.calibration"]
        return np.array(calibration.get("entry", calibration["threshold"]))


def parts_of(kind: str) -> Tuple[str, ...]:
    """The weights an op has: one unnamed, two of a squeeze-excite or attention, none of a mean."""
    return {"squeeze_excite": ("reduce", "expand"), "attention": ("score", "attention"),
            "mean": (), "time_steps": ()}.get(kind, ("",))


def read_model(path: Path) -> Model:
    """Reads a file that `write_model` wrote; strangers' files are the C reader's business.

    OSError for a file that is not there, Refused for one that is cut short or of another kind.
    """
    with reading(path):
        return model_of(*safetensors_file.read(path))


def read_own_model(path: Path) -> Model:
    """A model file that hears and answers as the networks here do; Refused if it is another."""
    model = read_model(path)
    if model.labels != list(LABELS):
        raise Refused(f"{path}: its labels are not those of labels.py: {', '.join(model.labels)}")
    if model.neighbours not in ([], list(GIVEN_WAY_TO)):
        raise Refused(f"{path}: its neighbours are not those of labels.py: "
                      f"{', '.join(model.neighbours)}")
    theirs, own = dict(model.metadata["tutti.frontend"]), CONFIG.as_metadata()
    for key in sorted({*own, *theirs}):
        if theirs.get(key) != own.get(key):
            raise Refused(f"{path}: the {key} of its front end is {theirs.get(key)}, but that of "
                          f"frontend.py is {own.get(key)}")
    if model.network.ranges["input"] != Range(INPUT_SCALE, INPUT_ZERO):
        raise Refused(f"{path}: its input is quantized with {model.network.ranges['input']}, that "
                      f"of quantize.py with {Range(INPUT_SCALE, INPUT_ZERO)}")
    return model


def model_of(tensors: Dict[str, np.ndarray], texts: Dict[str, str]) -> Model:
    metadata: Dict[str, object] = {
        key: text if key == "tutti.name" else json.loads(text) for key, text in texts.items()}
    layers = metadata["tutti.layers"]
    ops: List[Op] = []
    ranges = {"input": Range(**layers["input"])}
    weights: Dict[str, IntegerWeights] = {}
    for entry in layers["ops"]:
        fields = dict(entry)
        op = Op(fields.pop("op"), fields.pop("name"), residual=fields.pop("residual", None))
        output = fields.pop("output")
        if output is not None:
            ranges[op.name] = Range(**output)
        for extra in ("pooled", "hidden"):
            if extra in fields:
                ranges[f"{op.name}.{extra}"] = Range(**fields.pop(extra))
        op.fields.update(fields)
        for part in parts_of(op.kind):
            name = f"{op.name}.{part}" if part else op.name
            weights[name] = IntegerWeights(*(tensors[f"{name}.{key}"]
                                             for key in ("weight", "scale", "bias")))
            op.weights[part] = (tensors[name + ".float_weight"].astype(np.float32),
                                tensors[name + ".float_bias"])
        op.gate = tensors.get(op.name + ".gate")
        ops.append(op)
    return Model(IntegerGraph(Graph(ops), ranges, weights), metadata)


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
        elif op.kind == "time_steps":
            time, frequency = time + 1, 1
        once = op.kind == "squeeze_excite"
        for weight, _ in op.weights.values():
            total += weight.size * (1 if once else time * frequency)
    return total
