"""The library: its collections, the documents of the one that is chosen, and what was deleted from it.

The frame stays as it is; what changes is put into its slots by the page's script. So what is typed, chosen
or being uploaded there outlasts every change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from index.coverage import told as reasons_of
from index.home import CollectionInfo
from index.jobs import Job, JobKind, JobState
from index.sources import outermost, upload_origin
from index.types import DEFAULT_COLLECTION, DocumentInfo
from rag.service.removed import Receipt
from ui.rendering.parts import attributes, button, counted, data, notice

FORMATS = (
    "PDF, Word, PowerPoint, Excel, OpenDocument, web pages, EPUB, mail, RTF, CSV, Markdown, text, "
    "and ZIP files of these"
)
_COLUMNS = ("Source", "Pages", "Read", "Added", "Status")
# By what a column sorts the rows.
_SORTED = {"Document": "title", "Added": "added"}


@dataclass(frozen=True, slots=True)
class Shelf:
    """A collection with its documents and jobs, the newest first, as it is shown.

    `asked` is the collection that the page has chosen. `receipts` are of what this visitor deleted.
    """

    asked: str
    collection: str
    collections: Sequence[CollectionInfo]
    documents: Sequence[DocumentInfo]
    jobs: Sequence[Job] = ()
    receipts: Sequence[Receipt] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a patch tells of itself: the token of who asked for it, and the how manieth it is of a run.

    The script leaves out one that was drawn before another of the same run that it has shown already.
    """

    token: str = ""
    run: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of what was done: a line of HTML, and what is wrong with the name of a new collection."""

    said: str = ""
    fault: str = ""


def frame(max_bytes: int) -> str:
    """Return all of the library that never changes; a file may have at most `max_bytes`."""
    adding = (
        '<section class="adding" aria-label="Add documents"><p class="drop">'
        f"{button('Add files', kind='primary', local='add-files')}"
        f"{button('Add a folder', local='add-folder')}"
        '<span class="hint">or drop them anywhere here</span></p>'
        f'<p class="hint">{FORMATS}; up to {max_bytes / 2**20:g} MB each.</p>'
        '<input type="file" id="files" multiple hidden><input type="file" id="folder" webkitdirectory hidden>'
        '<section class="uploads" aria-label="Uploads" hidden><div class="line">'
        '<h3 tabindex="-1">Uploads</h3><p class="tally" role="status"></p>'
        f"{button('Try all again', local='retry-all')}{button('Clear finished', local='clear-uploads')}"
        "</div><ul></ul></section></section>"
    )
    making = (
        '<details class="making"><summary>New collection</summary><form novalidate>'
        '<label for="collection-name">Name of the collection</label>'
        '<input id="collection-name" name="name" maxlength="64" autocomplete="off" spellcheck="false" '
        'aria-describedby="collection-hint collection-fault" required>'
        '<p class="hint" id="collection-hint">Letters a to z, digits, - and _, as in reports-2024</p>'
        '<p class="notice error" id="collection-fault" role="alert" data-slot="fault"></p>'
        '<button type="submit" class="primary">Make</button></form></details>'
    )
    return (
        f'<div class="library"{data({"limit": max_bytes})}>'
        '<div class="line"><h2 tabindex="-1">Library</h2>'
        '<nav class="shelves" aria-label="Collections"><div data-slot="collections"></div></nav>'
        f'{making}</div>{adding}<div data-slot="trouble"></div>'
        '<div data-slot="said"></div><div data-slot="undo"></div>'
        f'<div data-slot="empty"></div>{_documents_frame()}</div>'
    )


def _documents_frame() -> str:
    """Return the table without its rows, and what narrows it down."""
    heads = "".join(
        f'<th scope="col"{attributes({"aria-sort": "none" if by else None})}>'
        f"{button(name, kind='sort', local='sort', by=by) if by else name}</th>"
        for name in ("Document", *_COLUMNS)
        for by in (_SORTED.get(name),)
    )
    return (
        '<section class="shown" aria-label="Documents" hidden><div class="line">'
        '<label class="visually-hidden" for="document-filter">Filter documents</label>'
        '<input id="document-filter" type="search" placeholder="Filter by title or source" '
        'autocomplete="off" maxlength="200" dir="auto"><p class="count" role="status"></p>'
        f"{button('Ask this collection', kind='primary', local='ask-these')}"
        f"{button('Choose none', local='choose-none')}</div>"
        '<table><caption class="visually-hidden">Documents of the collection</caption><thead><tr>'
        f'<th scope="col" class="pick">Ask only</th>{heads}'
        '<th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead>'
        '<tbody></tbody></table><p class="more" hidden>'
        f"{button('Show more', local='more')}</p></section>"
    )


def shelf(shown: Shelf, outcome: Outcome | None = None, drawing: Drawing = Drawing()) -> str:
    """Return what comes into the slots; without an outcome, what was told of the last one stays."""
    rows = "".join(_rows(shown))
    slots = {
        "collections": _collections(shown),
        "undo": "".join(map(_undo, shown.receipts)),
        "empty": "" if rows else _empty(shown.collection),
        "trouble": "",
    }
    if outcome is not None:
        slots |= {"said": outcome.said, "fault": escape(outcome.fault)}
    table = f"<table><tbody>{rows}</tbody></table>"
    return _patch(shown.asked, shown.collection, slots, drawing, table)


def trouble(message: str, asked: str, drawing: Drawing = Drawing()) -> str:
    """Return what comes into the slots where nothing of the library can be read."""
    return _patch(asked, asked, {"trouble": notice(message, error=True)}, drawing)


def _patch(asked: str, collection: str, slots: Mapping[str, str], drawing: Drawing, table: str = "") -> str:
    drawn = {"token": drawing.token, "run": drawing.run, "number": drawing.number}
    filled = "".join(f'<div data-slot="{name}">{content}</div>' for name, content in slots.items())
    return f"<div{data({'asked': asked, 'collection': collection, **drawn})}>{filled}{table}</div>"


def _collections(shown: Shelf) -> str:
    items = "".join(_collection(info, chosen=info.name == shown.collection) for info in shown.collections)
    return f"<ul>{items}</ul>"


def _collection(info: CollectionInfo, *, chosen: bool) -> str:
    count = counted(info.documents, "document")
    told = data({"local": "collection", "collection": info.name})
    current = attributes({"aria-current": "true" if chosen else None})
    choose = (
        f'<button type="button" class="name"{told}{current}>{escape(info.name)}'
        f'<span class="tally"> {count}</span></button>'
    )
    default = info.name == DEFAULT_COLLECTION
    if not chosen or (default and not info.documents):
        return f"<li>{choose}</li>"
    doing = "Empty" if default else "Delete"
    asking = "Delete all documents of" if default else "Delete the collection"
    rest = f" with its {count}" if info.documents and not default else ""
    remove = button(
        doing,
        kind="quiet danger",
        label=f"{doing} the collection {info.name}",
        local="doom",
        question=f"{asking} {info.name}{rest}? This cannot be undone.",
        does="delete-collection",
        collection=info.name,
    )
    return f"<li>{choose}{remove}</li>"


def _rows(shown: Shelf) -> list[str]:
    """Return the rows: what is being added first, then the documents."""
    latest: dict[str, Job] = {}
    for job in shown.jobs:
        if job.kind is JobKind.UPLOAD:
            latest.setdefault(upload_origin(str(job.request["name"])), job)
    stored = {outermost(info.origin) for info in shown.documents}
    coming = [job for origin, job in latest.items() if not job.state.ended and origin not in stored]
    return [*map(_coming, coming), *(_document(info, latest, shown.collection) for info in shown.documents)]


def _coming(job: Job) -> str:
    name = escape(str(job.request["name"]))
    blank = "".join(f'<td data-head="{head}"></td>' for head in _COLUMNS[:-1])
    return (
        f'<tr{data({"job": job.id, "added": job.created})}><td class="pick"></td>'
        f'<th scope="row" dir="auto">{name}</th>{blank}{_cell("Status", escape(_state(job)))}<td></td></tr>'
    )


def _document(info: DocumentInfo, latest: Mapping[str, Job], collection: str) -> str:
    title = escape(info.title)
    job = latest.get(outermost(info.origin))
    picking = attributes({"aria-label": f"Ask only {info.title}"}) + data({"document": info.id})
    opening = (
        f'<button type="button" class="title"'
        f"{data({'local': 'source', 'document': info.id, 'start': '', 'end': '', 'collection': collection})}>"
        f"{title}</button>"
    )
    deleting = button(
        "Delete",
        kind="quiet danger",
        label=f"Delete {info.title}",
        local="doom",
        question="Delete for good?",
        does="remove",
        document=info.id,
    )
    added = f'<time datetime="{escape(info.added)}">{escape(info.added[:10])}</time>'
    return (
        f"<tr{data({'document': info.id, 'added': info.added})}>"
        f'<td class="pick"><input type="checkbox"{picking}></td><th scope="row" dir="auto">{opening}</th>'
        f'<td data-head="Source" dir="auto">{escape(info.source)}</td>'
        f"{_cell('Pages', f'{info.pages:,}' if info.pages else '–')}{_cell('Read', _coverage(info))}"
        f"{_cell('Added', added)}{_cell('Status', escape(_standing(job)))}"
        f'<td class="does">{deleting}</td></tr>'
    )


def _cell(head: str, content: str) -> str:
    return f'<td data-head="{head}">{content}</td>'


def _coverage(info: DocumentInfo) -> str:
    """Return how much of a document could be read, with the reasons for the rest."""
    unread = info.coverage.unread
    if not unread:
        return "All read"
    reasons = "".join(f'<li dir="auto">{escape(line)}</li>' for line in reasons_of(unread))
    summary = f"{len(unread):,} of {counted(info.pages, 'page')} unread"
    return f"<details><summary>{summary}</summary><ul>{reasons}</ul></details>"


def _standing(job: Job | None) -> str:
    """Return how a document is, given the last upload of its name."""
    if job is None or job.state is JobState.DONE:
        return "Ready"
    if job.state is JobState.FAILED:
        return f"Ready; a later version failed: {job.message}"
    return f"Ready; a later version: {_state(job).lower()}" if job.code is None else _state(job)


def _state(job: Job) -> str:
    if job.code is not None:
        return f"Waiting: {job.message}"
    return "Being read" if job.state is JobState.RUNNING else "Waiting"


def _undo(receipt: Receipt) -> str:
    title = receipt.title or "a damaged document"
    where = "" if receipt.collection == DEFAULT_COLLECTION else f" from {receipt.collection}"
    if receipt.undoable:
        line = f"Deleted {title}{where}."
        undo = button(
            "Undo",
            label=f"Undo: bring {title} back",
            local="undo",
            receipt=receipt.id,
            document=receipt.document_id,
        )
    else:
        line = f"Deleted {title}{where}. It is too large, or damaged, to be held for an undo."
        undo = ""
    return f'<p class="undo" role="status"><span dir="auto">{escape(line)}</span> {undo}</p>'


def _empty(collection: str) -> str:
    where = "yet" if collection == DEFAULT_COLLECTION else f"in {collection} yet"
    return (
        f'<div class="nothing"><p class="empty-title">There are no documents {escape(where)}</p>'
        "<p>Drop files or folders anywhere here, or use the button above. "
        "They stay on this machine.</p></div>"
    )
