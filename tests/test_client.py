"""The Python client against the service itself, over sockets: what it sends, and what it makes of that."""

import io
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from clients import KINDS, opened
from doubles import HashingEmbedder
from listening import listening
from pydantic import SecretStr

import rag.client
from index.loading import png
from rag.client import (
    AnswerSpan,
    Citation,
    Client,
    Conflict,
    Forbidden,
    Invalid,
    JobFailed,
    JobReport,
    NotFound,
    Progress,
    Turn,
    Unauthorized,
)
from rag.client.results import Retrieval
from rag.client.stored import Collection
from rag.service.app import create_app
from rag.settings import Settings
from rag.wiring import Application

FERRY = (
    "The ferry\n\nThe ferry to Kallinge leaves at nine. It takes forty minutes.\n\n"
    "Tickets cost 120 kronor. Bicycles 🚲 travel free of charge.\n"
)
KEY = "a key of more than sixteen characters"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("service") / "home"
    settings = Settings(home=home, threshold=0.0, max_file_mb=1, chunk_tokens=48, ocr="off")
    app = create_app(Application(settings, writable=True, embedder=HashingEmbedder()))
    with pytest.MonkeyPatch.context() as patch:
        # It logs between tests too, when what `conftest` does with the log does not hold.
        for name in ("rag.service.guards", "rag.service.backend", "rag.service.worker", "index.running"):
            patch.setattr(f"{name}._log", structlog.wrap_logger(structlog.ReturnLogger()))
        with listening(app, lifespan=True) as found:
            yield found


@pytest.fixture
def address(service: str) -> Iterator[str]:
    yield service
    with Client(service) as client:
        for collection in client.collections():
            client.delete_collection(collection.name)


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, address: str) -> Iterator[Client]:
    with opened(request.param, address) as found:
        yield found


def added(client: Client, text: str = FERRY, name: str = "ferry.txt", **given: Any) -> str:
    job = client.add(text.encode(), name, **given)
    document_id = job.files[0].document_id
    assert document_id is not None
    return document_id


def test_documents_named_by_their_ids_are_asked_alone(client: Client) -> None:
    added(client)
    chosen = added(client, "The ferry to Holm leaves at ten.", "holm.txt")
    question = "When does the ferry leave?"
    *_, done = client.stream(question, documents=[chosen])
    assert isinstance(done, rag.client.Done)
    for hits in (
        client.ask(question, documents=[chosen]).hits,
        client.search(question, documents=(chosen, chosen)).hits,
        done.answer.hits,
    ):
        assert {hit.document_id for hit in hits} == {chosen}
    assert len(client.search(question, documents=[]).hits) > 1
    with pytest.raises(NotFound, match="nowhere"):
        client.ask(question, documents=["nowhere"])


def test_an_answer_comes_with_quotes_that_hold(client: Client) -> None:
    document_id = added(client)
    answer = client.ask("When does the ferry to Kallinge leave?", top_k=5)
    assert answer.answered
    assert "leaves at nine" in answer.text
    assert {citation.document_id for citation in answer.citations} == {document_id}
    assert [answer.cited_by(sentence) != () for sentence in answer.sentences] == [True] * len(
        answer.sentences
    )
    verification = client.verify(answer)
    assert verification
    assert verification.checked == len(answer.citations) > 0


def test_a_streamed_answer_is_the_answer(client: Client) -> None:
    added(client)
    question = "When does the ferry to Kallinge leave?"
    *events, last = client.stream(question)
    answer = client.ask(question)
    assert isinstance(last, rag.client.Done)
    assert replace(last.answer, timings_ms={}) == replace(answer, timings_ms={})
    assert isinstance(events[0], Retrieval)
    assert [event for event in events if isinstance(event, Citation)] == list(answer.citations)
    assert [event for event in events if isinstance(event, rag.client.Sentence)] == list(answer.sentences)


def test_a_question_is_asked_within_its_conversation(client: Client) -> None:
    added(client)
    first = client.ask("When does the ferry to Kallinge leave?", conversation_id="trip-1")
    assert first.conversation_id == "trip-1"
    told: list[Turn] = [
        {"role": "user", "content": "When does the ferry to Kallinge leave?"},
        {"role": "assistant", "content": first.text},
    ]
    assert client.ask("How long does it take?", history=told).conversation_id is None
    with pytest.raises(Invalid, match="conversation_id"):
        client.ask("How long does it take?", history=told, conversation_id="trip-1")


