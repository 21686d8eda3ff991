"""The eval sets of a home as a reviewer sees and changes them, held to the documents of a collection."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eval.adding import case_of_turn, turns_wanted
from eval.anchoring import Anchoring
from eval.case_files import add_cases, put_cases, read_cases, record_of
from eval.cases import Case, Evidence, InvalidCase, State, source_of
from eval.drafting import drafts
from eval.kept import Evaluations
from eval.reviewing import (
    accepted,
    answered,
    edited,
    reanchor,
    rejected,
    surroundings,
    unanswered,
    with_evidence,
)
from index.catalog import Catalog
from index.errors import Conflict, QuoteboundError, SourceNotFound
from rag.errors import InvalidQuestion
from rag.wiring import Application
from ui.rendering.evaluation import SetInfo, Which
from ui.rendering.reviewing import Choice, Reviewed

_SOURCES_OFFERED = 300
_WHICH = {
    State.DRAFT: Which.DRAFTS,
    State.ACCEPTED: Which.ACCEPTED,
    State.REJECTED: Which.REJECTED,
}


class ChangedMeanwhile(Conflict):
    """A case is not any more what somebody saw who decided on it."""

    code = "case_changed"


class InvalidEdit(InvalidCase):
    """Something in an edit cannot stand; `where` is `question`, or the place of a piece of evidence."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where


@dataclass(frozen=True, slots=True)
class ToldEvidence:
    """A piece of evidence as it was typed; `like` is its place in the case as it was, None for a new one."""

    source: str
    quote: str
    like: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """What a case is to become; answers and evidence are of an answerable one alone."""

    question: str
    answerable: bool
    answers: Sequence[str]
    evidence: Sequence[ToldEvidence]


