"""Planned sentences as a model would write them: as JSON or in lines, in any order, behind a thought."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random

import regex
from reply_mutations import Planned


def written(rng: Random, sentences: Sequence[Planned]) -> str:
    """Return a reply as a model would write it, in one of the forms."""
    reply = _as_json(rng, sentences) if rng.random() < 0.5 else _as_lines(rng, sentences)
    if rng.random() < 0.2:
        reply = f"```{rng.choice(['', 'json', 'text'])}\n{reply}\n```"
    if rng.random() < 0.2:
        reply = f"<think>\nQ1: maybe\nS: Not yet, [1] is {{unclear}}.\n</think>\n\n{reply}"
    return reply


def pieces(rng: Random, text: str) -> list[str]:
    """Return a text in pieces, as it would stream."""
    longest = rng.choice([2, 8, 40, 400])
    found = []
    while text:
        size = rng.randint(1, longest)
        found.append(text[:size])
        text = text[size:]
    return found


def _as_json(rng: Random, sentences: Sequence[Planned]) -> str:
    entries = []
    for planned in sentences:
        quotes = [{"source": quote.source, "words": quote.words} for quote in planned.quotes]
        entry = [("quotes", quotes), ("text", planned.text)]
        entries.append(dict(entry if rng.random() < 0.7 else reversed(entry)))
    indent = rng.choice([None, None, 2])
    return json.dumps({"sentences": entries}, ensure_ascii=rng.random() < 0.3, indent=indent)


def _as_lines(rng: Random, sentences: Sequence[Planned]) -> str:
    after, inline = rng.random() < 0.3, rng.random() < 0.2
    quote_label, sentence_label = rng.choice(
        [
            ("Q{}: ", "S: "),
            ("Q{}: ", "S: "),
            ("**Q{}:** ", "**S:** "),
            ("Quote [{}]: ", "Sentence: "),
            ("- Q{}: ", "- S: "),
        ]
    )
    lines: list[str] = []
    for planned in sentences:
        quotes = [
            f"{quote_label.format('' if quote.source is None else quote.source)}{_lined(rng, quote.words)}"
            for quote in planned.quotes
        ]
        can = all(
            quote.source is not None and not regex.search('["“”\n]', quote.words) for quote in planned.quotes
        )
        if inline and can and not after:
            lines.append(
                planned.text + "".join(f' [{quote.source}] "{quote.words}"' for quote in planned.quotes)
            )
        elif after:
            lines += [f"{sentence_label}{planned.text}", *quotes]
        else:
            lines += [*quotes, f"{sentence_label}{planned.text}"]
    return rng.choice(["\n", "\n", "\n\n", "\r\n"]).join(lines)


def _lined(rng: Random, words: str) -> str:
    """Return words for a line; a model may also go on in the next one."""
    if rng.random() < 0.3:
        return regex.sub(r"\s*\n\s*", "\n", words).strip()
    return regex.sub(r"\s*\n\s*", " ", words)
