"""The workflow that docs/examples offers: YAML whose every command is one that this program has."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from rag.cli.main import app

WORKFLOW = Path(__file__).parent.parent / "docs" / "examples" / "answers.yml"


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return told


def commands(workflow: dict[str, Any]) -> list[list[str]]:
    """Return the words of each command of Quotebound in a workflow."""
    scripts = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    lines = [line for script in scripts for line in script.splitlines()]
    # What GitHub puts in for an expression is a word without blanks.
    plain = [re.sub(r"\$\{\{.*?\}\}", "1", line) for line in lines]
    return [shlex.split(line)[1:] for line in plain if line.startswith("quotebound ")]


def test_each_command_is_one_that_there_is_with_options_that_it_has(workflow: dict[str, Any]) -> None:
    found = commands(workflow)
    assert [words[:2] for words in found] == [["eval", "run"], ["eval", "gate"], *[["eval", "report"]] * 2]
    evaluation = get_command(app).commands["eval"]  # type: ignore[attr-defined]
    for _, name, *words in found:
        evaluation.commands[name].make_context(name, words, resilient_parsing=False)


def test_as_many_shards_are_gated_as_are_asked(workflow: dict[str, Any]) -> None:
    asked = workflow["jobs"]["ask"]["strategy"]["matrix"]["shard"]
    run, gate = commands(workflow)[:2]
    assert run[run.index("--shard") + 1].split("/")[1] == str(len(asked))
    assert [word for word in gate if word.startswith("shard-")] == [
        f"shard-{number}.json" for number in asked
    ]


def test_the_report_is_left_even_where_a_gate_is_missed(workflow: dict[str, Any]) -> None:
    steps = workflow["jobs"]["gate"]["steps"]
    gated = next(place for place, step in enumerate(steps) if "eval gate" in step.get("run", ""))
    assert all(step["if"] == "always()" for step in steps[gated + 1 :])
    assert workflow["jobs"]["gate"]["needs"] == "ask"
