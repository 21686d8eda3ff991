"""From what a loader found to a `Document`: what every format has in common."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from index.errors import EmptyDocument
from index.language import detect_language
from index.loading.loader import Loader, Parsed, Parsing
from index.loading.registry import LOADERS, chosen_loader
from index.loading.text.markdown import MarkdownLoader
from index.loading.text.plain import PlainTextLoader
from index.sources import content_sha256, label
from index.types import ATTACHMENTS, Block, BlockKind, Document, content_id, text_sha256

_TITLE_MAX_CHARACTERS = 200

# Formats whose stored text is the file.
_STORED_AS_WRITTEN = (MarkdownLoader.media_type, PlainTextLoader.media_type)


def load_bytes(
    data: bytes, source: str, *, origin: str, max_bytes: int, loaders: Sequence[Loader] = LOADERS
) -> Document:
    """Turn bytes into a document in this process, which is for files that one has made oneself.

    Raise `TooLarge`, `UnsupportedFormat`, `EmptyDocument`, or what the loader raises.
    """
    loader = chosen_loader(data, source, max_bytes=max_bytes, loaders=loaders)
    source = label(source)
    parsed = loader.parse(data, PurePosixPath(source).name, Parsing())
    if not parsed.text.strip():
        raise empty(source)
    return document_of(parsed, loader.media_type, source, origin=origin, content=content_sha256(data))


def document_of(parsed: Parsed, media_type: str, source: str, *, origin: str, content: str) -> Document:
    """Return the document that was found in a file with some text; `content` is the digest of its bytes."""
    digest = text_sha256(parsed.text)
    within = {ATTACHMENTS: str(len(parsed.attachments))} if parsed.attachments else {}
    return Document(
        id=content_id(source, digest),
        source=source,
        origin=origin,
        title=_one_line(parsed.title) or title_from_name(PurePosixPath(source).name),
        text=parsed.text,
        sha256=digest,
        content_sha256=content,
        media_type=media_type,
        blocks=parsed.blocks,
        pages=parsed.pages,
        layouts=parsed.layouts,
        language=detect_language(parsed.text),
        metadata={**parsed.metadata, **within},
    )


def empty(source: str) -> EmptyDocument:
    """Return the error for a file in which nothing is written."""
    return EmptyDocument(f"{PurePosixPath(source).name} holds no text")


def blocks_of(document: Document, loaders: Sequence[Loader] = LOADERS) -> tuple[Block, ...]:
    """Return the blocks of a document that was stored without them, by parsing its text again.

    Text that its loader would store otherwise, as that of a later version might, is one paragraph.
    """
    for loader in loaders:
        if loader.media_type == document.media_type and loader.media_type in _STORED_AS_WRITTEN:
            parsed = loader.parse(document.text.encode("utf-8"), document.source, Parsing())
            if parsed.text == document.text:
                return parsed.blocks
    return (Block(BlockKind.PARAGRAPH, 0, len(document.text)),)


def title_from_name(name: str) -> str:
    """Return a title made of a file's name: `border-clashes_2024.txt` becomes `Border clashes 2024`."""
    words = _one_line(re.sub(r"[-_]+", " ", PurePosixPath(name).stem)) or name
    return words[:1].upper() + words[1:]


def _one_line(title: str | None) -> str:
    return " ".join((title or "").split())[:_TITLE_MAX_CHARACTERS]
