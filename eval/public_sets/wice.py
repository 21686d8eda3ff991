"""WiCE: claims of Wikipedia and the sentences of the pages cited for them that support them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.metrics import area_under_roc, f_measure
from eval.outcomes import Outcome
from eval.public_sets.reading import SetReader
from eval.public_sets.types import PublicQuestions, Published
from index.types import Span

_FILE = "dev/wice.jsonl.gz"
_SUPPORTED = "supported"
_NOT_SUPPORTED = "not_supported"


class Wice:
    """WiCE: each claim is asked of the page cited for it, a document of its own.

    Evidence are the sentences that annotators chose to support the claim, or a part of it; of several
    such choices the first. A claim that is not supported at all has none, and is one to abstain on.
    """

    name = "wice"
    title = "WiCE"
    source = (
        "it is the claims of WiCE's development set, JSON Lines, by Kamoi et al. "
        '("WiCE: real-world entailment for claims in Wikipedia", 2023), annotations ODC-BY'
    )
    not_comparable = (
        "WiCE gives a claim to a model that says whether the page entails it. Here the claim is asked like a "
        "question: that a sentence of the page is quoted stands for supported, the confidence for the "
        "probability of it, and what is quoted, mostly one sentence, for the supporting ones. A claim that "
        "is supported in part counts as not supported, as in WiCE's own two classes. `quotebound "
        "eval support` measures the score by which a written sentence is held supported, on the same claims."
    )
    published: tuple[Published, ...] = ()

    def load(self, data: Path) -> PublicQuestions:
        """Read the set in the order of its file."""
        reader = SetReader(data, self.source, "WiCE annotators")
        return reader.asked((_FILE,), _ask)

    def figures(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return accuracy, F1 and AUROC of telling supported claims, and F1 of their sentences.

        As WiCE has them: F1 is of the class of supported claims, and of the sentences it is the mean over
        the claims that have some (Kamoi et al., 2023, section 4).
        """
        if not outcomes:
            return {}
        supported = [outcome.kind == _SUPPORTED for outcome in outcomes]
        held = [not outcome.abstained for outcome in outcomes]
        both = sum(one and other for one, other in zip(supported, held, strict=True))
        scores = [outcome.sentences.scores.f1 for outcome in outcomes if outcome.expected]
        return {
            "wice_accuracy": sum(one == other for one, other in zip(supported, held, strict=True))
            / len(outcomes),
            "wice_f1": f_measure(both / max(1, sum(held)), both / max(1, sum(supported))),
            "wice_auroc": area_under_roc([outcome.confidence for outcome in outcomes], supported),
            "wice_sentence_f1": sum(scores) / len(scores) if scores else 0.0,
        }


def _ask(reader: SetReader, record: dict[str, Any]) -> None:
    claim_id = record["meta"]["id"]
    places, page = [], ""
    for sentence in record["evidence"]:
        places.append(Span(len(page), len(page) + len(sentence)))
        page += f"{sentence}\n"
    text = reader.document(f"page of {claim_id}", page)
    if text is None:
        return
    evidence = None
    if record["label"] != _NOT_SUPPORTED:
        chosen = (record["supporting_sentences"] or [[]])[0]
        spans = [places[place].stripped(text.text) for place in sorted(chosen)]
        evidence = [text.evidence([span]) for span in spans if span is not None]
    reader.ask(claim_id, record["claim"], record["label"], evidence=evidence, scope=[text])
