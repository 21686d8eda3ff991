"""Indexes in files: the same numbers again, or none; and no file that is half of one."""

import errno
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import HashingEmbedder
from structlog.testing import capture_logs

from index.disk import PARTIAL, write_whole
from index.embedding import EmbeddingSpace, Vectors
from index.vector_files import FORMAT, SavedIndex, discard_others, load, save
from index.vectors import FlatVectorIndex

SPACE = replace(HashingEmbedder().identity.space("test"), dimension=8)


def vectors(count: int, seed: int = 0) -> Vectors:
    random = np.random.default_rng(seed)
    return (random.normal(size=(count, 8)) * random.uniform(0.01, 100, size=(count, 1))).astype(np.float32)


def small() -> FlatVectorIndex:
    return FlatVectorIndex(8).updated([], [5, 2, 9], vectors(3))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_loaded_index_gives_the_same_numbers_to_the_last_bit(tmp_path: Path) -> None:
    index = FlatVectorIndex(8).updated([], range(10_000, 20_000), vectors(10_000))
    index = index.updated(range(12_000, 13_000), range(5_000), vectors(5_000, 1))
    index = index.updated([3], [30_000, 40_000, 7], vectors(3, 2))
    loaded = load(tmp_path, save(tmp_path, index, SPACE, 7), SPACE)
    assert loaded is not None
    assert loaded.rows.tolist() == index.rows.tolist()
    for query in vectors(5, 9):
        assert loaded.search(query, 100) == index.search(query, 100)
    changed = loaded.updated([7], [7], vectors(1, 3))
    assert len(changed) == len(index) == 14_001


def test_an_index_without_rows_comes_back_without_rows(tmp_path: Path) -> None:
    loaded = load(tmp_path, save(tmp_path, FlatVectorIndex(8), SPACE, 0), SPACE)
    assert loaded is not None
    assert len(loaded) == 0
    assert len(loaded.updated([], [1], vectors(1))) == 1


def test_a_file_is_named_after_its_space_and_its_change(tmp_path: Path) -> None:
    saved = save(tmp_path, small(), SPACE, 41)
    assert names(tmp_path) == [saved.name] == [f"vectors-{SPACE.id}-41.f32"]
    assert (saved.rows, saved.size) == (3, (tmp_path / saved.name).stat().st_size)


def test_what_the_catalog_keeps_survives_as_text(tmp_path: Path) -> None:
    saved = save(tmp_path, small(), SPACE, 41)
    assert SavedIndex.from_json(saved.to_json()) == saved


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '"text"',
        '{"space": "a"}',
        '{"space": "a", "sequence": "../up", "dimension": 8, "rows": 1, "size": 1, "sha256": ""}',
        '{"space": "a", "sequence": 1, "dimension": 8, "rows": -1, "size": 1, "sha256": ""}',
        '{"space": 1, "sequence": 1, "dimension": 8, "rows": 1, "size": 1, "sha256": ""}',
        '{"space": "a", "sequence": 1, "dimension": 8, "rows": true, "size": 1, "sha256": ""}',
        '{"space": "a", "sequence": 1, "dimension": 8, "rows": 1, "size": 1, "sha256": "", "new": 1}',
    ],
)
def test_text_that_is_not_of_this_kind_names_no_file(text: str) -> None:
    assert SavedIndex.from_json(text) is None


def refused(folder: Path, saved: SavedIndex, space: EmbeddingSpace = SPACE) -> bool:
    """Tell whether a file gives no index, and a warning says so."""
    with capture_logs() as logs:
        loaded = load(folder, saved, space)
    assert not any(str(folder) in str(entry) for entry in logs)
    return loaded is None and [entry["log_level"] for entry in logs] == ["warning"]


def test_a_file_with_any_byte_flipped_is_not_used(tmp_path: Path) -> None:
    saved = save(tmp_path, small(), SPACE, 1)
    file = tmp_path / saved.name
    data = file.read_bytes()
    for place in range(len(data)):
        file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert refused(tmp_path, saved), place
    file.write_bytes(data)
    assert load(tmp_path, saved, SPACE) is not None


