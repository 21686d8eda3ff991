"""A question of chosen documents: answered from them alone, as if there were no others."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from serving import accepted, end_of
from starlette.testclient import TestClient
from test_answer_cache import Counting
from test_answering import EMBEDDER, QUESTION, SIGNED, Drafting, SureReader, assistant, put

from index.coverage import Unread
from index.errors import DocumentNotFound
from index.home import Home
from index.snapshot import Scope, Snapshot
from index.store import Store
from index.types import Document, Hit, Page, PageReading
from index.vectors import Scored
from rag.answering import Assistant
from rag.responding import Responder
from rag.retrieval import Retriever
from rag.service.asking_wire import MAX_DOCUMENTS
from rag.types import AnswerStatus, Asking

QUOTING = Drafting([("Said.", [("signed", "signed")])])


def found(store: Store, query: str, *documents: Document, k: int = 10) -> list[Hit]:
    snapshot = store.snapshot().within([document.id for document in documents])
    return list(Retriever(EMBEDDER).search(snapshot, query, k).hits)


def texts(snapshot: Snapshot, scored: Sequence[Scored]) -> list[str]:
    located = snapshot.passages([entry.row for entry in scored])
    return [located[entry.row].passage.text for entry in scored]


def sure(home: Home) -> Assistant:
    return assistant(home, QUOTING, SureReader())


def test_only_the_chosen_documents_are_searched(store: Store) -> None:
    one, two, _ = (put(store, f"A glacier {did}.", f"{did}.txt") for did in ("melted", "grew", "broke"))
    assert {hit.passage.document_id for hit in found(store, "glacier", one, two)} == {one.id, two.id}
    assert [hit.passage.document_id for hit in found(store, "a glacier grew", one)] == [one.id]


def test_what_is_chosen_is_found_however_much_else_is_nearer(store: Store) -> None:
    far = put(store, "Rivers and one glacier met where seven old bridges fell.", "far.txt")
    for n in range(120):
        put(store, f"The glacier melted {n}.", f"{n}.txt")
    assert far.id not in {hit.passage.document_id for hit in found(store, "the glacier melted", k=100)}
    (hit,) = found(store, "the glacier melted", far)
    assert (hit.passage.document_id, hit.why.dense_rank, hit.why.lexical_rank) == (far.id, 1, 1)


def test_what_is_nearest_is_what_is_nearest_in_a_collection_of_the_chosen(home: Home, store: Store) -> None:
    apart = home.collection("apart", create=True)
    chosen = []
    for n in range(90):
        text = f"The river of {n} rose {'high ' * (n % 5)}above town {n % 7}."
        made = put(store, text, f"{n}.txt")
        if n % 3 == 0:
            chosen.append(made.id)
            put(apart, text, f"{n}.txt")
    among, alone = store.snapshot().within(chosen), apart.snapshot()
    query = "which river rose high above town 3"
    for k in (1, 7, 30, 90):
        nearest = [texts(here, here.dense(EMBEDDER.embed_query(query), k)) for here in (among, alone)]
        assert nearest[0] == nearest[1]
        assert len(nearest[0]) == min(k, 30)
    sharing = [texts(here, here.lexical(query, 90)) for here in (among, alone)]
    assert sorted(sharing[0]) == sorted(sharing[1])


def test_where_none_are_named_all_are_searched(store: Store) -> None:
    put(store)
    snapshot = store.snapshot()
    assert snapshot.within([]) is snapshot


def test_a_document_named_twice_is_searched_once(store: Store) -> None:
    one, _ = put(store, "A glacier melted.", "a.txt"), put(store, "A glacier grew.", "b.txt")
    assert found(store, "glacier", one, one) == found(store, "glacier", one)
    assert len(store.snapshot().within([one.id, one.id])) == 1


def test_a_document_that_is_not_stored_is_named(home: Home, store: Store) -> None:
    made, gone = put(store), put(store, "Gone.", "gone.txt")
    store.delete(gone.id)
    for documents in ([gone.id], [made.id, gone.id]):
        with pytest.raises(DocumentNotFound, match=gone.id):
            assistant(home).ask(QUESTION, documents=documents)
        with pytest.raises(DocumentNotFound, match=gone.id):
            assistant(home).search(QUESTION, documents=documents)


def test_a_document_that_came_after_the_snapshot_is_not_in_it(store: Store) -> None:
    put(store)
    before = store.snapshot()
    late = put(store, "A treaty was signed late.", "late.txt")
    narrowed = before.within([late.id])
    assert len(narrowed) == 0
    assert Retriever(EMBEDDER).search(narrowed, QUESTION, 10).hits == ()


def test_a_document_deleted_since_it_was_chosen_is_not_found(store: Store) -> None:
    gone, kept = put(store), put(store, "The treaty was signed again.", "kept.txt")
    narrowed = store.snapshot().within([gone.id, kept.id])
    store.delete(gone.id)
    hits = Retriever(EMBEDDER).search(narrowed, QUESTION, 10).hits
    assert {hit.passage.document_id for hit in hits} == {kept.id}


def test_no_other_document_is_told_of_whatever_the_rows_say(store: Store) -> None:
    chosen, other = put(store), put(store, "The treaty was signed again.", "other.txt")
    snapshot = store.snapshot()
    wrong = np.array(store.catalog.rows_of([chosen.id, other.id]), dtype=np.int64)
    narrowed = replace(snapshot, scope=Scope((chosen.id,), wrong))
    hits = Retriever(EMBEDDER).search(narrowed, QUESTION, 10).hits
    assert {hit.passage.document_id for hit in hits} == {chosen.id}


def test_only_the_chosen_documents_are_quoted(home: Home, store: Store) -> None:
    put(store)
    chosen = put(store, "The other treaty was signed in 1843.", "other.txt")
    answer = assistant(home).ask(QUESTION, documents=[chosen.id])
    assert {citation.quote.document_id for citation in answer.citations} == {chosen.id}
    assert {hit.passage.document_id for hit in answer.hits} == {chosen.id}
    result = assistant(home).search(QUESTION, documents=[chosen.id])
    assert {hit.passage.document_id for hit in result.hits} == {chosen.id}


def test_what_the_chosen_documents_do_not_say_is_abstained_from(home: Home, store: Store) -> None:
    put(store)
    silent = put(store, "Bridges fell.", "silent.txt")
    answer = assistant(home, least=0.5).ask(QUESTION, documents=[silent.id])
    assert (answer.status, answer.citations) == (AnswerStatus.ABSTAINED, ())


def test_a_conversation_is_answered_from_the_documents_that_each_question_names(
    home: Home, store: Store
) -> None:
    put(store)
    chosen = put(store, "The other treaty was signed in 1843.", "other.txt")
    responder = Responder(assistant(home))
    answer = responder.answer(Asking(QUESTION, documents=(chosen.id,)))
    assert {citation.quote.document_id for citation in answer.citations} == {chosen.id}
    assert SIGNED in {citation.quote.text for citation in responder.answer(Asking(QUESTION)).citations}


def test_unread_pages_are_told_of_the_chosen_documents_alone(home: Home, store: Store) -> None:
    unread = Page(2, 9, 9, reading=PageReading.UNREAD, reason="it is damaged")
    scan = put(store, f"{SIGNED} Or so.", "scan.pdf", [Page(1, 0, 9), unread])
    whole = put(store, pages=[Page(1, 0, 9)])
    asked = assistant(home)
    assert asked.ask(QUESTION, documents=[whole.id]).unread is None
    assert asked.ask(QUESTION, documents=[whole.id, scan.id]).unread == Unread(1, 1)


def test_the_same_question_of_other_documents_is_another_question(home: Home, store: Store) -> None:
    one, two = put(store, "The treaty was signed."), put(store, "The pact was signed.", "two.txt")
    counting = Counting(QUOTING)
    asking = assistant(home, counting, SureReader())
    for chosen in ([one.id], [two.id], [one.id], [], [two.id]):
        cited = {c.quote.document_id for c in asking.ask(QUESTION, documents=chosen).citations}
        assert cited <= set(chosen or [one.id, two.id])
    assert len(counting.asked) == 3


def test_the_order_of_the_documents_does_not_make_another_question(home: Home, store: Store) -> None:
    one, two = put(store, "The treaty was signed."), put(store, "The pact was signed.", "two.txt")
    counting = Counting(QUOTING)
    asking = assistant(home, counting, SureReader())
    answers = [
        asking.ask(QUESTION, documents=some).hits
        for some in ([one.id, two.id], [two.id, one.id], [one.id, two.id, one.id])
    ]
    assert answers[0] == answers[1] == answers[2]
    assert len(counting.asked) == 1


def test_a_deleted_document_is_not_answered_from_what_was_kept(home: Home, store: Store) -> None:
    gone = put(store)
    asking = sure(home)
    assert asking.ask(QUESTION, documents=[gone.id]).citations
    store.delete(gone.id)
    with pytest.raises(DocumentNotFound, match=gone.id):
        asking.ask(QUESTION, documents=[gone.id])


def test_a_document_that_another_process_deleted_is_named_where_it_was_quoted(
    home: Home, store: Store
) -> None:
    gone = put(store)
    asking = sure(home)
    assert asking.ask(QUESTION, documents=[gone.id]).citations
    # Past the store, as by another process: the snapshot stays where it is.
    store.catalog.delete(gone.id)
    with pytest.raises(DocumentNotFound, match=gone.id):
        asking.ask(QUESTION, documents=[gone.id])


def added(client: TestClient, text: str, name: str) -> str:
    job = end_of(client, accepted(client, text, name))
    return str(job["files"][0]["document_id"])


def posted(client: TestClient, path: str, documents: Any, status: int = 200) -> dict[str, Any]:
    field = "query" if path == "/search" else "question"
    # By hand: what is half of a character the client would not send.
    content = json.dumps({field: "When does the ferry leave?", "documents": documents})
    response = client.post(path, content=content, headers={"content-type": "application/json"})
    assert response.status_code == status, response.text
    return dict(response.json())


@pytest.mark.parametrize("path", ["/ask", "/search"])
def test_the_service_asks_the_documents_named(client: TestClient, path: str) -> None:
    one = added(client, "The ferry leaves at nine.", "one.txt")
    two = added(client, "The ferry leaves at ten.", "two.txt")
    for documents, expected in (([one], {one}), ([two, two], {two}), ([], {one, two})):
        hits = posted(client, path, documents)["hits"]
        assert {hit["document_id"] for hit in hits} == expected


def test_a_stream_is_of_the_documents_named(client: TestClient) -> None:
    added(client, "The ferry leaves at nine.", "one.txt")
    two = added(client, "The ferry leaves at ten.", "two.txt")
    asked = {"question": "When does the ferry leave?", "documents": [two]}
    said = client.post("/ask/stream", json=asked).text
    assert "The ferry leaves at ten." in said
    assert "at nine" not in said


@pytest.mark.parametrize("path", ["/ask", "/ask/stream", "/search"])
def test_the_service_names_a_document_that_is_not_there(client: TestClient, path: str) -> None:
    known = added(client, "The ferry leaves at nine.", "one.txt")
    error = posted(client, path, [known, "nowhere"], 404)
    assert error["code"] == "document_not_found"
    assert "'nowhere'" in error["message"]


@pytest.mark.parametrize("path", ["/ask", "/ask/stream", "/search"])
@pytest.mark.parametrize(
    "documents",
    ["one", None, [""], [1], ["a" * 65], [["one"]], ["half \ud800"], ["a"] * (MAX_DOCUMENTS + 1)],
)
def test_what_is_no_list_of_ids_is_refused(client: TestClient, path: str, documents: Any) -> None:
    error = posted(client, path, documents, 422)
    assert error["code"] == "invalid_request"
    assert "documents" in error["message"]


def test_as_many_documents_as_may_be_named_are_searched(client: TestClient) -> None:
    one = added(client, "The ferry leaves at nine.", "one.txt")
    assert len(posted(client, "/search", [one] * MAX_DOCUMENTS)["hits"]) == 1
