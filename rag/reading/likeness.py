"""How like a question sentences are, by the embedding model: as wholes and word by word."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from index.catalog import embedding_key
from index.embedding import Embedder, TokenVectors
from index.vectors import normalized
from rag.overlap import Overlap, Question
from rag.reading.features import Candidate, content_words, token_similarities

# A sentence's token vectors take some 40 kB.
CACHED_SENTENCES = 1000


class Likeness:
    """Compares sentences with a question, those read lately without another pass of the model.

    It keeps vectors by a digest of the sentence's text, and no text of a document.
    """

    def __init__(self, embedder: Embedder, cached_sentences: int = CACHED_SENTENCES) -> None:
        self._embedder = embedder
        self._size = cached_sentences
        self._known: OrderedDict[bytes, TokenVectors] = OrderedDict()
        self._lock = threading.Lock()

    def signals(
        self, question: Question, sentences: Sequence[Candidate], overlap: Overlap
    ) -> dict[str, list[float]]:
        """Return `sentence_cosine` and `token_similarity` of one or more sentences.

        `overlap` is of all sentences that are read, these among them: it says what each word weighs.
        """
        # One pass of the model for the question's words and for all sentences not read lately.
        asked, *tokens = self._of([question.text, *(sentence.text for sentence in sentences)])
        dimension = self._embedder.identity.dimension
        query = normalized(self._embedder.embed_query(question.text)[np.newaxis], dimension)[0]
        cosines = normalized(np.stack([sentence.pooled for sentence in tokens]), dimension) @ query
        content = content_words(question.text, asked)
        return {
            "sentence_cosine": cosines.tolist(),
            "token_similarity": token_similarities(content, overlap, tokens),
        }

    def _of(self, texts: Sequence[str]) -> list[TokenVectors]:
        keys = [embedding_key(text) for text in texts]
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        found.update(zip(missing, self._embedder.embed_tokens(list(missing.values())), strict=True))
        with self._lock:
            for key in keys:
                self._known[key] = found[key]
                self._known.move_to_end(key)
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return [found[key] for key in keys]
