"""How soon the page shows the first words of an answer, and what twenty visitors at once get.

    python page_load.py [--rounds 36] [--visitors 20]      # from tests/

Of a real service over the demo documents, in Chromium, all in one run. Exit code 1 where a bar is missed:
the first words in at most 1.5 of the API's own time to its first sentence, and for every visitor an answer
or a plain word that the service is busy.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from browsing import ROOT, chromium, free_port, opened, quotebound, service
from playwright.sync_api import Browser, Page

BAR = 1.5
_CASES = ROOT / "eval" / "sets" / "seeds.jsonl"

# Milliseconds to the first sentence, -1 for an abstention.
_OF_THE_API = """
async (question) => {
  const begun = performance.now();
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ question });
  const response = await fetch("/ask/stream", { method: "POST", headers, body });
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  for (let told = ""; ;) {
    const { done, value } = await reader.read();
    if (done) return -1;
    told += decoder.decode(value, { stream: true });
    if (told.includes("event: sentence")) return performance.now() - begun;
  }
}
"""
_OF_THE_PAGE = """
async (question) => {
  const turns = document.querySelectorAll(".turn").length;
  window.quotebound.type(question);
  // As who types: the framework knows of it before the button is pressed.
  await new Promise((resolve) => setTimeout(resolve, 100));
  return await new Promise((resolve) => {
    const begun = performance.now();
    const observer = new MutationObserver(() => {
      const turn = document.querySelectorAll(".turn")[turns];
      const words = turn?.querySelector(".sentences p");
      if (!words && !turn?.querySelector(".abstained, [role=alert]")) return;
      observer.disconnect();
      // Once it is painted.
      requestAnimationFrame(() => resolve(words ? performance.now() - begun : -1));
    });
    observer.observe(document.body, { childList: true, subtree: true });
    document.getElementById("ask").click();
  });
}
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """Milliseconds to the first words, of the API and of the page, of the questions that were answered."""

    api: Sequence[float]
    page: Sequence[float]

    @property
    def ratio(self) -> float:
        """The median of the page over that of the API."""
        return statistics.median(self.page) / statistics.median(self.api)


def questions() -> list[str]:
    """Return the questions of the demo documents that they answer."""
    cases = map(json.loads, _CASES.read_text(encoding="utf-8").splitlines())
    return [case["question"] for case in cases if case["answerable"]]


def compared(page: Page, rounds: int) -> Compared:
    """Ask the API and the page the same questions in turns, the first two of them to warm up.

    One of them in capitals, in every other round the other one: what was answered before in the same
    letters is not worked out again.
    """
    found: tuple[list[float], list[float]] = ([], [])
    for number, question in enumerate(questions()[: rounds + 2]):
        ways = ((_OF_THE_API, question), (_OF_THE_PAGE, question.swapcase()))
        if number % 2:
            ways = ((_OF_THE_PAGE, question), (_OF_THE_API, question.swapcase()))
        for way, asked in ways:
            begin_anew(page)
            taken = page.evaluate(way, asked)
            # What the page does after the first words is not to be in the way of the next.
            page.wait_for_function("!('asking' in document.body.dataset)")
            if number >= 2 and taken >= 0:
                found[way is _OF_THE_PAGE].append(taken)
    return Compared(*found)


def begin_anew(page: Page) -> None:
    """Leave the conversation, so that no question is one that follows another."""
    if page.locator(".turn").count():
        page.get_by_role("button", name="New conversation").click()
        page.locator("#conversation .empty").wait_for()


def at_once(browser: Browser, url: str, visitors: int) -> Counter[str]:
    """Have visitors ask at once, each another question; return how often what came of it.

    `answered` and `abstained` are answers, `busy` a word that says so; anything else is a fault.
    """
    pages = [opened(browser, url)[0] for _ in range(visitors)]
    asked = dict(zip(pages, questions(), strict=False))
    for page, question in asked.items():
        page.evaluate("question => window.quotebound.type(question)", question)
    for page in pages:
        page.evaluate("() => { setTimeout(() => document.getElementById('ask').click(), 300); }")
    outcomes: Counter[str] = Counter()
    for page, question in asked.items():
        turn = page.locator(".turn")
        turn.locator(".actions").wait_for(timeout=120_000)
        if turn.locator(".question").all_inner_texts() != [question]:
            outcomes["another's"] += 1
        elif turn.locator(".sentences").count():
            outcomes["answered"] += 1
        elif turn.locator(".abstained").count():
            outcomes["abstained"] += 1
        else:
            said = turn.locator("[role=alert]").inner_text()
            outcomes["busy" if "try again" in said else said] += 1
        page.context.close()
    return outcomes


def tell(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")


def main() -> None:
    """Measure, print, and end with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=36)
    parser.add_argument("--visitors", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        home = Path(name)
        quotebound(["ingest", "seeds"], home)
        with service(home, free_port()) as url:
            page, _ = opened(browser, url)
            taken = compared(page, asked.rounds)
            page.context.close()
            outcomes = at_once(browser, url, asked.visitors)
    for who, values in (("API", taken.api), ("page", taken.page)):
        ranked = sorted(values)
        tell(
            f"{who:5} {len(values):3} answered, first words after {statistics.median(values):6.0f} ms "
            f"(90 %: {ranked[int(0.9 * (len(ranked) - 1))]:.0f} ms)"
        )
    tell(f"ratio {taken.ratio:.2f} (bar {BAR})")
    tell(f"{asked.visitors} visitors at once: " + ", ".join(f"{n} {what}" for what, n in outcomes.items()))
    tell(f"load of the machine: {os.getloadavg()[0]:.1f}")
    kept = {"answered", "abstained", "busy"}
    sys.exit(taken.ratio > BAR or not outcomes.keys() <= kept)


if __name__ == "__main__":
    main()
