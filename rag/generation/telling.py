"""What a written sentence tells that nobody may make up: quotations, numbers, addresses and codes.

These can be compared letter for letter with the documents, so they are. What a sentence says in words of
its own cannot, and is not compared here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import regex

from index.numbers import DIGITS, without_thousands
from index.terms import words
from rag.generation.prompts import INSTRUCTIONS

# So many words in a row are told from the instructions, and not by accident the same.
_RUN = 6
_CODE_CHARACTERS = 10
_CODE_CHANGES = 3

# An apostrophe within a word ends no quotation.
_QUOTATION = regex.compile(
    r'"([^"]+)"|“([^”“]+)[”“]|„([^“”„]+)[“”]|«([^«»]+)»|»([^«»]+)«|‹([^‹›]+)›|›([^‹›]+)‹'
    r"|‘((?:[^‘’]|(?<=\p{L})’(?=\p{L}))+)’(?!\p{L})|‚([^‘’‚]+)[‘’]|''(.+?)''"
    r"|(?<![\p{L}\p{N}'])'(?=[^\s'])((?:[^']|(?<=\p{L})'(?=\p{L}))+)(?<=\S)'(?![\p{L}\p{N}'])"
    r"|「([^「」]+)」|『([^『』]+)』|＂([^＂]+)＂"
)
# A quotation that is not closed goes on to the end.
_OPENED = regex.compile(r"(?:[“„«‹「『]|(?<![\p{L}\p{N}])[\"＂](?=[\p{L}\p{N}]))(.+)", regex.DOTALL)
_NUMBER = regex.compile(rf"(?:(?<![\p{{L}}\p{{N}}\p{{Pe}}])[-−–](?=\p{{N}}))?{DIGITS}")
_ADDRESS = regex.compile(
    r"(?:\b[a-z][a-z0-9+.-]*:)?//\S+|\b(?:mailto|data|javascript|vbscript|tel|sms|file|blob):\S+|\bwww\.\S+"
    r"|[^\s@]{1,64}@[^\s@]{1,255}\.\p{L}+"
    r"|(?<![\p{L}\p{N}@._-])(?:[\p{L}\p{N}][\p{L}\p{N}_-]*(?:[.．｡]|(?<=[a-z0-9])。(?=[a-z])))+\p{L}{2,}"
    r"(?:[:/?#]\S*)?",
    regex.IGNORECASE,
)
_BEHIND = ".,;:!?)]}'\"»”’“‘«›。，」』"
_TOKEN = regex.compile(r"[A-Za-z0-9]+")
_CHANGE = regex.compile(r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")


def quotations(text: str) -> list[str]:
    """Return what a text puts in quotation marks, in order; what is opened and not closed to its end."""
    found = [next(filter(None, match.groups())) for match in _QUOTATION.finditer(text)]
    opened = _OPENED.search(_QUOTATION.sub(" ", text))
    return [*found, opened.group(1)] if opened else found


def numbers(text: str) -> set[str]:
    """Return the numbers of a text with their signs, without separators of thousands."""
    return {
        without_thousands(match.group()).replace("−", "-").replace("–", "-")
        for match in _NUMBER.finditer(text)
    }


def addresses(text: str) -> set[str]:
    """Return the addresses of a text: of the web, of mail, and names with dots that could be one."""
    return {match.group().rstrip(_BEHIND) for match in _ADDRESS.finditer(text)}


def has_address(text: str, address: str) -> bool:
    """Tell whether an address stands in a text, not as a part of a longer name."""
    # Names of hosts are the same in any case; what follows them may not be.
    flags = 0 if "/" in address else regex.IGNORECASE
    whole = rf"(?<![\p{{L}}\p{{N}}@._-]){regex.escape(address)}(?![\p{{L}}\p{{N}}_-]|[.@][\p{{L}}\p{{N}}])"
    return regex.search(whole, text, flags) is not None


def codes(text: str) -> set[str]:
    """Return what has digits as keys, identifiers and encoded text do: among letters, or in a long row."""
    return {
        token
        for token in _TOKEN.findall(text)
        if len(_CHANGE.findall(token)) >= _CODE_CHANGES
        or (len(token) >= _CODE_CHARACTERS and not token.isalpha())
    }


def instructions(text: str) -> set[tuple[str, ...]]:
    """Return the runs of words that a text has from what every prompt tells the model."""
    return runs(text) & _INSTRUCTIONS


def runs(text: str) -> set[tuple[str, ...]]:
    """Return the runs of words of a text that are as long as those of `instructions`."""
    return set(_runs(words(text)))


def _runs(found: list[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(found[start : start + _RUN]) for start in range(len(found) - _RUN + 1))


def made_up(text: str, there: Iterable[str]) -> bool:
    """Tell whether a text has an address, a code or an instruction that is in none of some other texts."""
    others = list(there)
    known_codes = {token for other in others for token in _TOKEN.findall(other)} if codes(text) else set()
    if codes(text) - known_codes:
        return True
    if not all(any(has_address(other, address) for other in others) for address in addresses(text)):
        return True
    told = instructions(text)
    return bool(told) and bool(told.difference(*map(runs, others)))


_INSTRUCTIONS = frozenset(run for part in INSTRUCTIONS for run in runs(part))
