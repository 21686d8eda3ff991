"""What the store promises holds against kills, failing and full disks and power cuts; and the tests can fail.

The short version: some of the calls, some of the images. `make torture` runs them all.
"""

from random import Random

import pytest
from torture.disk import SECTOR, Disk
from torture.modes import MODES, Mode, product_mode
from torture.operations import CONTROLS
from torture.powerloss import power_loss
from torture.shim import Kind, unavailable
from torture.sweep import NAMES, Point, SweepResult, Worker, sweep
from torture.trace import Call, Op

POINTS = 2
IMAGES = 150
CHANGES = 4

needs_the_shim = pytest.mark.skipif(unavailable() is not None, reason=unavailable() or "")
DURABLE = [mode for mode in MODES.values() if mode.durable]
CARELESS = [mode for mode in MODES.values() if not mode.durable]


@pytest.fixture(scope="module", params=DURABLE, ids=lambda mode: mode.name)
def swept(request: pytest.FixtureRequest) -> SweepResult:
    mode: Mode = request.param
    return sweep(points=POINTS if mode == product_mode() else 1, mode=mode.name)


@needs_the_shim
@pytest.mark.parametrize("operation", NAMES)
def test_no_fault_loses_what_was_acknowledged_or_leaves_half_of_a_change(
    swept: SweepResult, operation: str
) -> None:
    violations = [str(outcome) for outcome in swept.violations if outcome.operation == operation]
    assert not violations, "\n".join(violations)


@needs_the_shim
@pytest.mark.parametrize("operation", NAMES)
def test_every_kind_of_fault_strikes_and_only_a_kill_ends_the_process(
    swept: SweepResult, operation: str
) -> None:
    tallies = {tally.kind: tally for tally in swept.tallies if tally.operation == operation}
    assert all(tallies[kind.name].struck for kind in Kind)
    assert all(tallies[kind.name].died == 0 for kind in Kind if not kind.kills)


@needs_the_shim
def test_a_store_that_acknowledges_before_it_writes_is_found_out() -> None:
    with Worker() as server:
        for control in CONTROLS:
            outcome = server.attempt(Point(control.name, Kind.KILL, 1))
            assert outcome.acknowledged == "returned"
            assert outcome.problems


@needs_the_shim
@pytest.mark.parametrize("mode", DURABLE, ids=lambda mode: mode.name)
def test_no_power_cut_loses_what_was_acknowledged(mode: Mode) -> None:
    result = power_loss(mode, IMAGES, changes=CHANGES)
    assert result.images > IMAGES / 2
    assert result.stores
    assert result.examples == ()


@needs_the_shim
@pytest.mark.parametrize("mode", CARELESS, ids=lambda mode: mode.name)
def test_a_mode_that_does_not_wait_for_the_disk_is_found_out(mode: Mode) -> None:
    assert power_loss(mode, 0, changes=CHANGES).losses


def contents(disk: Disk, path: str) -> set[bytes | None]:
    """Return what a file may hold after a power cut; None where it may not be there."""
    images = [*disk.plain_images(), *disk.images(300, Random(1))]
    return {image.get(path) for image in images}


def written(disk: Disk, data: bytes, *, offset: int = 0) -> None:
    disk.follow(Call(Op.WRITE, "a", "", offset, data))


def synced_file(data: bytes) -> Disk:
    disk = Disk()
    disk.follow(Call(Op.CREATE, "a", "", 0, b""))
    written(disk, data)
    disk.follow(Call(Op.SYNC, "a", "", 0, b""))
    disk.follow(Call(Op.SYNC_FOLDER, "", "", 0, b""))
    return disk


def test_what_was_synced_is_in_every_image() -> None:
    assert contents(synced_file(b"old"), "a") == {b"old"}


def test_a_write_that_was_not_synced_may_be_missing_and_a_later_one_be_there() -> None:
    disk = synced_file(b"aa")
    written(disk, b"b")
    written(disk, b"c", offset=1)
    assert contents(disk, "a") == {b"aa", b"ba", b"ac", b"bc"}


def test_a_write_is_torn_between_its_sectors_and_nowhere_else() -> None:
    old, new = b"o" * SECTOR, b"n" * SECTOR
    disk = synced_file(old * 2)
    written(disk, new * 2)
    assert contents(disk, "a") == {old * 2, old + new, new + old, new * 2}


def test_a_file_is_removed_for_certain_once_its_folder_is_synced() -> None:
    disk = synced_file(b"old")
    disk.follow(Call(Op.UNLINK, "a", "", 0, b""))
    assert contents(disk, "a") == {b"old", None}
    disk.follow(Call(Op.SYNC_FOLDER, "", "", 0, b""))
    assert contents(disk, "a") == {None}


def test_a_file_renamed_over_another_may_be_either_and_never_none() -> None:
    disk = synced_file(b"old")
    disk.follow(Call(Op.CREATE, "b", "", 0, b""))
    disk.follow(Call(Op.WRITE, "b", "", 0, b"new"))
    disk.follow(Call(Op.SYNC, "b", "", 0, b""))
    disk.follow(Call(Op.RENAME, "b", "a", 0, b""))
    assert contents(disk, "a") == {b"old", b"new"}
