"""Holds a store against the texts that it should have: the invariants of a document store, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from index.chunking import indexed_text
from index.embedding import Vectors
from index.snapshot import Snapshot
from index.store import Store
from index.types import Passage, text_sha256
from torture.operations import COMMON, EMBEDDERS, State, own_words, passages_of

_ALL = 10_000


@cache
def _expected(source: str, content: str, space: str) -> tuple[tuple[Passage, Vectors], ...]:
    passages = passages_of(source, content)
    vectors = EMBEDDERS[space].embed_passages([indexed_text(passage) for passage in passages])
    return tuple(zip(passages, vectors, strict=True))


def warm(*states: State) -> None:
    """Work out what is expected of some states now, for every child to come."""
    for state in states:
        for source, content in state.texts.items():
            _expected(source, content, state.space)


def problems(store: Store, allowed: Sequence[State], ever: Sequence[State]) -> tuple[list[str], bool]:
    """Return what is wrong with a store that should be in one of some states.

    `ever` are all states that there may have been: nothing is found of what they have and the store
    has not. Also tell whether the search by words lacks something: a store that could not write its
    lexical index may do without it until the next change or start, but never show what is gone.
    """
    found = []
    infos = store.catalog.documents()
    texts = {info.source: store.catalog.text(info.id) for info in infos}
    bare = ", ".join(info.source for info in infos if not info.has_original)
    state = State(texts, store.space.id, bare)
    if state not in allowed:
        differences = " and in ".join(_unlike(state, one) for one in allowed)
        return [f"it differs from what may be in {differences}"], False
    stored: dict[int, tuple[Passage, Vectors]] = {}
    for info in infos:
        expected = _expected(info.source, texts[info.source], state.space)
        rows = store.catalog.passages_of(info.id)
        if store.catalog.original(info.id) not in (None, texts[info.source].encode()):
            found.append(f"{info.source} has not the bytes of its file")
        if text_sha256(texts[info.source]) != info.sha256:
            found.append(f"{info.source} has not the text of its SHA-256")
        if [passage.ordinal for _, passage in rows] != list(range(info.passages)):
            found.append(f"{info.source} has ordinals {[passage.ordinal for _, passage in rows]}")
        if [passage for _, passage in rows] != [passage for passage, _ in expected]:
            found.append(f"{info.source} has other passages than it was stored with")
        stored |= {row: expectation for (row, _), expectation in zip(rows, expected, strict=False)}
    snapshot = store.snapshot()
    found += _dense(snapshot, stored)
    contents = [content for state in ever for content in state.texts.values()]
    words, lacking = _lexical(snapshot, stored, contents)
    return found + words, lacking


def _dense(snapshot: Snapshot, stored: dict[int, tuple[Passage, Vectors]]) -> list[str]:
    found = []
    if len(snapshot) != len(stored):
        found.append(f"{len(snapshot)} vectors for {len(stored)} passages")
    searchable = {
        scored.row for scored in snapshot.dense(EMBEDDERS[snapshot.space.id].embed_query(COMMON), _ALL)
    }
    if searchable != stored.keys():
        found.append(f"rows {_difference(searchable, set(stored))} between search by vectors and catalog")
    if snapshot.passages(list(stored)).keys() != stored.keys():
        found.append("a passage of the catalog is not found by its row")
    for row, (_, vector) in stored.items():
        if row in searchable and abs(snapshot.cosines(vector, [row])[0] - 1) > 1e-4:
            found.append(f"row {row} has the vector of another passage")
    return found


def _lexical(
    snapshot: Snapshot, stored: dict[int, tuple[Passage, Vectors]], ever: Sequence[str]
) -> tuple[list[str], bool]:
    found = []
    searchable = {scored.row for scored in snapshot.lexical(COMMON, _ALL)}
    if searchable - stored.keys():
        found.append(f"rows {searchable - stored.keys()} are found by words and are not stored")
    lacking = searchable != stored.keys()
    by_word = {word: row for row, (passage, _) in stored.items() for word in own_words(passage.text)}
    for word in {word for content in ever for word in own_words(content)}:
        rows = [scored.row for scored in snapshot.lexical(word, _ALL)]
        if rows and rows != [by_word.get(word)]:
            found.append(f"{word!r} finds rows {rows}, and stands in {by_word.get(word, 'none')}")
        lacking = lacking or (word in by_word and not rows)
    return found, lacking


def _difference(left: set[int], right: set[int]) -> str:
    return f"{sorted(left - right)} against {sorted(right - left)}"


def _unlike(found: State, wanted: State) -> str:
    names = sorted(
        name for name in {*found.texts, *wanted.texts} if found.texts.get(name) != wanted.texts.get(name)
    )
    spaces = [f"space {found.space}, not {wanted.space}"] if found.space != wanted.space else []
    bare = [f"no file of {found.bare!r}, not of {wanted.bare!r}"] if found.bare != wanted.bare else []
    return ", ".join(names + spaces + bare)
