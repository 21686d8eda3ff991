"""The evaluation: cases are drafted, reviewed and run, and what runs found is shown."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar

import gradio as gr

from eval.cases import InvalidCase
from eval.kept import Evaluations, RunInfo, RunNotFound
from index.errors import CollectionNotFound, InvalidName, QuoteboundError, SourceNotFound
from index.types import DEFAULT_COLLECTION
from rag.service.backend import Backend
from rag.service.work import Work
from ui.case_sets import CaseSets, ChangedMeanwhile, Edit, InvalidEdit, ToldEvidence
from ui.examining import Examination
from ui.regions import chosen, region
from ui.rendering import evaluation, runs
from ui.rendering.evaluation import DRAFTS_MOST, Part, Place, SetInfo, Which
from ui.rendering.parts import counted, notice
from ui.rendering.reviewing import Reviewed

# Of pages that wait for the one thread which reads and writes eval sets.
_WAITING = 64
_MOST_EVIDENCE = 100

Name = TypeVar("Name", bound=StrEnum)


class Evaluation:
    """Shows the evaluation and does what is chosen there.

    What is kept is the home's, not a visitor's: whoever may use the service sees all of it. All changes go
    through one thread, so that of two windows one comes after the other.
    """

    def __init__(self, backend: Backend) -> None:
        application = backend.application
        self._sets = CaseSets(application)
        self._kept = Evaluations(application.settings.home)
        self._examination = Examination(application)
        self._work = Work("evaluating", 1, _WAITING)
        self._drawn = itertools.count(1)

    def build(self, events: dict[str, Any]) -> None:
        """Make the regions of the evaluation and wire their events."""
        strip = region("examining", template=runs.FRAME)
        strip.select(self.progress, None, strip, **events)
        shown = region("evaluation", template=evaluation.FRAME)
        shown.select(self.choose, None, shown, **events)

    async def stop(self) -> None:
        """End the run that is going on, and what is being written."""
        await self._examination.stop()
        self._work.close()

    async def choose(self, event: gr.EventData, request: gr.Request) -> str:
        """Do what was chosen, and return the patch that shows the evaluation as it is then."""
        data, context = chosen(event, request)
        try:
            return await self._work.run(self._patch, data, context.collection)
        except InvalidEdit as error:
            return evaluation.fault(error.where, f"{error}.", data.get("token", ""))
        except QuoteboundError as error:
            slots = {"trouble": notice(str(error), error=True)}
            return self._told(_place(data, context.collection), slots, data)

    async def progress(self, event: gr.EventData, request: gr.Request) -> str:
        """Return how far the run is, after what was chosen there."""
        data, _ = chosen(event, request)
        if data.get("does") == "cancel":
            self._examination.cancel()
        elif data.get("does") == "dismiss":
            self._examination.dismiss()
        return runs.strip(self._examination.asking)

    def _patch(self, data: dict[str, str], collection: str) -> str:
        """Do what was chosen; what cannot be done is said over what is there."""
        place = _place(data, collection)
        slots = {"trouble": "", "said": "", "fault-draft": "", "fault-judged": ""}
        case: str | None = data.get("case")
        try:
            place, said, case = self._done(data, place)
            slots["said"] = notice(said, error=False)
        except InvalidEdit:
            raise
        except ChangedMeanwhile as error:
            slots["said"] = notice(str(error), error=True)
        except QuoteboundError as error:
            action = data.get("action")
            if action in ("draft", "judged"):
                slots[f"fault-{action}"] = f"{_sentence(error)}"
            else:
                slots["said"] = notice(_sentence(error), error=True)
        return self._told(*self._shown(place, case, slots), data)

    def _done(self, data: dict[str, str], place: Place) -> tuple[Place, str, str | None]:
        """Do it, and return where one is then, what is told of it, and the case that comes next."""
        action, said, following = data.get("action"), "", data.get("case")
        match action:
            case "draft" | "judged":
                place, said = self._added(action, data, place)
                following = None
            case "accept" | "reject" | "save" | "reanchor":
                said, following = self._decided(action, data, place)
            case "reanchor-all":
                changed, left = self._sets.reanchor(place.set, place.collection)
                still = f"{counted(left, 'quotation')} stale still" if left else "nothing is stale any more"
                said = f"{counted(changed, 'case')} anchored anew, {still}."
                following = None
            case "run" | "run-fresh":
                leave_stale = action == "run-fresh"
                self._examination.begin(place.set, place.collection, leave_stale=leave_stale)
            case "delete-run":
                self._kept.delete(data.get("id", ""))
                said = "The run is deleted."
        return place, said, following

    def _added(self, action: str, data: dict[str, str], place: Place) -> tuple[Place, str]:
        """Add drafts to the set that is named, which is then looked through."""
        name = data.get("name", "").strip()
        if action == "draft":
            told = data.get("cases", "")
            if not told.isascii() or not told.isdigit() or not 1 <= int(told[:9]) <= DRAFTS_MOST:
                raise InvalidCase(f"the number of cases has to be one from 1 to {DRAFTS_MOST}")
            made = self._sets.draft(name, int(told), place.collection)
            nothing = f"there is nothing in {place.collection} to make more drafts of"
        else:
            made, known = self._sets.take_over(name, place.collection)
            nothing = f"all answers that were marked are in {name} already, {known:,} of them"
            if not known:
                nothing = (
                    f"no answer from {place.collection} was marked: tick “Make this a case of the "
                    "evaluation” under “Comment” in the chat"
                )
        if not made:
            raise InvalidCase(nothing)
        place = replace(place, set=name, part=Part.REVIEW, which=Which.DRAFTS)
        return place, f"{counted(made, 'draft')} added to {name}."

    def _decided(self, action: str, data: dict[str, str], place: Place) -> tuple[str, str]:
        """Keep what was decided on a case; return what is told of it and the case that comes next."""
        sets, name, collection = self._sets, place.set, place.collection
        case_id, seen, following = data.get("case", ""), data.get("seen", ""), data.get("next", "")
        if action == "accept":
            if not (by := data.get("by", "")).strip():
                raise InvalidCase("say who answers for the label: fill in “Reviewed by”")
            sets.accept(name, case_id, seen, by, collection)
            return "", following
        if action == "reject":
            sets.reject(name, case_id, seen)
            return "", following
        if action == "save":
            sets.edit(name, case_id, seen, _edit(data), collection)
            return "Saved. It is a draft until it is accepted.", case_id
        _, left = sets.reanchor(name, collection, case_id)
        return f"{counted(left, 'quotation')} stale still." if left else "Anchored anew.", case_id

    def _shown(self, place: Place, case: str | None, slots: dict[str, str]) -> tuple[Place, dict[str, str]]:
        """Return where one really is, and what is in the slots there."""
        try:
            documents = self._sets.documents(place.collection)
        except (CollectionNotFound, InvalidName):
            slots["trouble"] = notice(f"There is no collection {place.collection} any more.", error=True)
            place = replace(place, collection=DEFAULT_COLLECTION)
            documents = self._sets.documents(place.collection)
        infos = self._sets.infos(place.collection)
        info = next((each for each in infos if each.name == place.set), infos[0] if infos else None)
        place = replace(place, set=info.name if info is not None else "")
        slots["head"] = ""
        slots["collection"] = evaluation.collection_line(place.collection, documents)
        if place.part is Part.REVIEW:
            if info is not None:
                slots["body"] = self._review(info, place, case, slots)
            else:
                slots["body"] = "" if documents else evaluation.no_documents(place.collection)
        else:
            place, slots["body"] = self._of_runs(place, slots)
        slots["sets"] = evaluation.sets(infos, place, documents=documents > 0)
        return place, slots

    def _review(self, info: SetInfo, place: Place, case: str | None, slots: dict[str, str]) -> str:
        if info.fault:
            return evaluation.damaged(info)
        slots["head"] = evaluation.head(info, place)
        queue: Sequence[str] | None = None
        if case is None:
            queue = self._sets.queue(info.name, place.which, place.collection)
            case = queue[0] if queue else ""
        shown: Reviewed | None = None
        if case:
            try:
                shown = self._sets.reviewed(info.name, case, place.collection)
            except SourceNotFound as error:
                # Taken out of the file by somebody else: those that there are now are looked through.
                slots["said"] = notice(f"{error}.", error=True)
                return self._review(info, place, None, slots)
        return evaluation.looking(info, place, shown, queue)

    def _of_runs(self, place: Place, slots: dict[str, str]) -> tuple[Place, str]:
        infos = self._kept.runs()
        if place.part is Part.REPORT:
            by_id = {each.id: each for each in infos}
            if (info := by_id.get(place.run)) is not None:
                other = by_id.get(place.against)
                against = other.id if other is not None and other.set == info.set else ""
                return replace(place, against=against), runs.report(info, infos, against)
            slots["said"] = notice(f"{_gone(place.run, infos)}.", error=True)
        return replace(place, part=Part.RUNS, run="", against=""), runs.runs(infos)

    def _told(self, place: Place, slots: dict[str, str], data: dict[str, str]) -> str:
        return evaluation.patch(place, slots, data.get("token", ""), next(self._drawn))


def _place(data: dict[str, str], collection: str) -> Place:
    return Place(
        collection,
        data.get("set", ""),
        _named(Part, data.get("part", ""), Part.REVIEW),
        _named(Which, data.get("which", ""), Which.DRAFTS),
        data.get("run", ""),
        data.get("against", ""),
    )


def _named(kind: type[Name], told: str, usual: Name) -> Name:
    return kind(told) if told in set(kind) else usual


def _edit(data: dict[str, str]) -> Edit:
    """Return an edit as the page tells it; what of it cannot be read is as if it were not there."""
    try:
        told = json.loads(data.get("evidence", "[]"))
    except (ValueError, RecursionError):
        told = []
    pieces = []
    for entry in told[:_MOST_EVIDENCE] if isinstance(told, list) else ():
        source, quote, like = (
            (entry.get(name) for name in ("source", "quote", "like"))
            if isinstance(entry, dict)
            else (None, None, None)
        )
        if isinstance(source, str) and isinstance(quote, str):
            place = int(like) if isinstance(like, str) and like.isascii() and like.isdigit() else None
            pieces.append(ToldEvidence(source, quote, place))
    answers = [answer.strip() for answer in data.get("answers", "").split("\n")]
    return Edit(data.get("question", ""), data.get("answerable") == "yes", [*filter(None, answers)], pieces)


def _gone(run_id: str, infos: Sequence[RunInfo]) -> RunNotFound:
    left = "" if infos else "; there are none"
    return RunNotFound(f"The run {run_id[:80]!r} is not there any more{left}")


def _sentence(error: QuoteboundError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
