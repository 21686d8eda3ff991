"""The command line."""

import gc as _gc

# Imports make some 300,000 objects that stay: by default the collector looks through them again and again,
# a fifth of the time that a question from a shell takes. What runs on is looked through often enough.
_gc.set_threshold(100_000)

from rag.cli.main import main  # noqa: E402

__all__ = ["main"]
