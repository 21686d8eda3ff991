"""The run of an eval set that is going on: one at a time for all of the service, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import structlog

from eval import runner
from eval.anchoring import Anchoring, without_stale
from eval.cases import EvalSet, InvalidCase, load_eval_set
from eval.gates import GATES_FILE, failures
from eval.kept import Evaluations
from eval.outcomes import Outcome
from eval.results import Result, as_json
from index.errors import Conflict, QuoteboundError
from rag.wiring import Application
from ui.rendering.parts import counted
from ui.rendering.runs import Asking

_NAMED = 10

_log = structlog.get_logger(__name__)


class RunGoingOn(Conflict):
    """Another run is not at its end."""

    code = "run_going_on"


class StaleEvidence(InvalidCase):
    """Evidence of cases that were to be asked does not stand as it did."""


class _Cancelled(Exception):
    """Ends a run between two questions."""


class Examination:
    """Asks the accepted cases of a set, and keeps what came of it.

    What people ask meanwhile has threads of its own and shares the processors with one question of the run.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._kept = Evaluations(application.settings.home)
        self._changing = threading.Lock()
        self._asking: Asking | None = None
        self._cancelled = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def asking(self) -> Asking | None:
        """How far the run is, or how the last one ended; None where nobody needs to know."""
        return self._asking

    def begin(self, name: str, collection: str, *, leave_stale: bool) -> None:
        """Begin to ask the cases of a set; raise `RunGoingOn`, or what reading the set raises."""
        path = self._kept.path_of(name)
        with self._changing:
            if self._asking is not None and not self._asking.ended:
                raise RunGoingOn(f"a run of {self._asking.set} is going on: wait for its end, or cancel it")
            eval_set = load_eval_set(path)
            self._cancelled.clear()
            self._asking = Asking(name, collection)
            arguments = (eval_set, collection, leave_stale)
            # A daemon, so that what hangs does not keep the service; it is waited for in `stop`.
            self._thread = threading.Thread(target=self._run, args=arguments, name="examining", daemon=True)
            self._thread.start()

    def cancel(self) -> None:
        """Have the run end before its next question."""
        self._cancelled.set()

    def dismiss(self) -> None:
        """Tell no more of a run that ended."""
        with self._changing:
            if self._asking is not None and self._asking.ended:
                self._asking = None

    async def stop(self) -> None:
        """Cancel the run and wait for its end: of one question at most."""
        self.cancel()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _run(self, eval_set: EvalSet, collection: str, leave_stale: bool) -> None:
        try:
            told = self._examined(eval_set, collection, leave_stale)
            self._become(ended=True, run=told)
        except _Cancelled:
            self._become(ended=True, cancelled=True)
        except QuoteboundError as error:
            self._become(ended=True, fault=str(error), stale=isinstance(error, StaleEvidence))
        except Exception as error:
            # Whatever it is: nobody waits for this thread who would hear of it.
            _log.exception("unexpected error in a run", exc_info=error)
            self._become(ended=True, fault="something went wrong inside; the log has it")

    def _examined(self, eval_set: EvalSet, collection: str, leave_stale: bool) -> str:
        anchoring = Anchoring(self._application.home.collection(collection).catalog)
        if leave_stale:
            eval_set = without_stale(eval_set, anchoring)
        else:
            _require_fresh(eval_set, collection, anchoring)
        self._become(total=len(eval_set.cases))
        result = runner.run(eval_set, self._application, collection, self._tell)
        self._become(figuring=True)
        return self._kept.keep(result, as_json(result, _missed(result))).id

    def _tell(self, _: Outcome) -> None:
        if self._cancelled.is_set():
            raise _Cancelled
        if self._asking is not None:
            self._become(done=self._asking.done + 1)

    def _become(self, **changes: object) -> None:
        with self._changing:
            if self._asking is not None:
                self._asking = replace(self._asking, **changes)  # type: ignore[arg-type]


def _require_fresh(eval_set: EvalSet, collection: str, anchoring: Anchoring) -> None:
    stale = [case.id for case in eval_set.cases if anchoring.stale(case)]
    if stale:
        more = f" and {len(stale) - _NAMED} more" if len(stale) > _NAMED else ""
        raise StaleEvidence(
            f"{counted(len(stale), 'accepted case')} of {eval_set.name} rest on evidence that does not stand "
            f"in {collection} as it did: {', '.join(stale[:_NAMED])}{more}. Re-anchor or edit them under "
            "Stale, or leave them out."
        )


def _missed(result: Result) -> list[str]:
    """Return the gates that a run missed; what cannot be held is told as one, and the run is kept."""
    try:
        return [str(failure) for failure in failures(result, GATES_FILE)]
    except QuoteboundError as error:
        return [f"the gates cannot be held: {error}"]
