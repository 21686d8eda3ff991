"""`quotebound eval review`: drafts are looked through one by one, or decided on by their ids."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from index.errors import InputError
from index.types import DEFAULT_COLLECTION
from rag.cli.casework import ByOption, reading, user
from rag.cli.measuring import application_for
from rag.cli.output import ExitCode, JsonFlag, console, plain, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from eval.anchoring import Anchoring
    from eval.cases import Case, Quotation
    from index.catalog import Catalog

_KEYS = "a accept · e edit · r reject · s skip · q quit"
_NO_TERMINAL = (
    "there is no terminal to review on: say what to do with --accept ID, --reject ID, --reanchor or --list"
)
_BETWEEN = " | "
_NOTHING = "-"


def review(  # noqa: PLR0913, PLR0917 - an option each
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of cases, JSON Lines.")],
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            "-c",
            help="The collection that the cases are of.",
            show_default=f"the documents of the set's manifest, else {DEFAULT_COLLECTION}",
        ),
    ] = None,
    accept: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Accept this case; may be repeated.")
    ] = None,
    reject: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Reject this case; may be repeated.")
    ] = None,
    list_cases: Annotated[bool, typer.Option("--list", help="List the cases, with what is stale.")] = False,
    reanchor: Annotated[
        bool,
        typer.Option("--reanchor", help="Bind evidence to changed documents where it stands in them once."),
    ] = False,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Look through drafts: accept, edit or reject each, with its evidence before one's eyes.

    Each decision is kept at once; quit at any time and go on later. With options, nothing is asked. Exit
    code 1 where --reanchor leaves stale evidence.
    """
    from eval.anchoring import Anchoring
    from eval.case_files import read_cases
    from eval.cases import manifest_of

    quiet = bool(accept or reject or list_cases or reanchor)
    if not quiet and as_json:
        raise typer.BadParameter("--json goes with --list, --accept, --reject or --reanchor")
    if not quiet and not _has_terminal():
        raise typer.BadParameter(_NO_TERMINAL)
    cases = read_cases(file)
    manifest = manifest_of(file) if collection is None else ()
    with application_for(file.stem, manifest, None) if manifest else reading() as application:
        catalog = application.home.collection(collection or DEFAULT_COLLECTION).catalog
        anchoring = Anchoring(catalog)
        if not quiet:
            _Walk(file, by or user(), anchoring, catalog).through(cases)
            return
        left = _reanchored(file, cases, anchoring) if reanchor else 0
        if accept or reject:
            _decided(file, accept or (), reject or (), by, anchoring)
        if list_cases or as_json:
            _list(read_cases(file), anchoring, as_json=as_json)
    if left:
        raise typer.Exit(ExitCode.FINDINGS)


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _decided(
    file: Path, accept: Sequence[str], reject: Sequence[str], by: str | None, anchoring: Anchoring
) -> None:
    """Accept and reject the cases with some ids: all of them, or none where one cannot be."""
    from eval.case_files import put_cases, read_cases
    from eval.cases import InvalidCase
    from eval.reviewing import accepted, rejected

    cases = {case.id: case for case in read_cases(file)}
    if unknown := [name for name in (*accept, *reject) if name not in cases]:
        raise InvalidCase(f"{file.name} has no case {unknown[0]!r}; --list shows those there are")
    if both := sorted(set(accept) & set(reject)):
        raise InvalidCase(f"{both[0]} is to be accepted and rejected: choose one")
    reviewer = (by or user()) if accept else ""
    changed = [accepted(cases[name], reviewer, anchoring) for name in dict.fromkeys(accept)]
    changed += [rejected(cases[name]) for name in dict.fromkeys(reject)]
    put_cases(file, changed)
    _tell(f"{len(set(accept))} accepted, {len(set(reject))} rejected")


def _reanchored(file: Path, cases: Sequence[Case], anchoring: Anchoring) -> int:
    """Anchor anew what can be, and return how many quotations are stale still."""
    from eval.case_files import put_cases
    from eval.reviewing import reanchor

    found = reanchor(cases, anchoring)
    if found.cases:
        put_cases(file, found.cases)
    _tell(f"{len(found.cases)} cases anchored anew, {len(found.left)} quotations stale still")
    for stale in found.left:
        _tell(f"stale: {stale}")
    return len(found.left)


def _list(cases: Sequence[Case], anchoring: Anchoring, *, as_json: bool) -> None:
    stale = {case.id: [entry.reason for entry in anchoring.stale(case)] for case in cases}
    if as_json:
        from eval.case_files import record_of

        print_json({"cases": [{**record_of(case), "stale": stale[case.id]} for case in cases]})
        return
    table = Table("id", "state", "question", "")
    for case in cases:
        told = "stale" if stale[case.id] else "" if case.answerable else "not in the documents"
        table.add_row(*(plain(value) for value in (case.id, case.state, case.question, told)))
    console().print(table)