def test_an_answer_remembers_its_collection_for_the_check(client: Client) -> None:
    added(client, collection="ferries")
    answer = client.ask("When does the ferry leave?", collection="ferries")
    assert client.verify(answer)
    assert not client.verify(replace(answer, collection=None))


def test_a_quote_that_was_altered_does_not_hold(client: Client) -> None:
    added(client)
    answer = client.ask("When does the ferry leave?")
    forged = replace(answer.citations[0], quote=answer.citations[0].quote.replace("nine", "nibe"))
    (fault,) = client.verify(replace(answer, citations=(forged,))).faults
    assert (fault.citation, fault.reason) == (forged, "the quote differs from what is stored there")


def test_a_citation_is_checked_against_the_text_of_its_version(client: Client) -> None:
    text = client.text(added(client))
    citation = client.ask("When does the ferry leave?").citations[0]
    assert citation.verify(text)
    assert not citation.verify(text + " ")
    assert not replace(citation, start=citation.start + 1).verify(text)
    span = AnswerSpan("ten", citation.start, citation.start + 3)
    assert not replace(citation, answer_span=span).verify(text)
    assert not replace(citation, answer_span=replace(span, end=citation.end + 1)).verify(text)


def test_quotes_of_a_document_that_was_deleted_do_not_hold(client: Client) -> None:
    document_id = added(client)
    answer = client.ask("When does the ferry leave?")
    client.delete(document_id)
    assert [fault.reason for fault in client.verify(answer).faults] == [
        "the document is not there any more"
    ] * len(answer.citations)


def test_a_search_gives_passages_the_best_first(client: Client) -> None:
    added(client)
    found = client.search("tickets", top_k=1)
    assert [hit.rank for hit in found.hits] == [1]
    assert found.hits[0].text in FERRY
    assert found.hits[0].why.lexical_rank == 1


def test_a_document_is_listed_described_and_read(client: Client) -> None:
    document_id = added(client)
    (listed,) = client.documents()
    described = client.document(document_id)
    assert (listed.id, listed.source, listed.characters) == (document_id, "ferry.txt", len(FERRY))
    assert (described.id, described.added, described.coverage) == (document_id, listed.added, None)
    assert described.added.utcoffset() is not None
    assert client.text(document_id) == FERRY
    bicycle = FERRY.index("🚲")
    assert client.text(document_id, bicycle, bicycle + 1) == "🚲"
    assert client.pages(document_id) == ()
    assert client.words(document_id, 0, 5) == ()


def test_pages_and_words_of_a_pdf_are_told(client: Client) -> None:
    job = client.add(Path(__file__).parent / "documents" / "article.pdf")
    document_id = job.files[0].document_id or ""
    page = client.pages(document_id)[0]
    assert (page.number, page.kind, page.reading) == (1, "page", "text")
    word = client.words(document_id, page.start, page.start + 40)[0]
    assert word.page == 1
    assert client.text(document_id, word.start, word.end).strip()


def test_a_page_of_a_pdf_comes_as_a_picture(client: Client) -> None:
    job = client.add(Path(__file__).parent / "documents" / "article.pdf")
    document_id = job.files[0].document_id or ""
    sizes = [
        png.size_of(picture)[0]
        for picture in (client.page_image(document_id, 1), client.page_image(document_id, 1, 200))
    ]
    assert sizes == [1000, 200]
    for number, width, error, code in (
        (99, 200, NotFound, "page_not_found"),
        (1, 9, Invalid, "invalid_request"),
    ):
        with pytest.raises(error) as raised:
            client.page_image(document_id, number, width)
        assert raised.value.code == code


