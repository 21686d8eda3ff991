"""docs/quality.md: what was measured on public sets, beside what others published, and on the reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eval.failures import FailureKind
from eval.public_sets.catalogue import SETS
from eval.quality.measuring import SEEDS, Quality, SetQuality
from eval.reading.quality import ranking_section, section, table

_INTRODUCTION = """\
# How good the answers are

Written by `quotebound eval quality`; do not edit. `quotebound eval quality --data DIR` measures anew, and one
set by itself is run with `quotebound eval run SET --data DIR`. The suite fails where this page is not of the
committed figures, where these were measured with another model, reader or way to cut passages than those that
ship, and where the questions of `eval/sets/seeds.jsonl`, asked anew, do not come to what is written here.

Measured with the embedding model {model} and the reader that ships, on two processor cores. In brackets
the 95 % interval by bootstrap over the cases; a dash where a set has nothing that a figure is of. What each
figure means, and its source, stands in `eval/figures.py` and the modules that it names.

Of SQuAD 2.0 and XQuAD only the questions on the five articles that the reader's network was not trained on
are asked, of all articles of the set; the coefficients over the network were fitted on those five, as
[the reader by itself](#the-reader-by-itself) tells, where every figure is of an article left out of the fit
in turn. On the other sets nothing was trained or fitted; [the ranking](#the-ranking-of-passages) of
passages was fitted on training articles alone.
"""

_MAIN = (
    ("recall@5", "recall_at_5"),
    ("best sentence", "best_sentence_right"),
    ("token F1", "token_f1"),
    ("evidence F1", "evidence_f1"),
    ("abstention F1", "abstention_f1"),
    ("AUROC", "answerable_auroc"),
    ("area under risk–coverage", "risk_coverage_area"),
    ("calibration error", "calibration_error"),
)
_RETRIEVAL = ("recall_at_1", "recall_at_5", "recall_at_10", "mrr", "ndcg_at_10")


def page(quality: Quality, reader: Mapping[str, Any], ranking: Mapping[str, Any]) -> str:
    """Return the page for what was measured, and what the coefficients files of reader and ranking record."""
    parts = [_INTRODUCTION.format(model=quality.made_with.model), "## All sets\n", _overview(quality)]
    for entry in quality.sets:
        parts += _set(entry)
    parts += [ranking_section(ranking), section(reader)]
    return "\n".join(parts)


def _overview(quality: Quality) -> str:
    head = ("set", "cases", *(name for name, _ in _MAIN), "quotes verbatim")
    return table(
        head,
        (
            (
                _called(entry.name),
                f"{entry.cases:,}",
                *(_told(entry, figure) for _, figure in _MAIN),
                f"{entry.figures['quote_invariant'] * entry.figures['quotes']:,.0f} of "
                f"{entry.figures['quotes']:,.0f}",
            )
            for entry in quality.sets
        ),
    )


def _set(entry: SetQuality) -> Iterator[str]:
    yield f"## {_called(entry.name)}\n"
    which = "all" if entry.sample is None else "a sample of"
    asked = f"{which} {entry.cases:,} cases, {entry.answerable:,} of which the documents answer"
    yield f"`{_command(entry)}`: {asked}.\n"
    yield table(
        ("retrieval", "recall@1", "recall@5", "recall@10", "MRR", "nDCG@10", "nDCG@10 of documents"),
        (
            (
                system,
                *(f"{found[name]:.3f}" for name in _RETRIEVAL),
                f"{entry.documents[system]['ndcg_at_10']:.3f}",
            )
            for system, found in entry.retrieval.items()
        ),
    )
    near = entry.nearest_sentence
    yield table(
        ("answers", "best sentence is evidence", "AUROC, answerable or not"),
        (
            ("nearest sentence", *(f"{near[name]:.3f}" if _is_of(entry, name) else "–" for name in near)),
            ("Quotebound", *(_with_interval(entry, name) for name in near)),
        ),
    )
    yield table(("figure", ""), _figures(entry))
    wrong = {kind: count for kind, count in entry.failures.items() if count and kind != FailureKind.NONE}
    failed = ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in wrong.items())
    yield f"What went wrong: {failed or 'nothing'}.\n"
    if entry.name in SETS:
        yield from _beside(entry)


def _figures(entry: SetQuality) -> Iterator[Sequence[str]]:
    names = (
        *("exact_match", "token_f1", "first_citation_right"),
        *("evidence_precision", "evidence_recall", "evidence_character_f1"),
        *("citation_precision", "citation_recall", "abstention_precision", "abstention_recall"),
        "risk_coverage_area",
    )
    for name in names:
        yield name.replace("_", " "), _with_interval(entry, name)
    for point in entry.risk_coverage:
        yield f"risk at a coverage of {point['coverage']:.0%}", f"{point['risk']:.3f}"
    for name in ("calibration_error", "brier_score"):
        yield name.replace("_", " "), f"{entry.figures[name]:.3f}"


def _beside(entry: SetQuality) -> Iterator[str]:
    public = SETS[entry.name]
    if entry.own:
        yield table(
            ("the set's own metric", "Quotebound"),
            ((name.replace("_", " "), f"{value:.3f}") for name, value in entry.own.items()),
        )
    if public.published:
        yield table(
            ("published by others", "figure", "value", "source", "what differs"),
            (
                (each.system, each.figure, f"{each.value:.3f}", each.source, each.note)
                for each in public.published
            ),
        )
    yield f"Not comparable: {public.not_comparable}\n"
    yield f"The set {public.source.removeprefix('it ')}.\n"


def _called(name: str) -> str:
    return SETS[name].title if name in SETS else "The demo corpus"


def _command(entry: SetQuality) -> str:
    if entry.name == SEEDS:
        return "quotebound eval run eval/sets/seeds.jsonl"
    sample = f" --sample {entry.sample}" if entry.sample is not None else ""
    return f"quotebound eval run {entry.name} --data DIR{sample}"


def _told(entry: SetQuality, name: str) -> str:
    return f"{entry.figures[name]:.3f}" if _is_of(entry, name) else "–"


def _with_interval(entry: SetQuality, name: str) -> str:
    bounds = entry.intervals[name]
    interval = f" [{bounds.low:.3f}, {bounds.high:.3f}]" if _is_of(entry, name) else ""
    return f"{_told(entry, name)}{interval}"


def _is_of(entry: SetQuality, name: str) -> bool:
    """Tell whether a set has what a figure is of: answers in words, questions with an answer and others."""
    if name in ("exact_match", "token_f1"):
        return entry.in_words > 0
    if name == "answerable_auroc" or name.startswith("abstention_"):
        return 0 < entry.answerable < entry.cases
    return True
