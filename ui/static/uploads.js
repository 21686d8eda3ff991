// Files on their way into the library, a row each, until what became of them is known.
(() => {
  "use strict";
  const { local } = window.quotebound;
  const { refresh, collection } = window.quotebound.library;
  // A browser has six connections to one host: what is sent and followed leaves some for questions.
  const MOST_SENT = 2;
  const MOST_KEPT = 50;
  const LATER = 3_000;
  const REASONS = 50;
  // What may pass: too many requests, a service that is starting or busy, a disk that is full.
  const PASSING = new Set([0, 408, 429, 500, 502, 503, 504, 507]);
  const UNWANTED = /(^|\/)(\.|~\$|Thumbs\.db$|desktop\.ini$)/i;
  const OUTCOMES = [
    ["added", "added"], ["replaced", "replaced"], ["unchanged", "there already"], ["removed", "removed, as it has them no more"],
    ["failed", "failed"], ["skipped", "skipped"], ["kept", "kept"],
  ];
  const FAULTS = new Set(["failed", "skipped", "kept"]);

  const section = () => document.querySelector("#documents .uploads");
  let uploads = [];
  const queue = [];
  const sending = new Set();
  // Accepted, and not done: jobs are done in their order, so it is the first of them that there is news of.
  const kept = [];
  let following = null;

  function element(name, properties = {}) {
    return Object.assign(document.createElement(name), properties);
  }

  function add(files) {
    const into = collection();
    for (const { file, name } of files) {
      const row = element("li");
      const upload = { file, name, collection: into, row };
      upload.bar = element("progress", { max: 1 });
      upload.bar.setAttribute("aria-label", name);
      upload.said = element("p", { className: "state", dir: "auto" });
      row.append(element("p", { className: "name", textContent: name, dir: "auto" }), upload.bar, upload.said);
      section().querySelector("ul").append(row);
      uploads.push(upload);
      enqueue(upload);
    }
    section().hidden = !uploads.length;
    tally();
    pump();
  }

  // `done` is a share, null where it is not known, and undefined where there is nothing to come.
  function show(upload, state, said, done) {
    upload.state = state;
    upload.row.dataset.state = state;
    upload.said.textContent = said;
    upload.bar.hidden = done === undefined;
    if (done === null || done === undefined) upload.bar.removeAttribute("value");
    else upload.bar.value = done;
  }
  function enqueue(upload) {
    upload.row.querySelector("button")?.remove();
    upload.row.querySelector("details")?.remove();
    show(upload, "queued", "Waiting to be sent", 0);
    queue.push(upload);
  }
  function failed(upload, message, again) {
    show(upload, "failed", `Failed: ${message}`);
    upload.again = again;
    if (again) {
      const button = element("button", { type: "button", textContent: "Try again" });
      button.setAttribute("aria-label", `Try again: ${upload.name}`);
      button.addEventListener("click", () => retry([upload]));
      upload.row.append(button);
    }
    tally();
  }
  function retry(chosen) {
    for (const upload of chosen) {
      upload.again = false;
      enqueue(upload);
    }
    section().querySelector("h3").focus();
    tally();
    pump();
  }

  function tally() {
    const count = (...states) => uploads.filter(({ state }) => states.includes(state)).length;
    const [done, lost] = [count("done", "partly", "failed"), count("failed")];
    const told = `${done} of ${uploads.length} ${uploads.length === 1 ? "file" : "files"} finished${lost ? `, ${lost} failed` : ""}`;
    const line = section().querySelector(".tally");
    if (line.textContent !== told) line.textContent = told;
    section().querySelector("[data-local=clear-uploads]").hidden = !done;
    section().querySelector("[data-local=retry-all]").hidden = uploads.filter(({ again }) => again).length < 2;
  }

  function pump() {
    while (sending.size < MOST_SENT && kept.length < MOST_KEPT && queue.length) transfer(queue.shift());
    if (!following && kept.length) follow(kept[0]);
  }

  function transfer(upload) {
    const limit = Number(document.querySelector("#documents .library").dataset.limit);
    if (upload.file.size > limit) {
      // As the service says it, which would take the whole file to say so.
      const [size, most] = [upload.file.size / 2 ** 20, limit / 2 ** 20];
      failed(upload, `${upload.name} has ${size.toFixed(1)} MB, more than the limit of ${most} MB; split it or raise QUOTEBOUND_MAX_FILE_MB`);
      return;
    }
    const body = new FormData();
    body.append("file", upload.file, upload.name);
    body.append("collection", upload.collection);
    const request = new XMLHttpRequest();
    sending.add(upload);
    show(upload, "sending", "Uploading", 0);
    request.open("POST", "/documents");
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      show(upload, "sending", `Uploading ${Math.round((100 * loaded) / total)} %`, loaded / total);
    });
    request.addEventListener("loadend", () => {
      sending.delete(upload);
      accepted(upload, request.status, told(request.responseText));
      pump();
    });
    request.send(body);
  }
  function told(text) {
    try {
      return JSON.parse(text) ?? {};
    } catch {
      return {};
    }
  }
  function accepted(upload, status, answer) {
    if (status === 202) {
      upload.job = answer.job;
      show(upload, "waiting", "Waiting to be read", null);
      kept.push(upload);
      refresh();
    } else if (status === 0) {
      failed(upload, "the service went away, or the file cannot be read", true);
    } else failed(upload, answer.message ?? `the service answered ${status}`, PASSING.has(status));
  }

  const jobOf = ({ job, collection: name }, what = "") =>
    `/jobs/${encodeURIComponent(job)}${what}?${new URLSearchParams({ collection: name })}`;

  function follow(upload) {
    following = upload;
    const events = new EventSource(jobOf(upload, "/events"));
    events.addEventListener("progress", ({ data }) => {
      const progress = JSON.parse(data);
      going(upload, progress);
      // What waits for a disk to have room again is not waited for: others may be read meanwhile.
      if (progress.state === "waiting" && progress.error) over(events, upload, LATER);
    });
    for (const end of ["done", "failed"]) {
      events.addEventListener(end, ({ data }) => {
        ended(upload, JSON.parse(data));
        over(events, upload);
      });
    }
    events.addEventListener("error", () => {
      show(upload, "waiting", "The service went away. The file is kept, and read once it is back.", null);
      if (events.readyState === EventSource.CLOSED) look(events, upload);
    });
  }
  // Why a job could not be followed: it is gone, or the service is.
  async function look(events, upload) {
    try {
      const response = await fetch(jobOf(upload), { cache: "no-store" });
      const answer = told(await response.text());
      if (response.ok && ["done", "failed"].includes(answer.state)) ended(upload, answer);
      else if (response.status === 404) failed(upload, answer.message ?? "the job is gone", true);
    } catch {
      // Looked at again later.
    }
    over(events, upload, LATER);
  }
  // Goes on to the next one; one that has not ended has its turn again after the others.
  function over(events, upload, wait = 0) {
    events.close();
    kept.splice(kept.indexOf(upload), 1);
    if (upload.state === "waiting" || upload.state === "reading") kept.push(upload);
    const next = () => {
      following = null;
      pump();
    };
    if (wait) setTimeout(next, wait);
    else next();
  }

  function going(upload, { state, error, reading, passages_found: passages, passages_done: done }) {
    if (state === "waiting") {
      const why = error ? `Waiting: ${error.message}. The file is kept, and added as soon as that is over.` : "Waiting to be read";
      show(upload, "waiting", why, null);
    } else if (reading?.pages) {
      const page = Math.min(reading.page + 1, reading.pages);
      show(upload, "reading", `Reading page ${page} of ${reading.pages}`, reading.page / reading.pages);
    } else if (passages && !reading) show(upload, "reading", `Storing ${done} of ${passages} passages`, done / passages);
    else show(upload, "reading", "Reading", null);
  }

  function ended(upload, { error, files, counts }) {
    if (error) failed(upload, error.message, error.code === "internal_error");
    else if (files.length === 1 && files[0].status === "failed") failed(upload, files[0].reason, false);
    else if (files.length === 1) {
      const words = { added: "Added", replaced: "Replaced", unchanged: "There already", skipped: "Skipped" };
      const [{ status, reason }] = files;
      show(upload, "done", `${words[status] ?? status}${reason ? `: ${reason}` : ""}`);
    } else {
      const said = OUTCOMES.filter(([status]) => counts[status]).map(([status, words]) => `${counts[status]} ${words}`);
      const faults = files.filter(({ status }) => FAULTS.has(status));
      show(upload, faults.length ? "partly" : "done", `Files in it: ${said.join(", ") || "nothing to add"}`);
      if (faults.length) upload.row.append(reasons(faults));
    }
    upload.file = upload.again ? upload.file : null;
    refresh();
    tally();
  }
  function reasons(faults) {
    const list = element("ul");
    for (const { source, reason } of faults.slice(0, REASONS)) {
      list.append(element("li", { textContent: reason ?? source, dir: "auto" }));
    }
    if (faults.length > REASONS) list.append(element("li", { textContent: `And ${faults.length - REASONS} more` }));
    const folded = element("details");
    folded.append(element("summary", { textContent: "Reasons" }), list);
    return folded;
  }

  local("clear-uploads", () => {
    const over = new Set(["done", "partly", "failed"]);
    for (const { row, state } of uploads) if (over.has(state)) row.remove();
    uploads = uploads.filter(({ state }) => !over.has(state));
    section().hidden = !uploads.length;
    tally();
    document.querySelector("[data-local=add-files]").focus();
  });
  local("retry-all", () => retry(uploads.filter(({ again }) => again)));
  local("add-files", () => document.getElementById("files").click());
  local("add-folder", () => document.getElementById("folder").click());
  document.addEventListener("change", ({ target }) => {
    if (target.id !== "files" && target.id !== "folder") return;
    const given = [...target.files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
    add(target.id === "folder" ? given.filter(({ name }) => !UNWANTED.test(name)) : given);
    target.value = "";
  });

  // Files that are dropped anywhere on the shelf; elsewhere the browser would leave the page for them.
  const holds = (event) => event.dataTransfer?.types.includes("Files");
  const inside = (event) => Boolean(event.target.closest?.("#shelf"));
  document.addEventListener("dragover", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = inside(event) ? "copy" : "none";
    if (inside(event)) document.body.dataset.dropping = "";
    else delete document.body.dataset.dropping;
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    if (!relatedTarget) delete document.body.dataset.dropping;
  });
  document.addEventListener("drop", async (event) => {
    delete document.body.dataset.dropping;
    if (!holds(event)) return;
    event.preventDefault();
    if (!inside(event)) return;
    const [given, folders] = [[], []];
    // All that is dropped has to be taken before this function waits for anything.
    for (const item of event.dataTransfer.items) {
      const entry = item.webkitGetAsEntry?.();
      const file = entry?.isDirectory ? null : item.getAsFile();
      if (entry?.isDirectory) folders.push(entry);
      else if (file) given.push({ file, name: file.name });
    }
    for (const folder of folders) given.push(...(await within(folder)));
    add(given);
  });
  async function within(folder) {
    const reader = folder.createReader();
    const found = [];
    // It gives some at a time, and none at the end.
    for (;;) {
      const entries = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
      if (!entries.length) return found;
      for (const entry of entries) {
        const name = entry.fullPath.replace(/^\//, "");
        if (UNWANTED.test(name)) continue;
        if (entry.isDirectory) found.push(...(await within(entry)));
        else {
          const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
          if (file) found.push({ file, name });
        }
      }
    }
  }

  // What was not sent whole would be lost.
  const uploading = () => queue.length > 0 || sending.size > 0;
  addEventListener("beforeunload", (event) => {
    if (uploading()) event.preventDefault();
  });
  window.quotebound.uploading = uploading;
})();
