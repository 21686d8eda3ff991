"""The reading network in OpenVINO's terms, built from its weights: no torch, at no time.

A BERT encoder (Devlin et al., NAACL 2019) as transformers computes it, and a linear layer over its tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.embedding.runtime import openvino

# Of MiniLM-L6, which the network was begun from.
_HEAD_SIZE = 32
_EPSILON = 1e-12


def reading_graph(tensors: Mapping[str, NDArray[np.float32]]) -> Any:
    """Return the model from `ids`, `types` and `mask`, each of shape (1, n), to numbers of shape (1, n, 4).

    `ids` and `types` are int32, `mask` is boolean. `tensors` are named as by transformers' `BertModel`
    under `encoder.`, with `head.weight` and `head.bias` beside it.
    """
    return _Builder(tensors).model()


class _Builder:
    def __init__(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        # Through `openvino()`, which keeps its import quiet.
        self._ops = openvino().opset13
        self._tensors = tensors

    def model(self) -> Any:
        ops = self._ops
        ids = ops.parameter([1, -1], np.int32, name="ids")
        types = ops.parameter([1, -1], np.int32, name="types")
        mask = ops.parameter([1, -1], np.bool_, name="mask")
        hidden = self._embedded(ids, types)
        # Of shape (1, 1, 1, n): every token of every head looks at the same ones.
        seen = ops.unsqueeze(mask, self._number([1, 2]))
        layer = 0
        while f"encoder.encoder.layer.{layer}.output.dense.weight" in self._tensors:
            hidden = self._layer(hidden, seen, f"encoder.encoder.layer.{layer}.")
            layer += 1
        numbers = self._linear(hidden, "head")
        return openvino().Model([ops.result(numbers)], [ids, types, mask], "reader")

    def _embedded(self, ids: Any, types: Any) -> Any:
        ops, prefix = self._ops, "encoder.embeddings."
        length = ops.gather(ops.shape_of(ids, "i32"), self._number(1), self._number(0))
        places = ops.range(self._number(0), length, self._number(1), "i32")
        found = [
            ops.gather(self._constant(f"{prefix}{name}_embeddings.weight"), rows, self._number(0))
            for name, rows in (
                ("word", ids),
                ("token_type", types),
                ("position", ops.unsqueeze(places, self._number(0))),
            )
        ]
        return self._normalized(ops.add(ops.add(found[0], found[1]), found[2]), f"{prefix}LayerNorm")

    def _layer(self, hidden: Any, seen: Any, prefix: str) -> Any:
        ops = self._ops
        query, key, value = (
            self._heads(self._linear(hidden, f"{prefix}attention.self.{name}"))
            for name in ("query", "key", "value")
        )
        attended = ops.scaled_dot_product_attention(query, key, value, seen)
        joined = ops.reshape(
            ops.transpose(attended, self._number([0, 2, 1, 3])), self._number([0, 0, -1]), True
        )
        hidden = self._normalized(
            ops.add(self._linear(joined, f"{prefix}attention.output.dense"), hidden),
            f"{prefix}attention.output.LayerNorm",
        )
        inner = ops.gelu(self._linear(hidden, f"{prefix}intermediate.dense"), "erf")
        return self._normalized(
            ops.add(self._linear(inner, f"{prefix}output.dense"), hidden), f"{prefix}output.LayerNorm"
        )

    def _heads(self, hidden: Any) -> Any:
        ops = self._ops
        split = ops.reshape(hidden, self._number([0, 0, -1, _HEAD_SIZE]), True)
        return ops.transpose(split, self._number([0, 2, 1, 3]))

    def _linear(self, hidden: Any, name: str) -> Any:
        ops = self._ops
        product = ops.matmul(hidden, self._constant(f"{name}.weight"), False, True)
        return ops.add(product, self._constant(f"{name}.bias"))

    def _normalized(self, hidden: Any, name: str) -> Any:
        ops = self._ops
        centred = ops.mvn(hidden, self._number([-1]), True, _EPSILON, "inside_sqrt")
        scaled = ops.multiply(centred, self._constant(f"{name}.weight"))
        return ops.add(scaled, self._constant(f"{name}.bias"))

    def _constant(self, name: str) -> Any:
        return self._ops.constant(self._tensors[name])

    def _number(self, value: int | list[int]) -> Any:
        return self._ops.constant(np.array(value, dtype=np.int32))
