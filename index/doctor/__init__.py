"""Reads everything in a collection, says what is not as it was written, and mends what can be mended."""

from index.doctor.examination import (
    Finding,
    catalog_faults,
    derived_faults,
    examine,
    examine_catalog,
    faults,
)

__all__ = ["Finding", "catalog_faults", "derived_faults", "examine", "examine_catalog", "faults"]
