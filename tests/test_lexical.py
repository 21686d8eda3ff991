"""BM25 with tantivy, on disk and in memory: what is found, what its files hold, and commits that fail."""

import math
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import tantivy
from contracts import LexicalIndexContract
from words import KEY, answers, entries, filled, ids, rows

from index.errors import ReadOnlyStore
from index.lexical import LexicalIndex, TantivyIndex
from index.lexical_files import FORMAT, discard_others, format_folder
from index.terms import analyze


class TestTantivyIndexOnDisk(LexicalIndexContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def index(self) -> LexicalIndex:
        return TantivyIndex(self.folder, key=KEY)


class TestTantivyIndexInMemory(LexicalIndexContract):
    def index(self) -> LexicalIndex:
        return TantivyIndex()


# What is found


def test_it_is_as_it_was_when_opened_again(tmp_path: Path) -> None:
    before = answers(filled(tmp_path))
    for writable in (True, False):
        assert answers(TantivyIndex(tmp_path, key=KEY, writable=writable)) == before
    assert before[:3] == (2, 3, {2, 3, 4})


def test_scores_are_bm25_of_the_terms(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path, key=KEY)
    texts = ["The river flows to the sea.", "River, river, wide river!", "A castle by the river bank stands."]
    index.apply([], [entry for n, text in enumerate(texts) for entry in entries(text, f"{n}", n)], 1)
    bags = [Counter(analyze(text, "en")) for text in texts]
    # The mark of the last change is a document too, of no words.
    documents = len(bags) + 1
    average = sum(bag.total() for bag in bags) / documents
    expected = [0.0] * len(bags)
    for term in analyze("river castle sea", "en"):
        frequency = sum(term in bag for bag in bags)
        rarity = math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))
        for row, bag in enumerate(bags):
            length = 1.2 * (0.25 + 0.75 * bag.total() / average)
            expected[row] += rarity * bag[term] * 2.2 / (bag[term] + length)
    found = {scored.row: scored.score for scored in index.snapshot().search("river castle sea", 9)}
    assert [found[row] for row in range(len(bags))] == pytest.approx(expected, rel=1e-5)


# What its files hold


CANARY = "Zyxwvutations 8472910365 quuxified."


def held(folder: Path) -> list[str]:
    """Return the canaries that stand in the files of an index, or among the terms that tantivy reads there.

    Its dictionary is a transducer: the letters of a word are not one after the other in the file.
    """
    canaries = ["zyxwvut", "8472910365", "quuxif", *analyze(CANARY, "en")]
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()).lower()
    searcher = tantivy.Index.open(str(format_folder(folder))).searcher()
    content += b" ".join(term.encode() for term, _ in searcher.terms_with_prefix("terms_en", ""))
    return [word for word in canaries if word.encode() in content]


def test_no_word_of_any_document_is_in_the_folder_before_or_after_it_is_deleted(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path, key=KEY)
    gone = entries(CANARY, "gone.txt", 1)
    index.apply([], gone + entries("A glacier melted.", "a", 2), 1)
    assert rows(index, "ZYXWVUTATION") == [1]
    assert held(tmp_path) == []
    index.apply(ids(gone), [], 2)
    assert held(tmp_path) == []
    index.close()
    assert held(tmp_path) == []


def test_without_digests_the_words_of_a_deleted_document_would_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.lexical.term_digest", lambda term, _: term)
    index = TantivyIndex(tmp_path)
    gone = entries(CANARY, "gone.txt", 1)
    index.apply([], gone + entries("A glacier melted.", "a", 2), 1)
    index.apply(ids(gone), [], 2)
    assert set(held(tmp_path)) >= set(analyze(CANARY, "en"))


def test_what_the_files_hold_of_a_word_depends_on_the_key() -> None:
    held = []
    for key in (b"", KEY):
        index = TantivyIndex(key=key)
        index.apply([], entries("A glacier melted.", "a", 1), 1)
        held.append(index._index.searcher().terms_with_prefix("terms_en", ""))
    assert len(held[0]) == len(held[1]) == 3
    assert not {term for term, _ in held[0]} & {term for term, _ in held[1]}


