"""The plots of a report's page: risk over coverage, and what confidences are worth, of one run or two.

Each is SVG without styles of its own, so that the page's may colour it, with a table of what it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from eval.calibration import Bin, reliability
from eval.metrics import risk_coverage
from eval.results import Result

Point = tuple[float, float]

_LEFT, _TOP, _WIDTH, _HEIGHT = 52, 12, 336, 236
# More steps than that cannot be told apart on a screen.
_STEPS = 240
_CEILINGS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
_RUNS = (("this", "This run"), ("other", "Other run"))


@dataclass(frozen=True, slots=True)
class _Axis:
    label: str
    most: float

    def ticks(self) -> list[float]:
        return [self.most * part / 4 for part in range(5)]


def risk_coverage_plot(result: Result, against: Result | None = None) -> str:
    """Return the risk–coverage curve of each run, with a dot where its threshold is."""
    runs = [_risks(run) for run in _given(result, against)]
    highest = max((risk for points in runs for _, risk in points), default=0.0)
    axis = _Axis("Risk: share of them that is wrong", next(most for most in _CEILINGS if highest <= most))
    lines, dots = [], []
    for (kind, name), run, points in zip(_RUNS, _given(result, against), runs, strict=False):
        before = 0.0
        corners: list[Point] = []
        for coverage, risk in _thinned(points):
            corners += [(before, risk), (coverage, risk)]
            before = coverage
        lines.append(_line(corners, axis, kind))
        if (dot := _at_threshold(run)) is not None:
            dots.append(_dot(dot, axis, kind, 5, f"{name}, at its threshold: {_pair(dot)}"))
    rows = [
        (name, f"{point['coverage']:.3f}", f"{point['risk']:.3f}", f"{point['threshold']:.3f}")
        for (_, name), run in zip(_RUNS, _given(result, against), strict=False)
        for point in run.risk_coverage
    ]
    return _figure(
        "risk",
        "Risk and coverage",
        "If only the questions of highest confidence were answered, so many of the sentences put first would "
        "be wrong. Lower is better; the dot is where the run's threshold is.",
        _plot("risk", _Axis("Coverage: share of questions answered", 1.0), axis, lines, dots),
        table("Risk at some coverages", ("Run", "Coverage", "Risk", "Threshold"), rows),
        compared=against is not None,
    )


def reliability_plot(result: Result, against: Result | None = None) -> str:
    """Return the reliability diagram of each run: bins of confidence, and how many of them are answerable."""
    runs = [_bins(run) for run in _given(result, against)]
    axis = _Axis("Share that the documents answer", 1.0)
    lines, dots = [f'<path class="even" d="{_path([(0.0, 0.0), (1.0, 1.0)], axis)}"/>'], []
    for (kind, name), bins in zip(_RUNS, runs, strict=False):
        lines.append(_line([(entry.confidence, entry.accuracy) for entry in bins], axis, kind))
        most = max((entry.count for entry in bins), default=1)
        for entry in bins:
            point = (entry.confidence, entry.accuracy)
            radius = 2.5 + 4.5 * (entry.count / most) ** 0.5
            dots.append(_dot(point, axis, kind, radius, f"{name}: {_pair(point)}, {entry.count} questions"))
    rows = [
        (name, f"{entry.low:.2f} to {entry.high:.2f}", str(entry.count), f"{entry.confidence:.3f}",
         f"{entry.accuracy:.3f}")
        for (_, name), bins in zip(_RUNS, runs, strict=False)
        for entry in bins
    ]  # fmt: skip
    return _figure(
        "reliability",
        "Reliability of confidence",
        "Of questions held to be answerable with some confidence, so many are. On the straight line "
        "confidence is a probability; below it, it is too high. A greater dot stands for more questions.",
        _plot("reliability", _Axis("Confidence that the documents answer", 1.0), axis, lines, dots),
        table("Bins of confidence", ("Run", "Bin", "Questions", "Confidence", "Answerable"), rows),
        compared=against is not None,
    )


def bar(share: float, kind: str) -> str:
    """Return a bar of some share of its width, which tells nothing that is not said beside it."""
    return (
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{kind}" width="{100 * share:.2f}" height="8"/></svg>'
    )


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of HTML cells; the first one of a row is what the row is of. A head may be empty."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' if name else "<td></td>" for name in heads)
    return (
        f'<div class="wide" role="region" aria-label="{escape(caption)}" tabindex="0">'
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(map(_row, rows))}</tbody></table></div>"
    )


def _row(cells: Iterable[str]) -> str:
    first, *others = cells
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'


def _given(result: Result, against: Result | None) -> list[Result]:
    return [result] if against is None else [result, against]


def _risks(run: Result) -> list[Point]:
    confidences = [outcome.confidence for outcome in run.outcomes]
    right = [outcome.best_sentence_right for outcome in run.outcomes]
    return [(point.coverage, point.risk) for point in risk_coverage(confidences, right)]


def _at_threshold(run: Result) -> Point | None:
    """Return coverage and risk at the threshold that the run had, None where it is not known."""
    settings = run.provenance.get("settings")
    threshold = settings.get("threshold") if isinstance(settings, dict) else None
    if not isinstance(threshold, int | float):
        return None
    chosen = [outcome for outcome in run.outcomes if outcome.confidence >= threshold]
    if not chosen:
        return None
    wrong = sum(not outcome.best_sentence_right for outcome in chosen)
    return len(chosen) / len(run.outcomes), wrong / len(chosen)


def _bins(run: Result) -> list[Bin]:
    return reliability(
        [outcome.confidence for outcome in run.outcomes], [outcome.answerable for outcome in run.outcomes]
    )


def _thinned(points: Sequence[Point]) -> list[Point]:
    """Return the last point of each stretch of coverage that is a step wide."""
    return list({min(_STEPS - 1, int(point[0] * _STEPS)): point for point in points}.values())


def _x(value: float) -> str:
    return f"{_LEFT + value * _WIDTH:.1f}"


def _y(value: float, axis: _Axis) -> str:
    return f"{_TOP + (1 - value / axis.most) * _HEIGHT:.1f}"


def _pair(point: Point) -> str:
    return f"{point[0]:.3f}, {point[1]:.3f}"


def _path(points: Iterable[Point], axis: _Axis) -> str:
    return "M" + "L".join(f"{_x(x)},{_y(y, axis)}" for x, y in points)


def _line(points: Sequence[Point], axis: _Axis, kind: str) -> str:
    return f'<path class="line {kind}" d="{_path(points, axis)}"/>' if points else ""


def _dot(point: Point, axis: _Axis, kind: str, radius: float, told: str) -> str:
    """Return a point as a circle or, of the other run, a square: not colour alone tells them apart."""
    title = f"<title>{escape(told)}</title>"
    x, y = _LEFT + point[0] * _WIDTH, _TOP + (1 - point[1] / axis.most) * _HEIGHT
    if kind == "this":
        return f'<circle class="dot this" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">{title}</circle>'
    return (
        f'<rect class="dot other" x="{x - radius:.1f}" y="{y - radius:.1f}" width="{2 * radius:.1f}" '
        f'height="{2 * radius:.1f}">{title}</rect>'
    )


def _plot(name: str, across: _Axis, up: _Axis, lines: Sequence[str], dots: Sequence[str]) -> str:
    """Return a plot. Where the runs are alike, the broken line of the other shows upon this run's."""
    grid = []
    right, bottom = _LEFT + _WIDTH, _TOP + _HEIGHT
    for x, y in zip(across.ticks(), up.ticks(), strict=True):
        grid += [
            f'<path class="grid" d="M{_x(x)},{_TOP}V{bottom}M{_LEFT},{_y(y, up)}H{right}"/>',
            f'<text class="tick" x="{_x(x)}" y="{bottom + 17}" text-anchor="middle">{x:g}</text>',
            f'<text class="tick" x="{_LEFT - 7}" y="{_y(y, up)}" dy="4" text-anchor="end">{y:.4g}</text>',
        ]
    middle = _TOP + _HEIGHT / 2
    return (
        f'<svg class="plot" viewBox="0 0 400 292" role="img" aria-labelledby="{name}-title {name}-told">'
        f'{"".join(grid)}<text class="axis" x="{_LEFT + _WIDTH / 2}" y="286" text-anchor="middle">'
        f'{escape(across.label)}</text><text class="axis" transform="translate(12 {middle}) rotate(-90)" '
        f'text-anchor="middle">{escape(up.label)}</text>{"".join(lines)}{"".join(reversed(dots))}</svg>'
    )


def _figure(name: str, title: str, told: str, plot: str, rows: str, *, compared: bool) -> str:
    keys = "".join(f'<span class="key {kind}">{escape(run)}</span>' for kind, run in _RUNS)
    legend = f'<p class="legend" aria-hidden="true">{keys}</p>' if compared else ""
    return (
        f'<figure class="card"><h3 id="{name}-title">{escape(title)}</h3>'
        f'<figcaption id="{name}-told">{escape(told)}</figcaption>'
        f"{legend}{plot}"
        f"<details><summary>As a table</summary>{rows}</details></figure>"
    )
