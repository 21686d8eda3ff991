"""Files of many formats in, `Document`s out. A new format is a `Loader` in the registry's table."""

from index.loading.loader import Attachment, Loader, OcrMode, Parsed, Parsing, Signs
from index.loading.registry import (
    blocks_of,
    chosen_loader,
    content_sha256,
    file_origin,
    label,
    load_bytes,
    path_of,
    read_file,
    upload_origin,
)

__all__ = [
    "Attachment",
    "Loader",
    "OcrMode",
    "Parsed",
    "Parsing",
    "Signs",
    "blocks_of",
    "chosen_loader",
    "content_sha256",
    "file_origin",
    "label",
    "load_bytes",
    "path_of",
    "read_file",
    "upload_origin",
]
