"""The whole of `quotebound eval fit` for a network: fitted, measured, and put into words for a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eval.public import QED_FILE, file_sha256, load_qed, load_squad2, squad2_path
from eval.reading import given, open_questions
from eval.reading.fitting import Ranked, ablation, calibration, cross_fitted, figures, fit, risk_coverage
from eval.samples import Kind, Library
from index.embedding import Embedder
from rag.models import embedder_of
from rag.ranking import COEFFICIENTS_FILE as RANKING_FILE
from rag.reading.network import Network
from rag.reading.training.sources import DEVELOPMENT_TITLES, SQUAD2_FILE, squad
from rag.settings import Settings

_COVERAGES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def run(
    data: Path,
    settings: Settings,
    network: Network,
    weights: str,
    tell: Callable[[str], None],
    embedder: Embedder | None = None,
) -> dict[str, Any]:
    """Fit on the data below a folder and return what goes into the file; `weights` is the network's hash."""
    path = squad2_path(data)
    qed = load_qed(data)
    articles = load_squad2(path)
    embedder = embedder or embedder_of(settings)
    with Library.apart(embedder, settings) as library:
        asked = open_questions.collect(articles, DEVELOPMENT_TITLES, library, network, tell)
    stages = fit(asked, weights)
    development = squad(path)[-DEVELOPMENT_TITLES:]
    alone = given.collect([entry for _, article in development for entry in article], network, embedder)
    tell(f"{len(alone)} questions with their paragraphs")
    found, abstained = cross_fitted(asked)
    return {
        "weights_sha256": weights,
        "first": stages.first.stored(),
        "relevance": stages.relevance.stored(),
        "answerable": stages.answerable.stored(),
        "threshold": stages.threshold,
        "settled": stages.settled,
        "least_margin": given.least_margin(alone, stages),
        "fitted": {
            "command": "quotebound eval fit --data DIR",
            "data": {str(SQUAD2_FILE): file_sha256(path), str(QED_FILE): file_sha256(data / QED_FILE)},
            "ranking_sha256": file_sha256(RANKING_FILE),
            "embedding_model": embedder.identity.name,
            "embedding_sha256": embedder.identity.weights,
            "articles": [article.title for article in articles[-DEVELOPMENT_TITLES:]],
            "open": figures(found, abstained),
            "answers_given": _answers_given(found, abstained),
            "paragraph_given": given.squad_figures(alone),
            "evidence_sentence": given.qed_figures(qed, network, embedder, stages),
            "ablation": ablation(asked),
            "calibration": [[round(value, 4) for value in row] for row in calibration(found)],
            "risk_coverage": [[round(v, 4) for v in row] for row in risk_coverage(found, _COVERAGES)],
        },
    }


def _answers_given(found: Sequence[Ranked], abstained: Sequence[bool]) -> dict[str, float]:
    """Return what the answers given at the threshold are worth: of all questions, and of each kind."""
    result = {}
    for kind in Kind:
        chosen = [out for entry, out in zip(found, abstained, strict=True) if entry.question.kind is kind]
        result[f"answered_{kind}"] = round(1 - sum(chosen) / max(1, len(chosen)), 4)
    answered = [
        entry for entry, out in zip(found, abstained, strict=True) if not out and entry.question.answerable
    ]
    result["first_right_when_answered"] = round(
        sum(entry.is_right(1) for entry in answered) / max(1, len(answered)), 4
    )
    return result
