// The evaluation: puts what comes from Python into its slots, walks through the cases of a set by click or key,
// and keeps what is typed in one until it is saved.
(() => {
  "use strict";
  const { local, send, keep, kept, view } = window.quotebound;
  const LOOK_EVERY = 1_000;
  const EDIT = "evaluation.edit";
  const NOUNS = { drafts: "drafts", stale: "stale cases", accepted: "accepted cases", rejected: "rejected cases" };
  const root = () => document.querySelector("#evaluation .evaluation");
  const inside = (selector) => root()?.querySelector(selector);
  const article = () => inside("article.case");
  const form = () => inside("form.editing");
  const strip = () => document.querySelector("#examining .strip");
  const going = () => "going" in (strip()?.dataset ?? {});
  const open = () => document.body?.dataset.view === "evaluation" && root();

  // Where one is, as `Place` of ui/rendering/evaluation.py; and the cases that are looked through.
  let place = remembered("evaluation.place", {});
  let queue = [];
  let at = 0;
  // What was asked for last and has not come yet, with what has the keyboard then. What changes something is not
  // done a second time before it is seen what became of it.
  let waiting = null;
  let tokens = 0;
  let newest = 0;

  function remembered(name, usual) {
    try {
      return JSON.parse(kept(name)) ?? usual;
    } catch {
      return usual;
    }
  }

  function tell(data, focus = null) {
    waiting = { token: String(++tokens), focus, changing: data.action !== "show" };
    root().setAttribute("aria-busy", "true");
    send("evaluation", { ...place, ...data, token: waiting.token });
  }

  function parsed(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  }

  function apply(value) {
    const given = parsed(value);
    if (!given) return;
    const { token, number, faulty, set, part, which, run, against } = given.dataset;
    const mine = waiting?.token === token;
    if (faulty !== undefined) {
      if (mine) faulted(faulty, given.textContent);
      return;
    }
    const late = Number(number) < newest;
    newest = Math.max(newest, Number(number));
    for (const filled of given.querySelectorAll(":scope > [data-slot]")) {
      const there = inside(`[data-slot="${filled.dataset.slot}"]`);
      if (mine || (filled.dataset.slot === "sets" && !late)) fill(there, filled);
    }
    if (!mine) return;
    const { focus } = waiting;
    settled();
    // Without a body nothing could be read, and one is where one was.
    if (given.querySelector(':scope > [data-slot="body"]')) {
      place = { set, part, which, run, against };
      keep("evaluation.place", JSON.stringify(place));
    }
    walk();
    for (const name of ["draft", "judged"]) mark(inside(`#${name}-set`), inside(`[data-slot=fault-${name}]`).textContent);
    restore();
    if (!open()) return;
    const lost = document.activeElement === document.body;
    if (focus || lost) (focus?.() ?? next() ?? inside("h2")).focus();
  }
  function settled() {
    waiting = null;
    root()?.removeAttribute("aria-busy");
  }
  document.addEventListener("quotebound:gone", settled);

  function fill(there, wanted) {
    if (there.innerHTML === wanted.innerHTML) return;
    const focused = there.contains(document.activeElement) ? document.activeElement.outerHTML : null;
    there.replaceChildren(...wanted.childNodes);
    if (focused) [...there.querySelectorAll("button, select")].find((each) => each.outerHTML === focused)?.focus();
  }

  function mark(field, fault) {
    if (fault) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }

  // Says where one is among the cases, and shows what goes with the part that is looked at.
  function walk() {
    const looking = inside(".looking");
    if (looking?.dataset.queue) [queue, at] = [JSON.parse(looking.dataset.queue), 0];
    const shown = article()?.dataset.case;
    const found = queue.indexOf(shown);
    at = shown === undefined ? queue.length : found < 0 ? at : found;
    root().dataset.part = place.part;
    for (const tab of root().querySelectorAll(".parts button")) {
      const current = tab.dataset.part === place.part || (place.part === "report" && tab.dataset.part === "runs");
      if (current) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    inside(".by").hidden = !article();
    const position = inside(".position");
    position.hidden = !article() || found < 0;
    position.querySelector("p").textContent = `${at + 1} of ${queue.length} ${NOUNS[place.which]}`;
    Object.assign(position.querySelector("progress"), { value: at, max: Math.max(queue.length, 1) });
    for (const back of root().querySelectorAll('[data-does="back"]')) back.disabled = at === 0;
    const none = inside("[data-none]");
    if (none && !none.dataset.told) {
      none.dataset.told = "yes";
      inside(".drafting").open = true;
    }
  }

  // Who answers for what is accepted: the same one the next time, too.
  const by = () => document.getElementById("reviewed-by");
  function reviewer(value) {
    try {
      if (value !== undefined) localStorage.setItem("quotebound.reviewer", value);
      return localStorage.getItem("quotebound.reviewer") ?? "";
    } catch {
      return "";
    }
  }
  function unsigned(fault) {
    document.getElementById("reviewed-by-fault").textContent = fault;
    mark(by(), fault);
    if (fault) by().focus();
  }

  const decisions = {
    accept() {
      if (!by().value.trim()) return unsigned("Say who answers for what is accepted.");
      unsigned("");
      tell({ action: "accept", by: by().value, ...decided() }, next);
    },
    reject: () => tell({ action: "reject", ...decided() }, next),
    skip: () => tell({ action: "show", case: queue[at + 1] ?? "" }, next),
    back: () => at > 0 && tell({ action: "show", case: queue[at - 1] }, next),
    reanchor: () => tell({ action: "reanchor", ...decided() }, next),
    edit: () => edit(),
    cancel() {
      keep(EDIT, "");
      tell({ action: "show", case: article().dataset.case }, () => inside('[data-does="edit"]'));
    },
  };
  const next = () => article() ?? inside(".ended .empty-title") ?? inside(".work h3");
  const decided = () => ({ case: article().dataset.case, seen: article().dataset.seen, next: queue[at + 1] ?? "" });
  local("review", (button) => waiting?.changing || decisions[button.dataset.does]());

  // One key each, wherever nothing is typed in.
  const KEYS = { a: "accept", e: "edit", r: "reject", s: "skip", b: "back" };
  document.addEventListener("keydown", (event) => {
    if (!open() || event.defaultPrevented) return;
    const editing = event.target.closest?.("#evaluation form.editing");
    if (editing && event.key === "Enter" && (event.ctrlKey || event.metaKey)) editing.requestSubmit();
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    const here = event.target === document.body || event.target.closest?.("#evaluation");
    const does = KEYS[event.key.toLowerCase()];
    if (!does || typing || !here || waiting?.changing || !article() || !form()?.hidden) return;
    event.preventDefault();
    decisions[does]();
  });
  // Before the page's own Escape, which closes what is around.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !open()) return;
    const spare = event.target.closest?.("#evaluation .sure")?.querySelector('[data-local="spare"]');
    const editing = event.target.closest?.("#evaluation form.editing");
    if (!spare && !editing) return;
    event.stopPropagation();
    if (spare) spare.click();
    else if (!waiting?.changing) decisions.cancel();
  }, true);

  function edit() {
    inside(".read").hidden = true;
    form().hidden = false;
    answerable();
    form().elements.question.focus();
  }
  function answerable() {
    form().querySelector(".if-answered").hidden = form().elements.answerable.value !== "yes";
  }
  function row() {
    const made = article().querySelector("template").content.firstElementChild.cloneNode(true);
    form().querySelector(".rows").append(made);
    return made;
  }
  local("add-evidence", () => row().querySelector("input").focus());
  local("drop-evidence", (button) => {
    button.closest(".row").remove();
    form().querySelector('[data-local="add-evidence"]').focus();
    typed();
  });

  const rows = () => [...form().querySelectorAll(".row")];
  function told() {
    const { question, answers, answerable: chosen } = form().elements;
    const evidence = rows().map((each) => ({
      source: each.querySelector("input").value, quote: each.querySelector("textarea").value, like: each.dataset.like,
    }));
    return { question: question.value, answerable: chosen.value, answers: answers.value, evidence: JSON.stringify(evidence) };
  }
  // What is typed outlasts a look elsewhere, and a service that was gone.
  function typed() {
    const { case: id, seen } = article().dataset;
    keep(EDIT, JSON.stringify({ set: place.set, case: id, seen, ...told() }));
  }
  function restore() {
    const was = remembered(EDIT, {});
    if (!article() || was.set !== place.set || was.seen !== article().dataset.seen) return;
    form().querySelector(".rows").replaceChildren();
    for (const { source, quote, like } of JSON.parse(was.evidence)) {
      const made = row();
      made.dataset.like = like;
      [made.querySelector("input").value, made.querySelector("textarea").value] = [source, quote];
    }
    for (const name of ["question", "answerable", "answers"]) form().elements[name].value = was[name];
    inside(".read").hidden = true;
    form().hidden = false;
    answerable();
  }
  function faulted(where, message) {
    settled();
    const of = where === "question" ? form() : rows()[Number(where)];
    const fault = of.querySelector("[data-fault]");
    fault.textContent = message;
    const field = of.querySelector("textarea");
    fault.id ||= `evidence-fault-${where}`;
    field.setAttribute("aria-describedby", fault.id);
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }

  document.addEventListener("submit", (event) => {
    const sent = event.target;
    if (!sent.closest("#evaluation")) return;
    event.preventDefault();
    event.stopPropagation();
    if (waiting?.changing) return;
    if (sent === form()) {
      for (const fault of sent.querySelectorAll("[data-fault]")) fault.textContent = "";
      for (const field of sent.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
      tell({ action: "save", ...decided(), ...told() }, next);
      return;
    }
    tell({ ...sent.dataset, ...Object.fromEntries(new FormData(sent)), case: article()?.dataset.case }, () => {
      if (inside(`[data-slot="fault-${sent.dataset.action}"]`).textContent) return sent.elements.name;
      sent.closest("details").open = false;
      return next();
    });
  }, true);
  document.addEventListener("input", ({ target }) => {
    if (target.id === "reviewed-by") {
      reviewer(target.value);
      unsigned("");
    } else if (target.closest?.("#evaluation form.editing")) {
      if (target.name === "answerable") answerable();
      typed();
    }
  });

  const here = () => article()?.dataset.case;
  const heading = () => inside(".work h3") ?? inside("h2");
  local("evaluation-set", ({ dataset: { set } }) => tell({ action: "show", set, part: "review", which: "drafts" }));
  local("evaluation-part", ({ dataset: { part } }) => tell({ action: "show", part }, part === place.part ? null : heading));
  local("evaluation-which", ({ dataset: { which } }) => tell({ action: "show", which }));
  local("evaluation-report", (button) => {
    tell({ action: "show", part: "report", run: button.dataset.run, against: "" }, heading);
    if (strip().contains(button)) look("dismiss");
  });
  document.addEventListener("change", ({ target }) => {
    if (target.id !== "compare-with") return;
    tell({ action: "show", against: target.value }, () => document.getElementById("compare-with"));
  });
  local("evaluation-delete", (button) => {
    button.disabled = true;
    tell({ action: "delete-run", id: button.dataset.document }, heading);
  });
  local("evaluation-do", ({ dataset: { does, set = place.set } }) => {
    const running = does !== "reanchor-all";
    tell({ action: does, set, ...(running && set === place.set && { case: here() }) });
    if (running) setTimeout(look, 200);
  });

  // How far the run is, as long as somebody looks. What counts up is changed where it is.
  const look = (does = "") => send("examining", { does });
  local("examining", ({ dataset: { does } }) => look(does));
  setInterval(() => open() && !document.hidden && going() && look(), LOOK_EVERY);
  function examined(value) {
    const given = parsed(value);
    const [was, had] = [going(), strip().contains(document.activeElement)];
    if (was && given.dataset.phase === strip().dataset.phase) {
      strip().querySelector(".count").textContent = given.querySelector(".count").textContent;
      strip().querySelector("progress").value = given.querySelector("progress").value;
      return;
    }
    strip().replaceWith(given);
    if (had) (strip().querySelector("button") ?? heading()).focus();
    if (was && !going() && open() && place.part === "runs" && !waiting) tell({ action: "show" });
  }

  document.addEventListener("quotebound:shown", ({ detail: { region, value } }) => {
    if (region === "evaluation") apply(value);
    if (region === "examining" && strip()) examined(value);
  });
  // Loaded when it is first opened; then it shows what others did meanwhile.
  document.addEventListener("quotebound:view", ({ detail }) => {
    if (detail.name !== "evaluation" || !root()) return;
    if (!by().value) by().value = reviewer();
    tell({ action: "show", ...(here() && { case: here() }) });
    look();
  });
})();
