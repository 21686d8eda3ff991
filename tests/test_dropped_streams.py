"""A client that goes away while a language model writes for it: the model is not kept writing."""

from pathlib import Path

from llm_replies import Gate, Spoken
from llm_server import LanguageModelServer
from torture import dropping


def test_dropped_streams_leave_nothing_behind() -> None:
    assert dropping.run(40).violations == []


def test_a_client_that_leaves_before_its_answer_has_the_request_to_the_model_cancelled(
    tmp_path: Path,
) -> None:
    with (
        LanguageModelServer(Spoken([Gate()])) as server,
        dropping.answering(tmp_path / "home", server) as address,
    ):
        with dropping.asking(address, "/ask"):
            server.asked.reach(1)
        server.cancelled.reach(1)
