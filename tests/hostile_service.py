"""A service over hostile documents and conversations, in a process of its own.

Its models are doubles, so that nothing is loaded, and a question decides by itself whether it is answered;
the language model's server is that of the test.
"""

from __future__ import annotations

import csv
import html
import io
import signal
import socket
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from doubles import HashingEmbedder
from hostile_payloads import ALL, PAYLOADS
from pdf_writing import Pdf, lines

from index.embedding import Embedder
from index.running import JobRunner
from index.types import Hit
from rag.history.types import Feedback
from rag.models import Readers
from rag.reading import Reader
from rag.settings import Settings
from rag.types import Asking, Reading
from rag.wiring import Application

# A question that begins with it is not answered.
ABSTAIN = "Abstain"
# Has asked each payload once, and said every so many times of the answer what was asked.
VISITOR = "h" * 43
COMMENTED = 20
# As long as the title may be that a question gives.
_TITLE_CHARACTERS = 60
# The title of a web page.
TITLE = "</title><img src=x onerror=window.pwned=1>\"'${7*7}{{7*7}}"
TITLES = tuple(payload for payload in ALL if len(payload) <= _TITLE_CHARACTERS)

_LINES_OF_A_PAGE = 40


@contextmanager
def hostile_service(home: Path, model: str) -> Iterator[str]:
    """Serve hostile documents, and yield the address."""
    command = [sys.executable, "-W", "ignore", __file__, str(home), model]
    root = Path(__file__).resolve().parents[1]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


@dataclass(frozen=True, slots=True)
class Deciding:
    """A `Reader` like another one, which answers all questions but those that ask to abstain."""

    inner: Reader
    threshold: float = 0.5

    def read(self, question: str, hits: Sequence[Hit]) -> Reading:
        answerable = 0.0 if question.startswith(ABSTAIN) else 0.9
        return replace(self.inner.read(question, hits), answerable=answerable)


class DecidingReaders(Readers):
    """Makes readers that decide by the question alone whether to answer."""

    def reader_of(self, embedder: Embedder) -> Reader:
        return Deciding(super().reader_of(embedder))


def keeper(family: str, place: int) -> str:
    """Return the words before a payload in the document of its family."""
    return f"Keeper {family} {chr(97 + place // 26)}{chr(97 + place % 26)} says"


def family_text(family: str) -> str:
    """Return a document that has all payloads of a family, a paragraph each."""
    # On one line and with a full stop, so that none is taken for a heading.
    said = (
        f"{keeper(family, n)} {' '.join(payload.split())} ." for n, payload in enumerate(PAYLOADS[family])
    )
    return "\n\n".join(said) + "\n"


def documents() -> dict[str, bytes]:
    """Return by name a document a family, and others in which every payload is a cell, or a line."""
    rows = io.StringIO()
    csv.writer(rows).writerows([("Keeper", "Word"), *((f"k{n}", payload) for n, payload in enumerate(ALL))])
    told = "".join(f"<p>The page says {html.escape(payload)} .</p>" for payload in ALL)
    title = html.escape(TITLE)
    printed = [
        payload for payload in ALL if payload.isascii() and payload.isprintable() and len(payload) < 120
    ]
    pdf = Pdf()
    for first in range(0, len(printed), _LINES_OF_A_PAGE):
        said = [f"{payload} ." for payload in printed[first : first + _LINES_OF_A_PAGE]]
        pdf = pdf.page(lines(30, 60, said, size=8))
    return {
        **{f"{family}.txt": family_text(family).encode("utf-8") for family in PAYLOADS},
        "rows.csv": rows.getvalue().encode("utf-8"),
        "page.html": f"<!doctype html><title>{title}</title><h1>{title}</h1>{told}".encode(),
        "pages.pdf": pdf.bytes(),
    }


def archive() -> bytes:
    """Return a ZIP with a file a payload, whose name and title are its number and the payload."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        for number, payload in enumerate(ALL):
            text = f"---\ntitle: {number} {' '.join(payload.split())} !\n---\n\nThe file says {payload} .\n"
            files.writestr(zipfile.ZipInfo(f"{number} {payload} !.md"), text.encode("utf-8"))
    return packed.getvalue()


def _had(application: Application) -> None:
    """Keep a conversation a payload, which is its question and so its title, and here and there a comment."""
    answer = application.assistant.ask(f"{ABSTAIN} from keepers")
    for number, payload in enumerate(TITLES):
        turn = uuid.uuid4().hex
        told = replace(answer, question=payload, effective_query=payload)
        application.history.keep(VISITOR, None, turn, Asking(payload), told)
        if number % COMMENTED == 0:
            application.history.feedback(VISITOR, turn, Feedback(comment=payload))


def _main(home: Path, model: str) -> None:
    # Imported here: who starts this process needs nothing of the page.
    import uvicorn

    from rag.service.app import create_app
    from rag.service.logs import configure
    from ui.app import mount

    settings = Settings(
        home=home, chunk_tokens=2000, reader="similarity", llm_url=model, llm_format="lines", llm_retries=0,
        llm_context=32_000, workers=2,
    )  # fmt: skip
    configure("error")
    application = Application(
        settings, writable=True, embedder=HashingEmbedder(limit=4000), readers=DecidingReaders(settings)
    )
    runner = JobRunner.over(application.ingestor())
    for name, data in documents().items():
        runner.add(data, name)
    _had(application)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Who connects before it is served waits.
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201 - for who started this process
        config = uvicorn.Config(create_app(application, mount), log_config=None, timeout_graceful_shutdown=2)
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2])
