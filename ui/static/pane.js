// The pane beside the chat: the evidence of an answer, and the source that it is from.
(() => {
  "use strict";
  const { local, send, wide, kept, keep } = window.quotebound;
  const pane = () => document.getElementById("pane");
  const panel = (name) => document.getElementById(name === "source" ? "viewer" : "panel-evidence");
  // What had the keyboard before the pane came, and the turn whose evidence is shown.
  let origin = null;
  let turn = null;

  function select(name) {
    for (const tab of pane().querySelectorAll("[role=tab]")) {
      const selected = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
    }
    panel("evidence").hidden = name !== "evidence";
    const viewer = panel("source");
    viewer.hidden = name !== "source";
    viewer.setAttribute("role", "tabpanel");
    viewer.setAttribute("aria-labelledby", "tab-source");
  }

  function open(name) {
    document.body.dataset.pane = "open";
    select(name);
  }
  function close() {
    delete document.body.dataset.pane;
    if (location.hash.startsWith("#doc=")) history.replaceState(null, "", location.pathname);
    if (origin?.isConnected) origin.focus();
    origin = null;
  }

  function fill(of) {
    turn = of;
    const cards = of.querySelector(".evidence");
    panel("evidence").replaceChildren(...[...(cards?.children ?? [])].map((card) => card.cloneNode(true)));
  }

  // What else of the answer stands in a document, for the viewer to show it too.
  function others({ document: id, start }) {
    if (!turn) return [];
    return [...turn.querySelectorAll(".evidence .card")]
      .map((card) => card.dataset)
      .filter((card) => card.document === id && card.start !== start)
      .map((card) => [Number(card.start), Number(card.end), card.marker]);
  }

  // Opens a document at a span of its text; `from` is what was clicked.
  function source({ document: id, start, end, collection = "", marker = "" }, from = null) {
    const of = from?.closest(".turn");
    if (of) fill(of);
    if (from && !pane().contains(from)) origin = from;
    open("source");
    send("viewer", {
      action: "open", document: id, start, end, collection, marker, others: JSON.stringify(others({ document: id, start })),
    });
    const shown = new URLSearchParams({ doc: id, start, end, ...(collection && collection !== "default" && { collection }) });
    history.replaceState(null, "", `#${shown}`);
  }
  local("source", (button) => source(button.dataset, button));
  local("evidence", (button) => {
    fill(button.closest(".turn"));
    origin = button;
    open("evidence");
    panel("evidence").querySelector(".card")?.focus();
  });
  local("close-pane", () => {
    keep("pane", "closed");
    close();
  });
  document.addEventListener("quotebound:escape", () => document.body.dataset.pane && close());

  document.addEventListener("click", (event) => {
    const tab = event.target.closest?.("#pane [role=tab]");
    if (tab) select(tab.id.replace("tab-", ""));
  });
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.("#pane [role=tab]");
    if (!tab || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const other = [...tab.parentElement.children].find((each) => each !== tab);
    select(other.id.replace("tab-", ""));
    other.focus();
  });

  // Where there is room the evidence of an answer is beside it at once, unless that was closed before.
  document.addEventListener("quotebound:answered", ({ detail }) => {
    if (!detail.turn.querySelector(".evidence .card")) return;
    fill(detail.turn);
    if (wide.matches && kept("pane") !== "closed") open("evidence");
  });
  document.addEventListener("quotebound:opened", () => {
    turn = null;
    const last = [...document.querySelectorAll("#conversation .turn")].findLast((each) => each.querySelector(".evidence .card"));
    if (last) fill(last);
    if (last && wide.matches && kept("pane") !== "closed" && !deep()) open("evidence");
    else if (!last && !deep()) delete document.body.dataset.pane;
  });

  // Links to a place in a document: /#doc=…&start=…&end=…&collection=…
  function deep() {
    const told = new URLSearchParams(location.hash.slice(1));
    return told.has("doc") ? told : null;
  }
  function follow() {
    const told = deep();
    if (!told) return;
    source({
      document: told.get("doc"), start: told.get("start") ?? "", end: told.get("end") ?? "",
      collection: told.get("collection") ?? "",
    });
  }
  addEventListener("hashchange", follow);
  let begun = false;
  document.addEventListener("quotebound:shown", () => {
    if (begun) return;
    begun = true;
    select("evidence");
    follow();
  });

  window.quotebound.source = source;
})();
