"""BM25 with tantivy, on disk and in memory."""

from pathlib import Path

import pytest
from contracts import LexicalIndexContract

from index.lexical import LexicalIndex, TantivyIndex


class TestTantivyIndexOnDisk(LexicalIndexContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def index(self) -> LexicalIndex:
        return TantivyIndex(self.folder)

    def test_it_is_as_it_was_when_opened_again(self) -> None:
        index = self.index()
        index.apply([], self.entries("A glacier melted.", "a", 3), 9)
        index.close()
        for writable in (True, False):
            again = TantivyIndex(self.folder, writable=writable)
            assert again.sequence == 9
            assert self.rows(again, "glaciers") == [3]
            again.close()

    def test_a_damaged_folder_is_emptied_by_a_writer_and_left_by_a_reader(self) -> None:
        index = self.index()
        index.apply([], self.entries("A glacier melted.", "a", 3), 9)
        index.close()
        (meta,) = self.folder.rglob("meta.json")
        meta.write_text("not json")
        assert TantivyIndex(self.folder, writable=False).sequence == 0
        assert meta.read_text() == "not json"
        assert self.index().sequence == 0


class TestTantivyIndexInMemory(LexicalIndexContract):
    def index(self) -> LexicalIndex:
        return TantivyIndex()


def test_a_reader_makes_no_folder(tmp_path: Path) -> None:
    TantivyIndex(tmp_path / "none", writable=False)
    assert list(tmp_path.iterdir()) == []
