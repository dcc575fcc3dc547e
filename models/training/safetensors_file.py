"""Reading and writing safetensors files (https://github.com/huggingface/safetensors)."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Dict, Tuple

import numpy as np

from .results import replacing

TYPES = {"I8": np.dtype("i1"), "U8": np.dtype("u1"), "I32": np.dtype("<i4"),
         "F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
NAMES = {dtype: name for name, dtype in TYPES.items()}


def write(path: Path, tensors: Dict[str, np.ndarray], metadata: Dict[str, str]) -> None:
    """Writes the file in one step: a reader sees the old one or the new one."""
    header: Dict[str, object] = {"__metadata__": metadata}
    # The widest elements first, so that every tensor is aligned to its type.
    order = sorted(tensors, key=lambda name: -tensors[name].dtype.itemsize)
    offset = 0
    for name in order:
        tensor = tensors[name]
        dtype = tensor.dtype.newbyteorder("<")
        header[name] = {"dtype": NAMES[dtype], "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for name in order:
            tensor = tensors[name]
            file.write(np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<")).tobytes())


def read(path: Path) -> Tuple[Dict[str, np.ndarray], Dict[str, str]]:
    """Tensors and metadata of a file that `write` made (or any sound one of these types)."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8].ljust(8, b"\xff"))
    if length > len(data) - 8:
        raise ValueError("it is cut short, or no safetensors file")
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        if end > len(data) - 8 - length:
            raise ValueError(f"it is cut short within {name}")
        tensors[name] = np.frombuffer(data[8 + length + begin:8 + length + end],
                                      TYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
    return tensors, metadata
