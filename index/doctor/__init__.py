"""Reads everything in a collection, says what is not as it was written, and mends what can be mended."""

from index.doctor.examination import (
    Approximation,
    Finding,
    approximations,
    catalog_faults,
    derived_faults,
    examine,
    examine_catalog,
    faults,
)

__all__ = [
    "Approximation",
    "Finding",
    "approximations",
    "catalog_faults",
    "derived_faults",
    "examine",
    "examine_catalog",
    "faults",
]
