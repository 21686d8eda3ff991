"""Searches while a collection changes, a deletion that leaves nothing, a sync that finds nothing new."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torture import deletion, load, syncing

from index.catalog import Catalog
from index.types import Located


def test_searches_during_changes_and_merges_find_the_right_passages() -> None:
    found = load.run(passages=200, threads=4, phases=2, searches=40, delta=8)
    assert found.violations == ()
    assert found.loaded_searches == 4 * 40
    assert found.changes
    assert found.merges


@dataclass(frozen=True)
class Shifted:
    """A catalog that takes each row for the one after it."""

    catalog: Catalog

    def passages(self, rows: Sequence[int]) -> dict[int, Located]:
        found = self.catalog.passages([row + 1 for row in rows])
        return {row - 1: located for row, located in found.items()}


def test_a_snapshot_whose_rows_are_those_of_others_is_found_out() -> None:
    found = load.run(
        passages=100,
        threads=1,
        phases=2,
        searches=2,
        spoil=lambda snapshot: replace(snapshot, catalog=Shifted(snapshot.catalog)),  # type: ignore[arg-type]
    )
    assert any("vector of another" in violation for violation in found.violations)


def test_nothing_of_a_deleted_document_is_left_in_any_file_answer_or_backup() -> None:
    found = deletion.run(passages=200, others=100)
    assert found.violations == ()
    assert found.passages >= 200


def test_a_second_sync_of_an_unchanged_folder_embeds_nothing() -> None:
    found = syncing.run(60)
    assert found.violations == ()
    assert (found.first_embedded, found.second_embedded) == (60, 0)
