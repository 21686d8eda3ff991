"""Faults on purpose: what the document store promises is held against kills, full disks and power cuts."""
