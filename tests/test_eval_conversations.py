"""Conversations to measure follow-ups with: reading them, those of the project, and what is counted."""

import gzip
import io
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doubles import HashingEmbedder
from public_sets import PEOPLE, PLACES, THINGS, sentences
from rich.console import Console

from eval.cases import InvalidCase, Quotation
from eval.conversations import Measured, as_json, measured, missed, table
from eval.conversations.cases import CONVERSATIONS, ArticlePlace, Conversation, load_conversations
from index.errors import SourceNotFound
from rag.reading.training.sources import SQUAD2_FILE
from rag.settings import SIMILARITY, Settings
from rag.wiring import Application

SEEDS = Path(__file__).parents[1] / "seeds"
HANDBOOK = "quotebound-handbook.md"
# Alike in all but their names, so that without one the first of them are found.
PLACE = PLACES[-1]
DRAWN = sentences(PLACE, 0)[0]


def article(place: str) -> dict[str, Any]:
    """Return an article on a place in the shape of SQuAD, a question on each of its paragraphs."""
    paragraphs = []
    for number, thing in enumerate(THINGS):
        context = " ".join(sentences(place, number))
        answer = next(person for person in PEOPLE if person in context)
        question = {
            "id": f"{place}-{number}",
            "question": f"Who drew the {thing} of {place}?",
            "answers": [{"text": answer, "answer_start": context.index(answer)}],
            "is_impossible": False,
        }
        paragraphs.append({"context": context, "qas": [question]})
    return {"title": place, "paragraphs": paragraphs}


def written(folder: Path) -> Path:
    """Write articles to where SQuAD is in a data folder, and return that folder."""
    (folder / SQUAD2_FILE).parent.mkdir()
    with gzip.open(folder / SQUAD2_FILE, "wt", encoding="utf-8") as file:
        json.dump({"data": [article(place) for place in PLACES]}, file)
    return folder


def turn(question: str, standalone: str | None = None, **of: Any) -> dict[str, Any]:
    # The first sentence of the first paragraph of the last article.
    place = {"article": PLACE, "paragraph": 0, "start": 0, "end": len(DRAWN)}
    record = {"question": question, "kind": "any", "answers": ["bridge"], "evidence": [place]}
    return record | ({} if standalone is None else {"standalone": standalone}) | of


def conversation(*turns: dict[str, Any], **of: Any) -> dict[str, Any]:
    return {"id": "one", "part": "develop", "labels_by": "this test", "turns": list(turns)} | of


FIRST = turn(f"Who drew the bridge of {PLACE}?")
FOLLOW = turn("After what was it drawn?", f"After what was the bridge of {PLACE} drawn?")
SWITCH = turn(
    "How many MB may a single file have at most?",
    evidence=[{"source": HANDBOOK, "quote": "A single file may have at most 32 MB"}],
)


def kept(folder: Path, *records: object) -> Path:
    path = folder / "talks.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    folder = tmp_path_factory.mktemp("talks")
    path = kept(folder, conversation(FIRST, FOLLOW, SWITCH))
    settings = Settings(home=folder / "home", reader=SIMILARITY)
    with Application(settings, writable=True, embedder=HashingEmbedder()) as application:
        return measured(application, written(folder), lambda _: None, path, 12)


def test_a_conversation_is_read_with_what_each_question_depends_on(tmp_path: Path) -> None:
    (found,) = load_conversations(kept(tmp_path, conversation(FIRST, FOLLOW, SWITCH)))
    assert [exchange.standalone is not None for exchange in found.exchanges] == [False, True, False]
    assert found.exchanges[0].evidence == (ArticlePlace(PLACE, 0, 0, len(DRAWN)),)
    assert found.exchanges[2].evidence == (Quotation(HANDBOOK, "A single file may have at most 32 MB"),)


@pytest.mark.parametrize(
    "record",
    [
        3,
        {"id": "one"},
        conversation(FIRST),
        conversation(FOLLOW, FOLLOW),
        conversation(FIRST, turn("Why?", "Why did it?", evidence=[])),
        conversation(FIRST, turn("Why?", "Why did it?", evidence=[{"article": "Arlen"}])),
        conversation(FIRST, FOLLOW, part="test"),
    ],
)
def test_a_line_that_is_no_conversation_is_named(tmp_path: Path, record: object) -> None:
    with pytest.raises(InvalidCase, match=r"talks\.jsonl, line 2 is not a conversation"):
        load_conversations(kept(tmp_path, conversation(FIRST, FOLLOW), record))


def test_a_set_that_is_not_there_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"nowhere\.jsonl"):
        load_conversations(tmp_path / "nowhere.jsonl")
    with pytest.raises(InvalidCase, match="holds no conversations"):
        load_conversations(kept(tmp_path))


