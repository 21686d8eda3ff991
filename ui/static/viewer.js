// The source viewer: brings the quote into view, and turns, sizes and links what Python has drawn.
(() => {
  "use strict";
  const { local } = window.quotebound;
  const viewer = () => document.getElementById("viewer");
  const inside = (selector) => viewer()?.querySelector(selector);
  const SIZES = [50, 75, 100, 125, 150, 200, 250, 300];
  let zoom = 100;
  // What was done here last and is not drawn yet: the control that had the keyboard, and what was at the top.
  let done = null;

  // Only the pane scrolls: `scrollIntoView` would move whatever is around it, too. At once, without motion.
  function center(element) {
    const pane = viewer();
    const [around, here] = [pane.getBoundingClientRect(), element.getBoundingClientRect()];
    const room = Math.max(pane.clientHeight - here.height, 0);
    pane.scrollTop += here.top - around.top - Math.max(room / 2, inside(".turning")?.offsetHeight ?? 0);
    const sheets = element.closest(".sheets, .rows");
    if (!sheets) return;
    const across = sheets.getBoundingClientRect();
    sheets.scrollLeft += here.left - across.left - Math.max((sheets.clientWidth - here.width) / 2, 0);
  }

  const quote = () => inside("mark.here") ?? inside(".here");

  function atTop() {
    const top = viewer().getBoundingClientRect().top;
    for (const element of viewer().querySelectorAll("[data-at]")) {
      const { top: place, bottom } = element.getBoundingClientRect();
      if (bottom > top) return { at: element.dataset.at, place };
    }
    return null;
  }

  function act(event) {
    const control = event.target.closest?.("#viewer [data-action]");
    if (!control) return;
    const { keep, action } = control.dataset;
    done = { keep: keep ?? event.submitter?.dataset.keep ?? document.activeElement?.dataset.keep, action, top: atTop() };
    viewer().setAttribute("aria-busy", "true");
  }
  document.addEventListener("click", (event) => event.target.closest?.("#viewer form") || act(event), true);
  document.addEventListener("submit", act, true);
  document.addEventListener("quotebound:gone", () => viewer()?.removeAttribute("aria-busy"));

  function settle() {
    const article = inside("article.source");
    if (!article) return;
    const was = done;
    done = null;
    viewer().removeAttribute("aria-busy");
    for (const hidden of viewer().querySelectorAll(".sheets")) hidden.hidden = false;
    for (const told of viewer().querySelectorAll(".no-image")) told.hidden = true;
    size();
    if ("opened" in article.dataset || !was) {
      viewer().scrollTop = 0;
      if (quote()) center(quote());
      inside("#source-title").focus({ preventScroll: true });
      return;
    }
    if (was.action === "more") {
      const there = was.top && inside(`[data-at="${was.top.at}"]`);
      if (there) viewer().scrollTop += there.getBoundingClientRect().top - was.top.place;
    } else if (quote()) {
      center(quote());
    } else {
      const above = inside(".sheets, .source-text").offsetTop - (inside(".turning")?.offsetHeight ?? 0);
      viewer().scrollTop = Math.min(viewer().scrollTop, above);
    }
    // Whoever turned a page with the keyboard is still at what turned it.
    const control = was.keep && inside(`[data-keep="${was.keep}"]`);
    if (control && !control.disabled) control.focus({ preventScroll: true });
    else inside("#source-title").focus({ preventScroll: true });
  }
  document.addEventListener("quotebound:shown", ({ detail }) => detail.region === "viewer" && settle());

  // How near the page is looked at; the browser then takes the image that is sharp enough.
  function size() {
    viewer().style.setProperty("--zoom", zoom / 100);
    const image = inside(".sheet img");
    if (!image) return;
    image.sizes = `${Math.ceil(image.clientWidth)}px`;
    inside(".zoomed").textContent = `${zoom} %`;
    inside('[data-by="-1"]').disabled = zoom === SIZES[0];
    inside('[data-by="1"]').disabled = zoom === SIZES.at(-1);
  }
  local("zoom", (button) => {
    const next = SIZES[SIZES.indexOf(zoom) + Number(button.dataset.by)];
    if (!next) return;
    const [pane, sheets, sheet] = [viewer(), inside(".sheets"), inside(".sheet")];
    const middle = (sheets.scrollLeft + sheets.clientWidth / 2) / sheets.scrollWidth;
    const down = (pane.scrollTop + pane.clientHeight / 2 - sheets.offsetTop) / sheet.offsetHeight;
    zoom = next;
    size();
    sheets.scrollLeft = middle * sheets.scrollWidth - sheets.clientWidth / 2;
    pane.scrollTop = down * sheet.offsetHeight + sheets.offsetTop - pane.clientHeight / 2;
    if (button.disabled) inside(`[data-by="${-Number(button.dataset.by)}"]`).focus();
  });

  // Errors of images do not bubble.
  document.addEventListener("error", ({ target }) => {
    if (!target.matches?.("#viewer .sheet img")) return;
    inside(".sheets").hidden = true;
    inside(".no-image").hidden = false;
  }, true);

  // Pages are turned where there is nothing left to scroll to.
  document.addEventListener("keydown", (event) => {
    if (!event.target.closest?.("#viewer") || event.target.matches("input")) return;
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !inside(".sheets")) return;
    const [pane, sheets] = [viewer(), inside(".sheets")];
    const wide = sheets.scrollWidth > sheets.clientWidth + 1;
    const least = pane.scrollTop <= 1;
    const most = pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 1;
    const back = (event.key === "PageUp" && least) || (event.key === "ArrowLeft" && !wide);
    const on = (event.key === "PageDown" && most) || (event.key === "ArrowRight" && !wide);
    if (!back && !on) return;
    event.preventDefault();
    const turning = inside(back ? ".turning .previous" : ".turning .next");
    if (!turning.disabled && !done) turning.click();
  });

  local("copy-link", async (button) => {
    const { document: doc, start, end, collection } = button.dataset;
    const told = new URLSearchParams({ doc });
    if (start && end) {
      told.set("start", start);
      told.set("end", end);
    }
    if (collection && collection !== "default") told.set("collection", collection);
    const link = `${location.origin}${location.pathname}#${told}`;
    try {
      await navigator.clipboard.writeText(link);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy link"), 2000);
    } catch {
      // Without a secure context, or leave to: for people to copy it themselves.
      const field = button.parentElement.querySelector(".source-link");
      field.hidden = false;
      field.value = link;
      field.focus();
      field.select();
    }
  });
})();