def test_a_folder_made_with_another_key_is_made_anew_by_a_writer_and_left_by_a_reader(tmp_path: Path) -> None:
    before = answers(filled(tmp_path))
    assert answers(TantivyIndex(tmp_path, key=b"other", writable=False))[:2] == (0, 0)
    assert answers(TantivyIndex(tmp_path, key=KEY, writable=False)) == before
    index = TantivyIndex(tmp_path, key=b"other")
    assert index.sequence == 0
    index.apply([], entries("A glacier melted.", "a", 5), 1)
    assert rows(index, "glacier") == [5]


def test_a_reader_makes_no_folder(tmp_path: Path) -> None:
    TantivyIndex(tmp_path / "none", writable=False)
    (tmp_path / f"format-{FORMAT}").mkdir()
    TantivyIndex(tmp_path, writable=False)
    assert [path.name for path in tmp_path.rglob("*")] == [f"format-{FORMAT}"]


def test_what_a_killed_writer_left_beside_the_index_is_removed(tmp_path: Path) -> None:
    before = answers(filled(tmp_path))
    files = {path.name for path in format_folder(tmp_path).iterdir()}
    segment = next(name for name in files if name.endswith(".term"))
    for name in (".tmpAbc", "0" * 32 + ".term", segment.replace(".term", ".9.del")):
        (format_folder(tmp_path) / name).write_text("left")
    assert answers(TantivyIndex(tmp_path, key=KEY, writable=False)) == before
    assert answers(TantivyIndex(tmp_path, key=KEY)) == before
    assert {path.name for path in format_folder(tmp_path).iterdir()} == files


def test_other_spaces_and_formats_are_discarded_and_links_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "lexical", tmp_path / "outside"
    for folder in (
        outside,
        root / "kept" / f"format-{FORMAT}",
        root / "kept" / "format-1",
        root / f"format-{FORMAT}",
        root / "other",
    ):
        folder.mkdir(parents=True)
        (folder / "words").write_text("words")
    (root / "other" / "link").symlink_to(outside)
    (root / "link").symlink_to(outside)
    (root / "kept" / "link").symlink_to(outside)
    (root / "dangling").symlink_to(tmp_path / "nowhere")
    (root / "file").write_text("words")
    discard_others(root, "kept")
    assert [path for path in root.rglob("*") if path.is_file()] == [
        root / "kept" / f"format-{FORMAT}" / "words"
    ]
    assert not any(path.is_symlink() for path in root.rglob("*"))
    assert (outside / "words").exists()


@pytest.mark.parametrize("place", ["lexical", "lexical/kept"])
def test_nothing_is_discarded_behind_a_link_in_place_of_the_folder(tmp_path: Path, place: str) -> None:
    (tmp_path / "outside" / "theirs").mkdir(parents=True)
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).symlink_to(tmp_path / "outside")
    discard_others(tmp_path / "lexical", "kept")
    assert (tmp_path / "outside" / "theirs").exists()


def test_nothing_is_discarded_where_nothing_is(tmp_path: Path) -> None:
    discard_others(tmp_path / "lexical", "kept")
    assert list(tmp_path.iterdir()) == []


# A commit that fails


class PanicException(BaseException):
    """Named as tantivy's own, which cannot be imported."""


class Failing:
    """A tantivy writer that fails at a step, before it is done or once it is."""

    def __init__(
        self, writer: tantivy.IndexWriter, step: str, error: BaseException | None, *, done: bool
    ) -> None:
        self._writer = writer
        self._step = step
        self._error = error
        self._done = done

    def __getattr__(self, name: str) -> object:
        real = getattr(self._writer, name)
        if name != self._step:
            return real

        def fail(*arguments: object) -> None:
            if self._done:
                real(*arguments)
            if self._error is not None:
                raise self._error

        return fail


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize(
    "error", [ValueError("no space left"), OSError("no"), RuntimeError("consumed"), PanicException()]
)
@pytest.mark.parametrize("step", ["delete_documents_by_term", "add_document", "commit"])
def test_after_a_failed_change_the_next_one_makes_all_right(
    tmp_path: Path, step: str, error: BaseException, done: bool
) -> None:
    index = filled(tmp_path)
    index._writer = Failing(index._index.writer(), step, error, done=done)  # type: ignore[assignment]
    gone, new = ids(entries("A glacier melted.", "a", 2)), entries("A glacier broke.", "n", 9)
    with pytest.raises((ValueError, OSError)) as caught:
        index.apply(gone, new, 3)
    assert index.sequence == 2
    assert len(index) == len(index.rows()) == 3
    index.apply(gone, new, 3)
    assert (index.sequence, len(index), index.rows()) == (3, 3, {3, 4, 9})
    assert sorted(rows(index, "glacier")) == [4, 9]
    index.close()
    assert TantivyIndex(tmp_path, key=KEY).rows() == {3, 4, 9}
    assert caught.value is not None


