"""OpenVINO, imported so that nothing is told to anybody, and what this processor computes quickly."""

from __future__ import annotations

import importlib
import os
import sys
from enum import StrEnum
from functools import cache
from types import ModuleType
from typing import Any

# Asked of the processor only: OpenVINO can use others, on which nothing here was measured.
DEVICE = "CPU"


class Precision(StrEnum):
    """In what numbers a model computes."""

    F32 = "f32"
    BF16 = "bf16"
    INT8 = "int8"


# The least cosine with torch's vectors at which a compiled model is used, on each of the probes.
LEAST_COSINE = {Precision.F32: 0.9999, Precision.BF16: 0.999, Precision.INT8: 0.995}


@cache
def openvino() -> ModuleType:
    """Return the module `openvino`.

    With the package `openvino-telemetry`, which it asks for, it reports its import to a server unless
    the user has forbidden that before; without it, it does not. So it finds none.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # the documented way
    # A quarter of a second, and only after the line above.
    return importlib.import_module("openvino")


@cache
def core() -> Any:
    """Return OpenVINO's core, which reads and compiles models; one serves all threads."""
    return openvino().Core()


@cache
def native_precision() -> Precision:
    """Return the quickest precision that leaves vectors as they are: bf16 where the processor has it."""
    capabilities = core().get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
    return Precision.BF16 if "BF16" in capabilities else Precision.F32


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
