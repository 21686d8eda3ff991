"""The evaluation as HTML: sets, the case that is reviewed, runs; and the addresses of reports."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from drawn import HOSTILE, Drawn
from fastapi import FastAPI
from outcomes import answered, result_of
from serving import served
from starlette.testclient import TestClient

from eval.cases import Case, Evidence, Quotation, State
from eval.kept import Evaluations, RunInfo
from eval.results import as_json
from eval.reviewing import Surroundings
from rag.service.backend import Backend
from rag.settings import Settings
from ui import reports
from ui.rendering import evaluation, runs
from ui.rendering.evaluation import Part, Place, SetInfo, Which
from ui.rendering.reviewing import Choice, Reviewed, article
from ui.rendering.runs import Asking

PLACE = Place("default", "harbour")
QUOTATION = Quotation("dam.txt", "It was built in 1947.")
AROUND = Surroundings("files/dam.txt", "The dam", "page 3", 100, "…before ", QUOTATION.quote, " after…")
INFO = SetInfo("harbour", Counter({Which.ACCEPTED: 17, Which.DRAFTS: 1, Which.STALE: 2}))
RUN = RunInfo(
    "20310504T120000-harbour",
    "2031-05-04T12:00:00+00:00",
    "harbour",
    "default",
    17,
    ("recall_at_5 is 0.5, and has to be at least 0.9",),
    {"best_sentence_right": 0.9, "evidence_f1": 0.8, "abstention_f1": 0.75, "quote_invariant": 1.0},
)


def case(**changes: object) -> Case:
    made = Case(
        "one", "When?", ("1947",), (Evidence((QUOTATION,)),), True, "", "fact", State.DRAFT, "machine"
    )
    return replace(made, **changes)  # type: ignore[arg-type]


STANDING = Choice(QUOTATION, "dam-id", AROUND)


def reviewed(choice: Choice = STANDING, **changes: object) -> Reviewed:
    of = case(**changes)
    return Reviewed(of, "seen", ((choice,),) if of.evidence else (), "default", ("dam.txt",))


def test_a_set_tells_how_many_cases_of_each_state_it_has() -> None:
    html = evaluation.sets([INFO], PLACE, documents=True)
    for told in ("17 accepted", "1 draft<", "2 stale"):
        assert told in html
    assert "rejected" not in html
    assert Drawn(html).values("aria-current") == ["true"]


def test_a_set_whose_file_is_damaged_counts_nothing_and_says_so() -> None:
    broken = SetInfo("harbour", {}, fault="harbour.jsonl, line 1 is not a case")
    assert "its file cannot be read" in evaluation.sets([broken], PLACE, documents=True)
    assert "line 1 is not a case" in Drawn(evaluation.damaged(broken)).text


@pytest.mark.parametrize(("documents", "told"), [(True, "No eval sets yet"), (False, "")])
def test_where_there_are_no_sets_it_is_said_what_to_do_unless_there_are_no_documents(
    documents: bool, told: str
) -> None:
    assert Drawn(evaluation.sets([], PLACE, documents=documents)).text.startswith(told)
    assert "No documents in default yet" in evaluation.no_documents("default")


def test_a_set_without_accepted_cases_cannot_be_run() -> None:
    html = evaluation.head(SetInfo("harbour", Counter({Which.DRAFTS: 3})), PLACE)
    assert 'disabled data-local="evaluation-do"' in html
    assert "disabled" not in evaluation.head(INFO, PLACE)


def test_a_case_shows_its_quote_marked_in_its_surroundings_and_opens_its_source() -> None:
    drawn = Drawn(article(reviewed()))
    assert drawn.marked == [QUOTATION.quote]
    assert "…before It was built in 1947. after…" in drawn.text
    assert "files/dam.txt · page 3 · characters 100–121" in drawn.text
    opening = 'data-document="dam-id" data-start="100" data-end="121" data-collection="default"'
    assert opening in article(reviewed())


def test_stale_evidence_is_told_and_anchored_anew_only_where_it_stands_once() -> None:
    stale = Choice(QUOTATION, stale="the document changed, and has these words once", renewable=True)
    assert "Stale: the document changed" in Drawn(article(reviewed(stale))).text
    assert "Re-anchor" in Drawn(article(reviewed(stale))).text
    assert "Re-anchor" not in Drawn(article(reviewed(replace(stale, renewable=False)))).text


def test_a_case_tells_the_keys_that_decide_on_it() -> None:
    drawn = Drawn(article(reviewed()))
    assert drawn.values("aria-keyshortcuts") == ["a", "e", "r", "s", "b"]


def test_a_case_that_lacks_evidence_or_is_not_answered_says_so() -> None:
    assert "There is no evidence yet" in article(reviewed(evidence=()))
    unanswered = article(reviewed(evidence=(), answers=(), answerable=False))
    assert "said not to answer it" in unanswered
    assert "no evidence yet" not in unanswered


def test_a_case_tells_who_labelled_it_once_it_is_accepted() -> None:
    assert "labelled by Ann" in article(reviewed(state=State.ACCEPTED, labels_by="Ann"))
    assert "labelled by Ann" not in article(reviewed(labels_by="Ann"))


def made_of(text: str) -> list[Reviewed]:
    """Return a case that says nothing but a text, with evidence that stands and that is stale."""
    quotation = Quotation(text, text)
    held = Case(
        text, text, (text,), (Evidence((quotation,)),), True, text, text, State.ACCEPTED, text, text, (text,)
    )  # fmt: skip
    standing = Choice(quotation, text, Surroundings(text, text, text, 0, text, text, text))
    pieces = ((standing,), (Choice(quotation, stale=text, renewable=True),))
    return [Reviewed(held, text, (piece,), text, (text,)) for piece in pieces]


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_case_holds_is_text(text: str) -> None:
    for hostile, plain in zip(made_of(text), made_of("x"), strict=True):
        assert Drawn(article(hostile)).shape == Drawn(article(plain)).shape
        assert text in Drawn(article(hostile)).text


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_set_or_a_run_is_called_is_text(text: str) -> None:
    info, run, place = replace(INFO, name=text), replace(RUN, set=text, collection=text), Place(text, text)
    for shown, plain in (
        (evaluation.sets([info], place, documents=True), evaluation.sets([INFO], PLACE, documents=True)),
        (evaluation.head(info, place), evaluation.head(INFO, PLACE)),
        (evaluation.damaged(replace(info, fault=text)), evaluation.damaged(replace(INFO, fault="x"))),
        (evaluation.collection_line(text, 1), evaluation.collection_line("x", 1)),
        (evaluation.patch(place, {}, text, 1), evaluation.patch(PLACE, {}, "x", 1)),
        (evaluation.fault("0", text, text), evaluation.fault("0", "x", "x")),
        (runs.runs([run]), runs.runs([RUN])),
        (
            runs.report(run, [run, replace(run, id=text)], text),
            runs.report(RUN, [RUN, replace(RUN, id="x")], "x"),
        ),
        (runs.strip(Asking(text, text, total=1)), runs.strip(Asking("x", "x", total=1))),
        (
            runs.strip(Asking(text, text, ended=True, fault=text)),
            runs.strip(Asking("x", "x", ended=True, fault="x")),
        ),
    ):
        assert Drawn(shown).shape == Drawn(plain).shape


def test_the_end_of_a_walk_says_what_is_left() -> None:
    assert "1 draft left" in evaluation.looking(INFO, PLACE, None, None)
    done = SetInfo("harbour", Counter({Which.ACCEPTED: 2}))
    assert "No drafts left" in evaluation.looking(done, PLACE, None, None)
    assert "No cases yet" in evaluation.looking(SetInfo("harbour", Counter()), PLACE, None, None)


def test_a_run_is_listed_with_its_figures_and_missed_gates() -> None:
    text = Drawn(runs.runs([RUN])).text
    for told in (
        "2031-05-04 12:00",
        "harbour",
        "default",
        "17",
        "0.900",
        "0.800",
        "0.750",
        "1.000",
        "1 missed",
    ):
        assert told in text
    assert "None missed" in runs.runs([replace(RUN, gates_failed=())])
    assert "No runs yet" in runs.runs([])


def test_a_run_is_compared_with_other_runs_of_its_set_alone() -> None:
    other, foreign = replace(RUN, id="other"), replace(RUN, id="foreign", set="bakery")
    drawn = Drawn(runs.report(RUN, [RUN, other, foreign], "other"))
    assert drawn.values("value") == ["", "other"]
    assert drawn.values("src") == [f"/evaluation/report?run={RUN.id}&against=other"]
    assert "compare-with" not in runs.report(RUN, [RUN, foreign], "")


@pytest.mark.parametrize(
    ("asking", "told"),
    [
        (Asking("harbour", "default"), "The run of harbour in default begins"),
        (Asking("harbour", "default", done=5, total=12), "5 of 12"),
        (Asking("harbour", "default", done=12, total=12, figuring=True), "Working out the figures"),
        (Asking("harbour", "default", total=12, ended=True, run="id"), "is done: 12 cases."),
        (Asking("harbour", "default", ended=True, cancelled=True), "nothing of it is kept"),
        (Asking("harbour", "default", ended=True, fault="No room"), "No room"),
    ],
)
def test_a_run_tells_how_far_it_is_and_how_it_ended(asking: Asking, told: str) -> None:
    drawn = Drawn(runs.strip(asking))
    assert told in drawn.text
    assert ("Cancel" in drawn.text) is not asking.ended


def test_stale_cases_can_be_left_out_of_a_run_that_they_kept_from_beginning() -> None:
    asking = Asking("harbour", "default", ended=True, fault="stale")
    assert "Leave stale cases out and run" not in runs.strip(asking)
    assert "Leave stale cases out and run" in runs.strip(replace(asking, stale=True))


def test_nothing_is_told_of_runs_where_there_was_none() -> None:
    assert runs.strip(None) == runs.FRAME


def test_a_patch_tells_where_one_is() -> None:
    place = Place("default", "harbour", Part.REPORT, Which.STALE, "run", "other")
    html = evaluation.patch(place, {"body": "<p>x</p>"}, "7", 3)
    told = Drawn(html).elements[0][1]
    assert (told["data-token"], told["data-number"], told["data-set"]) == ("7", "3", "harbour")
    assert (told["data-part"], told["data-which"], told["data-run"]) == ("report", "stale", "run")


@pytest.fixture
def kept(settings: Settings) -> tuple[Evaluations, list[str]]:
    """Two runs of a home."""
    evaluations = Evaluations(settings.home)
    noon = datetime(2031, 5, 4, 12, tzinfo=UTC)
    made = [result_of(answered("one")), result_of(answered("one"), answered("two"))]
    infos = [
        evaluations.keep(result, as_json(result), noon.replace(minute=minute))
        for minute, result in enumerate(made)
    ]
    return evaluations, [info.id for info in infos]


def mounted(app: FastAPI, _: Backend) -> None:
    app.include_router(reports.router)


@pytest.fixture
def reporting(settings: Settings, kept: tuple[Evaluations, list[str]]) -> TestClient:
    with served(settings, mount=mounted) as client:
        yield client


def test_a_report_is_cut_off_from_the_page_and_from_every_host(
    reporting: TestClient, kept: tuple[Evaluations, list[str]]
) -> None:
    response = reporting.get("/evaluation/report", params={"run": kept[1][0], "against": kept[1][1]})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    policy = response.headers["content-security-policy"]
    for told in (
        "default-src 'none'",
        "frame-ancestors 'self'",
        "sandbox allow-scripts allow-top-navigation-by-user",
    ):
        assert told in policy
    assert "allow-same-origin" not in policy and "unsafe" not in policy
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("asked", [{"run": "none"}, {"run": "../x"}, {"run": "FIRST", "against": "none"}])
def test_a_run_that_is_not_there_is_told_as_every_error(
    reporting: TestClient, kept: tuple[Evaluations, list[str]], asked: dict[str, str]
) -> None:
    params = {name: kept[1][0] if value == "FIRST" else value for name, value in asked.items()}
    response = reporting.get("/evaluation/report", params=params)
    assert response.status_code == 404
    assert response.json().keys() == {"code", "message", "request_id"}
    assert response.json()["code"] == "run_not_found"


def test_in_a_frame_it_is_told_in_words_what_is_wrong(reporting: TestClient) -> None:
    headers = {"sec-fetch-dest": "iframe"}
    response = reporting.get("/evaluation/report", params={"run": "<b>none</b>"}, headers=headers)
    assert response.status_code == 404
    assert "there is no run &#x27;&lt;b&gt;none&lt;/b&gt;&#x27;" in response.text
    assert "sandbox" in response.headers["content-security-policy"]


def test_a_report_needs_the_key_where_there_is_one(
    settings: Settings, kept: tuple[Evaluations, list[str]]
) -> None:
    key = "a key of many characters"
    secured = settings.model_copy(update={"api_key": type(settings)(api_key=key).api_key})
    with served(secured, mount=mounted) as client:
        asked = {"run": kept[1][0]}
        assert client.get("/evaluation/report", params=asked).json()["code"] == "unauthorized"
        assert client.get("/evaluation/report", params=asked, headers={"x-api-key": key}).status_code == 200
