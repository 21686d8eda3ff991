// What the page's scripts share: what the browser keeps, regions that Python draws, and local actions.
window.quotebound = (() => {
  "use strict";
  const regions = new Map();
  const locals = new Map();

  // Of this window alone: another one may have another conversation open.
  function kept(name) {
    try {
      return sessionStorage.getItem(`quotebound.${name}`) ?? "";
    } catch {
      return memory.get(name) ?? "";
    }
  }
  function keep(name, value) {
    try {
      sessionStorage.setItem(`quotebound.${name}`, value);
    } catch {
      memory.set(name, value);
    }
    document.dispatchEvent(new CustomEvent("quotebound:kept", { detail: { name, value } }));
  }
  const memory = new Map();

  // {collection, documents: [id], label}: of what questions are asked.
  function scope() {
    try {
      return JSON.parse(kept("scope") || "{}");
    } catch {
      return {};
    }
  }

  // As `Context` of ui/context.py reads it.
  function context() {
    const { collection = "", documents = [] } = scope();
    const query = document.getElementById("conversation-search")?.value ?? "";
    return JSON.stringify({ conversation: kept("conversation"), collection, documents, query });
  }

  // The framework ends its stream of news once nothing is awaited. What is asked just then is done, and not heard
  // of before something else is asked: so where no news came for a while, that is done with an empty request.
  const PATIENCE = 1_500;
  const drawn = new Map();
  let heed = () => {};
  function expect(id) {
    const before = drawn.get(id);
    setTimeout(() => drawn.get(id) === before && heed(), PATIENCE);
  }
  document.addEventListener("click", (event) => event.target.closest?.("#ask") && expect("conversation"), true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.closest?.("#question")) expect("conversation");
  });

  function region(element, trigger, watch, props) {
    const { id } = element.parentElement.closest("[id]");
    if (id === "conversation") heed = () => trigger("select", {});
    const send = (data) => {
      trigger("select", { ...data, context: context() });
      expect(id);
    };
    regions.set(id, send);
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-action]");
      if (button) send({ ...button.dataset });
    });
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      const form = event.target;
      send({ ...form.dataset, ...Object.fromEntries(new FormData(form)) });
      form.closest("details")?.removeAttribute("open");
    });
    const shown = () => {
      drawn.set(id, (drawn.get(id) ?? 0) + 1);
      document.dispatchEvent(new CustomEvent("quotebound:shown", { detail: { region: id, value: props.value } }));
    };
    watch("value", shown);
  }

  // Sends something to a region's handler, as a click in it would.
  const send = (id, data) => regions.get(id)?.(data);

  // What a button with data-local does, without the server.
  const local = (name, act) => locals.set(name, act);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-local]");
    if (button) locals.get(button.dataset.local)?.(button);
  });

  function view(name) {
    document.body.dataset.view = name;
    keep("view", name);
    for (const tab of document.querySelectorAll("#top nav button")) {
      if (tab.dataset.view === name) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    closeMenu();
    document.dispatchEvent(new CustomEvent("quotebound:view", { detail: { name } }));
  }
  local("view", (button) => {
    view(button.dataset.view);
    document.querySelector(`#top nav button[data-view="${button.dataset.view}"]`)?.focus();
  });

  const wide = matchMedia("(min-width: 1100px)");

  // On a narrow screen the conversations come over the page, and go with Escape.
  function closeMenu() {
    delete document.body.dataset.menu;
    document.querySelector("#top .menu")?.setAttribute("aria-expanded", "false");
  }
  local("menu", (button) => {
    if (document.body.dataset.menu) return closeMenu();
    document.body.dataset.menu = "open";
    button.setAttribute("aria-expanded", "true");
    document.querySelector("#side button, #side input")?.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = event.target.closest?.("details.menu[open], details.comment[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    } else if (document.body.dataset.menu) {
      closeMenu();
      document.querySelector("#top .menu")?.focus();
    } else {
      document.dispatchEvent(new CustomEvent("quotebound:escape"));
    }
  });
  document.addEventListener("click", (event) => {
    for (const open of document.querySelectorAll("details.menu[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });

  // Puts a text into the field for questions as if it had been typed.
  function type(text) {
    const field = document.querySelector("#question textarea");
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
    field.setSelectionRange(text.length, text.length);
  }
  function ask(text) {
    view("chat");
    type(text);
    // Once the framework knows what was typed.
    setTimeout(() => document.getElementById("ask").click());
  }

  // Names for those who do not see where things are: the framework's columns are plain elements.
  const NAMED = {
    side: "Conversations", pane: "Evidence and source", shelf: "Library", bench: "Evaluation", middle: "Chat",
  };
  new MutationObserver((_, observer) => {
    if (!Object.keys(NAMED).every((id) => document.getElementById(id)) || !document.querySelector("#top nav")) return;
    for (const [id, name] of Object.entries(NAMED)) {
      const part = document.getElementById(id);
      part.setAttribute("role", "region");
      part.setAttribute("aria-label", name);
    }
    observer.disconnect();
    view(kept("view") || "chat");
  }).observe(document.documentElement, { childList: true, subtree: true });

  // Drawn at last, the head says where one is.
  document.addEventListener("quotebound:shown", () => view(document.body.dataset.view ?? "chat"), { once: true });

  return { region, send, local, kept, keep, scope, context, view, wide, type, ask, closeMenu };
})();
