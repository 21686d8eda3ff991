// A marker opens its evidence card and takes the keyboard there. Cards open by themselves, too.
document.addEventListener("click", (event) => {
  const marker = event.target.closest?.("button.marker");
  const card = marker && document.getElementById(marker.getAttribute("aria-controls"));
  if (!card) return;
  card.open = true;
  card.querySelector("summary").focus();
  card.scrollIntoView({ block: "nearest" });
});

// The conversation is written anew with each turn: what was open stays open, and a new turn comes into view
// by its question, so that a long answer is read from its beginning.
const opened = new Set();
document.addEventListener("toggle", ({ target }) => {
  if (!target.matches?.("details.card") || !target.isConnected) return;
  if (target.open) opened.add(target.id);
  else opened.delete(target.id);
}, true);

let seen = "";
new MutationObserver(() => {
  for (const id of opened) {
    const card = document.getElementById(id);
    if (card && !card.open) card.open = true;
  }
  const turns = document.querySelectorAll("#conversation article.turn");
  const last = turns[turns.length - 1];
  const state = last ? `${turns.length} ${last.querySelector(".pending") !== null}` : "";
  if (state !== seen) last?.scrollIntoView({ block: "start" });
  seen = state;
}).observe(document.documentElement, { childList: true, subtree: true });
