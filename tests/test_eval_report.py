"""What a run's report is made of, its comment under a pull request, and the command that writes both."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from drawn import Drawn
from hostile_payloads import ALL, BROKEN_TEXTS, PAYLOADS
from hypothesis import given, settings
from markdown_it import MarkdownIt
from outcomes import OUTCOMES, answered, cited, expected, kept_back, result_of, withheld, wrongly_answered
from typer.testing import CliRunner
from typer.testing import Result as Ran

from eval.failures import FailureKind
from eval.figures import intervals
from eval.gates import Failure
from eval.kept import Evaluations
from eval.outcomes import Outcome
from eval.report.cases import FAILURES, script_json, told_cases
from eval.report.markdown import code, markdown
from eval.report.page import page
from eval.report.plots import reliability_plot, risk_coverage_plot
from eval.results import InvalidResult, Result, as_json, write_result
from index.errors import SourceNotFound
from rag.cli.reporting import report

RUN = result_of(
    answered("one", confidence=0.9),
    kept_back("two", confidence=0.3),
    answered("three", citations=(cited(right=False),), confidence=0.7),
    withheld("four", confidence=0.1),
    wrongly_answered("five", confidence=0.6),
)
OTHER = result_of(
    answered("one", confidence=0.9),
    answered("two", confidence=0.4),
    kept_back("three", confidence=0.2),
    withheld("four", confidence=0.1),
    wrongly_answered("five", confidence=0.6),
    settings={"model": "hashing", "threshold": 0.3},
)
MISSED = (Failure("mrr", 0.5, 0.9, at_most=False), "a bound of <b>one's own</b>")


def hostile(texts: Sequence[str]) -> Result:
    """Return a run in which everything that is somebody's text is one of these."""
    outcomes = []
    for number, text in enumerate(texts):
        quoted = cited(quote=text, source=text, place=text, title=text, answer=(100, 103))
        made = answered(
            f"{number} {text}",
            question=text,
            kind=text,
            answers=(text,),
            expected=(replace(expected(), source=text, quote=text),),
            citations=(quoted, replace(quoted, answer=None)),
            written_by=text,
            answer=text,
            fallback=text,
            milliseconds={text: 1.0},
        )
        outcomes.append(made)
    first = texts[0]
    named = {
        "set": first,
        "commit": first,
        "labels_by": list(texts),
        "settings": {first: first, "threshold": 0.5},
    }
    result = result_of(*outcomes, **named, documents=[{"source": text, "sha256": text} for text in texts])
    return replace(result, published=dict.fromkeys(texts, 0.5))


def test_no_character_of_the_json_is_one_that_html_knows() -> None:
    told = script_json(["</script><!--<script>", "a & b", "\u2028\u2029", "<" * 9])
    assert not set("<>&\u2028\u2029") & set(told)
    assert json.loads(told) == ["</script><!--<script>", "a & b", "\u2028\u2029", "<" * 9]


def test_what_is_marked_is_counted_as_a_browser_counts() -> None:
    quote = "\N{BALLOON} In 1947."
    found = told_cases(result_of(answered(citations=(cited(quote=quote, answer=(105, 109)),))))
    (case,) = found["cases"]
    # The balloon is two of JavaScript's units.
    assert case["run"]["citations"][0]["mark"] == [6, 10]
    assert quote.encode("utf-16-le")[12:20].decode("utf-16-le") == "1947"


def test_a_text_is_held_once_however_often_it_is_cited() -> None:
    run = result_of(*(answered(f"case {number}") for number in range(50)))
    found = told_cases(run, run)
    assert len(found["texts"]) == len(set(found["texts"])) == 5


def test_citations_lead_to_their_place_only_where_there_is_something_to_lead_to() -> None:
    assert told_cases(RUN)["link"] is None
    assert "document" not in told_cases(RUN)["cases"][0]["run"]["citations"][0]
    found = told_cases(RUN, link_base="")
    assert found["link"] == ["", "default"]
    assert found["cases"][0]["run"]["citations"][0]["document"] == "d" * 32


def test_each_way_of_failing_is_explained() -> None:
    assert FAILURES.keys() == set(FailureKind)


def test_plots_have_a_title_and_a_table_of_what_they_show() -> None:
    for plot in (risk_coverage_plot(RUN, OTHER), reliability_plot(RUN, OTHER)):
        found = Drawn(plot)
        (svg,) = (of for tag, of in found.elements if tag == "svg")
        assert svg["role"] == "img"
        named = {of.get("id") for _, of in found.elements}
        assert set((svg["aria-labelledby"] or "").split()) <= named
        assert "This run" in found.text and "Other run" in found.text
        assert "caption" in [tag for tag, _ in found.elements]


