"""The reference of commands, settings and errors, made from the code: `make docs`, and `--check` in CI."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from index.errors import QuoteboundError
from rag.cli.main import app
from rag.service.errors import status_of
from rag.settings import Settings

_FOLDER = Path(__file__).parents[2] / "docs"
_MADE = "<!-- Made by `make docs` from the code; change that instead. -->\n"


def pages() -> dict[str, str]:
    """Return the text of each generated page by its file's name."""
    return {
        "cli.md": "\n".join(_commands()),
        "settings.md": "\n".join(_settings()),
        "errors.md": "\n".join(_errors()),
    }


def _commands() -> Iterator[str]:
    yield f"# The command line\n\n{_MADE}"
    yield (
        "Exit codes: 0 done; 1 findings, a file that could not be read, or a missed gate; "
        "2 wrong usage or input; 3 another writer holds the home; 130 interrupted.\n"
    )
    yield from _command("quotebound", typer.main.get_command(app))


def _command(name: str, command: Any) -> Iterator[str]:
    if hasattr(command, "commands"):
        for child in command.commands.values():
            yield from _command(f"{name} {child.name}", child)
        return
    arguments = [entry for entry in command.params if entry.param_type_name == "argument"]
    options = [entry for entry in command.params if entry.param_type_name == "option"]
    shown = " ".join(_argument(entry) for entry in arguments)
    yield f"## `{name}`\n\n```\n{name}{' ' + shown if shown else ''}{' [OPTIONS]' if options else ''}\n```\n"
    yield f"{command.help}\n"
    if command.params:
        yield "| | |\n|---|---|"
        for entry in [*arguments, *options]:
            label = _argument(entry) if entry in arguments else ", ".join(entry.opts)
            yield f"| `{label}` | {entry.help}{_default(entry)} |"
        yield ""


def _argument(entry: Any) -> str:
    name = entry.metavar or entry.name.upper()
    return f"{name}…" if entry.nargs == -1 else str(name)


def _default(entry: Any) -> str:
    if isinstance(entry.show_default, str):
        return f" Default: `{entry.show_default}`."
    if entry.required or entry.default in (None, False) or callable(entry.default):
        return ""
    value = entry.default
    return f" Default: `{Path(*value.parts[-3:]) if isinstance(value, Path) else value}`."


def _settings() -> Iterator[str]:
    yield f"# Settings\n\n{_MADE}"
    yield (
        "Each is read from the environment, else from `quotebound.toml` in the current folder "
        "(in lower case, without the prefix), else its default holds.\n"
    )
    yield "| Variable | Default | What it is |\n|---|---|---|"
    for name, field in Settings.model_fields.items():
        default = field.default
        told = "" if default in (None, ()) else f"`{default}`"
        yield f"| `QUOTEBOUND_{name.upper()}` | {told} | {field.description} |"
    yield ""


def _errors() -> Iterator[str]:
    yield f"# Errors\n\n{_MADE}"
    yield (
        "The API answers `{code, message, request_id}` with these statuses; "
        "the command line prints the message. `invalid_request` (422) is a body of another shape "
        "than the one documented.\n"
    )
    yield "| Code | Status | Retry | What happened |\n|---|---|---|---|"
    for kind in sorted(_leaves(QuoteboundError), key=lambda kind: kind.code):
        what = (kind.__doc__ or "").splitlines()[0]
        yield f"| `{kind.code}` | {status_of(kind(''))} | {'yes' if kind.retryable else 'no'} | {what} |"
    yield ""


def _leaves(kind: type[QuoteboundError]) -> list[type[QuoteboundError]]:
    children = [child for child in kind.__subclasses__() if child.__module__.startswith(("index.", "rag."))]
    return [leaf for child in children for leaf in _leaves(child)] if children else [kind]


def main(*, check: bool) -> int:
    """Write the pages, or tell which differ from what they would be."""
    made = pages()
    if check:
        stale = [name for name, text in made.items() if not _is(_FOLDER / name, text)]
        for name in stale:
            sys.stderr.write(f"docs/{name} is not what the code says: run `make docs`\n")
        return 1 if stale else 0
    _FOLDER.mkdir(exist_ok=True)
    for name, text in made.items():
        (_FOLDER / name).write_text(text, encoding="utf-8")
    return 0


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
