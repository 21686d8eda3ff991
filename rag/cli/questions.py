"""`quotebound ask` and `quotebound search`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from index.types import DEFAULT_COLLECTION, Hit
from rag.cli.output import CollectionOption, JsonFlag, console, plain, print_json, shown
from rag.generation.phrases import UNSUPPORTED
from rag.types import Answer, AnswerStatus, Asking, Citation
from rag.unread import unread_line

if TYPE_CHECKING:
    from rag.wiring import Application

TopKOption = Annotated[int, typer.Option("--top-k", "-k", help="How many passages to read.")]
DocumentOption = Annotated[
    list[str] | None,
    typer.Option("--document", help="Id of a document to look in alone; may be given several times."),
]
_NEAREST_SHOWN = 3
_EXCERPT_CHARACTERS = 200


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
    top_k: TopKOption = 10,
    document: DocumentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Answer a question with verbatim quotes, or say that the documents do not."""
    asking = Asking(question, collection, top_k, documents=tuple(document or ()))
    with reading_application(reads=True) as application:
        answer = application.responder.answer(asking)
    if as_json:
        from rag.service.wire import AskResponse

        print_json(AskResponse.of(answer).model_dump())
    else:
        _print_answer(console(), answer)


def search(
    query: Annotated[str, typer.Argument(help="What to search for.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
    top_k: TopKOption = 10,
    document: DocumentOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Find the passages nearest to a query."""
    with reading_application(reads=False) as application:
        result = application.assistant.search(query, collection, top_k, document or ())
    if as_json:
        from rag.service.wire import SearchResponse

        print_json(SearchResponse.of(result).model_dump())
    else:
        _print_hits(console(), result.hits)


def reading_application(*, reads: bool) -> Application:
    """Return an application that only reads its home, whose models load while other work is done."""
    from rag.models import Readers, loading_embedder_of
    from rag.settings import load_settings

    settings = load_settings()
    embedder = loading_embedder_of(settings)
    readers = Readers(settings)
    if reads:
        readers.load_ahead()
    # Meanwhile the models load.
    from rag.wiring import Application

    return Application(settings, writable=False, embedder=embedder, readers=readers)


def _print_answer(to: Console, answer: Answer) -> None:
    if answer.status is AnswerStatus.ABSTAINED:
        to.print(plain(answer.text, "bold"))
        if answer.unread is not None:
            to.print(plain(unread_line(answer.unread), "yellow"))
        if answer.hits:
            to.print("\nNearest passages; none was found to answer the question:", style="dim")
            _print_hits(to, answer.hits[:_NEAREST_SHOWN])
        return
    if answer.fallback is not None:
        to.print(plain(f"These are sentences of the documents: {answer.fallback.message}.\n", "yellow"))
    for sentence in answer.sentences:
        line = plain(sentence.text, "bold" if sentence.supported else "dim")
        line.append("".join(f" [{marker}]" for marker in sentence.markers), "cyan")
        line.append("" if sentence.supported else f" ({UNSUPPORTED})", "yellow")
        to.print(line)
    to.print()
    for citation in answer.citations:
        to.print(_card(citation))
    written = f"written by {shown(answer.written_by)}, " if answer.written_by is not None else ""
    withheld = f"{answer.withheld} withheld, " if answer.withheld else ""
    told = f"{written}{withheld}confidence {answer.confidence:.2f}, {answer.timings['total']:.0f} ms"
    to.print(plain(told, "dim"))
    if answer.unread is not None:
        to.print(plain(unread_line(answer.unread), "dim"))


def _card(citation: Citation) -> Panel:
    quote = plain(citation.quote.text)
    if (span := citation.answer_span) is not None:
        base = citation.quote.start
        quote.stylize("bold reverse", span.start - base, span.end - base)
    title = Text(f"[{citation.marker}] ", "cyan").append_text(plain(citation.title, "bold"))
    if citation.heading:
        title.append_text(plain(f" › {citation.heading}"))
    page = f", {citation.place}" if citation.place else ""
    place = f"{citation.source}{page}, characters {citation.quote.start}–{citation.quote.end}"
    return Panel(Group(quote, plain(place, "dim")), title=title, title_align="left")


def _print_hits(to: Console, hits: tuple[Hit, ...]) -> None:
    if not hits:
        to.print("Nothing was found.")
    for hit in hits:
        passage = hit.passage
        head = plain(f"{hit.rank}. {hit.title}", "bold")
        head.append_text(
            plain(f"  {hit.source}, characters {passage.start}–{passage.end}, score {hit.score:.2f}", "dim")
        )
        excerpt = " ".join(passage.text.split())
        if len(excerpt) > _EXCERPT_CHARACTERS:
            excerpt = excerpt[:_EXCERPT_CHARACTERS].rsplit(" ", 1)[0] + " …"
        to.print(head)
        to.print(plain(excerpt))
