"""A compiled model to one whose matrix products are of 8-bit integers.

Static, since ranges taken from the text at hand would make its vector depend on the batch. Three known
methods keep vectors near those of before: channels whose activations are large are scaled down, and their
weights up (Xiao et al., "SmoothQuant", ICML 2023); weights are rounded one input channel after another,
each making up for the error of those before (Frantar et al., "GPTQ", ICLR 2023); and what is left of the
mean error is taken from the bias (Nagel et al., "Data-free quantization", ICCV 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.embedding.runtime import DEVICE, core, openvino

Matrix = NDArray[np.float64]

# How much of a channel's range goes over to its weights. The least cosine with the vectors of before, on 256
# abstracts of SciFact, was 0.9970 with 0.7, 0.9932 with 0.8, 0.986 with 0.5.
_MIGRATION = 0.7
_ACTIVATION_LEVELS = 256
_GREATEST_WEIGHT = 127
# Added to the diagonal, in shares of its mean, so that what the texts did not excite stays solvable.
_DAMPING = 0.01
# So many input channels are corrected among themselves before the rest is.
_COLUMNS = 128
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class _Source:
    """What several matrix products multiply: its node, quantised, and what it was on the texts."""

    quantised: Any
    scale: Matrix
    seen: Matrix
    rounded: Matrix
    second_moment: Matrix


def quantized(model: Any, texts: Sequence[Sequence[int]]) -> Any:
    """Return a model with products of constants in int8; `texts` are token ids to take ranges from.

    The model is changed and returned. Products between activations stay as they are: in int8 they are
    no quicker here, and cost more than all others.
    """
    products = [node for node in model.get_ordered_ops() if _is_linear(node)]
    seen = _activations(model, products, texts)
    sources: dict[tuple[str, int], _Source] = {}
    for product in products:
        key = _key(product)
        if key not in sources:
            together = [other for other in products if _key(other) == key]
            sources[key] = _quantised_source(product, together, seen[key])
        _quantise(product, sources[key])
    model.validate_nodes_and_infer_types()
    return model


def _is_linear(node: Any) -> bool:
    return bool(
        node.get_type_name() == "MatMul"
        and node.input_value(1).get_node().get_type_name() == "Constant"
        and node.get_attributes()["transpose_b"]
    )


def _key(product: Any) -> tuple[str, int]:
    source = product.input_value(0)
    return source.get_node().get_friendly_name(), source.get_index()


def _activations(
    model: Any, products: Sequence[Any], texts: Sequence[Sequence[int]]
) -> dict[tuple[str, int], Matrix]:
    """Return what each product multiplies on the texts, shape (tokens of all texts, channels)."""
    watched = model.clone()
    nodes = {node.get_friendly_name(): node for node in watched.get_ordered_ops()}
    keys = list(dict.fromkeys(map(_key, products)))
    watched.add_outputs([nodes[name].output(index) for name, index in keys])
    first = len(model.outputs)
    request = (
        core().compile_model(watched, DEVICE, {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    )
    found: dict[tuple[str, int], list[Matrix]] = {key: [] for key in keys}
    for ids in texts:
        mask = np.ones((1, len(ids)), dtype=np.int64)
        outputs = request.infer([np.array([ids], dtype=np.int64), mask])
        for place, key in enumerate(keys):
            rows = np.asarray(outputs[first + place], dtype=np.float64)
            found[key].append(rows.reshape(-1, rows.shape[-1]))
    return {key: np.concatenate(rows) for key, rows in found.items()}


def _quantised_source(product: Any, together: Sequence[Any], seen: Matrix) -> _Source:
    op = openvino().opset13
    weights = np.concatenate([_weights(other) for other in together])
    ranges = np.maximum(np.abs(seen).max(axis=0), _TINY)
    strengths = np.maximum(np.abs(weights).max(axis=0), _TINY)
    scale = ranges**_MIGRATION / strengths ** (1 - _MIGRATION)
    scaled = seen / scale
    # With a zero that is exact.
    low, high = min(float(scaled.min()), 0.0), max(float(scaled.max()), 0.0)
    step = max((high - low) / (_ACTIVATION_LEVELS - 1), _TINY)
    zero = round(-low / step)
    low, high = -zero * step, (_ACTIVATION_LEVELS - 1 - zero) * step
    rounded = (np.clip(np.round(scaled / step) + zero, 0, _ACTIVATION_LEVELS - 1) - zero) * step
    smoothed = op.multiply(product.input_value(0), op.constant((1 / scale).astype(np.float32)))
    bounds = [op.constant(np.float32(bound)) for bound in (low, high, low, high)]
    quantised = op.fake_quantize(smoothed, *bounds, levels=_ACTIVATION_LEVELS)
    return _Source(quantised, scale, seen, rounded, rounded.T @ rounded / len(rounded))


def _quantise(product: Any, source: _Source) -> None:
    op = openvino().opset13
    weights = _weights(product)
    scaled = weights * source.scale
    steps = np.maximum(np.abs(scaled).max(axis=1, keepdims=True) / _GREATEST_WEIGHT, _TINY)
    rounded = _rounded(scaled, steps, source.second_moment) * steps
    bias = source.seen @ weights.T - source.rounded @ rounded.T
    product.input(0).replace_source_output(source.quantised.output(0))
    greatest = (steps * _GREATEST_WEIGHT).astype(np.float32)
    bounds = [op.constant(bound) for bound in (-greatest, greatest, -greatest, greatest)]
    quantised = op.fake_quantize(
        op.constant(rounded.astype(np.float32)), *bounds, levels=2 * _GREATEST_WEIGHT + 1
    )
    product.input(1).replace_source_output(quantised.output(0))
    _add_to_bias(product, bias.mean(axis=0))


def _weights(product: Any) -> Matrix:
    return np.array(product.input_value(1).get_node().data, dtype=np.float64)


def _rounded(weights: Matrix, steps: Matrix, second_moment: Matrix) -> Matrix:
    """Return weights of shape (outputs, inputs) as whole multiples of `steps`, rounded as GPTQ does."""
    inputs = weights.shape[1]
    moment = second_moment + np.eye(inputs) * (_DAMPING * np.trace(second_moment) / inputs + _TINY)
    # Those that matter most first, while there are others to make up for them.
    order = np.argsort(-np.diag(moment), kind="stable")
    left, moment = weights[:, order].copy(), moment[np.ix_(order, order)]
    upper = np.linalg.cholesky(np.linalg.inv(moment)).T
    rounded = np.empty_like(left)
    for first in range(0, inputs, _COLUMNS):
        end = min(first + _COLUMNS, inputs)
        errors = np.empty((len(left), end - first))
        for column in range(first, end):
            multiple = np.clip(np.round(left[:, column] / steps[:, 0]), -_GREATEST_WEIGHT, _GREATEST_WEIGHT)
            error = (left[:, column] - multiple * steps[:, 0]) / upper[column, column]
            left[:, column + 1 : end] -= np.outer(error, upper[column, column + 1 : end])
            rounded[:, column], errors[:, column - first] = multiple, error
        left[:, end:] -= errors @ upper[first:end, end:]
    result = np.empty_like(rounded)
    result[:, order] = rounded
    return result


def _add_to_bias(product: Any, correction: Matrix) -> None:
    """Add to what is added to a product; a product without a bias keeps its mean error."""
    op = openvino().opset13
    for target in product.output(0).get_target_inputs():
        added = target.get_node()
        if added.get_type_name() != "Add":
            continue
        for place in (0, 1):
            constant = added.input_value(place).get_node()
            if constant.get_type_name() == "Constant":
                bias = np.array(constant.data, dtype=np.float64)
                corrected = (bias + correction.reshape(bias.shape)).astype(np.float32)
                added.input(place).replace_source_output(op.constant(corrected).output(0))
                return
