"""The pieces that all of the page is made of."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from index.chunking import HEADING_SEPARATOR


def attributes(values: Mapping[str, object]) -> str:
    """Return attributes of an element, each after a blank; one that is None or False is left out."""
    parts = []
    for name, value in values.items():
        if value is True:
            parts.append(f" {name}")
        elif value is not None and value is not False:
            parts.append(f' {name}="{escape(str(value))}"')
    return "".join(parts)


def data(values: Mapping[str, object]) -> str:
    """Return data attributes, as `attributes` does."""
    return attributes({f"data-{name}": value for name, value in values.items()})


def button(
    text: str,
    *,
    kind: str = "",
    label: str | None = None,
    pressed: bool | None = None,
    disabled: bool = False,
    also: Mapping[str, object] | None = None,
    **values: object,
) -> str:
    """Return a button; `values` and `also` are its data attributes, of which `action` is told to the server.

    `local` is for the page's own scripts. `label` is what a screen reader says in place of the text.
    """
    told = attributes(
        {
            "class": kind or None,
            "aria-label": label,
            "aria-pressed": None if pressed is None else str(pressed).lower(),
            "disabled": disabled,
        }
    )
    return f'<button type="button"{told}{data({**values, **(also or {})})}>{escape(text)}</button>'


def notice(message: str, *, error: bool) -> str:
    """Return a line that says what happened."""
    kind, role = ("error", "alert") if error else ("done", "status")
    return f'<p class="notice {kind}" role="{role}">{escape(message)}</p>' if message else ""


def names(title: str, heading: str | None) -> str:
    """Return the title of a document over a path of headings in it."""
    # A document's first heading is often its title; said once is enough.
    path = [part for part in (heading or "").split(HEADING_SEPARATOR) if part and part != title]
    under = escape(HEADING_SEPARATOR.join(path))
    told = f'<span class="heading" dir="auto">{under}</span>' if under else ""
    return f'<span class="names"><span class="title" dir="auto">{escape(title)}</span>{told}</span>'


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a number with what it counts, as in `1 page` and `2 pages`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