def test_a_file_of_any_other_length_is_not_used(tmp_path: Path) -> None:
    saved = save(tmp_path, small(), SPACE, 1)
    file = tmp_path / saved.name
    data = file.read_bytes()
    for length in range(len(data)):
        file.write_bytes(data[:length])
        assert refused(tmp_path, saved), length
    file.write_bytes(data + b"\0")
    assert refused(tmp_path, saved)


def test_a_file_cut_off_while_it_is_read_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = save(tmp_path, small(), SPACE, 1)
    file = tmp_path / saved.name
    before = file.stat()
    os.truncate(file, saved.size - 20)
    monkeypatch.setattr(os, "fstat", lambda descriptor: before)
    assert refused(tmp_path, saved)


def test_a_missing_file_is_not_used(tmp_path: Path) -> None:
    saved = save(tmp_path, small(), SPACE, 1)
    (tmp_path / saved.name).unlink()
    assert refused(tmp_path, saved)
    (tmp_path / saved.name).mkdir()
    assert refused(tmp_path, saved)


def test_a_file_that_the_disk_does_not_give_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save(tmp_path, small(), SPACE, 1)

    def failing(path: Path, *args: object, **options: object) -> None:
        raise OSError(errno.EIO, "Input/output error", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", failing)
        assert refused(tmp_path, saved)


@pytest.mark.parametrize(
    "other",
    [
        replace(SPACE, weights="another"),
        replace(SPACE, passages="another"),
        replace(SPACE, dimension=16),
        replace(SPACE, dimension=4),
    ],
)
def test_a_file_of_another_space_is_not_used(tmp_path: Path, other: EmbeddingSpace) -> None:
    saved = save(tmp_path, small(), SPACE, 1)
    assert refused(tmp_path, saved, other)
    # Nor where what the catalog keeps says that it is of the space.
    claimed = replace(saved, space=other.id, dimension=other.dimension)
    (tmp_path / saved.name).rename(tmp_path / claimed.name)
    assert refused(tmp_path, claimed, other)


def test_a_file_of_another_dimension_of_the_same_size_is_not_used(tmp_path: Path) -> None:
    rows = np.arange(10)
    saved = save(tmp_path, FlatVectorIndex(8).updated([], rows, vectors(10)), SPACE, 1)
    # 10 rows of 8 numbers take as much room as 20 rows of 3.
    other = replace(SPACE, dimension=3)
    claimed = replace(saved, space=other.id, dimension=3, rows=20)
    assert saved.size == 128 + 20 * (8 + 3 * 4) == 128 + 10 * (8 + 8 * 4)
    (tmp_path / saved.name).rename(tmp_path / claimed.name)
    assert refused(tmp_path, claimed, other)


def test_a_file_of_another_change_is_not_used(tmp_path: Path) -> None:
    saved = save(tmp_path, small(), SPACE, 1)
    later = save(tmp_path, small(), SPACE, 2)
    (tmp_path / saved.name).replace(tmp_path / later.name)
    assert refused(tmp_path, later)
    assert refused(tmp_path, replace(saved, sequence=2))


def test_a_file_of_another_format_is_not_used(tmp_path: Path) -> None:
    saved = save(tmp_path, small(), SPACE, 1)
    assert refused(tmp_path, replace(saved, format=FORMAT - 1))


def test_a_size_that_is_wrong_takes_no_memory(tmp_path: Path) -> None:
    saved = save(tmp_path, small(), SPACE, 1)
    assert refused(tmp_path, replace(saved, rows=10**15, size=128 + 10**15 * 40))
    assert refused(tmp_path, replace(saved, rows=10**15))


class Bait:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("executed",)


def test_a_pickle_is_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    saved = save(tmp_path, small(), SPACE, 1)
    bait = pickle.dumps(Bait())
    (tmp_path / saved.name).write_bytes(bait.ljust(saved.size, b"\0"))
    assert refused(tmp_path, saved)
    assert not Path("executed").exists()
    pickle.loads(bait)
    assert Path("executed").exists()


CALLS = ("open", "write", "fsync", "replace", "close")


def failing_at(call: str, number: int, patch: pytest.MonkeyPatch, code: int) -> list[str]:
    """Have the disk refuse one call of a kind, and return the list in which all calls are noted."""
    made: list[str] = []

    def wrapped(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(*args: Any, **options: Any) -> Any:
            made.append(name)
            fails = (name, made.count(name)) == (call, number)
            if fails and name != "close":
                raise OSError(code, os.strerror(code))
            result = real(*args, **options)
            if fails:
                raise OSError(code, os.strerror(code))
            return result

        return faulty

    for name in CALLS:
        patch.setattr(os, name, wrapped(name, getattr(os, name)))
    return made


def test_a_file_has_its_name_only_when_the_disk_has_it_whole(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        made = failing_at("none", 0, patch, 0)
        write_whole(tmp_path / "file", [b"one", b"two"])
    assert made == ["open", "write", "write", "fsync", "close", "replace", "open", "fsync", "close"]
    assert (tmp_path / "file").read_bytes() == b"onetwo"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize(
    ("call", "number"),
    [(call, 1) for call in CALLS] + [("write", 2), ("write", 3)],
)
def test_a_disk_that_refuses_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, call: str, number: int, code: int
) -> None:
    saved = save(tmp_path, small(), SPACE, 1)
    before = (tmp_path / saved.name).read_bytes()
    for sequence in (1, 2):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError) as raised:
            failing_at(call, number, patch, code)
            save(tmp_path, small().updated([2], [], vectors(0)), SPACE, sequence)
        assert raised.value.errno == code
        assert names(tmp_path) == [saved.name]
        assert (tmp_path / saved.name).read_bytes() == before


def test_a_disk_that_may_not_keep_the_name_says_so(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match="Input/output"):
        failing_at("fsync", 2, patch, errno.EIO)
        save(tmp_path, small(), SPACE, 1)
    assert not list(tmp_path.glob(f"*{PARTIAL}"))


def test_writes_that_take_a_few_bytes_each_are_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    assert load(tmp_path, save(tmp_path, small(), SPACE, 1), SPACE) is not None


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    saved = save(tmp_path, small(), SPACE, 1)
    whole = (tmp_path / saved.name).read_bytes()
    (tmp_path / saved.name).unlink()
    (tmp_path / (saved.name + PARTIAL)).write_bytes(whole + b"longer")
    assert save(tmp_path, small(), SPACE, 1) == saved
    assert names(tmp_path) == [saved.name]
    assert load(tmp_path, saved, SPACE) is not None


def test_stale_files_are_discarded_and_no_others(tmp_path: Path) -> None:
    saved = [save(tmp_path, small(), SPACE, sequence) for sequence in (1, 2, 3)]
    (tmp_path / (saved[2].name + PARTIAL)).touch()
    for name in ("catalog.db", "lexical", "my-vectors-1.f32"):
        (tmp_path / name).touch()
    discard_others(tmp_path, [saved[1]])
    assert names(tmp_path) == sorted(["catalog.db", "lexical", "my-vectors-1.f32", saved[1].name])
    discard_others(tmp_path)
    assert names(tmp_path) == ["catalog.db", "lexical", "my-vectors-1.f32"]


def test_a_stale_file_that_cannot_be_removed_stops_nothing(tmp_path: Path) -> None:
    first, second = (save(tmp_path, small(), SPACE, sequence) for sequence in (1, 2))
    (tmp_path / first.name).unlink()
    (tmp_path / first.name).mkdir()
    with capture_logs() as logs:
        discard_others(tmp_path)
    assert names(tmp_path) == [first.name]
    assert [entry["log_level"] for entry in logs] == ["warning"]
    assert second.name not in names(tmp_path)
