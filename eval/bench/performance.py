"""`docs/performance.md`, made of the figures that benchmarks wrote: what was promised, and what measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.errors import SourceNotFound

Figures = Mapping[str, Any]

_HEAD = """\
# Performance

Made by `quotebound bench report` of what the commands below printed; do not edit. Every figure is of one
run, in which its baseline ran beside it. Times vary with the machine and with what else it does: compare
the ratios.
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure is held to: `at_least` or `at_most`."""

    claim: str
    value: Callable[[Figures], float | None]
    at_least: float | None = None
    at_most: float | None = None

    def row(self, figures: Figures) -> str:
        """Return the bar as a row of a table."""
        found = self.value(figures)
        bar = f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"
        if found is None:
            return f"| {self.claim} | {bar} | not measured | – |"
        held = (self.at_least is None or found >= self.at_least) and (
            self.at_most is None or found <= self.at_most
        )
        return f"| {self.claim} | {bar} | {found:g} | {'yes' if held else '**no**'} |"


def figure(*path: str) -> Callable[[Figures], float | None]:
    """Return a function that gives the figure under some keys, None where there is none."""

    def value(figures: Figures) -> float | None:
        found: Any = figures
        for key in path:
            if not isinstance(found, Mapping) or key not in found:
                return None
            found = found[key]
        return float(found) if isinstance(found, int | float) else None

    return value


def _quickest(least_cosine: float) -> Callable[[Figures], float | None]:
    """Return the ratio to the baseline of the quickest precision whose vectors are near enough."""

    def value(figures: Figures) -> float | None:
        ratios = [
            found["ratio_to_baseline"]
            for found in figures.values()
            if isinstance(found, Mapping) and found.get("least_cosine", 0) >= least_cosine
        ]
        return max(ratios, default=None)

    return value


def _ndcg_lost(figures: Figures) -> float | None:
    values = {
        name: found["ndcg_at_10"]
        for name, found in figures.items()
        if isinstance(found, Mapping) and "ndcg_at_10" in found
    }
    return round(max(values["f32"] - value for value in values.values()), 4) if "f32" in values else None


# By the name of the benchmark: how it is run, and what it is held to.
BENCHMARKS: dict[str, tuple[str, tuple[Bar, ...]]] = {
    "embed": (
        "quotebound bench embed --data DIR",
        (
            Bar("times sentence-transformers, least cosine 0.999", _quickest(0.999), at_least=4),
            Bar("times sentence-transformers, least cosine 0.995", _quickest(0.995), at_least=5.5),
            Bar("nDCG@10 lost on SciFact, beside f32", _ndcg_lost, at_most=0.003),
            Bar("share of the bf16 matrix rate", figure("bf16", "gemm_share"), at_least=0.6),
            Bar("share of the int8 matrix rate", figure("int8", "gemm_share"), at_least=0.6),
        ),
    ),
    "ingest": (
        "quotebound bench ingest --data DIR",
        (
            Bar("share of bare embedding, end to end", figure("share_of_baseline"), at_least=0.85),
            Bar("peak memory, MB", figure("peak_memory_mb"), at_most=1200),
        ),
    ),
    "formats": ("quotebound bench ingest --files DIR", ()),
    "coldstart": (
        "quotebound bench coldstart",
        (Bar("of importing sentence-transformers and its model", figure("ratio_to_baseline"), at_most=0.2),),
    ),
    "ask": (
        "quotebound bench ask --passages 10000",
        (
            Bar(
                "share outside the model, first asked",
                figure("first_round", "outside_model_share"),
                at_most=0.25,
            ),
            Bar(
                "times the bare pass of the reader over the same passages",
                figure("first_round", "ratio_to_reader_pass"),
                at_most=1.5,
            ),
        ),
    ),
    "search": (
        "quotebound bench search --sizes 10k,100k,1M",
        (
            Bar("p50 at 1M, times p50 at 100k", figure("growth", "p50_1000000_over_100000"), at_most=3),
            Bar("recall@10 at 1M", figure("sizes", "1000000", "recall_at_10"), at_least=0.98),
            Bar("bytes a passage at 1M", figure("sizes", "1000000", "bytes_per_passage"), at_most=500),
        ),
    ),
    "load": (
        "quotebound bench load",
        (
            Bar("32 clients, times one client", figure("bars", "throughput_ratio", "value"), at_least=2.5),
            Bar(
                "goodput past saturation",
                figure("bars", "goodput_kept_past_saturation", "value"),
                at_least=0.85,
            ),
            Bar("p99 of /healthz, ms", figure("healthz", "p99_ms"), at_most=50),
        ),
    ),
}


def document(folder: Path) -> str:
    """Return the document of the figures in a folder, `NAME.json` each.

    Raise `SourceNotFound` where there is none, or one is no JSON.
    """
    measured = {name: _read(folder / f"{name}.json") for name in BENCHMARKS}
    if not any(measured.values()):
        raise SourceNotFound(
            "there are no figures in the folder: write some, as with `quotebound bench embed --json > "
            "FOLDER/embed.json`"
        )
    return "\n".join([_HEAD, *_lines(measured)]) + "\n"


def _read(path: Path) -> Figures | None:
    if not path.is_file():
        return None
    try:
        found: Figures = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SourceNotFound(f"{path.name} holds no figures: {error}") from error
    return found


def _lines(measured: Mapping[str, Figures | None]) -> Iterator[str]:
    for name, (command, bars) in BENCHMARKS.items():
        yield f"## {name}\n\n`{command}`\n"
        figures = measured[name]
        if figures is None:
            yield "Not measured.\n"
            continue
        if bars:
            yield "| | bar | measured | held |\n|---|---|---|---|"
            yield from (bar.row(figures) for bar in bars)
            yield ""
        yield "| figure | value |\n|---|---|"
        yield from (f"| {key} | {value} |" for key, value in flat(figures))
        yield ""


def flat(figures: Figures, above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the figures by their names, those of a mapping with its name and a dot before theirs."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
