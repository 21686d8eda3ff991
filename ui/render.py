"""Answers as HTML. Pure functions; whatever comes from a document, a name or a question is escaped text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from index.jobs import FileStatus
from index.report import Report
from index.types import DocumentInfo, Hit, Span
from rag.generation.phrases import UNSUPPORTED
from rag.types import Answer, AnswerSentence, AnswerStatus, Citation
from rag.unread import unread_line

NEAREST_SHOWN = 3
_REASONS_SHOWN = 5

_EMPTY = (
    '<div class="empty"><p class="empty-title">Ask your documents a question</p>'
    "<p>Every answer is made of sentences quoted from them, word for word. "
    "If they do not say, you are told so.</p></div>"
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The text just before and after a quote."""

    before: str
    after: str


def conversation(turns: Sequence[str]) -> str:
    """Return the turns of a conversation, the oldest first, or an invitation to begin."""
    return f'<div role="log" aria-label="Conversation" class="turns">{"".join(turns) or _EMPTY}</div>'


def pending(question: str) -> str:
    """Return a turn whose answer is being looked for."""
    return _turn(question, '<p class="pending" role="status">Reading your documents…</p>')


def failed(question: str, message: str) -> str:
    """Return a turn that could not be answered, with the reason."""
    return _turn(question, notice(message, error=True))


def growing(
    question: str, sentences: Sequence[AnswerSentence], citations: Sequence[Citation], turn: int
) -> str:
    """Return a turn whose answer is being written: what there is of it, and that more is to come."""
    writing = '<p class="pending" role="status">Writing…</p>'
    return _turn(question, _said(sentences, turn) + _cards(citations, {}, turn) + writing)


def answered(answer: Answer, around: Mapping[int, Surroundings], turn: int) -> str:
    """Return a turn with its answer; `around` gives by marker what surrounds each quote.

    `turn` is a number of its own within the conversation, from which the ids are made.
    """
    if answer.status is AnswerStatus.ABSTAINED:
        return _turn(answer.question, _abstention(answer, turn))
    return _turn(
        answer.question,
        _instead(answer)
        + _said(answer.sentences, turn)
        + _cards(answer.citations, around, turn)
        + _meta(answer)
        + _unread(answer, "meta"),
    )


def _said(sentences: Sequence[AnswerSentence], turn: int) -> str:
    return f'<div class="sentences">{"".join(_sentence(sentence, turn) for sentence in sentences)}</div>'


def _sentence(sentence: AnswerSentence, turn: int) -> str:
    """Return a sentence with its markers; one that nothing supports says so."""
    if not sentence.supported:
        return f'<p class="unsupported">{escape(sentence.text)} <span class="flag">{UNSUPPORTED}</span></p>'
    markers = " ".join(_marker(marker, turn) for marker in sentence.markers)
    weight = ""
    if sentence.support is not None:
        weight = f' <span class="support">support {sentence.support:.0%}</span>'
    return f"<p>{escape(sentence.text)} {markers}{weight}</p>"


def _cards(citations: Sequence[Citation], around: Mapping[int, Surroundings], turn: int) -> str:
    cards = "".join(_card(citation, around.get(citation.marker), turn) for citation in citations)
    return f'<section class="cards" aria-label="Evidence">{cards}</section>'


def _instead(answer: Answer) -> str:
    """Return a line on why these are the documents' own sentences, where a model was to write."""
    if answer.fallback is None:
        return ""
    told = f"These are sentences of your documents: {answer.fallback.message}."
    return f'<p class="instead" role="note">{escape(told)}</p>'


def _meta(answer: Answer) -> str:
    parts = [f"Confidence {answer.confidence:.2f}"]
    if answer.written_by is not None:
        parts.append(f"written by {answer.written_by}")
    if answer.withheld:
        count = "1 sentence" if answer.withheld == 1 else f"{answer.withheld} sentences"
        parts.append(f"{count} withheld: no quote stood under {'it' if answer.withheld == 1 else 'them'}")
    if answer.effective_query != " ".join(answer.question.split()):
        parts.append(f"searched for “{answer.effective_query}”")
    return f'<p class="meta">{escape(" · ".join(parts))}</p>'


def documents(infos: Sequence[DocumentInfo], doomed: str | None = None) -> str:
    """Return the list of documents; the one whose id is `doomed` asks whether it should go."""
    if not infos:
        return '<p class="no-documents">There are no documents yet. Add a file.</p>'
    rows = "".join(_document(info, asked=info.id == doomed) for info in infos)
    return f'<ul class="documents">{rows}</ul>'


def upload(report: Report) -> str:
    """Return a line that says what became of an uploaded file."""
    job = report.job
    if job.code is not None:
        # A job that was put off goes on by itself.
        later = "" if job.state.ended else " The file is kept, and added as soon as that is over."
        return notice(f"{job.message}{later}", error=True)
    if not report.files:
        return notice("The file is kept, and added when the service is started again.", error=False)
    if len(report.files) > 1:
        return _upload_of_many(report)
    record = report.files[0]
    said = {FileStatus.UNCHANGED: "{} is there already.", FileStatus.REPLACED: "Replaced {}."}
    return notice(said.get(record.status, "Added {}.").format(record.source), error=False)


