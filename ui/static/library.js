// The library: puts what comes from Python into its slots, filters and sorts the rows, and keeps what of it
// questions are asked of.
(() => {
  "use strict";
  const { local, send, keep, scope, view, ask } = window.quotebound;
  const DEFAULT = "default";
  const STEP = 200;
  // As many ids as ui/context.py takes.
  const MOST_CHOSEN = 1000;
  const LOOK_EVERY = 5_000;
  const root = () => document.querySelector("#documents .library");
  const slot = (name) => root().querySelector(`[data-slot="${name}"]`);
  const table = () => root().querySelector("table");
  const filter = () => document.getElementById("document-filter");
  const collection = () => scope().collection || DEFAULT;
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  // The rows of the table as {row, html, id, title, added, words}, and how they are shown.
  let rows = [];
  let limit = STEP;
  let order = { by: null, ascending: true };
  // What has the keyboard once the patch of a token came.
  let afterwards = null;
  // What is shown was drawn when.
  let last = {};
  let tokens = 0;

  function tell(data, focus = null) {
    const token = String(++tokens);
    if (focus) afterwards = { token, focus };
    table()?.setAttribute("aria-busy", "true");
    send("documents", { ...data, token });
  }
  let refreshing;
  function refresh() {
    clearTimeout(refreshing);
    refreshing = setTimeout(() => {
      tell({ action: "show" });
      if (tasks()?.open) send("jobs", {});
    }, 300);
  }

  function parsed(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  }

  function apply(patch) {
    const given = parsed(patch);
    // Another collection was chosen meanwhile, of which more is to come.
    if (!given || given.dataset.asked !== collection()) return;
    if (given.dataset.collection !== collection()) enter(given.dataset.collection);
    const { run, number } = given.dataset;
    const late = run === last.run && Number(number) < last.number;
    table().removeAttribute("aria-busy");
    for (const filled of given.querySelectorAll(":scope > [data-slot]")) {
      const { slot: name } = filled.dataset;
      if (!late || name === "said" || name === "fault") fill(slot(name), filled);
    }
    const wanted = given.querySelector(":scope > table");
    if (wanted && !late) {
      take([...wanted.tBodies[0].rows]);
      last = { run, number: Number(number) };
    }
    faulted();
    if (afterwards?.token === given.dataset.token) {
      const lost = document.activeElement === document.body || document.activeElement.closest(".making");
      if (lost) (afterwards.focus() ?? root().querySelector("h2")).focus();
      afterwards = null;
    }
  }

  function fill(there, wanted) {
    if (there.innerHTML === wanted.innerHTML) return;
    const focused = there.contains(document.activeElement) ? document.activeElement.outerHTML : null;
    there.replaceChildren(...wanted.childNodes);
    if (focused) [...there.querySelectorAll("button")].find((each) => each.outerHTML === focused)?.focus();
  }

  // A row that is as before stays, with what is open or asked in it.
  function take(wanted) {
    const before = new Map(rows.filter(({ row }) => !row.hasAttribute("aria-busy")).map((each) => [each.html, each]));
    const known = rows.map(({ id }) => id).join();
    rows = wanted.map((row) => {
      const html = row.outerHTML;
      const title = row.querySelector("th").textContent;
      const { document: id = "", added } = row.dataset;
      const source = row.querySelector("[data-head=Source]")?.textContent ?? "";
      return before.get(html) ?? { row, html, id, title, added, words: plain(`${title} ${source}`) };
    });
    const there = new Set(rows.map(({ id }) => id));
    const { documents = [] } = scope();
    if (documents.some((id) => !there.has(id))) choose(documents.filter((id) => there.has(id)));
    draw();
    if (rows.map(({ id }) => id).join() !== known) document.dispatchEvent(new CustomEvent("quotebound:library"));
  }

  function draw() {
    const terms = plain(filter().value).split(/\s+/).filter(Boolean);
    const found = rows.filter(({ words }) => terms.every((term) => words.includes(term)));
    if (order.by) {
      const sign = order.ascending ? 1 : -1;
      found.sort((a, b) => sign * collator.compare(a[order.by], b[order.by]));
    }
    const shown = found.slice(0, limit).map(({ row }) => row);
    const body = table().tBodies[0];
    const focused = document.activeElement;
    if (shown.length !== body.rows.length || shown.some((row, at) => row !== body.rows[at])) {
      const kept = body.contains(focused) ? { key: focused.closest("tr").dataset.document, html: focused.outerHTML } : null;
      body.replaceChildren(...shown);
      if (kept) again(kept, focused)?.focus({ preventScroll: true });
    }
    root().querySelector(".shown").hidden = !rows.length;
    root().querySelector(".count").textContent = `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
    root().querySelector(".more").hidden = shown.length === found.length;
    for (const head of root().querySelectorAll("th[aria-sort]")) {
      const by = head.querySelector("button").dataset.by;
      head.setAttribute("aria-sort", by !== order.by ? "none" : order.ascending ? "ascending" : "descending");
    }
    mark();
  }
  function again({ key, html }, focused) {
    if (focused.isConnected) return focused;
    const row = [...table().tBodies[0].rows].find((each) => each.dataset.document === key);
    return [...(row?.querySelectorAll("button, input, summary") ?? [])].find((each) => each.outerHTML === html);
  }

  function mark() {
    const chosen = new Set(scope().documents);
    for (const box of root().querySelectorAll("input[data-document]")) {
      box.checked = chosen.has(box.dataset.document);
      box.disabled = !box.checked && chosen.size >= MOST_CHOSEN;
    }
    const asking = root().querySelector("[data-local=ask-these]");
    asking.textContent =
      chosen.size === 0 ? "Ask this collection" : chosen.size === 1 ? "Ask this document" : `Ask these ${chosen.size} documents`;
    root().querySelector("[data-local=choose-none]").hidden = !chosen.size;
  }

  // What questions are asked of.
  function choose(documents) {
    const first = rows.find(({ id }) => id === documents[0]);
    const others = documents.length - 1;
    const rest = others > 1 ? ` and ${others} others` : others ? " and 1 other" : "";
    const label = documents.length ? `${first?.title ?? "a document"}${rest}` : "";
    keep("scope", JSON.stringify({ collection: collection(), documents, label }));
  }
  function enter(name) {
    keep("scope", JSON.stringify({ collection: name, documents: [], label: "" }));
    rows = [];
    limit = STEP;
    filter().value = "";
  }
  function line() {
    const shown = document.getElementById("scope-line");
    if (!shown) return;
    const { documents = [], label = "" } = scope();
    const said = document.createElement("span");
    said.dir = "auto";
    const button = document.createElement("button");
    button.type = "button";
    if (documents.length) {
      said.textContent = `Asking ${documents.length === 1 ? "1 document" : `${documents.length} documents`}: ${label}`;
      button.textContent = "Ask all documents";
      button.dataset.local = "widen";
    } else {
      said.textContent = `Asking the collection ${collection()}`;
      button.textContent = `Ask the collection ${DEFAULT}`;
      Object.assign(button.dataset, { local: "collection", collection: DEFAULT });
    }
    shown.hidden = !documents.length && collection() === DEFAULT;
    shown.replaceChildren(said, " ", button);
  }
  document.addEventListener("quotebound:kept", ({ detail }) => {
    if (detail.name !== "scope") return;
    line();
    if (root()) mark();
  });
  document.addEventListener("change", ({ target }) => {
    const { document: id } = target.dataset ?? {};
    if (!target.matches?.("#documents input[type=checkbox]") || !id) return;
    const others = (scope().documents ?? []).filter((each) => each !== id);
    choose(target.checked ? [...others, id] : others);
  });

  const field = () => document.querySelector("#question textarea");
  local("choose-none", () => {
    choose([]);
    root().querySelector("[data-local=ask-these]").focus();
  });
  local("ask-these", () => {
    view("chat");
    field().focus();
  });
  // From the line above the field, or from an answer, which is then asked for again.
  local("widen", (button) => {
    const turn = button.closest(".turn");
    const name = turn?.dataset.collection || collection();
    if (name === collection()) choose([]);
    else enter(name);
    if (turn) ask(turn.querySelector(".question").textContent);
    else field().focus();
  });
  local("collection", (button) => {
    const { collection: name } = button.dataset;
    if (name !== collection()) {
      enter(name);
      tell({ action: "show" });
    } else if (scope().documents?.length) choose([]);
    if (button.closest("#scope-line")) field().focus();
  });

  local("sort", (button) => {
    const { by } = button.dataset;
    order = { by, ascending: by === order.by ? !order.ascending : true };
    draw();
  });
  local("more", () => {
    const first = table().tBodies[0].rows.length;
    limit += STEP;
    draw();
    table().tBodies[0].rows[first]?.querySelector("button")?.focus();
  });
  document.addEventListener("input", ({ target }) => {
    if (target.id !== "document-filter") return;
    limit = STEP;
    draw();
  });

  // Asks in place of a button whether it is meant.
  local("doom", (button) => {
    const { question, does, document: id = "", collection: name = "" } = button.dataset;
    const said = Object.assign(document.createElement("span"), { textContent: question });
    const sure = document.createElement("button");
    Object.assign(sure, { type: "button", textContent: button.textContent, className: "danger" });
    sure.setAttribute("aria-label", `${button.getAttribute("aria-label")} for good`);
    Object.assign(sure.dataset, { local: does, document: id, collection: name });
    const spare = Object.assign(document.createElement("button"), { type: "button", textContent: "Keep" });
    spare.dataset.local = "spare";
    const asked = Object.assign(document.createElement("div"), { className: "sure" });
    asked.setAttribute("role", "group");
    asked.setAttribute("aria-label", question);
    asked.append(said, sure, spare);
    button.hidden = true;
    button.after(asked);
    spare.focus();
  });
  function spared(asked) {
    const button = asked.previousElementSibling;
    asked.remove();
    button.hidden = false;
    button.focus();
  }
  local("spare", (button) => spared(button.closest(".sure")));
  document.addEventListener("keydown", (event) => {
    const asked = event.key === "Escape" && event.target.closest?.("#documents .sure");
    if (!asked) return;
    event.stopPropagation();
    spared(asked);
  }, true);

  local("remove", ({ dataset: { document: id } }) => {
    const row = table().querySelector(`tr[data-document="${CSS.escape(id)}"]`);
    row?.setAttribute("aria-busy", "true");
    for (const each of row?.querySelectorAll("button, input") ?? []) each.disabled = true;
    tell({ action: "remove", document: id }, () => slot("undo").querySelector(`[data-document="${CSS.escape(id)}"]`));
  });
  local("undo", (button) => {
    const { receipt, document: id } = button.dataset;
    button.disabled = true;
    tell({ action: "undo", receipt }, () => table().querySelector(`tr[data-document="${CSS.escape(id)}"] button.title`));
  });
  const current = () => slot("collections").querySelector("[aria-current]");
  local("delete-collection", (button) => {
    button.disabled = true;
    tell({ action: "delete-collection", collection: button.dataset.collection }, current);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target.closest(".making form");
    if (!form) return;
    event.preventDefault();
    event.stopPropagation();
    tell({ action: "create", name: form.elements.name.value }, () => {
      if (slot("fault").textContent) return form.elements.name;
      form.reset();
      form.closest("details").open = false;
      return current();
    });
  }, true);
  function faulted() {
    const name = document.getElementById("collection-name");
    if (slot("fault").textContent) name.setAttribute("aria-invalid", "true");
    else name.removeAttribute("aria-invalid");
  }

  // Jobs are asked for while they are looked at, once the page is there.
  const tasks = () => document.querySelector("#jobs details");
  document.addEventListener("toggle", ({ target }) => target === tasks() && target.open && send("jobs", {}), true);
  setInterval(() => {
    if (document.hidden || document.body?.dataset.view !== "library" || !root()) return;
    if (tasks()?.open && tasks().querySelector("[data-going]")) send("jobs", {});
    if (rows.some(({ row }) => row.dataset.job)) tell({ action: "show" });
  }, LOOK_EVERY);

  let begun = false;
  document.addEventListener("quotebound:shown", ({ detail: { region, value } }) => {
    if (region === "documents") apply(value);
    if (region === "jobs") tasks().lastElementChild.replaceWith(parsed(value));
    if (begun) return;
    begun = true;
    line();
    if (scope().documents?.length) tell({ action: "show" });
  });
  document.addEventListener("quotebound:view", ({ detail }) => {
    // Once it is drawn; of a page that was left here and loaded anew the view is told again then.
    if (detail.name === "library" && root()) tell({ action: "show" });
  });
  document.addEventListener("quotebound:gone", () => table()?.removeAttribute("aria-busy"));

  document.addEventListener("quotebound:back", refresh);

  window.quotebound.library = { refresh, collection };
})();
