"""Some of the cases of a set: a sample of it, or a shard that one of several machines asks."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Self

from eval.cases import Case, EvalSet, InvalidCase

_SHARD = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True)
class Shard:
    """The `number`th of `of` parts, counted from 1."""

    number: int
    of: int

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Return the shard that a text such as `2/4` means; raise `InvalidCase`."""
        found = _SHARD.fullmatch(text)
        if found is None or int(found[1]) > int(found[2]):
            raise InvalidCase(f"{text!r} is no shard: write 2/4 for the second of four")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def sampled(eval_set: EvalSet, cases: int) -> EvalSet:
    """Return a set with so many of its cases, the same ones each time, in their order.

    Those whose ids have the least SHA-256 are taken, so that a greater sample holds the smaller one,
    and a case stays in it when others are added. A set that has no more is returned as it is.
    """
    if cases >= len(eval_set.cases):
        return eval_set
    chosen = {case.id for case in sorted(eval_set.cases, key=_digest)[:cases]}
    kept = tuple(case for case in eval_set.cases if case.id in chosen)
    return replace(eval_set, cases=kept, sample=cases)


def sharded(eval_set: EvalSet, shard: Shard) -> EvalSet:
    """Return a set with the cases of a shard; raise `InvalidCase` where it has none.

    By the digest of its id, so that a case is in the same shard whatever others there are.
    """
    kept = tuple(case for case in eval_set.cases if int(_digest(case), 16) % shard.of == shard.number - 1)
    if not kept:
        raise InvalidCase(
            f"shard {shard} of {eval_set.name} has none of its {len(eval_set.cases)} cases: make fewer shards"
        )
    return replace(eval_set, cases=kept, shard=str(shard))


def _digest(case: Case) -> str:
    return hashlib.sha256(case.id.encode(errors="surrogatepass")).hexdigest()