def _upload_of_many(report: Report) -> str:
    """Return what became of the files in an archive, or attached to a mail: the good news, then the rest."""
    counted = {
        "added": report.count(FileStatus.ADDED),
        "replaced": report.count(FileStatus.REPLACED),
        "there already": report.count(FileStatus.UNCHANGED),
        "removed, as it has them no more": report.count(FileStatus.REMOVED),
    }
    told = ", ".join(f"{count:,} {what}" for what, count in counted.items() if count)
    done = notice(f"From {report.job.request['name']}: {told or 'nothing added'}.", error=False)
    left = [record for record in report.files if record.status in (FileStatus.FAILED, FileStatus.SKIPPED)]
    reasons = " ".join(f"{record.reason}." for record in left[:_REASONS_SHOWN])
    more = len(left) - _REASONS_SHOWN
    return done + notice(f"{reasons} And {more:,} more." if more > 0 else reasons, error=True)


def notice(message: str, *, error: bool) -> str:
    """Return a line that says what happened."""
    kind, role = ("error", "alert") if error else ("done", "status")
    return f'<p class="notice {kind}" role="{role}">{escape(message)}</p>' if message else ""


def _turn(question: str, body: str) -> str:
    return f'<article class="turn"><h2 class="question">{escape(question)}</h2>{body}</article>'


def _abstention(answer: Answer, turn: int) -> str:
    # Before all else that is said of it: what was asked for may be on one of those pages.
    said = f'<p class="abstained">{escape(answer.text)}</p>{_unread(answer, "missing")}'
    if not answer.hits:
        return said + '<p class="hint">There is nothing to search in yet: add documents first.</p>'
    nearest = "".join(_nearest(hit, turn) for hit in answer.hits[:NEAREST_SHOWN])
    return (
        f'{said}<p class="hint">Nearest passages, for reading on. They are not evidence for an answer.</p>'
        f'<section class="cards" aria-label="Nearest passages">{nearest}</section>'
        f"{_meta(answer)}"
    )


def _unread(answer: Answer, kind: str) -> str:
    """Return a line on the pages that could not be read, where there are some."""
    if answer.unread is None:
        return ""
    return f'<p class="{kind}" role="note">{escape(unread_line(answer.unread))}</p>'


def _marker(marker: int, turn: int) -> str:
    return (
        f'<button type="button" class="marker" aria-controls="{_card_id(turn, marker)}" '
        f'aria-label="Open evidence {marker}">[{marker}]</button>'
    )


def _card_id(turn: int, marker: int) -> str:
    return f"evidence-{turn}-{marker}"


def _card(citation: Citation, around: Surroundings | None, turn: int) -> str:
    quote = citation.quote
    before, after = (around.before, around.after) if around else ("", "")
    return _details(
        _card_id(turn, citation.marker),
        f'<span class="number">{citation.marker}</span>{_names(citation.title, citation.heading)}',
        f'{escape(before)}<span class="quote">{_marked(citation)}</span>{escape(after)}',
        citation.source,
        f", {escape(citation.place)}" if citation.place else "",
        Span(quote.start, quote.end),
    )


def _marked(citation: Citation) -> str:
    """Return the quote with the words that answer marked."""
    text, span = citation.quote.text, citation.answer_span
    if span is None:
        return escape(text)
    start, end = span.start - citation.quote.start, span.end - citation.quote.start
    return f"{escape(text[:start])}<mark>{escape(text[start:end])}</mark>{escape(text[end:])}"


def _nearest(hit: Hit, turn: int) -> str:
    passage = hit.passage
    return _details(
        f"nearest-{turn}-{hit.rank}",
        f'<span class="number near">near</span>{_names(hit.title, passage.heading)}',
        escape(passage.text),
        hit.source,
        "",
        Span(passage.start, passage.end),
    )


def _details(identifier: str, summary: str, quoted: str, source: str, page: str, span: Span) -> str:
    """Return words of a document that open under a line; `summary` and `quoted` are HTML already."""
    return (
        f'<details class="card" id="{identifier}"><summary>{summary}</summary>'
        f"<blockquote>{quoted}</blockquote>"
        f'<p class="place"><span class="source">{escape(source)}</span>{page} · '
        f'characters <span class="span">{span.start}–{span.end}</span></p></details>'
    )


def _names(title: str, heading: str | None) -> str:
    # A document's first heading is often its title; said once is enough.
    parts = [part for part in (heading or "").split(" › ") if part and part != title]
    under = f'<span class="heading">{escape(" › ".join(parts))}</span>' if parts else ""
    return f'<span class="names"><span class="title">{escape(title)}</span>{under}</span>'


def _document(info: DocumentInfo, *, asked: bool) -> str:
    identifier = escape(info.id)
    title = escape(info.title)
    size = f"{info.characters:,} characters{_gap(info)}"
    if asked:
        actions = (
            f'<button type="button" class="danger" data-confirm="{identifier}">Delete for good</button>'
            '<button type="button" data-keep="">Keep</button>'
        )
    else:
        actions = (
            f'<button type="button" data-delete="{identifier}" aria-label="Delete {title}">Delete</button>'
        )
    return (
        f'<li><span class="names"><span class="title">{title}</span>'
        f'<span class="heading">{escape(info.source)} · {size}</span></span>'
        f'<span class="actions">{actions}</span></li>'
    )


def _gap(info: DocumentInfo) -> str:
    """Return how much of a document could not be read, as a part of its line."""
    unread = len(info.coverage.unread)
    return f" · {unread:,} of {info.pages:,} pages unread" if unread else ""
