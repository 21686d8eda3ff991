"""Parts of the page that Python draws and a script listens to.

What is clicked or sent within a region comes to its `select` event as the data of the element, together
with the `Context` of the page. So the server keeps nothing about a page that is open, and one that is
started again goes on with it.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.context import Context, whole

_LISTEN = "window.quotebound.region(element, trigger, watch, props);"
# As a script's preparation of an event: what there is of input, and the context for the last of it.
WITH_CONTEXT = "(...given) => [...given.slice(0, -1), window.quotebound.context()]"


def region(elem_id: str, value: str = "", *, template: str = "${value}") -> gr.HTML:
    """Return a region. With a `template` of its own, the page's script puts the values in place."""
    return gr.HTML(
        value, html_template=template, js_on_load=_LISTEN, elem_id=elem_id, apply_default_css=False
    )


def fixed(elem_id: str, content: str) -> gr.HTML:
    """Return a part of the page that only scripts change."""
    return gr.HTML("", html_template=content, js_on_load=None, elem_id=elem_id, apply_default_css=False)


def chosen(event: gr.EventData, request: gr.Request) -> tuple[dict[str, str], Context]:
    """Return the data of what was clicked or sent, and the page's context; what is no text is left out."""
    given: Any = event._data
    if not isinstance(given, dict):
        given = {}
    texts = {name: whole(value) for name, value in given.items() if isinstance(value, str)}
    return texts, Context.read(texts.pop("context", ""), request)
