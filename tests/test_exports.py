"""What packages offer: `__all__` is what they import to offer it, and every module says what it is."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("index", "rag", "ui", "eval")


def modules(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    """Yield the name and the file of every module below a package, and of the package, importing none."""
    yield prefix, folder / "__init__.py"
    for found in pkgutil.iter_modules([str(folder)]):
        name = f"{prefix}.{found.name}"
        if found.ispkg:
            yield from modules(folder / found.name, name)
        else:
            yield name, folder / f"{found.name}.py"


MODULES = {name: path for package in PACKAGES for name, path in modules(ROOT / package, package)}


def parsed(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def listed(tree: ast.Module) -> list[str] | None:
    """Return what a module's `__all__` lists, None where it has none."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == [
            "__all__"
        ]:
            names: list[str] = ast.literal_eval(statement.value)
            return names
    return None


def public(tree: ast.Module) -> set[str]:
    """Return the public names that a module imports or defines."""
    names: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            if getattr(statement, "module", None) != "__future__":
                names |= {alias.asname or alias.name for alias in statement.names}
        elif isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


EXPORTING = [name for name in MODULES if listed(parsed(name)) is not None]


def test_the_packages_that_are_entered_by_name_say_what_they_export() -> None:
    assert {"index.loading", "index.embedding", "rag.reading", "rag.generation", "rag.cli"} <= set(EXPORTING)


@pytest.mark.parametrize("name", EXPORTING)
def test_what_is_exported_is_all_that_is_public(name: str) -> None:
    tree = parsed(name)
    assert set(listed(tree) or ()) == public(tree)


@pytest.mark.parametrize("name", EXPORTING)
def test_what_is_exported_is_there(name: str) -> None:
    module = importlib.import_module(name)
    assert [entry for entry in listed(parsed(name)) or () if not hasattr(module, entry)] == []


def test_the_walk_finds_modules_at_every_depth() -> None:
    assert {"index.types", "rag.service.routes.asking", "ui.app", "eval.bench.timing"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is(name: str) -> None:
    docstring = ast.get_docstring(parsed(name))
    assert docstring
    assert docstring.splitlines()[0].strip()
