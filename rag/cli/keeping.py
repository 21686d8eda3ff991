"""`quotebound doctor`, `quotebound backup` and `quotebound restore`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from index.errors import CollectionNotFound, HomeLocked, QuoteboundError
from rag.cli.output import ExitCode, JsonFlag, console, plain, print_json

if TYPE_CHECKING:
    from index.backup import SavedCollection
    from index.doctor import Approximation, Finding
    from index.doctor.repair import Action


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what is found; what is damaged is set aside, not lost.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check every row of the home against its checksum, and the indexes against the rows.

    Exit code 1 where something is not as it was written, also where it was mended. Pages that could not
    be read are told, and are no fault.
    """
    from index.doctor import approximations, examine
    from index.home import collection_folders
    from rag.history.examination import examine_history
    from rag.settings import load_settings

    home = load_settings().home
    folders = collection_folders(home)
    if not folders:
        raise CollectionNotFound("there is nothing to check yet; add documents with `quotebound ingest PATH`")
    names = [folder.name for folder in folders]
    kept = examine_history(home)
    if repair:
        found = _repaired(home, folders, kept, as_json=as_json)
    else:
        found = [*(finding for folder in folders for finding in examine(folder)), *kept]
        if as_json:
            print_json(
                {
                    "collections": names,
                    "findings": [asdict(finding) for finding in found],
                    "approximations": [asdict(told) for folder in folders for told in approximations(folder)],
                    "coverage": _coverage_json(folders),
                }
            )
        else:
            for folder in folders:
                for told in approximations(folder):
                    _tell_approximation(told)
            _tell_coverage(folders)
            _tell_findings(found, f"findings in {', '.join(names)}")
    if found:
        raise typer.Exit(ExitCode.FINDINGS)


def _repaired(
    home: Path, folders: Sequence[Path], kept: Sequence[Finding], *, as_json: bool
) -> Sequence[Finding]:
    """Mend a home, print what was done, and return what was found before.

    `kept` is what was found in the kept conversations, which cannot be mended.
    """
    from index.doctor import examine
    from index.doctor.repair import Action, repair

    names = [folder.name for folder in folders]
    done = repair(home)
    found = [*done.findings, *kept]
    actions, left = list(done.actions), [*done.left, *kept]
    if done.due:
        for name in done.due:
            actions.append(Action(name, "documents that are due", _made_anew(name)))
        left = [*(finding for folder in folders for finding in examine(folder)), *kept]
    if as_json:
        print_json(
            {
                "collections": names,
                "findings": [asdict(finding) for finding in found],
                "actions": [asdict(action) for action in actions],
                "left": [asdict(finding) for finding in left],
                "coverage": _coverage_json(folders),
            }
        )
        return found
    _tell_coverage(folders)
    _tell_findings(found, f"findings in {', '.join(names)}")
    for action in actions:
        _tell_one(action)
    if found:
        _tell_findings(left, "findings are left")
    return found


def _made_anew(collection: str) -> str:
    """Cut and embed the documents of a collection that are due, and say what came of it."""
    from rag.settings import load_settings
    from rag.wiring import Application

    try:
        with Application(load_settings(), writable=True) as application:
            space = application.home.collection(collection).space
            # Not in another space, as a reindex may: this is to mend the one that is there.
            request = {**application.reindex_request(collection), "space": space.id}
            made = application.reindex(collection, request)
    except HomeLocked:
        raise
    except QuoteboundError as error:
        return f"they wait: run `quotebound reindex --collection {collection}` ({error})"
    return f"{made.documents} cut and embedded anew, in {made.passages} passages"


def _tell_approximation(told: Approximation) -> None:
    what = f"{told.passages} passages are searched nearly exactly, {told.probes} of {told.lists} lists"
    line = f"{told.collection}: {what}: {told.recall:.2%} of the ten nearest were found when built"
    console().print(plain(line), soft_wrap=True)


def _tell_coverage(folders: Sequence[Path]) -> None:
    """Say what was read and what was not, for each collection that has pages."""
    from index.coverage import told
    from index.doctor.coverage import coverage_of

    for found in filter(None, map(coverage_of, folders)):
        line = (
            f"{found.collection}: {found.pages - found.unread} of {found.pages} pages read "
            f"({found.ocr} by OCR), {found.unread} unread in {len(found.documents)} documents"
        )
        console().print(plain(line), soft_wrap=True)
        for document in found.documents:
            for why in told(document.unread):
                console().print(plain(f"{found.collection}: {document.source}: {why}"), soft_wrap=True)


def _coverage_json(folders: Sequence[Path]) -> list[dict[str, Any]]:
    from index.coverage import reason_of
    from index.doctor.coverage import coverage_of

    return [
        {
            "collection": found.collection,
            "pages": found.pages,
            "text": found.text,
            "ocr": found.ocr,
            "blank": found.blank,
            "unread": found.unread,
            "documents": [
                {
                    "document_id": document.document_id,
                    "source": document.source,
                    "unread": [{"page": page.number, "reason": reason_of(page)} for page in document.unread],
                }
                for document in found.documents
            ],
        }
        for found in filter(None, map(coverage_of, folders))
    ]


def _tell_findings(findings: Sequence[Finding], what: str) -> None:
    for finding in findings:
        _tell_one(finding)
    console().print(plain(f"{len(findings)} {what}", "bold red" if findings else "green"), soft_wrap=True)


def _tell_one(told: Finding | Action) -> None:
    console().print(plain(f"{told.collection}: {told.place}: {told.message}"), soft_wrap=True)


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    as_json: JsonFlag = False,
) -> None:
    """Write all collections and the kept conversations to one file, also while a service uses them."""
    from index.backup import back_up
    from rag.history.file import HISTORY_FILE
    from rag.settings import load_settings

    _tell(back_up(load_settings().home, file, (HISTORY_FILE,)), "saved", as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `quotebound backup` wrote.")],
    as_json: JsonFlag = False,
) -> None:
    """Verify a backup and put its collections and conversations into a home that has none."""
    from index import backup as backups
    from rag.history.file import HISTORY_FILE
    from rag.settings import load_settings

    _tell(backups.restore(load_settings().home, file, (HISTORY_FILE,)), "restored", as_json=as_json)


def _tell(saved: Sequence[SavedCollection], done: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"collections": [asdict(entry) for entry in saved]})
        return
    for entry in saved:
        console().print(
            plain(f"{done} {entry.name}: {entry.documents} documents, {entry.passages} passages"),
            soft_wrap=True,
        )
