"""Power-loss replay: what a disk may hold after power is cut at any point of a workload, opened again.

Every change acknowledged before the cut has to be there in full, the one in flight wholly or not at
all, and nothing damaged. `torture.disk` says what is assumed of the disk.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from random import Random

import structlog

from index.doctor import examine, examine_catalog
from index.errors import QuoteboundError
from index.sql.catalog import SqlCatalog
from index.store import CATALOG_FILE
from index.types import text_sha256
from torture import oracle
from torture.disk import Disk, Image
from torture.modes import MODES, Mode
from torture.operations import SPACE, State, opened
from torture.recording import notes, record
from torture.scratch import scratch_folder
from torture.trace import Call, Op, calls

# Of so many images of the catalog, one of the whole store besides is opened: that takes ten times as long.
_CATALOGS_A_STORE = 40
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Moment:
    """A cut: after how many calls, what was acknowledged by then, and what a change in flight makes of it.

    `notes` is how often one of the two has changed.
    """

    cut: int
    notes: int
    acknowledged: State
    in_flight: State | None
    just_acknowledged: bool

    @property
    def allowed(self) -> list[State]:
        """The states that there may be."""
        return [self.acknowledged, *([self.in_flight] if self.in_flight is not None else [])]


@dataclass(frozen=True, slots=True)
class Loss:
    """A promise not kept: in which mode, cut after how many calls, at which image of that cut, and what."""

    mode: str
    cut: int
    image: int
    problem: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of the images of one mode.

    `images` of the catalog and `stores` in full were opened, all different from each other.
    """

    mode: str
    images: int
    stores: int
    losses: int
    examples: tuple[Loss, ...]


def power_loss(mode: Mode, images: int, *, seed: int = 1, workers: int = 1, changes: int = 14) -> Replayed:
    """Record a workload in a mode, cut it at every point, and open about so many of the images left."""
    with scratch_folder() as scratch:
        file = scratch / "record"
        record(mode, file, seed=seed, changes=changes)
        if workers == 1:
            return _replay(mode.name, file, images, seed, 0, 1)
        # Started anew, not forked: tantivy has threads.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            parts = [
                pool.submit(_replay, mode.name, file, images, seed, part, workers) for part in range(workers)
            ]
            return _together([part.result() for part in parts])


def _together(parts: Sequence[Replayed]) -> Replayed:
    return Replayed(
        parts[0].mode,
        sum(part.images for part in parts),
        sum(part.stores for part in parts),
        sum(part.losses for part in parts),
        tuple(example for part in parts for example in part.examples)[:_EXAMPLES],
    )


def _replay(mode: str, file: Path, images: int, seed: int, part: int, parts: int) -> Replayed:
    """Open one part's share of the images: that of every `parts`th cut."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    recorded = calls(file)
    ever = [state for _, state in notes(recorded)]
    # Where everything is synced there is one image, which is that of an acknowledgement.
    share = images / sum(not catalog.settled for _, catalog, _ in _moments(recorded))
    losses: list[Loss] = []
    seen: set[tuple[bytes, int]] = set()
    examined: dict[bytes, list[str]] = {}
    opened_images = opened_stores = 0
    with MODES[mode].used(), scratch_folder() as scratch:
        for moment, catalog, whole in _moments(recorded):
            if moment.cut % parts != part:
                continue
            random = Random(f"{seed} {moment.cut}")
            made = list(catalog.images(0 if catalog.settled else int(share + random.random()), random))
            if moment.just_acknowledged:
                made += catalog.plain_images()
            for number, image in enumerate(made):
                # The same image is another one where other things were promised.
                if (told := (_digest(image), moment.notes)) in seen:
                    continue
                seen.add(told)
                opened_images += 1
                losses += [
                    Loss(mode, moment.cut, number, problem)
                    for problem in _catalog_problems(_laid_out(scratch, image), moment, examined)
                ]
            if random.random() * _CATALOGS_A_STORE < share:
                opened_stores += 1
                (image,) = whole.images(1, random)
                losses += [
                    Loss(mode, moment.cut, -1, problem)
                    for problem in _store_problems(_laid_out(scratch, image), moment, ever)
                ]
    return Replayed(mode, opened_images, opened_stores, len(losses), tuple(losses[:_EXAMPLES]))


def _moments(recorded: Sequence[Call]) -> Iterator[tuple[Moment, Disk, Disk]]:
    """Yield the cuts after each call that concerns the catalog, with the disk of it and of everything."""
    catalog, whole = Disk(), Disk()
    noted = notes(recorded)
    so_far = 0
    acknowledged = State({})
    in_flight: State | None = None
    for cut, call in enumerate(recorded, start=1):
        whole.follow(call)
        just_acknowledged = False
        if call.op is Op.MARK:
            so_far += 1
            kind, state = next(noted)
            just_acknowledged = kind == "done"
            acknowledged, in_flight = (state, None) if just_acknowledged else (acknowledged, state)
        elif not (call.path.startswith(CATALOG_FILE) or (call.op is Op.SYNC_FOLDER and not call.path)):
            continue
        catalog.follow(call)
        yield Moment(cut, so_far, acknowledged, in_flight, just_acknowledged), catalog, whole


def _digest(image: Image) -> bytes:
    """Return what tells an image from others."""
    digest = hashlib.blake2b(digest_size=16)
    for path, content in sorted(image.items()):
        digest.update(f"{path} {len(content)} ".encode() + content)
    return digest.digest()


def _laid_out(scratch: Path, image: Image) -> Path:
    folder = scratch / "image"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, content in image.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def _catalog_problems(folder: Path, moment: Moment, examined: dict[bytes, list[str]]) -> list[str]:
    """Open a catalog as the product does after a crash, and return which promises it breaks.

    What comes out of recovery is mostly one of a few files: `examined` keeps what was found in each.
    """
    try:
        catalog = SqlCatalog(folder / CATALOG_FILE, writable=True)
        try:
            digests = {info.source: info.sha256 for info in catalog.documents()}
            space = catalog.spaces.active()
        finally:
            catalog.close()
        # A space becomes that of a store with its first document.
        stored = State(digests, space.id if space is not None else SPACE.id)
        allowed = [
            replace(state, texts={name: text_sha256(text) for name, text in state.texts.items()})
            for state in moment.allowed
        ]
        if stored not in allowed:
            promised = allowed[0].texts.items()
            missing = [name for name, digest in promised if digests.get(name) != digest]
            return [f"lost or changed: {missing}; there are {sorted(digests)} in space {stored.space}"]
        recovered = _digest({path.name: path.read_bytes() for path in folder.iterdir()})
        if recovered not in examined:
            examined[recovered] = [str(finding) for finding in examine_catalog(folder)]
        return examined[recovered]
    except QuoteboundError as error:
        return [f"{type(error).__name__}: {error}"]


def _store_problems(folder: Path, moment: Moment, ever: Sequence[State]) -> list[str]:
    """Open a whole store, its lexical index too, and return which promises it breaks."""
    try:
        store = opened(folder)
        try:
            found, lacking = oracle.problems(store, moment.allowed, ever)
        finally:
            store.close()
        return [*found, *["the search by words lacks a passage"] * lacking, *map(str, examine(folder))]
    except QuoteboundError as error:
        return [f"{type(error).__name__}: {error}"]
