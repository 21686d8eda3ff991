"""Drawings of figures: what goes into which panel, and what is told where nothing can be drawn."""

import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eval.bench.plot import CannotPlot, Panel, draw, panels
from rag.cli.main import app

FIGURES: dict[str, Any] = {
    "questions": 3,
    "name": "some text",
    "met": True,
    "ask": {"p50_ms": 4.0, "p99_ms": 9.5},
    "answers_per_s": 12,
    "loads": {
        "x0.5": {"load": 0.5, "goodput_per_s": 6.0, "answered": {"p50_ms": 20.0}, "statuses": {"200": 9}},
        "x2": {"load": 2, "goodput_per_s": 11.0, "answered": {"p50_ms": 80.0}, "statuses": {"503": 2}},
    },
}


def test_numbers_of_one_unit_are_bars_of_one_panel_and_what_has_none_is_left_out() -> None:
    bars = [panel for panel in panels(FIGURES) if not panel.steps]
    assert bars == [
        Panel("milliseconds", "milliseconds", (), {"ask.p50_ms": (4.0,), "ask.p99_ms": (9.5,)}),
        Panel("per second", "per second", (), {"answers_per_s": (12.0,)}),
    ]


def test_what_is_measured_at_several_sizes_is_a_line_over_them() -> None:
    lines = [panel for panel in panels(FIGURES) if panel.steps]
    assert lines == [
        Panel("loads", "per second", ("x0.5", "x2"), {"goodput_per_s": (6.0, 11.0)}),
        Panel("loads", "milliseconds", ("x0.5", "x2"), {"answered.p50_ms": (20.0, 80.0)}),
    ]


def test_steps_of_an_answer_are_no_series() -> None:
    steps = {"steps": {"read": {"p50_ms": 1.0}, "verify": {"p50_ms": 2.0}}}
    assert [panel.steps for panel in panels(steps)] == [()]


def test_nothing_is_drawn_of_nothing() -> None:
    assert panels({"name": "text", "count": 3}) == []


def test_a_drawing_is_an_svg_that_names_what_it_shows(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(FIGURES, "bench load", tmp_path / "load.svg")
    drawn = (tmp_path / "load.svg").read_text()
    assert "<svg" in drawn
    assert "bench load" in drawn
    assert "goodput_per_s" in drawn


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(CannotPlot, match="nowhere"):
        draw(FIGURES, "bench load", tmp_path / "nowhere" / "load.svg")


@pytest.mark.parametrize("command", ["ask", "ingest", "load"])
def test_without_matplotlib_a_benchmark_says_so_before_it_measures(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = CliRunner().invoke(app, ["bench", command, "--plot", str(tmp_path / "out.svg")])
    assert isinstance(result.exception, CannotPlot)
    assert ".[bench]" in str(result.exception)
