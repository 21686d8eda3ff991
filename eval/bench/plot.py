"""The figures of a benchmark as a drawing: numbers of one unit in one panel, as bars, and series as lines."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.bench.performance import flat
from index.errors import InputError

# By how a figure's name ends, the first that fits; what has no unit is not drawn.
_UNITS = (
    ("_ms", "milliseconds"),
    ("_per_s", "per second"),
    ("_mb", "megabytes"),
    ("seconds", "seconds"),
    ("_s", "seconds"),
    ("_share", "share"),
    ("ratio_to_baseline", "times the baseline"),
)
_WIDTH, _LINES_HEIGHT, _BAR_HEIGHT = 9.0, 3.2, 0.28


class CannotPlot(InputError):
    """What draws is not installed, or the file cannot be written."""

    code = "cannot_plot"


@dataclass(frozen=True, slots=True)
class Panel:
    """Numbers of one unit: bars by name where `steps` is empty, else a line for each name over the steps."""

    title: str
    unit: str
    steps: tuple[str, ...]
    values: Mapping[str, tuple[float, ...]]


def panels(figures: Mapping[str, Any]) -> list[Panel]:
    """Return what is to be drawn of a benchmark's figures.

    A mapping in which two or more mappings have the same names, such as those of growing loads, is a
    series, and its keys are the steps. All other numbers that have a unit are bars.
    """
    series = list(_series(figures))
    single: dict[str, dict[str, tuple[float, ...]]] = {}
    for name, value in _numbers(figures):
        if (unit := _unit(name)) and not any(name.startswith(f"{panel.title}.") for panel in series):
            single.setdefault(unit, {})[name] = (value,)
    return series + [Panel(unit, unit, (), values) for unit, values in single.items()]


def require_matplotlib() -> Any:
    """Return the module that draws; raise `CannotPlot` where it is not installed."""
    try:
        return importlib.import_module("matplotlib.figure")
    except ImportError as error:
        raise CannotPlot(
            "matplotlib, which draws, is not installed: run `pip install '.[bench]'`, or leave --plot out"
        ) from error


def draw(figures: Mapping[str, Any], title: str, path: Path) -> None:
    """Write a benchmark's figures to a file as SVG; raise `CannotPlot`."""
    drawn = panels(figures)
    heights = [_LINES_HEIGHT if panel.steps else 1 + _BAR_HEIGHT * len(panel.values) for panel in drawn]
    figure = require_matplotlib().Figure(figsize=(_WIDTH, max(sum(heights), 1)), layout="constrained")
    figure.suptitle(title)
    if drawn:
        axes = figure.subplots(len(drawn), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
        for panel, (axis,) in zip(drawn, axes, strict=True):
            (_lines if panel.steps else _bars)(axis, panel)
    try:
        figure.savefig(path, format="svg")
    except OSError as error:
        raise CannotPlot(f"{str(path)!r} cannot be written: {error.strerror}") from error


def _lines(axis: Any, panel: Panel) -> None:
    for name, values in panel.values.items():
        axis.plot(panel.steps, values, marker="o", label=name)
    axis.set_title(panel.title)
    axis.set_ylabel(panel.unit)
    axis.set_ylim(bottom=0)
    axis.legend()


def _bars(axis: Any, panel: Panel) -> None:
    names = list(panel.values)
    bars = axis.barh(names, [value for (value,) in panel.values.values()])
    axis.bar_label(bars, fmt="%g", padding=3)
    axis.invert_yaxis()
    axis.set_xlabel(panel.unit)


def _unit(name: str) -> str | None:
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), None)


def _numbers(figures: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield every number in some figures under its whole name, `outer.inner`."""
    for name, value in flat(figures):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield name, float(value)


def _series(figures: Mapping[str, Any], above: str = "") -> Iterator[Panel]:
    for name, value in figures.items():
        if not isinstance(value, Mapping):
            continue
        title = f"{above}{name}"
        if not _is_series(value):
            yield from _series(value, f"{title}.")
            continue
        columns = [dict(_numbers(step)) for step in value.values()]
        by_unit: dict[str, dict[str, tuple[float, ...]]] = {}
        for column in columns[0]:
            if (unit := _unit(column)) and all(column in other for other in columns):
                by_unit.setdefault(unit, {})[column] = tuple(other[column] for other in columns)
        for unit, values in by_unit.items():
            yield Panel(title, unit, tuple(value), values)


def _is_series(value: Mapping[str, Any]) -> bool:
    steps = list(value.values())
    return (
        len(steps) > 1
        and all(isinstance(step, Mapping) for step in steps)
        # Steps of an answer, too, have the same names, but are told apart by name, not by size.
        and all(any(map(str.isdigit, name)) for name in value)
        and len({tuple(step) for step in steps}) == 1
    )
