"""The service's JSON as the client's types."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from rag.client.errors import UnexpectedResponse

T = TypeVar("T")

# Made when first wanted: all of them at once would be a tenth of a second of every start.
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def parsed(shape: type[T], body: bytes | str) -> T:
    """Return JSON as a dataclass, without what it does not know; raise `UnexpectedResponse`."""
    adapter = _ADAPTERS.get(shape) or _ADAPTERS.setdefault(shape, TypeAdapter(shape))
    try:
        found: T = adapter.validate_json(body, strict=True)
    except ValidationError as error:
        raise UnexpectedResponse(
            f"what came is not what this client takes for {shape.__name__} ({_faults(error)}): "
            "is it a Quotebound service, of this client's release?"
        ) from error
    return found


def _faults(error: ValidationError) -> str:
    """Return what is wrong first, and of how many faults: places and expectations, nothing of the values."""
    faults = error.errors(include_input=False, include_url=False)
    place = ".".join(str(part) for part in faults[0]["loc"]) or "the whole"
    more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
    return f"{place}: {faults[0]['msg']}{more}"
