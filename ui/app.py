"""The chat page: Gradio components around a `Backend`, with no logic of their own."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Gradio reads these when it is imported: no report of use, and uploads in a folder of this process alone.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
_uploads = tempfile.TemporaryDirectory(prefix="quotebound-uploads-")
os.environ["GRADIO_TEMP_DIR"] = _uploads.name

import gradio as gr  # noqa: E402
from fastapi import FastAPI  # noqa: E402
from fastapi.staticfiles import StaticFiles  # noqa: E402

from index.errors import QuoteboundError  # noqa: E402
from rag.answering import MAX_QUESTION_CHARACTERS  # noqa: E402
from rag.service.backend import Backend  # noqa: E402
from rag.types import (  # noqa: E402
    Answer,
    AnswerSentence,
    Asking,
    Broken,
    Citation,
    Cited,
    Finished,
    Quote,
    Said,
    Turn,
)
from ui import render  # noqa: E402

_AROUND_CHARACTERS = 240
_TURNS_KEPT = 50
_WAITING_EVENTS = 64
_SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
_MONOSPACE_FONTS = ("ui-monospace", "Menlo", "Consolas", "monospace")
_STATIC = Path(__file__).parent / "static"
_STATIC_URL = "/static/quotebound"
_DELETE_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button) trigger('select', { ...button.dataset });
});
"""


def mount(app: FastAPI, backend: Backend) -> None:
    """Serve the page at `/`."""
    settings = backend.application.settings
    # A file of its own: the policy forbids scripts that the page's own scripts write into it.
    app.mount(_STATIC_URL, StaticFiles(directory=_STATIC), name="page")
    gr.mount_gradio_app(
        app,
        build(backend),
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        footer_links=[],
        run_history=False,
        show_error=False,
        allowed_paths=[],
        max_file_size=settings.max_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Base(font=_SYSTEM_FONTS, font_mono=_MONOSPACE_FONTS, primary_hue="blue"),
        css_paths=[_STATIC / "page.css"],
        head=f'<script src="{_STATIC_URL}/page.js"></script>',
    )


def build(backend: Backend) -> gr.Blocks:
    """Return the page over a backend."""
    chat = _Chat(backend)
    shelf = _Shelf(backend)
    page: gr.Blocks
    with gr.Blocks(title="Quotebound", analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        gr.HTML(
            "<h1>Quotebound</h1><p>Answers from your documents, in their own words.</p>",
            elem_id="head",
            js_on_load=None,
            apply_default_css=False,
        )
        with gr.Accordion("Documents", open=False):
            adding = gr.UploadButton("Add a file", type="filepath", size="sm", elem_id="add")
            told = gr.HTML(js_on_load=None, elem_id="told", apply_default_css=False)
            listed = gr.HTML(js_on_load=_DELETE_JS, elem_id="documents", apply_default_css=False)
        conversation = gr.HTML(
            render.conversation([]), js_on_load=None, elem_id="conversation", apply_default_css=False
        )
        talk = gr.State(_Talk())
        with gr.Row(elem_id="composer"):
            question = gr.Textbox(
                placeholder="Ask your documents…",
                label="Question",
                show_label=False,
                container=False,
                lines=1,
                max_lines=6,
                max_length=MAX_QUESTION_CHARACTERS,
                autofocus=True,
                scale=8,
            )
            asking = gr.Button("Ask", variant="primary", scale=1, elem_id="ask")
        hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        gr.on(
            [question.submit, asking.click],
            chat.ask,
            [question, talk],
            [conversation, talk, question],
            trigger_mode="once",
            concurrency_limit=backend.application.settings.workers,
            **hidden,
        )
        adding.upload(shelf.add, adding, [told, listed], concurrency_limit=1, **hidden)
        listed.select(shelf.choose, None, [told, listed], **hidden)
        page.load(shelf.refresh, None, listed, **hidden)
        page.queue(max_size=_WAITING_EVENTS, api_open=False)
    return page


@dataclass(frozen=True, slots=True)
class _Talk:
    """A conversation: its turns as they are shown, and as the next question is understood after them."""

    shown: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()


class _Chat:
    """Answers a question and shows the conversation."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._numbers = itertools.count()

    async def ask(self, question: str, talk: _Talk) -> AsyncIterator[tuple[str, _Talk, Any]]:
        """Show the question at once, and its answer as it comes."""
        if not question.strip():
            yield render.conversation(talk.shown), talk, gr.skip()
            return
        yield render.conversation([*talk.shown, render.pending(question)]), talk, ""
        asking, number = Asking(question, turns=talk.turns), next(self._numbers)
        sentences: list[AnswerSentence] = []
        citations: list[Citation] = []
        turns = talk.turns
        last = ""
        try:
            async with aclosing(self._backend.answering(asking)) as events:
                async for event in events:
                    match event:
                        case Cited(citation):
                            citations.append(citation)
                        case Said(sentence):
                            sentences.append(sentence)
                            grown = render.growing(question, sentences, citations, number)
                            yield render.conversation([*talk.shown, grown]), talk, gr.skip()
                        case Finished(answer) | Broken(answer, _):
                            last = await self._answered(answer, number)
                            said = answer.text if answer.citations else ""
                            turns = (*turns, Turn(question, answer.effective_query, said))
        except QuoteboundError as error:
            last = render.failed(question, str(error))
        talk = _Talk((*talk.shown, last)[-_TURNS_KEPT:], turns[-_TURNS_KEPT:])
        yield render.conversation(talk.shown), talk, gr.skip()

    async def _answered(self, answer: Answer, number: int) -> str:
        around = {citation.marker: await self._surroundings(citation.quote) for citation in answer.citations}
        return render.answered(answer, around, number)

    async def _surroundings(self, quote: Quote) -> render.Surroundings:
        first = max(0, quote.start - _AROUND_CHARACTERS)
        text = await self._backend.text(quote.document_id, first, quote.end + _AROUND_CHARACTERS)
        before, after = text[: quote.start - first], text[quote.end - first :]
        # What was cut off within a word is left out up to the next one.
        if first:
            before = f"… {before.partition(' ')[2]}"
        if len(after) == _AROUND_CHARACTERS:
            after = f"{after.rpartition(' ')[0]} …"
        return render.Surroundings(before, after)


class _Shelf:
    """Lists, adds and deletes documents."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def refresh(self, doomed: str | None = None) -> str:
        """Show the documents there are."""
        return render.documents(await self._backend.documents(), doomed)

    async def add(self, path: str) -> AsyncIterator[tuple[str, Any]]:
        """Add an uploaded file: say at once that it is being read, and then what became of it."""
        file = Path(path)
        yield render.notice(f"Reading {file.name}…", error=False), gr.skip()
        try:
            with file.open("rb") as opened:
                job = await self._backend.desk.upload(opened, file.name)
            said = render.upload(await self._backend.desk.end_of(job))
        except QuoteboundError as error:
            said = render.notice(str(error), error=True)
        finally:
            file.unlink(missing_ok=True)
        yield said, await self.refresh()

    async def choose(self, event: gr.EventData) -> tuple[str, str]:
        """Ask before a document is deleted, and delete it once that was answered."""
        chosen: dict[str, str] = event._data or {}
        said = ""
        if document_id := chosen.get("confirm"):
            try:
                info = await self._backend.document(document_id)
                await self._backend.delete(document_id)
                said = render.notice(f"Deleted {info.source}.", error=False)
            except QuoteboundError as error:
                said = render.notice(str(error), error=True)
        return said, await self.refresh(chosen.get("delete"))
