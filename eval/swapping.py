"""Questions that documents do not answer: one of theirs with a name in it that stands nowhere in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from index.snapshot import Snapshot
from index.types import content_id
from rag.examples import lexicon
from rag.examples.clauses import is_name

# Made up, but for the countries: each is tried until one is found that no document has a word of.
_PEOPLE = (
    "Henrik Solvang",
    "Marisol Etxeberri",
    "Tobias Lindqvarn",
    "Ngaire Rewhiti",
    "Oskar Havlitz",
    "Ilse Brandsmaa",
    "Paavo Kettunel",
    "Yolanda Quispal",
)
_PLACES = ("Tarnholt", "Kestwick", "Dravena", "Ulmersdorf", "Orrisay", "Velmora", "Sandrigg", "Pellamere")
_COUNTRIES = (
    "Uruguay", "Mongolia", "Botswana", "Iceland", "Paraguay", "Estonia", "Laos", "Zambia", "Honduras",
    "Malta", "Australia", "Austria", "Bangladesh", "Belgium", "Brazil", "Canada", "Chile", "China",
    "Denmark", "Egypt", "Finland", "France", "Germany", "Greece", "India", "Indonesia", "Iran", "Iraq",
    "Ireland", "Israel", "Italy", "Japan", "Kenya", "Mexico", "Nigeria", "Norway", "Pakistan", "Poland",
    "Portugal", "Russia", "Scotland", "Spain", "Sweden", "Switzerland", "Turkey", "Ukraine", "Afghanistan",
)  # fmt: skip
_TITLES = lexicon.PERSONS | frozenset("dr doctor mr mrs ms sir lady saint dame lord".split())
_BEFORE_PLACES = frozenset("the at in near from to of and over across between within".split())
_ROYAL = ("queen ", "king ", "princess ", "prince ", "empress ", "emperor ", "pope ")
_SAID = re.compile(rf" (?:{'|'.join(sorted(lexicon.SAYING))})\b")
_SMALL = frozenset("The A An In On At Of For".split())
_OTHER_CAPITALS = frozenset(lexicon.MONTHS.split("|")) | frozenset(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday I".split()
)
# To its end, and not one that another one ends, as in "the Duchy of Orwen".
_ENTITY = re.compile(r"(?<=[\w,] )[A-Z][a-z’-]*+(?: [A-Z][a-z’-]++| [IVX]++\b)*+(?![\w’'])(?! of [A-Z])")


@dataclass(frozen=True, slots=True)
class Swapped:
    """A question in which `after` took the place of the name `before`; `stranger` is what is new of it."""

    text: str
    before: str
    after: str
    stranger: str


def swapped(question: str, absent: Callable[[str], bool], seed: int) -> Swapped | None:
    """Return an English question with its first name in exchange for one that `absent` says is nowhere.

    None where it has no name, or all that could take its place are there. The same for the same seed.
    """
    for found in _ENTITY.finditer(question):
        if (name := _without_title(found[0])) is None:
            continue
        others = _PEOPLE if _is_of_person(name, question, found) else _of_its_kind(name)
        for other in sorted(others, key=lambda other: content_id(str(seed), question, other)):
            if other != name and absent(other):
                # A queen by another name may be a king.
                royal = found[0].casefold().startswith(_ROYAL)
                start = found.start() if royal else found.end() - len(name)
                after = _in_place_of(name, other)
                return Swapped(f"{question[:start]}{after}{question[found.end() :]}", name, after, other)
    return None


def nowhere_in(snapshot: Snapshot) -> Callable[[str], bool]:
    """Return what tells whether no word of a name stands in any passage of a snapshot, headings included."""
    # A search finds what has any of the words.
    return lambda name: not snapshot.lexical(name, 1)


def _without_title(found: str) -> str | None:
    tokens = found.split()
    while tokens and (tokens[0] in _SMALL or tokens[0].casefold() in _TITLES):
        tokens = tokens[1:]
    return None if not tokens or set(tokens) & _OTHER_CAPITALS else " ".join(tokens)


def _is_of_person(name: str, question: str, found: re.Match[str]) -> bool:
    before = question[: found.start()].casefold().split()[-1:]
    titles = found[0].removesuffix(name).casefold().split()
    if set(titles) & _TITLES or (_SAID.search(question, found.end()) and before == ["did"]):
        return True
    # "The Orwen Mariners" are no person, and neither is "at Skerry Point".
    return is_name(name) and not set(before) & _BEFORE_PLACES


def _of_its_kind(name: str) -> tuple[str, ...]:
    return _COUNTRIES if name in _COUNTRIES else _PLACES


def _in_place_of(name: str, other: str) -> str:
    """Return a name for another: of a school, a ministry or a lake only the first word is its own."""
    first, _, after = name.partition(" ")
    kept = after if set(map(str.casefold, after.split())) & lexicon.PLACES else ""
    return f"{other} {kept}" if first and kept else other
