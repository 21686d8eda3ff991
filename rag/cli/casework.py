"""`quotebound eval draft` and `eval add`: where cases of one's own documents come from."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from index.types import DEFAULT_COLLECTION
from rag.cli.output import CollectionOption, ExitCode, JsonFlag, console, plain, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eval.cases import Case
    from rag.history.types import KeptTurn
    from rag.wiring import Application

ByOption = Annotated[
    str | None, typer.Option("--by", help="Who answers for the labels.", show_default="the name of the user")
]


def draft(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to add the drafts to; made where there is none.")
    ],
    collection: Annotated[str, typer.Argument(help="The collection to make cases of.")] = DEFAULT_COLLECTION,
    cases: Annotated[int, typer.Option(min=1, max=1000, help="How many to make at most.")] = 20,
    seed: Annotated[int, typer.Option(help="Another one gives other drafts.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Propose cases of one's own documents, for `quotebound eval review` to accept, mend or reject.

    Made by rule from sentences of the documents: questions that a sentence answers, sentences with a gap,
    and one in five that the documents do not answer, since a name in it is nowhere in them. Run again,
    it adds others. Exit code 1 where there is nothing to make more of.
    """
    from eval.case_files import add_cases, read_cases
    from eval.drafting import drafts

    existing = read_cases(output, missing=True)
    with reading() as application:
        found = drafts(application.home.collection(collection).snapshot(), existing, cases, seed)
    if found:
        add_cases(output, found)
    _tell_added(output, found, as_json=as_json)
    if not found:
        raise typer.Exit(ExitCode.FINDINGS)


def add(  # noqa: PLR0913, PLR0917 - an option each
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to add to; made where there is none.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
    thumbs: Annotated[
        Literal["up", "down", "any"] | None,
        typer.Option("--thumbs", help="Also take the answers that were given such a thumb."),
    ] = None,
    question: Annotated[
        str | None, typer.Option("--question", help="Add a case by hand: the question.")
    ] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(
            "--evidence",
            metavar="SOURCE:QUOTE",
            help="By hand: words that stand in a document, letter for letter; may be repeated.",
        ),
    ] = None,
    answer: Annotated[
        list[str] | None, typer.Option("--answer", help="By hand: a short answer; may be repeated.")
    ] = None,
    unanswerable: Annotated[
        bool, typer.Option("--unanswerable", help="By hand: the documents do not answer it.")
    ] = False,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add cases from what was said of answers in the chat, or one by hand.

    From the chat come those answers for which it was asked, as drafts: with their quotes as evidence, or
    after a thumb down without any. Run again, it adds nothing twice. By hand the case is accepted at once.
    """
    from eval.adding import case_by_hand, case_of_turn
    from eval.anchoring import Anchoring
    from eval.case_files import add_cases, read_cases
    from eval.cases import InvalidCase

    if question is None and (evidence or answer or unanswerable or by):
        raise typer.BadParameter("--evidence, --answer, --unanswerable and --by go with --question")
    if question is not None and (thumbs is not None or bool(evidence) == unanswerable):
        raise typer.BadParameter("--question goes with --evidence SOURCE:QUOTE, or with --unanswerable")
    known = {case.id for case in read_cases(file, missing=True)}
    with reading() as application:
        anchoring = Anchoring(application.home.collection(collection).catalog)
        if question is None:
            turns = _judged(application, collection, thumbs)
            made = [case_of_turn(turn, anchoring) for turn in turns]
            found = [case for case in made if case.id not in known]
        else:
            found = [case_by_hand(question, evidence or (), answer or (), by or user(), anchoring)]
    if question is not None and found[0].id in known:
        raise InvalidCase(f"{file.name} has this question already, as {found[0].id}: edit it there")
    if found:
        add_cases(file, found)
    _tell_added(file, found, as_json=as_json)


def reading() -> Application:
    """Return an application that reads its home beside whoever writes to it, and loads no model."""
    from rag.settings import load_settings
    from rag.wiring import Application

    return Application(load_settings(), writable=False)


def user() -> str:
    """Return the name of who runs the command; raise `InvalidCase` where there is none."""
    from eval.cases import InvalidCase

    try:
        return getpass.getuser()
    # Until Python 3.13 it raises what the system's list of users raises.
    except (OSError, KeyError) as error:
        raise InvalidCase(
            "the system has no name for you: say who answers for the labels with --by"
        ) from error


def _judged(application: Application, collection: str, thumbs: str | None) -> list[KeptTurn]:
    """Return the turns of a collection that are to be made cases, whosever conversation they are of."""
    from eval.adding import turns_wanted
    from rag.history.file import HISTORY_FILE
    from rag.history.store import History
    from rag.history.types import Thumb

    path = application.settings.home / HISTORY_FILE
    if not path.is_file():
        return []
    wanted = tuple(Thumb) if thumbs == "any" else tuple(thumb for thumb in Thumb if thumb == thumbs)
    home = application.home
    # Beside a service that keeps conversations: transactions keep the two apart.
    history = History(path, lambda name: home.collection(name).catalog, application.assistant.verifier)
    try:
        turns = list(turns_wanted(history.all_feedback(), wanted))
    finally:
        history.close()
    chosen = [turn for turn in turns if turn.collection == collection]
    if others := sorted({turn.collection for turn in turns} - {collection}):
        count = len(turns) - len(chosen)
        line = f"left out: {count} of other collections; name one with --collection: {', '.join(others)}"
        console(error=True).print(plain(line), soft_wrap=True)
    return chosen


def _tell_added(file: Path, added: Sequence[Case], *, as_json: bool) -> None:
    if as_json:
        from eval.case_files import record_of

        print_json({"file": str(file), "added": [record_of(case) for case in added]})
        return
    for case in added:
        answerable = "" if case.answerable else " (not in the documents)"
        console().print(plain(f"{case.id}  {case.question}{answerable}"), soft_wrap=True)
    drafts = sum(case.state == "draft" for case in added)
    told = f"{len(added)} added to {file}" if added else f"nothing to add to {file}"
    way = f"; look through them with `quotebound eval review {file}`" if drafts else ""
    console().print(plain(f"{told}{way}", "bold"), soft_wrap=True)
