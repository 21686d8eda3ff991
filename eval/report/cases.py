"""What a report calls figures and failures, and the cases as its page is given them to draw."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from typing import Any
from urllib.parse import urlencode

from eval.comparing import Change, Comparisons
from eval.failures import FailureKind, failure_counts, failure_kind
from eval.outcomes import CitedQuote, Outcome
from eval.report.plots import bar, table
from eval.results import InvalidResult, Result

# What a name with its underscores read as blanks does not say well.
_LABELS = {
    "recall_at_1": "recall@1",
    "recall_at_5": "recall@5",
    "recall_at_10": "recall@10",
    "mrr": "MRR",
    "ndcg_at_10": "nDCG@10",
    "token_f1": "token F1",
    "evidence_f1": "evidence F1",
    "evidence_character_f1": "evidence character F1",
    "citation_f1": "citation F1",
    "abstention_f1": "abstention F1",
    "answerable_auroc": "AUROC of answerable",
    "risk_coverage_area": "area under risk–coverage",
    "risk_coverage_excess": "excess area under risk–coverage",
    "calibration_error_mass": "calibration error, equal mass",
    "calibration_error_max": "greatest calibration error",
    "answered_right": "answered right, of all answerable",
    "abstention_right": "rightly answered or withheld",
}
FAILURES = {
    FailureKind.MISSED_ABSTENTION: "answered, though the documents do not",
    FailureKind.RETRIEVAL_MISSED: "the evidence was not among the passages",
    FailureKind.WRONG_DOCUMENT: "cited another document than the evidence is in",
    FailureKind.WRONG_SENTENCE: "cited another sentence of the right document",
    FailureKind.READER_MISSED: "nothing answered, and another sentence put first",
    FailureKind.WRONG_ABSTENTION: "nothing answered, though the right sentence was first",
    FailureKind.NONE: "answered with evidence, or rightly withheld",
}

# What would end the element, or a line of a script.
_UNSAFE = re.compile("[<>&\u2028\u2029]")


def figure_label(name: str) -> str:
    """Return what people call a figure."""
    return _LABELS.get(name, name.replace("_", " "))


def failure_label(kind: FailureKind) -> str:
    """Return what people call a kind of failure."""
    return "right" if kind is FailureKind.NONE else kind.replace("_", " ")


def require_cases(result: Result) -> None:
    """Raise `InvalidResult` for a run that nothing can be said of: without cases, or of no probabilities."""
    if not result.outcomes:
        raise InvalidResult(f"the result of {result.name!r} holds no cases: run the set anew")
    for outcome in result.outcomes:
        if not 0.0 <= outcome.confidence <= 1.0:
            raise InvalidResult(
                f"the result of {result.name!r} is damaged: {outcome.id!r} has a confidence of "
                f"{outcome.confidence}, and it is from 0 to 1; run the set anew"
            )


def summary(comparisons: Comparisons) -> list[str]:
    """Return in sentences what two runs come to beside each other."""
    differ = [found for found in comparisons.figures if found.significant]
    named = ", ".join(
        f"{figure_label(found.figure)} ({'better' if found.better else 'worse'})" for found in differ
    )
    better, worse, other = (comparisons.count(change) for change in Change)
    told = [
        f"Cases that went better than in the other run: {better:,}; worse: {worse:,}; failed otherwise: "
        f"{other:,}.",
        f"{len(differ) or 'None'} of {len(comparisons.figures)} figures differ by more than chance"
        f"{f': {named}' if named else ''}.",
    ]
    if comparisons.only_first or comparisons.only_second:
        told.append(
            f"Differences are of the {comparisons.shared:,} cases that both runs have; "
            f"{comparisons.only_second:,} are in this one alone and {comparisons.only_first:,} in the other."
        )
    if comparisons.relabelled:
        told.append(f"Of {comparisons.relabelled:,} of the cases of both something else was expected.")
    return told


def script_json(value: object) -> str:
    """Return JSON that can stand within a script element: no character of it is one that HTML knows."""
    told = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", told)


def told_cases(
    result: Result,
    against: Result | None = None,
    comparisons: Comparisons | None = None,
    link_base: str | None = None,
) -> dict[str, Any]:
    """Return all that the page's script draws the cases of.

    `texts` holds every text once, and the cases name it by its place there: what is expected, cited and
    cited by the other run is often the same. Offsets of what is marked in a quote are those of JavaScript.
    """
    texts = _Texts()
    others = {outcome.id: outcome for outcome in against.outcomes} if against is not None else {}
    changes = {case.id: case.change for case in comparisons.changed} if comparisons is not None else {}
    cases = []
    for outcome in result.outcomes:
        case: dict[str, Any] = {
            "id": outcome.id,
            "question": texts.place(outcome.question),
            "kind": outcome.kind,
            "answerable": outcome.answerable,
            "answers": [texts.place(answer) for answer in outcome.answers],
            "expected": [[texts.place(piece.source), texts.place(piece.quote)] for piece in outcome.expected],
            "run": _told(outcome, texts, linked=link_base is not None),
        }
        other = others.get(outcome.id)
        if other is not None and other.question == outcome.question:
            case["other"] = _told(other, texts, linked=False)
            case["change"] = changes.get(outcome.id, "")
        cases.append(case)
    return {
        "texts": texts.held(),
        "failures": {kind.value: failure_label(kind) for kind in FailureKind},
        "compared": against is not None,
        "link": None if link_base is None else [link_base, result.provenance.get("collection")],
        "cases": cases,
    }


class _Texts:
    """Texts by their places in a list of them."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        """Return the place of a text."""
        return self._places.setdefault(text, len(self._places))

    def held(self) -> list[str]:
        """Return all texts, each at its place."""
        return list(self._places)


def _told(outcome: Outcome, texts: _Texts, *, linked: bool) -> dict[str, Any]:
    """Return what became of a case; what is usual, or stands in the quotes already, is left out."""
    told: dict[str, Any] = {
        "failure": failure_kind(outcome).value,
        "confidence": round(outcome.confidence, 4),
        "abstained": outcome.abstained,
        "hits": outcome.hits,
        "ranks": [piece.rank for piece in outcome.expected],
        "cited": [piece.cited for piece in outcome.expected],
        "citations": [_cited(citation, texts, linked=linked) for citation in outcome.citations],
    }
    if outcome.abstained and outcome.best is not None:
        told["best"] = _cited(outcome.best, texts, linked=linked)
    if outcome.written_by is not None:
        told["by"] = texts.place(outcome.written_by)
    if outcome.written_by is not None and not outcome.abstained:
        told["answer"] = texts.place(outcome.answer)
    if outcome.fallback is not None:
        told["fallback"] = texts.place(outcome.fallback)
    return told


def _cited(citation: CitedQuote, texts: _Texts, *, linked: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "quote": texts.place(citation.quote),
        "source": texts.place(citation.source),
        "at": [citation.start, citation.end],
        "right": citation.right,
    }
    if citation.place:
        told["place"] = texts.place(citation.place)
    if citation.answer is not None:
        told["mark"] = [_units(citation.quote, offset - citation.start) for offset in citation.answer]
    if linked:
        told["document"] = citation.document_id
    return told


def _units(text: str, characters: int) -> int:
    """Return how many UTF-16 units, which JavaScript counts, the first characters of a text have."""
    return len(text[: max(0, characters)].encode("utf-16-le", "surrogatepass")) // 2


def failure_table(result: Result, against: Result | None) -> str:
    """Return how many cases failed in each way, with links to them."""
    counts = [failure_counts(run.outcomes) for run in (result, against) if run is not None]
    most = max(max(of_run.values()) for of_run in counts)
    rows = []
    for kind, explained in FAILURES.items():
        name = f'<a href="#failure={kind.value}">{escape(failure_label(kind))}</a>'
        bars = (bar(of_run[kind] / most, run) for of_run, run in zip(counts, ("this", "other"), strict=False))
        told = (
            f'<span class="outcome"><span>{name}<span class="told">{escape(explained)}</span></span>'
            f"<span>{''.join(bars)}</span></span>"
        )
        rows.append([told, *(f"{of_run[kind]:,}" for of_run in counts)])
    heads = ["Outcome", "Cases"] if against is None else ["Outcome", "This run", "Other run"]
    return f'<div class="card">{table("What became of the cases", heads, rows)}</div>'


def kind_table(result: Result, against: Result | None) -> str:
    """Return how the questions of each kind went, nothing where they have none."""
    rows = []
    for kind, counts in result.by_kind.items():
        # A lone surrogate has no bytes.
        address = escape(urlencode({"kind": kind}, errors="replace"))
        name = f'<a href="#{address}" dir="auto">{escape(kind)}</a>'
        cells = [f"{counts['cases']:,}"]
        for run in (result, against):
            if run is not None:
                chosen = [outcome for outcome in run.outcomes if outcome.kind == kind]
                right = sum(failure_kind(outcome) is FailureKind.NONE for outcome in chosen)
                cells += [f"{right:,}", f"{sum(outcome.abstained for outcome in chosen):,}"]
        rows.append([name, *cells])
    heads = ["Kind", "Cases", "Right", "Not answered"]
    heads += [] if against is None else ["Other run: right", "Other run: not answered"]
    return f'<div class="card">{table("How each kind of question went", heads, rows)}</div>' if rows else ""


def case_list(result: Result, *, compared: bool) -> str:
    """Return where the page's script draws the cases, and how to choose among them."""
    counts = failure_counts(result.outcomes)
    failures = [("", "all"), ("any", "all that failed")]
    failures += [
        (kind.value, f"{failure_label(kind)} ({counts[kind]:,})") for kind in FailureKind if counts[kind]
    ]
    kinds = [("", "all"), *((kind, kind) for kind in result.by_kind)]
    changes = [("", "all"), ("any", "changed"), *((change.value, change.value) for change in Change)]
    orders = [("", "as in the set"), ("up", "least confident first"), ("down", "most confident first")]
    fields = [
        _choice("failure", "Outcome", failures),
        _choice("kind", "Kind of question", kinds) if len(kinds) > 1 else "",
        _choice("change", "Beside the other run", changes) if compared else "",
        _choice("sort", "Order", orders),
        _field("q", "Text", '<input type="search" name="q" id="by-q" autocomplete="off" spellcheck="false">'),
    ]
    return (
        f'<form id="filter" class="card" hidden>{"".join(fields)}<button type="reset">Clear</button></form>'
        '<p id="count" role="status">The cases are drawn by a script, which does not run here. All figures '
        'are above.</p><ol id="list"></ol>'
        '<button type="button" id="more" hidden>Show more</button>'
    )


def _choice(name: str, label: str, options: Iterable[tuple[str, str]]) -> str:
    told = "".join(f'<option value="{escape(value)}">{escape(shown)}</option>' for value, shown in options)
    return _field(name, label, f'<select name="{name}" id="by-{name}">{told}</select>')


def _field(name: str, label: str, control: str) -> str:
    return f'<div class="field"><label for="by-{name}">{label}</label>{control}</div>'