@pytest.mark.parametrize("kind", ["path", "string", "bytes", "file"])
def test_a_file_is_added_in_whatever_form_it_is_given(client: Client, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "ferry.txt"
    path.write_text(FERRY, encoding="utf-8")
    data = path.read_bytes()
    job = {
        "path": lambda: client.add(path),
        "string": lambda: client.add(str(path)),
        "bytes": lambda: client.add(data, "ferry.txt"),
        "file": lambda: client.add(io.BytesIO(data), "ferry.txt"),
    }[kind]()
    assert (job.state, job.files[0].source, job.counts["added"]) == ("done", "ferry.txt", 1)
    assert client.text(client.documents()[0].id) == FERRY


def test_a_job_that_is_not_waited_for_is_followed_to_its_end(client: Client) -> None:
    job = client.add(FERRY.encode(), "ferry.txt", wait=False)
    *before, last = client.follow(job.id)
    assert all(isinstance(told, Progress) for told in before)
    assert isinstance(last, JobReport)
    assert (last.id, last.state, last.ended) == (job.id, "done", True)
    assert client.job(job.id).files == last.files
    assert [known.id for known in client.jobs()] == [job.id]


def test_a_file_that_cannot_be_read_is_a_failed_job(client: Client) -> None:
    with pytest.raises(JobFailed) as raised:
        client.add(bytes(range(256)) * 20, "binary.txt")
    assert raised.value.code == "unreadable_text"
    assert raised.value.message == raised.value.job.files[0].reason
    assert client.documents() == ()


def test_bytes_without_a_name_are_not_sent(client: Client) -> None:
    with pytest.raises(ValueError, match="needs a name"):
        client.add(b"The dam holds.")
    assert client.jobs() == ()


def test_collections_are_made_listed_and_removed(client: Client) -> None:
    assert client.create_collection("dams") == Collection("dams", 0, None)
    added(client, "The dam holds.", "dam.txt", collection="dams")
    assert {found.name: found.documents for found in client.collections()} == {"default": 0, "dams": 1}
    with pytest.raises(Conflict) as raised:
        client.create_collection("dams")
    assert (raised.value.code, raised.value.status) == ("collection_exists", 409)
    client.delete_collection("dams")
    with pytest.raises(NotFound, match="dams"):
        client.search("dam", collection="dams")


def test_a_collection_is_reindexed(client: Client) -> None:
    added(client)
    with pytest.raises(Invalid) as raised:
        client.reindex("default", rollback=True)
    assert raised.value.status == 422


@pytest.mark.parametrize("name", ["..", ".", "../collections/default", "a/b", "a?b", "ä b", "%2e%2e"])
def test_no_name_leaves_its_place_in_a_path(client: Client, name: str) -> None:
    document_id = added(client)
    for attempt in (client.document, client.delete, client.job, client.delete_collection):
        with pytest.raises((NotFound, Invalid)):
            attempt(name)
    assert [document.id for document in client.documents()] == [document_id]


def test_an_error_carries_what_the_service_said_of_it(client: Client) -> None:
    with pytest.raises(Invalid) as raised:
        client.ask("ferry", top_k=10**9)
    assert (raised.value.code, raised.value.status) == ("invalid_request", 422)
    assert "top_k" in raised.value.message == str(raised.value)
    assert raised.value.request_id
    assert not raised.value.retryable


def test_half_a_character_is_no_question(client: Client) -> None:
    with pytest.raises(Invalid, match="half a character"):
        client.ask("ferry \udfff")


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_lets_in_and_without_it_nobody_is(settings: Settings, kind: str) -> None:
    guarded = settings.model_copy(update={"api_key": SecretStr(KEY)})
    app = create_app(Application(guarded, writable=True, embedder=HashingEmbedder()))
    with listening(app, lifespan=True) as address:
        with opened(kind, address, api_key=KEY) as client:
            assert client.documents() == ()
        with opened(kind, address) as client:
            assert client.healthy()
            with pytest.raises(Unauthorized, match="API key"):
                client.ready()
            with pytest.raises(Unauthorized):
                client.wait_until_ready()


def test_a_service_is_waited_for_until_its_model_is_there(client: Client) -> None:
    client.wait_until_ready()
    assert client.healthy()
    assert client.ready()


def test_a_name_that_the_service_does_not_go_by_is_forbidden(address: str) -> None:
    # What a name that points to this machine would send, without a name to look up.
    transport = Renamed("quotebound.example")
    with (
        Client(address, transport=transport) as client,
        pytest.raises(Forbidden, match=r"quotebound\.example"),
    ):
        client.documents()


class Renamed(httpx2.HTTPTransport):
    """The network, where the service goes by another name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["host"] = self._name
        return super().handle_request(request)


def test_the_example_of_the_documentation_runs(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    documentation = rag.client.__doc__ or ""
    example = textwrap.dedent(
        documentation[documentation.index("    from rag.client") : documentation.index("Both clients")]
    )
    assert "http://127.0.0.1:8000" in example
    (tmp_path / "ferry.txt").write_text(FERRY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(example.replace("http://127.0.0.1:8000", address), {})
    printed = capsys.readouterr().out
    assert "leaves at nine" in printed
    assert "[1] ferry.txt: " in printed
