"""BM25 with tantivy: what damage of its files costs, which is time and nothing else."""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from words import KEY, answers, entries, filled, ids, rows

from index.errors import DamagedStore
from index.lexical import TantivyIndex
from index.lexical_files import FORMAT, META, damage, format_folder


def put(path: Path, content: bytes) -> None:
    """Give a file other content: a new file in its place, for open indexes have the old one mapped."""
    path.unlink()
    path.write_bytes(content)


def flipped(path: Path, values: Callable[[int], int]) -> Iterator[tuple[int, bytes]]:
    """Change each byte of a file in turn, and put it right again."""
    content = path.read_bytes()
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] = values(changed[position])
        put(path, changed)
        yield position, bytes(changed)
    put(path, content)


def test_a_flip_of_any_byte_is_found_or_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Most of `meta.json` are the fields of the languages, one like the other.
    monkeypatch.setattr("index.lexical_search._LANGUAGES", ("en", "de"))
    folder = tmp_path / "index"
    expected = answers(filled(folder))
    last = entries("The glacier broke.", "d", 9)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert {path.suffix for path in files} >= {".del", ".json", ".store", ".term"}
    harmless = 0
    for path in files:
        for position, content in flipped(path, lambda byte: byte ^ 1):
            if damage(format_folder(folder)) is not None:
                continue
            found = answers(TantivyIndex(folder, key=KEY, writable=False))
            if found[:2] == (0, 0):
                continue
            assert found == expected, (path.name, position)
            harmless += 1
            if path.name == META:
                # Nor does it change what a writer goes on to do.
                copy = tmp_path / "copy"
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(folder, copy)
                index = TantivyIndex(copy, key=KEY)
                assert answers(index) == expected, (position, content)
                index.apply(ids(entries("A glacier melted.", "a", 2)), last, 3)
                index.close()
                assert TantivyIndex(copy, key=KEY, writable=False).rows() == {3, 4, 9}
    assert harmless > 0
    assert answers(TantivyIndex(folder, key=KEY)) == expected


def cut_short(path: Path) -> None:
    put(path, path.read_bytes()[:-2])


def emptied(path: Path) -> None:
    put(path, b"")


def made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [Path.unlink, cut_short, emptied, made_a_folder])
@pytest.mark.parametrize(
    "pattern", [META, "*.term", "*.idx", "*.fast", "*.fieldnorm", "*.store", "*.pos", "*.del"]
)
def test_a_damaged_folder_is_made_anew_by_a_writer_and_left_by_a_reader(
    tmp_path: Path, pattern: str, harm: Callable[[Path], None]
) -> None:
    filled(tmp_path)
    path = next(tmp_path.rglob(pattern))
    harm(path)
    assert str(damage(format_folder(tmp_path))).startswith(path.name)
    assert answers(TantivyIndex(tmp_path, key=KEY, writable=False))[:2] == (0, 0)
    assert damage(format_folder(tmp_path)) is not None
    index = TantivyIndex(tmp_path, key=KEY)
    assert answers(index)[:2] == (0, 0)
    index.apply([], entries("A glacier melted.", "a", 3), 9)
    index.close()
    assert damage(format_folder(tmp_path)) is None
    assert rows(TantivyIndex(tmp_path, key=KEY, writable=False), "glaciers") == [3]


@pytest.mark.parametrize(
    ("told", "changed"),
    [
        ('"num_deleted_docs": 2', '"num_deleted_docs": 0'),
        ('"num_deleted_docs": 2', '"num_deleted_docs": 4'),
        ('"max_doc": 4', '"max_doc": 3'),
        ('"max_doc": 2', '"max_doc": 1'),
        ('"deletes": {', '"deleted": {'),
        ('"deletes": null', '"deleted": null'),
        ('],\n  "opstamp": 17', '],\n  "opstamp": 1'),
        ('],\n  "opstamp": 17', '],\n  "opstamp": 9999999999999999999'),
        ('"segments": [', '"segments": [], "others": ['),
    ],
)
def test_a_meta_that_tells_of_other_documents_is_not_believed(
    tmp_path: Path, told: str, changed: str
) -> None:
    filled(tmp_path)
    meta = format_folder(tmp_path) / META
    assert told in meta.read_text(), meta.read_text()
    meta.write_text(meta.read_text().replace(told, changed))
    assert answers(TantivyIndex(tmp_path, key=KEY))[:2] == (0, 0)


@pytest.mark.parametrize("place", [".", f"format-{FORMAT}"])
def test_where_no_folder_can_be_made_it_works_in_memory(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "lexical"
    if place == ".":
        folder.write_text("a file")
    else:
        folder.mkdir()
        (folder / place).symlink_to(tmp_path / "nowhere" / "at all")
        folder.chmod(0o500)
    index = TantivyIndex(folder, key=KEY)
    index.apply([], entries("A glacier melted.", "a", 3), 1)
    assert rows(index, "glacier") == [3]
    folder.chmod(0o700)


def test_a_file_that_a_writer_replaces_meanwhile_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path)
    folder = format_folder(tmp_path)
    meta = (folder / META).read_bytes()
    newer = iter([meta.replace(b'"segments": [', b'"segments": [ '), meta, meta, meta])
    (folder / META).write_bytes(meta.replace(b'"segment_id": "', b'"segment_id": "0'))
    plain = Path.read_bytes

    def read(path: Path) -> bytes:
        content = plain(path)
        if path.name == META:
            path.write_bytes(next(newer))
        return content

    monkeypatch.setattr(Path, "read_bytes", read)
    assert damage(folder) is None


def test_files_spoiled_under_an_open_index_are_told_with_the_way_out(tmp_path: Path) -> None:
    index = filled(tmp_path)
    snapshot = index.snapshot()
    for path in tmp_path.rglob("*.fast"):
        # In place: the index has them mapped, and tantivy panics.
        with path.open("r+b") as file:
            file.write(random.Random(4).randbytes(path.stat().st_size - 94))
    for read in (lambda: snapshot.search("glacier", 5), index.rows):
        with pytest.raises(DamagedStore, match="quotebound doctor --repair"):
            read()
