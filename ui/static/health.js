// Whether the service is there: says so when it is not, and when it is back.
(() => {
  "use strict";
  const OFTEN = 2_000;
  const SELDOM = 15_000;
  const RELOAD = { textContent: "Sign in again", type: "button" };
  let state = "ready";
  let timer;

  function tell(message, button) {
    const banner = document.getElementById("banner");
    if (!banner) return;
    banner.replaceChildren(message);
    if (button) banner.append(" ", button);
    banner.hidden = !message;
    banner.dataset.state = state;
  }

  function become(now, message = "") {
    const before = state;
    state = now;
    if (now === before && now !== "loading") return;
    if (now === "gone") document.dispatchEvent(new CustomEvent("quotebound:gone"));
    if (now === "expired") {
      const again = Object.assign(document.createElement("button"), RELOAD);
      again.addEventListener("click", () => location.reload());
      tell(message, again);
    } else if (now === "ready" && before !== "ready") {
      tell(before === "loading" ? "The model is loaded." : "The service is back.");
      document.dispatchEvent(new CustomEvent("quotebound:back"));
      setTimeout(() => state === "ready" && tell(""), 4_000);
    } else tell(message);
  }

  async function look() {
    clearTimeout(timer);
    try {
      const response = await fetch("/readyz", { cache: "no-store" });
      if (response.ok) become("ready");
      else if (response.status === 401) become("expired", "Your key is not accepted any more.");
      else if (response.status === 503) become("loading", "The model is being loaded. Questions wait until it is.");
      else become("gone", "The service does not answer as it should. Trying again…");
    } catch {
      become("gone", "The service cannot be reached. Trying again… What you typed stays here.");
    }
    const often = state !== "ready" || "asking" in document.body.dataset;
    timer = setTimeout(look, often ? OFTEN : SELDOM);
  }
  addEventListener("online", look);
  addEventListener("offline", look);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  look();
})();
