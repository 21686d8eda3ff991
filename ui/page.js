// A marker opens its evidence card and takes the keyboard there. Cards open by themselves, too.
document.addEventListener("click", (event) => {
  const marker = event.target.closest?.("button.marker");
  const card = marker && document.getElementById(marker.getAttribute("aria-controls"));
  if (!card) return;
  card.open = true;
  card.querySelector("summary").focus();
  card.scrollIntoView({ block: "nearest" });
});

// A new turn comes into view by its question, so that a long answer is read from its beginning.
let turns = 0;
new MutationObserver(() => {
  const shown = document.querySelectorAll("#conversation article.turn");
  if (shown.length > turns) {
    shown[shown.length - 1].scrollIntoView({ block: "start" });
  }
  turns = shown.length;
}).observe(document.documentElement, { childList: true, subtree: true });
