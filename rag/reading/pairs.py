"""A question and a passage as one input of the reading model, and the way back from tokens to characters."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Encoding, Tokenizer

from index.types import Span

# Longer questions are cut: what is asked stands first. A passage has at most the embedding model's
# 254 wordpieces; it is cut where it has more for this model.
MAX_QUESTION_TOKENS = 64
MAX_PASSAGE_TOKENS = 320


@dataclass(frozen=True, slots=True)
class Pair:
    """The token ids of a pair. `spans` are of the passage's tokens, which begin at `passage_start`."""

    ids: tuple[int, ...]
    passage_start: int
    spans: tuple[tuple[int, int], ...]

    def places(self, span: Span) -> tuple[int, int] | None:
        """Return the half-open range of `ids` that covers characters of the passage, None where none does."""
        first = bisect_right(self.spans, span.start, key=lambda token: token[1])
        end = bisect_left(self.spans, span.end, key=lambda token: token[0])
        if first >= end:
            return None
        return self.passage_start + first, self.passage_start + end

    def characters(self, first: int, end: int) -> Span:
        """Return the characters of the passage that a half-open range of `ids` covers."""
        return Span(self.spans[first - self.passage_start][0], self.spans[end - 1 - self.passage_start][1])


class PairTokenizer:
    """Tokenizes pairs with the `tokenizer.json` of a BERT model."""

    def __init__(self, file: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(file))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # A text that says "[SEP]" says those words, and ends nothing.
        self._tokenizer.encode_special_tokens = True
        begin, end = (self._tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
        if begin is None or end is None:
            raise ValueError("the tokenizer has no [CLS] and [SEP]")
        self._begin, self._end = begin, end

    def pairs(self, question: str, passages: Sequence[str]) -> list[Pair]:
        """Return a question with each of some passages."""
        asked, *read = self._encoded([question, *passages])
        return [self._pair(asked, passage) for passage in read]

    def pairs_of_each(self, texts: Sequence[tuple[str, str]]) -> list[Pair]:
        """Return pairs of many questions."""
        asked = self._encoded([question for question, _ in texts])
        read = self._encoded([passage for _, passage in texts])
        return [self._pair(*both) for both in zip(asked, read, strict=True)]

    def _encoded(self, texts: Sequence[str]) -> list[Encoding]:
        return self._tokenizer.encode_batch(list(texts), add_special_tokens=False)

    def _pair(self, question: Encoding, passage: Encoding) -> Pair:
        asked = question.ids[:MAX_QUESTION_TOKENS]
        read = passage.ids[:MAX_PASSAGE_TOKENS]
        ids = (self._begin, *asked, self._end, *read, self._end)
        return Pair(ids, len(asked) + 2, tuple(passage.offsets[: len(read)]))