class CaseSets:
    """Reads and changes eval sets. It is for one thread: each call reads the file and writes it anew.

    A set whose file is damaged is told of where sets are listed; elsewhere methods raise `InvalidCase`
    naming the line. What is decided on is told with the case as it was seen, and `ChangedMeanwhile` is
    raised where the file has another one by then.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._kept = Evaluations(application.settings.home)
        self._counted: dict[str, tuple[tuple[object, ...], SetInfo]] = {}

    def documents(self, collection: str) -> int:
        """Return how many documents a collection has."""
        return len(self._catalog(collection).documents())

    def infos(self, collection: str) -> list[SetInfo]:
        """Return the sets, with how many cases of each are stale in a collection."""
        return [self._info(name, collection) for name in self._kept.sets()]

    def draft(self, name: str, count: int, collection: str) -> int:
        """Add at most so many drafts made of a collection's documents; return how many there were."""
        path = self._kept.path_of(name, make=True)
        existing = read_cases(path, missing=True)
        snapshot = self._application.home.collection(collection).snapshot()
        made = drafts(snapshot, existing, count, seed=0)
        if made:
            add_cases(path, made)
        return len(made)

    def take_over(self, name: str, collection: str) -> tuple[int, int]:
        """Add drafts of the answers of a collection that were marked in the chat, whosever they are.

        Return how many there were, and how many of those are in the set already.
        """
        path = self._kept.path_of(name, make=True)
        known = {case.id for case in read_cases(path, missing=True)}
        anchoring = Anchoring(self._catalog(collection))
        marked = turns_wanted(self._application.history.all_feedback(), ())
        made = [case_of_turn(turn, anchoring) for turn in marked if turn.collection == collection]
        found = [case for case in made if case.id not in known]
        if found:
            add_cases(path, found)
        return len(found), len(made) - len(found)

    def queue(self, name: str, which: Which, collection: str) -> list[str]:
        """Return the ids of the cases to look through, in their order."""
        cases = read_cases(self._kept.path_of(name))
        if which is Which.STALE:
            anchoring = Anchoring(self._catalog(collection))
            return [case.id for case in cases if _is_stale(case, anchoring)]
        return [case.id for case in cases if _WHICH[case.state] is which]

    def reviewed(self, name: str, case_id: str, collection: str) -> Reviewed:
        """Return a case as it is in the file now, with what its evidence stands in."""
        case = self._case(name, case_id)
        catalog = self._catalog(collection)
        anchoring = Anchoring(catalog)
        sources = anchoring.sources()
        pieces = tuple(_choices(case, evidence, anchoring, catalog) for evidence in case.evidence)
        offered = [source_of(source, sources) for source in sources[:_SOURCES_OFFERED]]
        return Reviewed(case, _seen(case), pieces, collection, offered)

    def accept(self, name: str, case_id: str, seen: str, by: str, collection: str) -> None:
        """Have a case asked from now on; raise `InvalidCase` where it cannot be."""
        case = self._case(name, case_id, seen)
        self._put(name, [accepted(case, by, Anchoring(self._catalog(collection)))])

    def reject(self, name: str, case_id: str, seen: str) -> None:
        """Have a case asked no more, and not proposed again."""
        self._put(name, [rejected(self._case(name, case_id, seen))])

    def edit(self, name: str, case_id: str, seen: str, edit: Edit, collection: str) -> None:
        """Change a case, which is a draft until it is accepted again; raise `InvalidEdit`."""
        case = self._case(name, case_id, seen)
        anchoring = Anchoring(self._catalog(collection))
        try:
            changed = edited(answered(case), edit.question, edit.answers)
        except InvalidQuestion as error:
            raise InvalidEdit("question", str(error)) from error
        if edit.answerable:
            pieces = [_piece(case, told, place, anchoring) for place, told in enumerate(edit.evidence)]
            changed = replace(changed, evidence=tuple(dict.fromkeys(pieces)))
        else:
            changed = unanswered(changed)
        self._put(name, [replace(changed, state=State.DRAFT)])

    def reanchor(self, name: str, collection: str, case_id: str | None = None) -> tuple[int, int]:
        """Anchor stale evidence anew that stands once, of a case or of all.

        Return how many cases changed, and how many quotations are stale still.
        """
        cases = read_cases(self._kept.path_of(name))
        chosen = [case for case in cases if case_id in (None, case.id)]
        found = reanchor(chosen, Anchoring(self._catalog(collection)))
        if found.cases:
            self._put(name, found.cases)
        return len(found.cases), len(found.left)

    def _catalog(self, collection: str) -> Catalog:
        return self._application.home.collection(collection).catalog

    def _info(self, name: str, collection: str) -> SetInfo:
        catalog = self._catalog(collection)
        try:
            stat = self._kept.path_of(name).stat()
            key = (stat.st_mtime_ns, stat.st_size, stat.st_ino, collection, catalog.sequence())
            if self._counted.get(name, ((), None))[0] != key:
                self._counted[name] = (key, self._counts(name, Anchoring(catalog)))
            return self._counted[name][1]
        except (QuoteboundError, OSError) as error:
            return SetInfo(name, {}, fault=str(error))

    def _counts(self, name: str, anchoring: Anchoring) -> SetInfo:
        cases = read_cases(self._kept.path_of(name))
        counts = Counter(_WHICH[case.state] for case in cases)
        counts[Which.STALE] = sum(_is_stale(case, anchoring) for case in cases)
        return SetInfo(name, counts)

    def _case(self, name: str, case_id: str, seen: str | None = None) -> Case:
        path = self._kept.path_of(name)
        case = next((case for case in read_cases(path) if case.id == case_id), None)
        if case is None:
            raise SourceNotFound(f"{name} has no case {case_id[:80]!r} any more")
        if seen is not None and _seen(case) != seen:
            raise ChangedMeanwhile(
                "This case was changed meanwhile, in another window or in its file. "
                "Here it is as it is now: decide on it again."
            )
        return case

    def _put(self, name: str, cases: Sequence[Case]) -> None:
        put_cases(self._kept.path_of(name), cases)


def _seen(case: Case) -> str:
    told = json.dumps([record_of(case), case.scope], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _is_stale(case: Case, anchoring: Anchoring) -> bool:
    return case.state is not State.REJECTED and bool(anchoring.stale(case))


def _choices(case: Case, evidence: Evidence, anchoring: Anchoring, catalog: Catalog) -> tuple[Choice, ...]:
    stale = {entry.quotation: entry for entry in anchoring.stale(case)}
    found = []
    for quotation in evidence.choices:
        place = anchoring.place(quotation)
        around = surroundings(quotation, anchoring, catalog) if place is not None else None
        if place is not None and around is not None:
            found.append(Choice(quotation, place[0].id, around))
        else:
            entry = stale[quotation]
            found.append(Choice(quotation, stale=entry.reason, renewable=entry.anew is not None))
    return tuple(found)


def _piece(case: Case, told: ToldEvidence, place: int, anchoring: Anchoring) -> Evidence:
    """Return evidence as it was typed: what is as before keeps its anchor and what may stand in its place."""
    if told.like is not None and told.like < len(case.evidence):
        before = case.evidence[told.like]
        if (before.choices[0].source, before.choices[0].quote) == (told.source, told.quote):
            return before
    try:
        (made,) = with_evidence(case, [f"{told.source}:{told.quote}"], anchoring).evidence
    except InvalidCase as error:
        raise InvalidEdit(str(place), str(error)) from error
    return made
