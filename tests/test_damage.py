"""Single bytes of a collection's files are flipped: each is found and named, and none becomes an answer.

What a flip does is judged from outside, by what SQL can read of the file and by SQLite's own check
(`damaging.dump`): where these are as before, the byte was unused. The seeds are fixed.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from damaging import (
    CHUNKER,
    DOCUMENTS,
    LARGE,
    SPACE,
    Answers,
    answers,
    build,
    changed_tables,
    disagreements,
    dump,
    flipped,
)

from index import doctor
from index.doctor.fault import Remedy
from index.doctor.repair import repair_collection
from index.reindex import Reindexer
from index.store import CATALOG_FILE, Store
from index.vector_files import save
from index.vectors import FlatVectorIndex
from index.word_upkeep import LEXICAL_FOLDER

FLIPS = 200
# Each costs a repair, a reindex and two starts.
REPAIRS = 6
# In the header, whatever is there: counters, a suggestion, who wrote last, and room.
UNUSED_HEADER = {*range(24, 28), *range(40, 44), *range(48, 52), *range(72, 100)}
# Tantivy's own list of its files, which says nothing of what is in them.
UNREAD = {".managed.json"}
# Who wrote in which mode a file is: taken as it is where it can be, and put right by the next writer.
MODES = {18, 19}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("damaged") / "letters")


@pytest.fixture(scope="module")
def before(folder: Path) -> Answers:
    said = answers(folder, every_row=True)
    assert said is not None
    assert set(said.texts) == {made.id for made in DOCUMENTS}
    return said


def used_flips(path: Path, seed: int) -> list[tuple[int, int]]:
    """Return places and bits in a random order, of which not all are of bytes that are used."""
    choose = random.Random(seed)
    size = path.stat().st_size
    return [(choose.randrange(size), choose.randrange(1, 256)) for _ in range(20 * FLIPS)]


def test_nothing_is_found_before_anything_is_flipped(folder: Path) -> None:
    assert doctor.faults(folder) == []


def test_every_flip_in_a_catalog_is_found_and_none_becomes_an_answer(folder: Path, before: Answers) -> None:
    path = folder / CATALOG_FILE
    sound = dump(path)
    found: Counter[str] = Counter()
    for place, bits in used_flips(path, seed=1):
        if found.total() == FLIPS:
            break
        with flipped(path, place, bits):
            now = dump(path)
            if now == sound:
                continue
            faults = doctor.catalog_faults(folder)
            assert faults, f"byte {place} flipped by {bits} is not found"
            # A table whose rows say something else is named with the row, or the file as not to be read.
            for table in changed_tables(sound, now):
                named = any(table in (fault.table, fault.place.removeprefix("table ")) for fault in faults)
                assert named or Remedy.SALVAGE in {fault.remedy for fault in faults}, (place, bits, faults)
            assert disagreements(answers(folder), before) == [], (place, bits)
        found[min(fault.remedy for fault in faults)] += 1
    assert found.total() == FLIPS
    # More than one kind of damage was hit.
    assert {Remedy.ROW, Remedy.DOCUMENT, Remedy.SALVAGE} <= set(found)


@pytest.mark.parametrize("bits", [1, 2, 255])
def test_every_byte_of_the_header_that_matters_is_found(folder: Path, before: Answers, bits: int) -> None:
    path = folder / CATALOG_FILE
    sound = dump(path)
    for place in sorted(set(range(100)) - UNUSED_HEADER):
        with flipped(path, place, bits):
            faults = doctor.catalog_faults(folder)
            if faults:
                continue
            # What is not found is what SQLite takes for the same file, and can write to.
            assert place in MODES or dump(path) == sound, place
            assert disagreements(answers(folder), before) == []


def test_bytes_of_the_header_that_do_not_matter_change_nothing(folder: Path, before: Answers) -> None:
    path = folder / CATALOG_FILE
    sound = dump(path)
    for place in sorted(UNUSED_HEADER):
        with flipped(path, place, 255):
            assert dump(path) == sound, place
            assert doctor.catalog_faults(folder) == [], place


def test_a_flip_in_each_file_of_words_is_found(folder: Path) -> None:
    files = [file for file in (folder / LEXICAL_FOLDER).rglob("*.*") if file.name not in UNREAD]
    files = [file for file in files if file.is_file() and file.suffix != ".lock"]
    assert len(files) > 5
    for file in files:
        with flipped(file, file.stat().st_size // 2, 255):
            assert "lexical index" in {fault.place for fault in doctor.derived_faults(folder)}, file.name


def test_every_flip_in_a_file_of_vectors_is_found(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "letters"
    shutil.copytree(folder, copy)
    store = Store(copy, SPACE, writable=True)
    snapshot = store.snapshot()
    assert isinstance(snapshot.vectors, FlatVectorIndex)
    saved = save(copy, snapshot.vectors, store.space, snapshot.generation)
    store.catalog.keep_value("vector_file", saved.to_json())
    store.close()
    assert doctor.faults(copy) == []
    for place, bits in used_flips(copy / saved.name, seed=2)[:50]:
        with flipped(copy / saved.name, place, bits):
            assert [fault.place for fault in doctor.derived_faults(copy)] == [f"file of vectors {saved.name}"]
    with flipped(copy / saved.name, 500, 1):
        repair_collection(copy)
    assert doctor.faults(copy) == []


@pytest.mark.parametrize("seed", range(REPAIRS))
def test_a_repair_leaves_no_damage_and_what_was_whole_as_it_was(
    folder: Path, before: Answers, tmp_path: Path, seed: int
) -> None:
    copy = tmp_path / "letters"
    shutil.copytree(folder, copy)
    path = copy / CATALOG_FILE
    sound = dump(path)
    damaged = False
    for place, bits in used_flips(path, seed=10 + seed):
        data = bytearray(path.read_bytes())
        data[place] ^= bits
        path.write_bytes(data)
        if dump(path) != sound:
            damaged = True
            break
    assert damaged
    done = repair_collection(copy)
    assert done.findings
    left = {fault.remedy for fault in doctor.faults(copy)}
    assert left <= {Remedy.AWAIT}
    # What is due is made anew from its text, by its own model.
    store = Store(copy, SPACE, writable=True)
    Reindexer(store, CHUNKER, LARGE).run()
    store.close()
    assert doctor.faults(copy) == []
    said = answers(copy)
    assert said is not None
    told = " ".join(f"{action.place} {action.message}" for action in done.actions)
    for made in DOCUMENTS:
        if made.id in said.texts:
            assert said.texts[made.id] == before.texts[made.id]
        else:
            assert made.id in told
            assert made.source in told
