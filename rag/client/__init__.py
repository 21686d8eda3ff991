"""A client of a running Quotebound service: `Client` blocks, `AsyncClient` is awaited.

    from rag.client import Client

    with Client("http://127.0.0.1:8000") as client:
        client.add("ferry.txt")
        answer = client.ask("When does the ferry leave?")
        print(answer.text)
        for citation in answer.citations:
            print(f"[{citation.marker}] {citation.source}: {citation.quote}")
        assert client.verify(answer)

Both clients have the same methods, and each is written once, as a coroutine over a seam of six calls
(`connection`): over the blocking one it never suspends, and is run to its end where it is called. What a
class's methods return follows from the class (`methods`), so there is no second list of signatures.

Nothing of the service is imported here: no model, no index, no server.
"""

from rag.client.clients import AsyncClient, Client
from rag.client.errors import (
    AnswerBroken,
    Conflict,
    ConnectionFailed,
    ConnectionLost,
    Forbidden,
    Invalid,
    JobFailed,
    NotFound,
    Overloaded,
    QuoteboundError,
    ServerError,
    TimedOut,
    Unauthorized,
    UnexpectedResponse,
)
from rag.client.results import (
    Answer,
    AnswerEvent,
    AnswerSpan,
    Citation,
    Done,
    Fallback,
    Hit,
    QuoteFault,
    Retrieval,
    SearchResult,
    Sentence,
    Turn,
    Unread,
    Verification,
    Why,
)
from rag.client.stored import (
    Collection,
    Coverage,
    Document,
    DocumentDetail,
    FileReading,
    FileRecord,
    Job,
    JobError,
    JobReport,
    Page,
    Progress,
    UnreadPage,
    Word,
)
from rag.client.streams import AsyncStream, Stream

__all__ = [
    "Answer",
    "AnswerBroken",
    "AnswerEvent",
    "AnswerSpan",
    "AsyncClient",
    "AsyncStream",
    "Citation",
    "Client",
    "Collection",
    "Conflict",
    "ConnectionFailed",
    "ConnectionLost",
    "Coverage",
    "Document",
    "DocumentDetail",
    "Done",
    "Fallback",
    "FileReading",
    "FileRecord",
    "Forbidden",
    "Hit",
    "Invalid",
    "Job",
    "JobError",
    "JobFailed",
    "JobReport",
    "NotFound",
    "Overloaded",
    "Page",
    "Progress",
    "QuoteFault",
    "QuoteboundError",
    "Retrieval",
    "SearchResult",
    "Sentence",
    "ServerError",
    "Stream",
    "TimedOut",
    "Turn",
    "Unauthorized",
    "UnexpectedResponse",
    "Unread",
    "UnreadPage",
    "Verification",
    "Why",
    "Word",
]
