"""Reports of runs, as pages that the evaluation frames."""

from __future__ import annotations

from html import escape
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from eval.gates import GATES_FILE, gated
from eval.kept import Evaluations
from eval.report.page import content_policy, page
from index.errors import QuoteboundError
from rag.service.access import BackendOf
from rag.service.errors import status_of

router = APIRouter(prefix="/evaluation", include_in_schema=False)

# It holds what documents say, so it is cut off from the page around it: it has no cookies, asks nobody for
# anything, and leads away only where somebody clicks.
_APART = "frame-ancestors 'self'; sandbox allow-scripts allow-top-navigation-by-user-activation"
_HEADERS = {
    "X-Frame-Options": "SAMEORIGIN",
    # Browsers do not open a sandboxed page in a tab of its own that asks to be isolated, too.
    "Cross-Origin-Opener-Policy": "unsafe-none",
    "Cache-Control": "no-store",
}


@router.get("/report")
async def report(request: Request, backend: BackendOf, run: str, against: str = "") -> HTMLResponse:
    """Return the report of a kept run, beside another one if there is one to compare it with.

    Whoever sees it in a frame is told in words what is wrong, all others as of any other address.
    """
    home = backend.application.settings.home
    status = 200
    try:
        drawn = await backend.told(_drawn, home, run, against)
    except QuoteboundError as error:
        if request.headers.get("sec-fetch-dest") != "iframe":
            raise
        drawn, status = _untold(error), status_of(error)
    headers = {**_HEADERS, "Content-Security-Policy": f"{content_policy()}; {_APART}"}
    return HTMLResponse(drawn, status, headers)


def _drawn(home: Path, run: str, against: str) -> str:
    kept = Evaluations(home)
    result = kept.result(run)
    other = kept.result(against) if against else None
    missed = next((info.gates_failed for info in kept.runs() if info.id == run), ())
    held = missed or gated(GATES_FILE, result.name)
    return page(result, other, missed if held else None, link_base="")


def _untold(error: QuoteboundError) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="light dark"><title>No report</title></head>'
        f"<body><p>There is no report: {escape(str(error))}.</p></body></html>"
    )