@pytest.mark.parametrize("make", [page, markdown])
def test_a_run_that_nothing_can_be_said_of_is_refused(make: type[object]) -> None:
    with pytest.raises(InvalidResult, match="holds no cases"):
        make(result_of())  # type: ignore[call-arg]
    with pytest.raises(InvalidResult, match=r"'one' has a confidence of 1\.5"):
        make(result_of(answered("one", confidence=1.5)))  # type: ignore[call-arg]


def test_a_text_that_no_file_can_hold_is_shown_as_far_as_it_can_be() -> None:
    made = page(hostile(BROKEN_TEXTS)).encode()
    assert "\N{REPLACEMENT CHARACTER}".encode() in made
    assert markdown(hostile(BROKEN_TEXTS)).encode()


def test_the_curve_of_a_large_run_stays_small() -> None:
    many = [
        replace(RUN.outcomes[number % 5], id=str(number), confidence=number / 5000) for number in range(5000)
    ]
    assert len(risk_coverage_plot(result_of(*many))) < 12_000


def test_the_dot_of_a_run_is_where_its_threshold_is() -> None:
    # Of five, three are at or above 0.5; of these one puts the right sentence first.
    assert "at its threshold: 0.600, 0.667" in risk_coverage_plot(RUN)
    for settings_ in (None, {}, {"threshold": None}, {"threshold": 2.0}):
        assert "at its threshold" not in risk_coverage_plot(result_of(answered(), settings=settings_))


@settings(max_examples=5)
@given(OUTCOMES)
def test_any_run_has_a_page_and_a_comment(outcomes: list[Outcome]) -> None:
    run = result_of(*outcomes)
    assert f"Of {len(outcomes):,} case" in page(run)
    assert markdown(run).startswith("### Eval of `tiny`")


# The comment under a pull request.


