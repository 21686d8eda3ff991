"""A home with documents of our own and files of cases about them, for tests of cases and their review."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from contracts import chunked
from doubles import HashingEmbedder

from index.chunking import indexed_text
from index.store import Store
from index.types import text_sha256

HARBOUR = (
    "The harbour of Orwen opened on 4 May 1988.\n"
    "Captain Mara Lind warned that the sand bank off Skerry Point was growing.\n"
    "The harbour of Orwen has 62 berths for visitors.\n"
)
BAKERY = (
    "The bakery of Tarn employs nine people in the old town.\n"
    "Deliveries to the islands stopped, because the ferry was sold.\n"
    "The oven was repaired by Jonas Hvid in March 2021.\n"
)
OPENED = "The harbour of Orwen opened on 4 May 1988."
STOPPED = "Deliveries to the islands stopped, because the ferry was sold."


def quoted(quote: str, text: str, source: str) -> dict[str, Any]:
    """Return evidence bound to the place of a quote in a text."""
    start = text.index(quote)
    return {
        "source": source,
        "quote": quote,
        "sha256": text_sha256(text),
        "start": start,
        "end": start + len(quote),
    }


def record(**changes: Any) -> dict[str, Any]:
    """Return an accepted case about the harbour, with changes; None takes a field away."""
    made = {
        "id": "one",
        "question": "When did the harbour of Orwen open?",
        "answers": ["4 May 1988"],
        "evidence": [quoted(OPENED, HARBOUR, "harbour.txt")],
        "answerable": True,
        "labels_by": "a person",
    }
    return {name: value for name, value in (made | changes).items() if value is not None}


def draft(name: str, **changes: Any) -> dict[str, Any]:
    """Return a draft by its id."""
    return record(id=name, state="draft", made_by="machine", labels_by="", **changes)


def written(path: Path, *records: dict[str, Any]) -> Path:
    """Write a file of cases and return its path."""
    path.write_text("".join(json.dumps(entry) + "\n" for entry in records), encoding="utf-8")
    return path


def records(path: Path) -> list[dict[str, Any]]:
    """Return what a file of cases holds."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def stored(folder: Path, texts: dict[str, str]) -> Store:
    """Store documents by their sources and return their collection."""
    embedder = HashingEmbedder()
    store = Store(folder, embedder.identity.space("test"), writable=True)
    for source, text in texts.items():
        put(store, source, text)
    return store


def put(store: Store, source: str, text: str) -> None:
    """Store a document in place of the one of that source."""
    made, passages = chunked(text, source)
    embedded = HashingEmbedder().embed_passages([indexed_text(passage) for passage in passages])
    store.put(made, passages, embedded)


def command_line_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have commands use a home below `tmp_path` and a double for the model; return a folder of documents."""
    embedder = HashingEmbedder()
    monkeypatch.setattr("rag.models.CompiledEmbedder", lambda *_, **__: embedder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUOTEBOUND_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QUOTEBOUND_THRESHOLD", "0")
    monkeypatch.setenv("QUOTEBOUND_READER", "similarity")
    monkeypatch.setenv("COLUMNS", "100")
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "harbour.txt").write_text(HARBOUR)
    (folder / "bakery.txt").write_text(BAKERY)
    return folder
