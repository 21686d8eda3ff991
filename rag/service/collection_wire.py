"""The shapes of collections in requests and responses; as stable as those of `wire`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from rag.service.wire import CollectionName, Mirror, Request


class CollectionRequest(Request):
    """A collection to make."""

    name: CollectionName


class CollectionOut(Mirror):
    """A collection; `model` is null where there is nothing in it yet, or it cannot be read."""

    name: str
    documents: int
    model: str | None


class CollectionsOut(BaseModel):
    """The collections there are."""

    collections: list[CollectionOut]


class ReindexRequest(Request):
    """A model to go over to, by default the collection's own; or back to the space that served before."""

    model: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    rollback: bool = False
