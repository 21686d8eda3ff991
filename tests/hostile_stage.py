"""A page in front of hostile texts, and what must not be in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from browsing import Watched, ready
from playwright.sync_api import Browser, Page

from ui.gate import VISITOR_COOKIE

# What the regions may hold of elements and attributes; all else came in with a text.
_TAGS = (
    "a article blockquote button caption code details div figcaption figure footer form h1 h2 h3 h4 h5 "
    "h6 header img input label li mark nav ol output p pre progress section span summary table tbody td "
    "textarea th thead time tr ul"
)
_ATTRIBUTES = (
    "alt autocomplete checked class colspan datetime decoding dir disabled download for hidden href id lang "
    "max maxlength min multiple name novalidate open placeholder readonly required role rows scope sizes "
    "spellcheck src srcset style tabindex title type value webkitdirectory"
)
REGIONS = "#conversation, #panel-evidence, #viewer, #documents, #jobs, #history, #scope-line, #banner"

_FAULTS = r"""
([regions, tags, attributes]) => {
  const [known, names] = [new Set(tags.split(" ")), new Set(attributes.split(" "))];
  const ADDRESS = /^(href|src|action|formaction|data|poster|background|ping|xlink:href)$/;
  const EXPORT = /^\/conversations\/[0-9a-f]{32}\.md$/;
  const IMAGE = /^\/documents\/[0-9a-f]{32}\/pages\/\d+\/image\?[\w=&]+$/;
  const faults = [];
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (/^on/.test(name)) faults.push(`${element.tagName} ${name}`);
      if (!ADDRESS.test(name) || /^(data:image|blob:)/.test(value)) continue;
      const { origin } = new URL(value, location);
      if (origin !== location.origin) faults.push(`${element.tagName} ${name}=${value}`);
    }
  }
  const shown = [...document.querySelectorAll(regions)];
  for (const element of shown.flatMap((region) => [...region.querySelectorAll("*")])) {
    const tag = element.tagName.toLowerCase();
    if (!known.has(tag) || element.shadowRoot) faults.push(tag);
    for (const { name, value } of element.attributes) {
      if (!names.has(name) && !/^(aria|data)-[a-z-]+$/.test(name)) faults.push(`${tag} ${name}`);
      if (name === "href" && !EXPORT.test(value)) faults.push(`${tag} ${value}`);
      if (name === "src" && !IMAGE.test(value)) faults.push(`${tag} ${value}`);
      if (name === "style" && /url|expression|import|fixed/i.test(value)) faults.push(`${tag} ${value}`);
    }
  }
  if (window.pwned !== undefined) faults.push("a payload ran");
  faults.push(...window.violations.map((violation) => `policy: ${violation}`));
  if (Object.keys(Object.prototype).length || ({}).polluted !== undefined) faults.push("prototype pollution");
  return faults;
}
"""
_LISTEN = """
window.violations = [];
window.drawn = {};
document.addEventListener("quotebound:shown", ({ detail }) => {
  // What is empty draws nothing: it comes where the page asks whether it missed something.
  if (detail.value) window.drawn[detail.region] = (window.drawn[detail.region] ?? 0) + 1;
});
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) => {
  window.violations.push(`${violatedDirective} ${blockedURI} ${sample}`);
});
"""


def hostile_page(browser: Browser, address: str, visitor: str = "") -> tuple[Page, Watched]:
    """Open the page, by default for who was never there, and have it tell what its policy forbade."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    if visitor:
        context.add_cookies([{"name": VISITOR_COOKIE, "value": visitor, "url": address}])
    context.add_init_script(_LISTEN)
    context.set_default_timeout(20_000)
    page = context.new_page()
    watched = Watched(page)
    page.goto(address)
    ready(page)
    return page, watched


def live(page: Page) -> list[str]:
    """Return what in the page is more than text and the page's own: elements, handlers, addresses."""
    return list(page.evaluate(_FAULTS, [REGIONS, _TAGS, _ATTRIBUTES]))


def requested(net_log: Path) -> list[str]:
    """Return every address that Chromium began a request for or looked a name up of, by its own log."""
    log = json.loads(net_log.read_text(encoding="utf-8"))
    kinds = log["constants"]["logEventTypes"]
    wanted = {kinds[name] for name in kinds if name in _ASKING}
    found = []
    for event in log["events"]:
        if event["type"] in wanted:
            params = event.get("params", {})
            found += [str(params[name]) for name in ("url", "host", "dns_query") if name in params]
    return found


_ASKING = ("URL_REQUEST_START_JOB", "HOST_RESOLVER_MANAGER_REQUEST", "HOST_RESOLVER_DNS_TASK")


def seen(text: str) -> str:
    """Return a text as it is compared: without what HTML cannot hold, each run of white space a blank."""
    return " ".join(re.sub("[\x00\ud800-\udfff\ufffd]", "", text).split())


def scope(page: Page, *documents: str, collection: str = "default") -> None:
    """Have questions asked of some documents alone."""
    told: dict[str, Any] = {"collection": collection, "documents": documents, "label": "chosen"}
    page.evaluate("told => window.quotebound.keep('scope', JSON.stringify(told))", told)
