"""The collections of a service: list, make, remove; and the model that each is made with."""

from __future__ import annotations

from collections.abc import Sequence

from rag.client.jobs import job_of
from rag.client.methods import HasSession, Method
from rag.client.session import Request, place
from rag.client.stored import Accepted, Collection, Collections, JobReport


class CollectionMethods(HasSession):
    """Of clients: what reads and changes collections."""

    @Method
    async def collections(self) -> Sequence[Collection]:
        """List the collections there are."""
        asked = Request("GET", "/collections", repeatable=True)
        return (await self._session.call(asked, Collections)).collections

    @Method
    async def create_collection(self, name: str) -> Collection:
        """Make a collection; raise `Conflict` where there is one of that name."""
        return await self._session.call(Request("POST", "/collections", body={"name": name}), Collection)

    @Method
    async def delete_collection(self, name: str) -> None:
        """Remove a collection with all its documents; once this returns nothing answers from it."""
        await self._session.do(Request("DELETE", f"/collections/{place(name)}"))

    @Method
    async def reindex(
        self, collection: str, model: str | None = None, *, rollback: bool = False, wait: bool = True
    ) -> JobReport:
        """Embed a collection anew, by default with its own model; or go back to the space that served before.

        What is there serves until all is done. `wait` is that of `add`.
        """
        body = {"model": model, "rollback": rollback}
        asked = Request("POST", f"/collections/{place(collection)}/reindex", body=body)
        accepted = await self._session.call(asked, Accepted)
        return await job_of(self._session, accepted.job, collection, wait=wait)
