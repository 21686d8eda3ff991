"""The public question sets by name."""

from __future__ import annotations

from collections.abc import Mapping

from eval.cases import InvalidCase
from eval.public_sets.clapnq import ClapNQ
from eval.public_sets.hotpotqa import HotpotQA
from eval.public_sets.multihop_rag import MultiHopRag
from eval.public_sets.qed import Qed
from eval.public_sets.rgb import Rgb
from eval.public_sets.scifact import SciFact
from eval.public_sets.squad import XQUAD, XQUAD_HELD_OUT, Squad2
from eval.public_sets.types import PublicSet
from eval.public_sets.wice import Wice

# Those that nothing was trained on tell what answers are worth: docs/quality.md is of them.
_MEASURED: tuple[PublicSet, ...] = (
    Squad2(held_out=True),
    Qed(),
    HotpotQA(),
    SciFact(),
    Wice(),
    *XQUAD_HELD_OUT,
    MultiHopRag(),
    ClapNQ(),
    Rgb(),
)
_ALL: tuple[PublicSet, ...] = (Squad2(), *XQUAD, *_MEASURED)

SETS: Mapping[str, PublicSet] = {public_set.name: public_set for public_set in _ALL}
MEASURED = tuple(public_set.name for public_set in _MEASURED)


def named(name: str) -> PublicSet:
    """Return the set of a name; raise `InvalidCase` that lists the names where there is none."""
    if name not in SETS:
        raise InvalidCase(f"there is no public set {name!r}; there are {', '.join(SETS)}")
    return SETS[name]
