"""The reading network's weights as a file: int8 with a scale for each row, in safetensors.

Each row of a matrix is divided by its greatest magnitude and rounded to 1/127 of it, which halves what
bf16 would take and moves the network's numbers by less than bf16 does. Vectors are kept as float32.
The network computes in the processor's own numbers once the rows are multiplied out again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.errors import ModelNotFound

_SCALE = ".scale"
_STEPS = 127

Tensors = dict[str, NDArray[np.float32]]


def save_weights(path: Path, tensors: Mapping[str, NDArray[np.float32]]) -> str:
    """Write tensors to a file and return its SHA-256."""
    # Imported where it is used: a question that another reader answers needs no weights.
    from safetensors.numpy import save  # noqa: PLC0415

    stored: dict[str, NDArray[np.generic]] = {}
    for name, tensor in tensors.items():
        if tensor.ndim < 2:
            stored[name] = tensor.astype(np.float32)
            continue
        scale = np.maximum(np.abs(tensor).max(axis=1), np.finfo(np.float32).tiny) / _STEPS
        stored[name] = np.rint(tensor / scale[:, np.newaxis]).astype(np.int8)
        stored[name + _SCALE] = scale.astype(np.float32)
    content = save(dict(sorted(stored.items())))
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def load_weights(path: Path, sha256: str) -> Tensors:
    """Read a file's tensors; raise `ModelNotFound` where it is not there or not the one of that SHA-256."""
    from safetensors.numpy import load  # noqa: PLC0415

    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelNotFound(f"the reader's weights cannot be read; {_WAY_OUT}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelNotFound(f"the reader's weights are not those that its figures are of; {_WAY_OUT}")
    stored = load(content)
    return {
        name: tensor.astype(np.float32) * stored[name + _SCALE][:, np.newaxis]
        if tensor.dtype == np.int8
        else tensor
        for name, tensor in stored.items()
        if not name.endswith(_SCALE)
    }


_WAY_OUT = "install Quotebound again, or set QUOTEBOUND_READER=similarity"