def rendered(text: str) -> list[tuple[str, str]]:
    """Return the kinds of what a comment consists of, as CommonMark with tables reads it, and their texts."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    return [(part.type, part.content) for token in tokens for part in [token, *(token.children or ())]]


def test_a_comment_tells_figures_gates_and_the_surest_failures() -> None:
    found = markdown(RUN, gates_failed=MISSED)
    assert found.startswith("### Eval of `tiny`: 2 gates missed ❌")
    assert "2 of 5 cases went right" in found
    assert "- `mrr is 0.5, and has to be at least 0.9`" in found
    low = intervals(RUN.outcomes)["mrr"].low
    assert f"| MRR | {RUN.figures['mrr']:.3f} | {low:.3f} to" in found
    confidences = [float(found) for found in re.findall(r"confidence (\d\.\d+)", found)]
    assert confidences == [0.7, 0.6, 0.3]


def test_a_comment_on_two_runs_tells_what_changed_first_what_went_worse() -> None:
    found = markdown(RUN, OTHER)
    assert "| figure | value | 95 % interval | other run | difference |" in found
    assert [line.split(":")[0] for line in found.splitlines() if "→" in line] == ["- worse", "- other"]
    assert "- `threshold: 0.5, in the other run 0.3`" in found


def test_a_significant_difference_is_marked_in_a_comment() -> None:
    other = result_of(*(kept_back(f"case {number}") for number in range(20)))
    run = result_of(*(answered(f"case {number}") for number in range(20)))
    assert "| +1.000 **significantly better** |" in markdown(run, other)
    assert "| -1.000 **significantly worse** |" in markdown(other, run)


def test_a_comment_is_short_whatever_the_run() -> None:
    good = [answered(f"case {number}", question="Why?" * 400) for number in range(100)]
    bad = [
        wrongly_answered(f"case {number}", question="Why?" * 400, confidence=0.5, best=cited(right=False))
        for number in range(100)
    ]
    run = replace(result_of(*good), published={f"figure {number}": 0.5 for number in range(30)})
    apart = {f"setting {number}": "x" * 900 for number in range(30)}
    found = markdown(run, result_of(*bad, **apart), [f"gate {number}" for number in range(40)])
    assert len(found.splitlines()) < 60
    assert len(found) < 10_000
    assert "- and 32 more" in found


PINGS = (
    "@everyone #1 https://evil.example",
    "a | b \\| c \\\\| d",
    "x`y``z",
    "`",
    "a\n\n# b\n|c|",
    "</details>",
)


@pytest.mark.parametrize("against", [False, True])
@pytest.mark.parametrize("texts", [PINGS, [family[0] for family in PAYLOADS.values()]])
def test_hostile_text_in_a_comment_is_code_and_nothing_else(against: bool, texts: Sequence[str]) -> None:
    run = hostile(texts)
    back = kept_back()
    silent = [replace(back, id=outcome.id, question=outcome.question) for outcome in run.outcomes]
    changed = result_of(*silent, set=texts[0])
    found = markdown(run, changed if against else None, texts)
    parts = rendered(found)
    kinds = {kind for kind, _ in parts}
    assert not kinds & {"link_open", "image", "html_inline", "fence", "code_block", "hr", "em_open"}
    html = [content for kind, content in parts if kind == "html_block"]
    assert all(re.match(r"</?details>", content) for content in html)
    assert len([kind for kind, _ in parts if kind == "heading_open"]) == 1
    outside = " ".join(content for kind, content in parts if kind == "text").replace("recall@5", "")
    assert not {"@", "#", "<", "|"} & set(outside)
    rows = [line for line in found.splitlines() if line.startswith("|")]
    cells = len([kind for kind, _ in parts if kind in {"th_open", "td_open"}])
    assert cells == (len(rows) - 1) * (5 if against else 3)


@pytest.mark.parametrize("text", [*ALL, *PINGS, "``" * 99, "\\`", "`\\"])
def test_a_code_span_ends_where_its_text_does(text: str) -> None:
    kinds = [kind for kind, _ in rendered(f"- before {code(text)} after") if kind not in {"inline", "text"}]
    around = ["bullet_list_open", "list_item_open", "paragraph_open"]
    back = ["paragraph_close", "list_item_close", "bullet_list_close"]
    assert kinds in ([*around, "code_inline", *back], [*around, *back])
    assert code(text) == "(empty)" or "code_inline" in kinds


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "`plain`"),
        (" two\nlines ", "`two lines`"),
        ("", "(empty)"),
        ("\u202e\x07", "(empty)"),
        ("a`b", "`` a`b ``"),
        ("``", "``` `` ```"),
        ("x" * 999, f"`{'x' * 159}…`"),
    ],
)
def test_a_code_span_holds_its_text(text: str, shown: str) -> None:
    assert code(text) == shown


# The command.


def run_report(*arguments: str) -> Ran:
    app = typer.Typer()
    app.command()(report)
    return CliRunner().invoke(app, list(arguments), catch_exceptions=True)


@pytest.fixture
def evaluations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluations:
    """Two runs of a set that a home keeps, the first one of which had another threshold."""
    monkeypatch.setenv("QUOTEBOUND_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    kept = Evaluations(tmp_path / "home")
    for result in (OTHER, RUN):
        kept.keep(result, as_json(result))
    return kept


def test_the_last_run_that_is_kept_is_reported(evaluations: Evaluations, tmp_path: Path) -> None:
    ran = run_report()
    assert ran.exit_code == 0, ran.exception
    name = f"{evaluations.runs()[0].id}.html"
    assert ran.stdout == f"the report is {name}\n"
    assert "Of 5 cases of the set" in (tmp_path / name).read_text()


def test_a_run_is_compared_with_the_one_before(evaluations: Evaluations, tmp_path: Path) -> None:
    last, first = (run.id for run in evaluations.runs())
    for arguments in ([last, "--against", "previous"], [last, "--against", first], ["--against", "previous"]):
        ran = run_report(*arguments, "-o", "page.html")
        assert ran.exit_code == 0, ran.exception
        assert "threshold: 0.5, in the other run 0.3" in (tmp_path / "page.html").read_text()
    ran = run_report(first, "--against", "previous")
    assert isinstance(ran.exception, SourceNotFound)
    assert "no run of 'tiny' is kept from before" in str(ran.exception)


def test_a_file_is_reported_under_its_name(evaluations: Evaluations, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    write_result(tmp_path / "results" / "mine.json", as_json(RUN))
    ran = run_report("results/mine.json", "--against", "previous", "--markdown", "comment.md")
    assert ran.exit_code == 0, ran.exception
    assert (tmp_path / "mine.html").is_file()
    assert (tmp_path / "comment.md").read_text().startswith("### Eval of `tiny`")


def test_a_comment_on_standard_output_is_all_that_is_there(evaluations: Evaluations) -> None:
    ran = run_report("--markdown", "-")
    assert ran.stdout.startswith("### Eval of `tiny`: no gates were looked at")
    assert "the report is" not in ran.stdout
    assert "the report is" in ran.stderr


def test_a_missed_gate_is_told_of_and_no_error(evaluations: Evaluations, tmp_path: Path) -> None:
    (tmp_path / "gates.toml").write_text("[tiny]\nmrr = 1.1\n")
    ran = run_report("-o", "page.html", "--gates", "gates.toml")
    assert ran.exit_code == 0, ran.exception
    assert "1 gate missed" in (tmp_path / "page.html").read_text()


def test_what_is_not_there_is_named(
    evaluations: Evaluations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "'none'" in str(run_report("none").exception)
    assert "there is no result 'none.json'" in str(run_report("none.json").exception)
    assert "cannot be written" in str(run_report("-o", "no/such/page.html").exception)
    monkeypatch.setenv("QUOTEBOUND_HOME", str(tmp_path / "empty"))
    assert "no run is kept yet" in str(run_report().exception)