class _Walk:
    """Goes through the drafts of a file, and keeps each decision before it shows the next one."""

    def __init__(self, file: Path, by: str, anchoring: Anchoring, catalog: Catalog) -> None:
        self._file = file
        self._by = by
        self._anchoring = anchoring
        self._catalog = catalog
        self._console = console()

    def through(self, cases: Sequence[Case]) -> None:
        """Show each draft until it is decided on, skipped, or the reviewer quits."""
        drafts = [case for case in cases if case.state == "draft"]
        left = len(drafts)
        for number, case in enumerate(drafts, start=1):
            key = self._one(case, f"{number} of {len(drafts)}")
            if key == "q":
                break
            left -= key != "s"
        told = f"{left} drafts left: run the same command to go on" if left else "no drafts left"
        self._console.print(plain(told, "bold"))

    def _one(self, case: Case, number: str) -> str:
        """Show a draft until a key decides, and return that key."""
        while True:
            self._console.print(self._shown(case, number))
            key = self._key()
            if key in ("s", "q"):
                return key
            with self._told():
                if key == "e":
                    case = self._edited(case)
                    self._keep(case)
                    continue
                self._keep(self._decided(case, key))
                return key

    def _decided(self, case: Case, key: str) -> Case:
        from eval.reviewing import accepted, rejected

        return accepted(case, self._by, self._anchoring) if key == "a" else rejected(case)

    def _edited(self, case: Case) -> Case:
        """Ask for what is to be another; what is left empty stays as it is."""
        from eval.reviewing import answered, edited, unanswered, with_evidence

        question = _asked("Question")
        if not typer.confirm("Do the documents answer it?", default=case.answerable):
            return edited(unanswered(case), question or case.question, ())
        answers = _asked(f"Answers, with {_BETWEEN.strip()} between them ({_NOTHING} for none)")
        told = [] if answers == _NOTHING else [answer.strip() for answer in answers.split(_BETWEEN.strip())]
        case = edited(answered(case), question or case.question, told if answers else case.answers)
        evidence = _asked("Evidence, as SOURCE:QUOTE")
        return with_evidence(case, [evidence], self._anchoring) if evidence else case

    def _keep(self, case: Case) -> None:
        from eval.case_files import put_cases

        put_cases(self._file, [case])

    def _key(self) -> str:
        self._console.print(plain(_KEYS, "dim"))
        while True:
            key = typer.getchar().casefold()
            if key in ("a", "e", "r", "s", "q"):
                return key
            # The end of what is typed.
            if key in ("", "\x04"):
                return "q"

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell of what cannot be done, and go on."""
        try:
            yield
        except InputError as error:
            self._console.print(plain(str(error), "bold red"), soft_wrap=True)

    def _shown(self, case: Case, number: str) -> RenderableType:
        parts: list[RenderableType] = [plain(case.question, "bold")]
        if case.answerable:
            answers = plain(_BETWEEN.join(case.answers)) if case.answers else Text("none given", "dim")
            parts.append(Text("Answers: ", "dim").append_text(answers))
        else:
            parts.append(Text("The documents are said not to answer it.", "yellow"))
        if case.answerable and not case.evidence:
            parts.append(Text("No evidence yet: edit it to say where it stands.", "yellow"))
        for evidence in case.evidence:
            parts += [self._place(choice, case) for choice in evidence.choices]
        if case.note:
            parts.append(plain(f"Note: {case.note}", "dim"))
        title = plain(f"{number} · {case.id}{f' · {case.kind}' if case.kind else ''} · by {case.made_by}")
        return Panel(Group(*parts), title=title, title_align="left")

    def _place(self, choice: Quotation, case: Case) -> RenderableType:
        from eval.reviewing import surroundings

        found = surroundings(choice, self._anchoring, self._catalog)
        if found is None:
            (stale,) = [entry for entry in self._anchoring.stale(case) if entry.quotation == choice][:1]
            return Group(plain(choice.quote), plain(f"Stale: {stale.reason}", "bold red"))
        end = found.start + len(found.quote)
        where = [found.source, *([found.place] if found.place else []), f"characters {found.start}–{end}"]
        text = plain(found.before, "dim").append_text(plain(found.quote, "bold reverse"))
        return Group(text.append_text(plain(found.after, "dim")), plain(", ".join(where), "cyan"))


def _asked(what: str) -> str:
    told: str = typer.prompt(f"{what} (empty: as it is)", default="", show_default=False)
    return told.strip()


def _tell(line: str) -> None:
    console(error=True).print(plain(line), soft_wrap=True)
