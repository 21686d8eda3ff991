// The conversation: puts the turns that come from Python in place, each by its id, and acts on them.
(() => {
  "use strict";
  const { local, keep, kept, send, type, ask, view } = window.quotebound;
  // In which conversation a turn was asked, by its id; the empty one is not kept yet.
  const places = new Map();
  const log = () => document.querySelector("#conversation [role=log]");

  // Makes an element like another one without drawing anew what is the same: what is open stays open, and
  // what has the keyboard keeps it.
  function morph(from, to) {
    if (from.isEqualNode(to)) return;
    if (from.nodeType !== Node.ELEMENT_NODE) {
      from.nodeValue = to.nodeValue;
      return;
    }
    for (const { name } of [...from.attributes]) {
      if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
    }
    for (const { name, value } of to.attributes) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    for (const wanted of [...to.childNodes]) {
      const there = from.childNodes[[...wanted.parentNode.childNodes].indexOf(wanted)];
      if (!there) from.append(wanted.cloneNode(true));
      else if (there.nodeName !== wanted.nodeName || there.className !== wanted.className) {
        there.replaceWith(wanted.cloneNode(true));
      } else morph(there, wanted);
    }
    while (from.childNodes.length > to.childNodes.length) from.lastChild.remove();
  }

  function apply(patch) {
    const parsed = document.createElement("template");
    parsed.innerHTML = patch;
    const root = parsed.content.firstElementChild;
    if (!root) return;
    if ("whole" in root.dataset) {
      const { conversation = "" } = root.dataset;
      // Another one was chosen meanwhile.
      if (conversation && conversation !== kept("conversation")) return;
      const mine = unfinished();
      // What was asked in it before it was there stays.
      const asked = mine && places.get(mine.id) === conversation ? [mine] : [];
      log().replaceChildren(...root.childNodes, ...asked);
      keep("conversation", conversation);
      log().lastElementChild?.scrollIntoView({ block: "start" });
      document.dispatchEvent(new CustomEvent("quotebound:opened"));
    }
    for (const turn of [...root.children]) place(turn, root.dataset.conversation);
    waiting();
    awaitExamples();
  }

  function place(turn, conversation) {
    if (turn.matches(".empty")) {
      // What there is to ask, while nothing was asked.
      log().querySelector(":scope > .empty")?.replaceWith(turn);
      return;
    }
    const there = document.getElementById(turn.id);
    if (there && !("stopped" in there.dataset)) {
      morph(there, turn);
      // A conversation that was left meanwhile is not led back to.
      if (conversation !== undefined && places.get(turn.id) === kept("conversation")) {
        keep("conversation", conversation);
      }
      if (!turn.matches("[data-state=growing]")) {
        document.dispatchEvent(new CustomEvent("quotebound:answered", { detail: { turn: there } }));
      }
    } else if (!there && turn.dataset.state === "pending") {
      places.set(turn.id, kept("conversation"));
      log().querySelector(".empty")?.remove();
      log().append(turn);
      turn.scrollIntoView({ block: "start" });
    }
  }

  // Examples are made while nobody asks, and documents come and go: an empty chat asks again what it can offer.
  const INVITATIONS = 20;
  const NEXT_INVITATION = 3_000;
  let invited = 0;
  let inviting;
  function invite() {
    if (log()?.querySelector(":scope > .empty") && !document.hidden) send("history", { action: "invite" });
  }
  document.addEventListener("quotebound:library", () => {
    invited = 0;
    invite();
    awaitExamples();
  });
  function awaitExamples() {
    clearTimeout(inviting);
    const empty = log()?.querySelector(":scope > .empty");
    if (!empty || !("waiting" in empty.dataset) || invited++ >= INVITATIONS) return;
    inviting = setTimeout(() => {
      invite();
      // What is the same as before does not come again.
      awaitExamples();
    }, NEXT_INVITATION);
  }

  const unfinished = () => log()?.querySelector("[data-state=pending], [data-state=growing]");
  function waiting() {
    if (unfinished()) document.body.dataset.asking = "";
    else delete document.body.dataset.asking;
  }

  // Ends a turn whose answer will not come.
  function stop(told) {
    const turn = unfinished();
    if (!turn) return;
    turn.dataset.state = "stopped";
    turn.dataset.stopped = "";
    for (const line of turn.querySelectorAll(".pending, .slow")) line.remove();
    const line = document.createElement("p");
    line.className = "notice";
    line.setAttribute("role", "status");
    line.textContent = told;
    const again = document.createElement("button");
    Object.assign(again, { type: "button", textContent: "Ask again" });
    again.dataset.local = "again";
    const actions = document.createElement("div");
    actions.className = "actions";
    actions.append(again);
    turn.append(line, actions);
    waiting();
  }
  document.addEventListener("quotebound:gone", () => stop("The service went away before the answer was there."));

  document.addEventListener("quotebound:shown", ({ detail }) => {
    if (detail.region === "conversation") apply(detail.value);
    if (detail.region === "history") mark();
  });
  document.addEventListener("quotebound:kept", ({ detail }) => detail.name === "conversation" && mark());

  // The conversation that is open is told apart in the list.
  function mark() {
    for (const entry of document.querySelectorAll("#history [data-conversation]")) {
      const open = entry.dataset.conversation === kept("conversation");
      const title = entry.querySelector("button.title");
      if (open) title.setAttribute("aria-current", "true");
      else title.removeAttribute("aria-current");
    }
  }

  // One question at a time: what is typed meanwhile stays in the field.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && event.target.closest?.("#question") && unfinished()) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, true);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#stop")) stop("Stopped.");
    const title = event.target.closest?.("#history button.title");
    if (title) {
      // What is asked from now on is asked in it.
      keep("conversation", title.dataset.id);
      view("chat");
      document.querySelector("#question textarea")?.focus();
    }
  });

  let searching;
  document.addEventListener("input", ({ target }) => {
    if (target.id !== "conversation-search") return;
    clearTimeout(searching);
    searching = setTimeout(() => send("history", { action: "search" }), 200);
  });

  local("new", () => {
    keep("conversation", "");
    const empty = document.createElement("div");
    empty.className = "empty";
    log().replaceChildren(empty);
    waiting();
    document.dispatchEvent(new CustomEvent("quotebound:opened"));
    invited = 0;
    invite();
    view("chat");
    document.querySelector("#question textarea")?.focus();
  });
  // What is typed and not asked yet outlives the page.
  const field = () => document.querySelector("#question textarea");
  addEventListener("pagehide", () => keep("draft", field()?.value ?? ""));
  document.addEventListener("quotebound:opened", () => {
    const draft = kept("draft");
    keep("draft", "");
    if (draft && !field().value) type(draft);
  }, { once: true });

  const question = (button) => button.closest(".turn").querySelector(".question").textContent;
  local("again", (button) => ask(question(button)));
  local("edit", (button) => type(question(button)));
  local("example", (button) => ask(button.textContent));

  function asText(turn) {
    const said = [...turn.querySelectorAll(".sentences p")].map((line) => line.innerText.trim()).join(" ");
    const quotes = [...turn.querySelectorAll(".evidence .card")].map((card) => {
      const quote = card.querySelector(".quote").textContent;
      return `[${card.dataset.marker}] “${quote}” (${card.querySelector(".place").textContent})`;
    });
    return [turn.querySelector(".question").textContent, said, quotes.join("\n")].join("\n\n");
  }
  local("copy", async (button) => {
    const text = asText(button.closest(".turn"));
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without a secure context there is only the old way.
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      button.focus();
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
})();
