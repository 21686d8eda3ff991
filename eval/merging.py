"""The results of the shards of a run, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from eval.choosing import Shard
from eval.results import InvalidResult, Result

# What each shard has of its own: who wrote answers, and how often nobody did.
_SUMS = ("fallbacks", "withheld")
_LISTS = ("written_by", "labels_by")


def merged(results: Sequence[Result]) -> Result:
    """Return the result of a whole run from those of its shards, or of one run that is whole.

    Cases are in the order of their ids. Raise `InvalidResult` where the results are not the shards of
    one run, or one is missing, since figures of a part are not those of the whole.
    """
    if len(results) == 1 and not results[0].provenance.get("shard"):
        return results[0]
    shards = [_shard(result) for result in results]
    of = shards[0].of
    numbers = sorted(shard.number for shard in shards)
    if any(shard.of != of for shard in shards) or numbers != list(range(1, of + 1)):
        told = ", ".join(map(str, shards))
        raise InvalidResult(f"these are not all shards of one run, each once: {told}")
    first = _shared(results[0].provenance)
    for result, shard in zip(results, shards, strict=True):
        own = _shared(result.provenance)
        if differing := [name for name in {**first, **own} if first.get(name) != own.get(name)]:
            raise InvalidResult(
                f"shard {shard} is of another run: its {', '.join(differing)} is not that of {shards[0]}"
            )
    if any(result.published for result in results):
        raise InvalidResult("the published metrics of a public set cannot be put together from shards")
    outcomes = sorted((outcome for result in results for outcome in result.outcomes), key=lambda o: o.id)
    if twice := [one.id for one, other in pairwise(outcomes) if one.id == other.id]:
        raise InvalidResult(f"two shards have the case {twice[0]!r}: they are not of one run")
    put: dict[str, Any] = {name: sum(result.provenance[name] for result in results) for name in _SUMS}
    put |= {name: sorted({x for result in results for x in result.provenance[name]}) for name in _LISTS}
    return Result({**first, "shard": "", **put}, tuple(outcomes))


def _shard(result: Result) -> Shard:
    told = str(result.provenance.get("shard", ""))
    if not told:
        raise InvalidResult(
            f"a result of {result.name} is no shard: give one whole run, or all shards of one"
        )
    return Shard.parsed(told)


def _shared(provenance: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in provenance.items() if name not in ("shard", *_SUMS, *_LISTS)}