@pytest.mark.parametrize(
    "place",
    [
        {"article": "Nowhere", "paragraph": 0, "start": 0, "end": 5},
        {"article": PLACE, "paragraph": -1, "start": 0, "end": 5},
        {"article": PLACE, "paragraph": 99, "start": 0, "end": 5},
        {"article": PLACE, "paragraph": 0, "start": 0, "end": 5000},
        {"source": HANDBOOK, "quote": "A single file may have at most 33 MB"},
    ],
)
def test_evidence_that_is_not_in_the_documents_is_named(tmp_path: Path, place: dict[str, Any]) -> None:
    path = kept(tmp_path, conversation(FIRST, turn("Why?", "Why did it?", evidence=[place])))
    settings = Settings(home=tmp_path / "home", reader=SIMILARITY)
    with (
        Application(settings, writable=True, embedder=HashingEmbedder()) as application,
        pytest.raises(InvalidCase, match=r"^one: "),
    ):
        measured(application, written(tmp_path), lambda _: None, path, 1)


def test_each_later_question_is_asked_in_all_its_wordings(run: Measured) -> None:
    follow, switch = run.asked
    assert follow.query == f"After what was it drawn (drew bridge {PLACE})?"
    assert dict(follow.found) == {"rewritten": True, "given": True, "standalone": True, "raw": False}
    assert switch.left_alone
    assert not switch.depends


def test_only_the_first_passages_count_as_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.conversations.run.DEPTH", 0)
    settings = Settings(home=tmp_path / "home", reader=SIMILARITY)
    path = kept(tmp_path, conversation(FIRST, FOLLOW))
    with Application(settings, writable=True, embedder=HashingEmbedder()) as application:
        (asked,) = measured(application, written(tmp_path), lambda _: None, path, 0).asked
    assert not any(asked.found.values())
    assert asked.first["standalone"]


def test_shares_are_of_the_follow_ups_alone(run: Measured) -> None:
    part = run.parts["develop"]
    assert (part.followups, part.missed, part.switches, part.switches_rewritten) == (1, 0, 1, 0)
    assert part.recall == {"rewritten": 1.0, "given": 1.0, "standalone": 1.0, "raw": 0.0}
    assert part.of_standalone == 1.0
    assert run.parts["all"] == part
    assert "held_out" not in run.parts


def test_questions_that_stand_by_themselves_are_asked_after_random_others(run: Measured) -> None:
    alone = run.unharmed["random"]
    assert (alone.questions, alone.rewritten) == (12, 0)
    assert alone.recall_with == alone.recall_without
    assert alone.kept == 1.0
    assert run.unharmed["switches"].questions == 1


def test_a_bar_that_is_missed_is_told(run: Measured) -> None:
    assert missed(run) == []
    part = replace(run.parts["all"], recall=dict(run.parts["all"].recall) | {"rewritten": 0.89})
    harmed = replace(run.unharmed["random"], kept=0.98)
    lines = missed(replace(run, parts={"all": part}, unharmed={"random": harmed}))
    assert [line.split(":")[0] for line in lines] == ["all", "random"]


def test_a_run_is_shown_as_a_table_and_as_json(run: Measured) -> None:
    out = io.StringIO()
    Console(file=out, width=160).print(table(run))
    assert "bars reached" in out.getvalue()
    found = json.loads(json.dumps(as_json(run)))
    assert found["parts"]["develop"]["of_standalone"] == 1.0
    assert found["asked"][0]["query"] == run.asked[0].query
    assert set(found["provenance"]) == {"set", "set_sha256", "data_sha256", "model"}


@pytest.fixture(scope="module")
def conversations() -> tuple[Conversation, ...]:
    return load_conversations(CONVERSATIONS)


def on_seeds(found: Conversation) -> bool:
    return isinstance(found.exchanges[0].evidence[0], Quotation)


def test_the_set_has_sixty_conversations_in_two_halves(conversations: tuple[Conversation, ...]) -> None:
    assert len({found.id for found in conversations}) == 60
    assert Counter(found.part for found in conversations) == {"develop": 30, "held_out": 30}
    assert Counter(map(on_seeds, conversations)) == {True: 25, False: 35}
    assert {len(found.exchanges) for found in conversations} == {2, 3}


def test_a_fifth_of_the_later_questions_stand_by_themselves(conversations: tuple[Conversation, ...]) -> None:
    later = [exchange for found in conversations for exchange in found.exchanges[1:]]
    assert 0.15 < sum(exchange.standalone is None for exchange in later) / len(later) < 0.25
    assert all(exchange.standalone != exchange.question for exchange in later)
    assert all((exchange.standalone is None) == (exchange.kind == "switch") for exchange in later)


def test_the_evidence_of_the_set_in_the_demo_documents_stands_there_and_answers(
    conversations: tuple[Conversation, ...],
) -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in SEEDS.iterdir()}
    for found in conversations:
        for exchange in found.exchanges:
            for place in exchange.evidence:
                if isinstance(place, Quotation):
                    assert place.quote in texts[place.source], found.id
                    assert all(answer in place.quote for answer in exchange.answers), found.id


def test_the_set_holds_no_text_of_the_articles(conversations: tuple[Conversation, ...]) -> None:
    for found in conversations:
        if not on_seeds(found):
            assert all(len(answer) < 60 for exchange in found.exchanges for answer in exchange.answers)
