"""Files of many formats in, `Document`s out. A new format is a `Loader` in the registry's table."""

from index.loading.documents import blocks_of, document_of, load_bytes
from index.loading.loader import Attachment, Loader, OcrMode, Parsed, Parsing, Signs
from index.loading.registry import chosen_loader

__all__ = [
    "Attachment",
    "Loader",
    "OcrMode",
    "Parsed",
    "Parsing",
    "Signs",
    "blocks_of",
    "chosen_loader",
    "document_of",
    "load_bytes",
]