def test_a_change_that_was_kept_though_it_failed_counts_once_in_the_next(tmp_path: Path) -> None:
    index = filled(tmp_path)
    index._writer = Failing(index._index.writer(), "commit", ValueError(), done=True)  # type: ignore[assignment]
    new = entries("A glacier broke.", "n", 9)
    with pytest.raises(ValueError):
        index.apply([], new, 3)
    index.apply([], entries("A river rose.", "m", 10), 4)
    assert (index.sequence, len(index), index.rows()) == (4, 5, {2, 3, 4, 9, 10})


def test_a_failure_to_read_after_the_commit_is_made_good_by_the_next_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = filled(tmp_path)
    real = index._index

    class Unread:
        def __getattr__(self, name: str) -> object:
            if name == "reload":
                raise PanicException
            return getattr(real, name)

    with monkeypatch.context() as patched:
        patched.setattr(index, "_index", Unread())
        with pytest.raises(ValueError, match="tantivy failed"):
            index.apply([], entries("A glacier broke.", "n", 9), 3)
    index.apply([], entries("A glacier broke.", "n", 9), 3)
    assert (index.sequence, len(index), index.rows()) == (3, 4, {2, 3, 4, 9})


def test_deletions_that_were_not_made_are_noticed_and_all_starts_again(tmp_path: Path) -> None:
    index = filled(tmp_path)
    real = index._index.writer()
    index._writer = Failing(real, "delete_documents_by_term", None, done=False)  # type: ignore[assignment]
    with pytest.raises(ValueError, match="should be 2"):
        index.apply(ids(entries("A glacier melted.", "a", 2)), [], 3)
    assert (index.sequence, len(index), index.rows()) == (0, 0, set())
    assert TantivyIndex(tmp_path, key=KEY, writable=False).sequence == 0


def test_a_second_writer_is_refused_at_once(tmp_path: Path) -> None:
    first = filled(tmp_path)
    first.apply([], entries("A river rose.", "m", 10), 3)
    second = TantivyIndex(tmp_path, key=KEY)
    with pytest.raises(ValueError, match="Lock"):
        second.apply([], entries("A river rose.", "n", 11), 4)
    first.close()
    second.apply([], entries("A river rose.", "n", 11), 4)
    assert second.rows() == {2, 3, 4, 10, 11}


def test_a_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    program = f"""
import os, signal, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from test_lexical import KEY, TantivyIndex, entries
index = TantivyIndex(Path({str(tmp_path)!r}), key=KEY)
index.apply([], entries("A glacier melted.", "a", 3), 1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert list(tmp_path.rglob("*writer.lock"))
    index = TantivyIndex(tmp_path, key=KEY)
    assert index.sequence == 1
    index.apply([], entries("A river rose.", "m", 10), 2)
    assert index.rows() == {3, 10}


def test_a_reader_changes_nothing_in_the_folder(tmp_path: Path) -> None:
    reader = filled(tmp_path, writable=False)
    with pytest.raises(ReadOnlyStore):
        reader.apply([], entries("A river rose.", "m", 10), 3)
    reader.clear()
    reader.apply([], entries("A river rose.", "m", 10), 3)
    assert reader.rows() == {10}
    assert TantivyIndex(tmp_path, key=KEY, writable=False).rows() == {2, 3, 4}
