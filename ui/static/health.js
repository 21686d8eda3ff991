// Whether the service is there: says so when it is not, and when it is back. Then the page is loaded anew, since
// Gradio sends nothing more once it lost a connection; what was typed and what was open is there again.
(() => {
  "use strict";
  const OFTEN = 2_000;
  const SELDOM = 15_000;
  const SHOWN = 4_000;
  const RELOAD = { textContent: "Sign in again", type: "button" };
  const { keep, kept } = window.quotebound;
  const BACK = "The service is back.";
  let state = "ready";
  let away = false;
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
    if (now === "gone") {
      away = true;
      document.dispatchEvent(new CustomEvent("quotebound:gone"));
    }
    if (now === "expired") {
      const again = Object.assign(document.createElement("button"), RELOAD);
      again.addEventListener("click", () => location.reload());
      tell(message, again);
    } else if (now === "ready" && away) {
      const anew = Object.assign(document.createElement("button"), { type: "button", textContent: "Load the page anew" });
      anew.addEventListener("click", () => location.reload());
      tell(BACK, anew);
      document.dispatchEvent(new CustomEvent("quotebound:back"));
      // Files that are on their way would be lost.
      if (!window.quotebound.uploading?.()) {
        keep("back", "yes");
        location.reload();
      }
    } else if (now === "ready") {
      tell("The model is loaded.");
      setTimeout(() => state === "ready" && tell(""), SHOWN);
    } else tell(message);
  }

  async function look() {
    clearTimeout(timer);
    try {
      const response = await asked("/readyz", { cache: "no-store" });
      if (response.ok) become("ready");
      else if (response.status === 401) become("expired", "Your key is not accepted any more.");
      else if (response.status === 503) become("loading", "The model is being loaded. Questions wait until it is.");
      else become("gone", "The service does not answer as it should. Trying again…");
    } catch {
      become("gone", "The service cannot be reached. Trying again… What you typed stays here.");
    }
    const often = state !== "ready" || "asking" in (document.body?.dataset ?? {});
    timer = setTimeout(look, often ? OFTEN : SELDOM);
  }
  // Of what the page asks Gradio for: what fails is looked into at once.
  const asked = window.fetch;
  window.fetch = async (...given) => {
    const gradio = String(given[0]?.url ?? given[0]).includes("/gradio_api/queue/");
    try {
      const response = await asked(...given);
      if (gradio && !response.ok) look();
      return response;
    } catch (error) {
      if (gradio) look();
      throw error;
    }
  };
  addEventListener("online", look);
  addEventListener("offline", look);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  document.addEventListener("quotebound:shown", () => {
    if (!kept("back")) return;
    keep("back", "");
    tell(BACK);
    setTimeout(() => state === "ready" && tell(""), SHOWN);
  });
  look();
})();
