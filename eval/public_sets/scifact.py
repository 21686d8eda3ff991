"""SciFact as BEIR has it: claims of science, and the abstracts that bear on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from eval.outcomes import Outcome
from eval.public_sets.reading import SetReader, Text, in_form, titled
from eval.public_sets.types import PublicQuestions, Published
from eval.ranking import of_documents
from index.types import Span

_FOLDER = "dev/scifact"


class SciFact:
    """SciFact: each claim is asked of all abstracts; its evidence are those that bear on it."""

    name = "scifact"
    title = "SciFact (BEIR)"
    source = (
        "it is SciFact as BEIR has it, corpus.jsonl.gz, queries.train.jsonl.gz and qrels.train.tsv, by "
        'Wadden et al. ("Fact or fiction: verifying scientific claims", 2020), CC BY-NC 2.0: to measure on '
        "and not to train with"
    )
    not_comparable = (
        "The queries are those of the training split, whose judgements are public, while BEIR's figures are "
        "of the 300 of its test split. Ranked are the abstracts of the passages that an answer is read from, "
        "each once: ten at most, and fewer where an abstract has several passages among the ten. Claims are "
        "no questions, and what is answered to them, or withheld, says little."
    )
    published: tuple[Published, ...] = (
        Published(
            "BM25",
            "scifact_ndcg_at_10",
            0.665,
            'Thakur et al., "BEIR", 2021',
            "the 300 queries of the test split, over the same abstracts",
        ),
    )

    def load(self, data: Path) -> PublicQuestions:
        """Read the set in the order of its files."""
        reader = SetReader(data, self.source, "SciFact annotators")
        abstracts: dict[str, Text] = {}
        for place, record in reader.lines(f"{_FOLDER}/corpus.jsonl.gz"):
            with in_form(place):
                text = reader.document(record["title"], titled(record["title"], record["text"])[0])
                if text is not None:
                    abstracts[str(record["_id"])] = text
        relevant = self._relevant(reader)
        for place, record in reader.lines(f"{_FOLDER}/queries.train.jsonl.gz"):
            with in_form(place):
                if (ids := relevant.get(str(record["_id"]))) is None:
                    continue
                texts = [abstracts[key] for key in ids if key in abstracts]
                evidence = [text.evidence([span]) for text in texts if (span := _whole(text)) is not None]
                reader.ask(record["_id"], record["text"], "claim", evidence=evidence)
        return reader.questions()

    def _relevant(self, reader: SetReader) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for place, row in reader.rows(f"{_FOLDER}/qrels.train.tsv"):
            with in_form(place):
                if int(row["score"]) > 0:
                    found.setdefault(row["query-id"], []).append(row["corpus-id"])
        return found

    def figures(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return nDCG@10 (Järvelin and Kekäläinen, 2002) of the abstracts, as BEIR has it."""
        # A source ends with the name that a piece of evidence gives.
        found = [[source.rsplit("/", 1)[-1] for source in outcome.documents] for outcome in outcomes]
        wanted = [[piece.source for piece in outcome.expected] for outcome in outcomes]
        values = of_documents(wanted, found)["ndcg_at_10"]
        return {"scifact_ndcg_at_10": float(values.mean())} if len(values) else {}


def _whole(text: Text) -> Span | None:
    return Span(0, len(text.text)).stripped(text.text)
