"""What is installed is whole: the wheel carries every file that the program reads."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.parametrize(
    "name",
    [
        "index/vocabulary/cl100k_base.tiktoken",
        "tiktoken_ext/quotebound.py",
        "rag/reading/similarity.json",
        "ui/static/page.css",
        "ui/static/page.js",
        "eval/gates.toml",
        "eval/sets/seeds.jsonl",
    ],
)
def test_the_wheel_carries_what_the_program_reads(names: set[str], name: str) -> None:
    assert name in names


def test_the_wheel_carries_every_module_and_the_licences(names: set[str]) -> None:
    modules = {
        str(path.relative_to(ROOT))
        for package in ("index", "rag", "ui", "eval")
        for path in (ROOT / package).rglob("*.py")
        if "tiktoken_ext" not in path.parts
    }
    assert modules <= names
    assert {"LICENSE", "LICENSE.tiktoken"} <= {Path(name).name for name in names}


def test_the_wheel_carries_no_tests_and_no_documents(names: set[str]) -> None:
    assert not [name for name in names if name.startswith(("tests/", "seeds/"))]
