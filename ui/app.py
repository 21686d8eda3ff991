"""The page: Gradio components around a `Backend`, with no logic of their own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

# Gradio reads these when it is imported: no report of use, and files in a folder of this process alone.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
_files = tempfile.TemporaryDirectory(prefix="quotebound-page-")
os.environ["GRADIO_TEMP_DIR"] = _files.name

import gradio as gr  # noqa: E402
from fastapi import FastAPI  # noqa: E402
from fastapi.staticfiles import StaticFiles  # noqa: E402
from starlette.routing import Mount  # noqa: E402

from rag.answering import MAX_QUESTION_CHARACTERS  # noqa: E402
from rag.service.backend import Backend  # noqa: E402
from ui import exports, frame, reports  # noqa: E402
from ui.chat import Chat  # noqa: E402
from ui.conversations import Conversations  # noqa: E402
from ui.evaluation import Evaluation  # noqa: E402
from ui.gate import Gate  # noqa: E402
from ui.library import Library  # noqa: E402
from ui.regions import WITH_CONTEXT, fixed, region  # noqa: E402
from ui.source import SourceViewer  # noqa: E402

# Events of all visitors that may wait. What a question waits for is the backend's to say.
_WAITING_EVENTS = 256
_STATIC = Path(__file__).parent / "static"
_STATIC_URL = "/static/quotebound"
_SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
_MONOSPACE_FONTS = ("ui-monospace", "Menlo", "Consolas", "monospace")
_SCRIPTS = (
    "page.js",
    "turns.js",
    "pane.js",
    "viewer.js",
    "library.js",
    "uploads.js",
    "evaluation.js",
    "health.js",
)
_STYLES = ("page.css", "chat.css", "pane.css", "viewer.css", "library.css", "evaluation.css")

_HIDDEN: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def mount(app: FastAPI, backend: Backend) -> None:
    """Serve the page at `/`."""
    settings = backend.application.settings
    # Files of their own: the policy forbids scripts that the page's own scripts write into it.
    app.mount(_STATIC_URL, StaticFiles(directory=_STATIC), name="page")
    app.include_router(exports.router)
    app.include_router(reports.router)
    evaluation = Evaluation(backend)
    gr.mount_gradio_app(
        app,
        build(backend, evaluation),
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        footer_links=[],
        run_history=False,
        show_error=False,
        allowed_paths=[],
        max_file_size=0,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Base(font=_SYSTEM_FONTS, font_mono=_MONOSPACE_FONTS, primary_hue="blue"),
    )
    mounted = app.router.routes[-1]
    assert isinstance(mounted, Mount)  # noqa: S101 - what was mounted just now
    styles, scripts = ([f"{_STATIC_URL}/{name}" for name in names] for names in (_STYLES, _SCRIPTS))
    mounted.app = Gate(mounted.app, styles, scripts)
    stopped_first(app, evaluation.stop)


def stopped_first(app: FastAPI, stop: Callable[[], Awaitable[None]]) -> None:
    """Have something of the page stop before what it is of: a run ends while what it asks is still there."""
    around = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(served: FastAPI) -> AsyncIterator[Any]:
        async with around(served) as state:
            try:
                yield state
            finally:
                await stop()

    app.router.lifespan_context = lifespan


def build(backend: Backend, evaluation: Evaluation) -> gr.Blocks:
    """Return the page over a backend."""
    chat = Chat(backend)
    history = Conversations(backend, chat)
    # Whatever comes at once comes to the backend, which says at once what it cannot take; what waited here
    # would wait without a word.
    # What is chosen while the choice before is on its way is done too, and not dropped.
    at_once: dict[str, Any] = {**_HIDDEN, "concurrency_limit": None, "trigger_mode": "multiple"}
    page: gr.Blocks
    with gr.Blocks(title="Quotebound", analytics_enabled=False) as page:
        fixed("top", frame.TOP)
        with gr.Row(elem_id="frame"):
            with gr.Column(elem_id="side"):
                fixed("side-head", frame.SIDE)
                listed = region("history")
            with gr.Column(elem_id="middle"):
                conversation = region("conversation", template=frame.LOG)
                question, asking, stopping = _composer()
            with gr.Column(elem_id="pane"):
                fixed("pane-head", frame.PANE)
                SourceViewer(backend).build(at_once)
            with gr.Column(elem_id="shelf"):
                Library(backend).build(page, at_once)
            with gr.Column(elem_id="bench"):
                evaluation.build(at_once)
        # Filled in by the page's script when an event begins.
        context = gr.Textbox(visible=False)
        answering = gr.on(
            [question.submit, asking.click],
            chat.ask,
            [question, context],
            [conversation, question],
            js=WITH_CONTEXT,
            **at_once,
        )
        answering.then(history.listed, context, listed, js=WITH_CONTEXT, **at_once)
        stopping.click(None, cancels=[answering], **_HIDDEN)
        conversation.select(chat.judge, None, conversation, **at_once)
        listed.select(history.choose, None, [conversation, listed], **at_once)
        page.load(history.begin, context, [conversation, listed], js=WITH_CONTEXT, **at_once)
        page.queue(max_size=_WAITING_EVENTS, api_open=False)
    return page


def _composer() -> tuple[gr.Textbox, gr.Button, gr.Button]:
    """Return the field for a question, and the buttons that ask it and stop the answer."""
    fixed("scope", frame.SCOPE)
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
            elem_id="question",
        )
        asking = gr.Button("Ask", variant="primary", scale=1, elem_id="ask")
        stopping = gr.Button("Stop", scale=1, elem_id="stop")
    return question, asking, stopping
