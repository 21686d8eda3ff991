// Draws the cases of an eval run as the filter has them. All text is put in as text, never as HTML.
(() => {
  "use strict";
  const told = JSON.parse(document.getElementById("told").textContent);
  const [form, list, more, count] = ["filter", "list", "more", "count"].map((id) => document.getElementById(id));
  const FIELDS = ["failure", "kind", "change", "sort", "q"];
  const STEP = 50;
  const text = (place) => told.texts[place];
  let chosen = [];

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    made.append(...children.filter((child) => child !== null));
    return made;
  }
  const words = (value, attributes = {}) => element("p", { dir: "auto", ...attributes }, value);

  // What is asked for is in the address, so that a view can be linked to.
  const field = (name) => form.elements.namedItem(name);
  const wanted = () => Object.fromEntries(FIELDS.map((name) => [name, field(name)?.value ?? ""]));
  function fromAddress() {
    const asked = new URLSearchParams(location.hash.slice(1));
    // An anchor of the page asks for nothing.
    if (!FIELDS.some((name) => asked.has(name))) return false;
    for (const name of FIELDS) {
      const control = field(name);
      if (!control) continue;
      control.value = asked.get(name) ?? "";
      if (control.selectedIndex === -1) control.value = "";
    }
    return true;
  }
  function toAddress() {
    const asked = new URLSearchParams(Object.entries(wanted()).filter(([, value]) => value));
    const address = asked.size ? `#${asked}` : location.pathname + location.search;
    try {
      history.replaceState(null, "", address);
    } catch {
      // A page within another may not; it works without.
    }
  }

  const quotesOf = (run) => (run ? [...run.citations, ...(run.best ? [run.best] : [])] : []);
  function haystack(case_) {
    case_.haystack ??= [
      case_.id, case_.kind, ...[case_.question, ...case_.answers, ...case_.expected.flat()].map(text),
      ...[...quotesOf(case_.run), ...quotesOf(case_.other)].flatMap((cited) => [text(cited.quote), text(cited.source)]),
    ].join("\n").toLowerCase();
    return case_.haystack;
  }
  function choose() {
    const { failure, kind, change, sort, q } = wanted();
    const sought = q.trim().toLowerCase();
    chosen = told.cases.filter((case_) =>
      (!failure || case_.run.failure === failure || (failure === "any" && case_.run.failure !== "none"))
      && (!kind || case_.kind === kind)
      && (!change || case_.change === change || (change === "any" && case_.change))
      && (!sought || haystack(case_).includes(sought)));
    const direction = { up: 1, down: -1 }[sort];
    if (direction) chosen.sort((one, other) => direction * (one.run.confidence - other.run.confidence));
    for (const link of document.querySelectorAll('a[href^="#failure="], a[href^="#kind="]')) {
      const [name, value] = new URLSearchParams(link.hash.slice(1)).entries().next().value;
      if (wanted()[name] === value) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  function quote(cited) {
    const whole = text(cited.quote);
    const [start, end] = cited.mark ?? [0, 0];
    const shown = element("p", { class: "quote", dir: "auto" });
    if (end > start) shown.append(whole.slice(0, start), element("mark", {}, whole.slice(start, end)), whole.slice(end));
    else shown.append(whole);
    return shown;
  }
  function whence(cited) {
    const place = cited.place === undefined ? "" : `, ${text(cited.place)}`;
    const named = `${text(cited.source)}${place}, characters ${cited.at[0]}–${cited.at[1]}`;
    if (!told.link || !cited.document) return element("bdi", {}, named);
    const [base, collection] = told.link;
    const asked = new URLSearchParams({ doc: cited.document, start: cited.at[0], end: cited.at[1] });
    if (collection) asked.set("collection", collection);
    // Out of the frame that it may be in: what it opens is the page around it.
    return element("a", { href: `${base}/#${asked}`, target: "_top" }, element("bdi", {}, named));
  }
  function citation(cited) {
    const worth = cited.right ? "Shows the evidence" : "Does not show the evidence";
    return element("blockquote", { class: cited.right ? "right" : "wrong" }, quote(cited),
      element("p", { class: "whence" }, element("span", { class: "word" }, worth), " · ", whence(cited)));
  }

  function expected(case_) {
    const column = element("div", {}, element("h4", {}, "Expected"));
    if (!case_.answerable) {
      column.append(words("No answer: the documents do not say."));
      return column;
    }
    for (const answer of case_.answers) column.append(words(text(answer)));
    case_.expected.forEach(([source, passage], place) => {
      column.append(element("blockquote", {}, element("p", { class: "quote", dir: "auto" }, text(passage)),
        element("p", { class: "whence" }, element("bdi", {}, text(source)), ` · ${found(case_.run, place)}`)));
    });
    return column;
  }
  function found(run, place) {
    const rank = run.ranks[place] ?? null;
    const retrieved = rank === null ? `in none of ${run.hits} passages` : `passage ${rank} of ${run.hits}`;
    return `${retrieved}, ${run.cited[place] ? "cited" : "not cited"}`;
  }
  function answered(run, heading, full) {
    const column = element("div", {}, element("h4", {}, heading));
    if (full) column.append(verdict(run));
    if (run.answer !== undefined) column.append(words(text(run.answer)));
    if (run.by !== undefined) column.append(words(`Put into words by ${text(run.by)}.`, { class: "whence" }));
    if (run.fallback !== undefined) column.append(words(`In place of a language model: ${text(run.fallback)}`, { class: "whence" }));
    if (run.abstained) column.append(words("Not answered."));
    column.append(...run.citations.map(citation));
    if (run.best) column.append(words("Put first, had it been answered:"), citation(run.best));
    return column;
  }
  function verdict(run) {
    const right = run.failure === "none";
    return element("p", { class: "facts" },
      element("span", { class: right ? "good" : "bad" }, right ? "✓ Right" : `✗ Wrong: ${told.failures[run.failure]}`),
      element("span", {}, `confidence ${run.confidence.toFixed(2)}`));
  }
  function drawn(case_, place) {
    const id = `case-${place}`;
    const facts = verdict(case_.run);
    if (case_.change) facts.append(element("span", {}, `${case_.change} than in the other run`.replace("other than", "failed otherwise than")));
    if (told.compared && !case_.other) facts.append(element("span", {}, "not in the other run"));
    if (case_.kind) facts.append(element("bdi", {}, case_.kind));
    facts.append(element("a", { href: `#${new URLSearchParams({ q: case_.id })}` }, element("bdi", {}, case_.id)));
    const columns = element("div", { class: "columns" }, expected(case_), answered(case_.run, "Answered", false));
    if (case_.other) columns.append(answered(case_.other, "Answered in the other run", true));
    return element("li", {}, element("article", { class: "card case", "aria-labelledby": id },
      element("h3", { id, dir: "auto", tabindex: "-1" }, text(case_.question)), facts, columns));
  }

  function draw(from) {
    const next = chosen.slice(from, from + STEP).map((case_, place) => drawn(case_, from + place));
    if (from) list.append(...next);
    else list.replaceChildren(...next);
    const shown = Math.min(from + STEP, chosen.length);
    more.hidden = shown === chosen.length;
    count.textContent = chosen.length
      ? `${shown} shown of ${chosen.length} ${chosen.length === 1 ? "case" : "cases"}${chosen.length < told.cases.length ? `, out of ${told.cases.length}` : ""}`
      : "No case is like that.";
  }
  function renew() {
    choose();
    draw(0);
  }
  function lead() {
    const heading = document.getElementById("cases");
    heading.scrollIntoView();
    heading.focus({ preventScroll: true });
  }

  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => { toAddress(); renew(); });
  form.addEventListener("reset", () => setTimeout(() => { toAddress(); renew(); }));
  more.addEventListener("click", () => {
    const from = list.children.length;
    draw(from);
    document.getElementById(`case-${from}`)?.focus();
  });
  addEventListener("hashchange", () => {
    if (!fromAddress()) return;
    renew();
    lead();
  });
  const linked = fromAddress();
  renew();
  if (linked) lead();
})();
