"""Whether the evidence of cases stands as it did, and where it stands now if its document changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from eval.cases import Anchor, Case, EvalSet, Evidence, InvalidCase, Located, Quotation, is_called, locate
from index.catalog import Catalog
from index.types import DocumentInfo, Span

_LISTED = 20
_QUOTE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Stale:
    """A quotation of a case that does not stand as it did, and why.

    `anew` is the quotation at the only place where its words stand now, None where there is none or
    are several.
    """

    case: Case
    quotation: Quotation
    reason: str
    anew: Quotation | None = None

    def __str__(self) -> str:
        quote = self.quotation.quote
        shown = quote if len(quote) <= _QUOTE_CHARACTERS else f"{quote[:_QUOTE_CHARACTERS]}…"
        return f"{self.case.id}: {self.quotation.source}: {shown!r}: {self.reason}"


class Anchoring:
    """Looks quotations up in the documents that a catalog has when this is made.

    One with an anchor is fresh as long as its version of the document is stored; one without, as long
    as its words stand in a document of its source. All methods raise what the catalog raises.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._documents = catalog.documents()
        self._located: dict[tuple[str, str], Located] = {}

    def documents(self, source: str) -> list[DocumentInfo]:
        """Return the documents that a source means."""
        return [info for info in self._documents if is_called(info, source)]

    def sources(self) -> list[str]:
        """Return the paths of all documents."""
        return [info.source for info in self._documents]

    def located(self, quotation: Quotation) -> Located:
        """Return every place of a quotation's words, letter for letter, wherever its anchor is."""
        key = (quotation.source, quotation.quote)
        if key not in self._located:
            self._located[key] = locate(quotation, self._documents, self._catalog)
        return self._located[key]

    def place(self, quotation: Quotation) -> tuple[DocumentInfo, Span] | None:
        """Return where a quotation stands, by its anchor, else first; None where it is stale."""
        if quotation.anchor is not None:
            return self._anchored(quotation, quotation.anchor)
        for document_id, span in self.located(quotation).places:
            return next(info for info in self._documents if info.id == document_id), span
        return None

    def anchored(self, quotation: Quotation) -> Quotation | None:
        """Return a quotation at the only place where its words stand, None unless there is just one."""
        places = self.located(quotation).places
        if len(places) != 1:
            return None
        ((document_id, span),) = places
        (info,) = (info for info in self._documents if info.id == document_id)
        return replace(quotation, anchor=Anchor(info.sha256, span))

    def stale(self, case: Case) -> list[Stale]:
        """Return the quotations of a case that do not stand as they did, alternatives among them."""
        choices = (choice for evidence in case.evidence for choice in evidence.choices)
        found = (self._examined(case, choice) for choice in choices)
        return [stale for stale in found if stale is not None]

    def _examined(self, case: Case, quotation: Quotation) -> Stale | None:
        if self.place(quotation) is not None:
            return None
        if not self.documents(quotation.source):
            return Stale(case, quotation, "no document is called that")
        times = len(self.located(quotation).places)
        if times == 0:
            return Stale(case, quotation, "the document does not have these words")
        if times > 1:
            return Stale(case, quotation, f"the document changed, and has these words {times} times")
        return Stale(
            case, quotation, "the document changed, and has these words once", self.anchored(quotation)
        )

    def _anchored(self, quotation: Quotation, anchor: Anchor) -> tuple[DocumentInfo, Span] | None:
        for info in self.documents(quotation.source):
            if info.sha256 == anchor.sha256:
                place = (info.id, anchor.span)
                excerpt = self._catalog.excerpts([place]).get(place)
                # The span may have been written by hand.
                if excerpt is not None and excerpt.text == quotation.quote:
                    return info, anchor.span
        return None


def reanchored(case: Case, stale: Iterable[Stale]) -> Case:
    """Return a case with those of its stale quotations anchored anew that can be."""
    anew = {entry.quotation: entry.anew for entry in stale if entry.anew is not None}
    return replace(
        case,
        evidence=tuple(
            Evidence(tuple(anew.get(choice, choice) for choice in evidence.choices))
            for evidence in case.evidence
        ),
    )


def require_fresh(eval_set: EvalSet, anchoring: Anchoring) -> None:
    """Raise `InvalidCase`, naming each quotation, where evidence of a set does not stand as it did."""
    if stale := [entry for case in eval_set.cases for entry in anchoring.stale(case)]:
        raise InvalidCase("\n".join(_told(eval_set.name, stale)))


def without_stale(eval_set: EvalSet, anchoring: Anchoring) -> EvalSet:
    """Return a set without its stale cases, which it counts; raise `InvalidCase` where none is left."""
    kept = tuple(case for case in eval_set.cases if not anchoring.stale(case))
    if not kept:
        raise InvalidCase(
            f"all {len(eval_set.cases)} cases of {eval_set.name} are stale: "
            "are these the documents that they were made of?"
        )
    gone = len(eval_set.cases) - len(kept)
    left_out = eval_set.left_out + Counter({"stale": gone})
    return replace(eval_set, cases=kept, left_out=left_out)


def _told(name: str, stale: list[Stale]) -> Iterator[str]:
    one = len(stale) == 1
    yield f"{len(stale)} quotation{'' if one else 's'} of {name} {'is' if one else 'are'} stale:"
    yield from map(str, stale[:_LISTED])
    if len(stale) > _LISTED:
        yield f"… and {len(stale) - _LISTED} more"
    yield (
        "Anchor those anew that stand once with `quotebound eval review SET --reanchor`, and label the "
        "others anew; or leave their cases out with --allow-stale."
    )
