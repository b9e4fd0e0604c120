// The page's own script: colour scheme before the first paint, names for checks from outside, focus, sharing.
(() => {
  "use strict";
  const memory = {
    get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
    set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* private mode */ } },
  };

  // --- colour scheme: the system's, unless the reader chose one here ---
  const SCHEME = "wamviz-scheme";
  const asked = new URLSearchParams(location.search).get("__theme");
  const wanted = () => asked || memory.get(SCHEME) || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const paint = () => {
    if (!document.body) return;
    document.body.classList.toggle("dark", wanted() === "dark");
    const toggle = document.getElementById("wz-scheme");
    if (toggle) {
      const label = wanted() === "dark" ? "Switch to light colours" : "Switch to dark colours";
      if (toggle.getAttribute("aria-label") !== label) toggle.setAttribute("aria-label", label);
    }
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#wz-scheme")) return;
    memory.set(SCHEME, document.body.classList.contains("dark") ? "light" : "dark");
    const here = new URL(location.href);
    if (asked && here.searchParams.has("__theme")) {
      here.searchParams.delete("__theme");
      location.replace(here);
      return;
    }
    paint();
    recolour();
  });
  // The plots are drawn by the server in the reader's colours.
  const recolour = () => document.getElementById("wz-recolour")?.click();

  // --- Gradio takes ids, checks from outside want data-testid on the element that does the work ---
  const NAMES = [
    ["#wz-context", "context-image"],
    ["#wz-instruction textarea", "instruction"],
    ["#wz-mode input", "mode"],
    ["#wz-model input", "model"],
    ["button#wz-imagine", "imagine"],
    ["button#wz-cancel", "cancel"],
    ["#wz-action-plot", "action-plot"],
    ["button#wz-act", "act-it-out"],
    ["button#wz-share", "share"],
  ];
  const name = () => {
    for (const [selector, id] of NAMES) {
      const target = document.querySelector(selector);
      if (target && target.dataset.testid !== id) target.dataset.testid = id;
    }
  };

  // --- what Python says in one place and the page shows in another ---
  const set = (target, name, text) => {
    if (target.getAttribute(name) === text) return;
    if (text === null) target.removeAttribute(name);
    else target.setAttribute(name, text);
  };
  const state = () => {
    const act = document.getElementById("wz-act");
    if (act) {
      // Not disabled: pressing it explains why there is nothing to act out.
      act.classList.toggle("wz-off", Boolean(document.querySelector("#wz-act-why [data-off]")));
      set(act, "aria-describedby", "wz-act-why");
    }
    const scene = document.querySelector("[data-scene]")?.dataset.scene;
    for (const card of document.querySelectorAll(".wz-card")) set(card, "aria-pressed", String(card.dataset.pick === scene));
    const run = document.querySelector("[data-run]")?.dataset.run;
    for (const example of document.querySelectorAll(".wz-example")) set(example, "aria-pressed", String(example.dataset.pick === run));
    const episode = document.querySelector("[data-episode]")?.dataset.episode;
    for (const row of document.querySelectorAll(".wz-episode")) set(row, "aria-pressed", String(row.dataset.pick === episode));
    const fold = document.getElementById("wz-settings-toggle");
    const panel = document.getElementById("wz-settings");
    if (fold && panel) {
      const open = String(panel.classList.contains("wz-open"));
      if (fold.getAttribute("aria-expanded") !== open) fold.setAttribute("aria-expanded", open);
      if (!fold.hasAttribute("aria-controls")) fold.setAttribute("aria-controls", "wz-settings");
    }
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#wz-settings-toggle")) return;
    const panel = document.getElementById("wz-settings");
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (panel?.classList.toggle("wz-open")) panel.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
    state();
  });

  // --- focus: a button that is switched off while it has the focus hands it to its partner ---
  const PARTNER = { "wz-imagine": "wz-cancel", "wz-act": "wz-cancel", "wz-cancel": "wz-imagine" };
  let focused = "";
  document.addEventListener("focusin", (event) => { focused = event.target.id || ""; });
  const keepFocus = () => {
    const lost = focused && document.activeElement === document.body && document.getElementById(focused);
    if (lost && lost.disabled) {
      const partner = document.getElementById(PARTNER[focused]);
      if (partner && !partner.disabled) partner.focus({ preventScroll: true });
    }
  };

  // --- a refusal is brought to the eye, also on a phone where the form is longer than the screen ---
  let refused = "";
  const tell = () => {
    const bad = document.querySelector("#wz-status .wz-bad");
    const text = bad ? bad.textContent : "";
    if (bad && text !== refused) bad.scrollIntoView({ block: "nearest" });
    refused = text;
  };

  // --- the Datasets page: its link to the Imagine page, and its own address, name the frame that is shown ---
  const aim = () => {
    const link = document.querySelector("a[data-source]");
    const player = document.querySelector("#wz-stage .wv-stage")?.wamvizPlayer;
    if (!link || !player) return null;
    const frame = player.frame + Number(link.dataset.offset || 0);
    const asked = new URLSearchParams({ context: link.dataset.source + "@" + frame });
    if (link.dataset.camera) asked.set("camera", link.dataset.camera);
    link.setAttribute("href", "./?" + asked);
    return asked;
  };
  const place = () => {
    const asked = aim();
    if (!asked) return;
    const here = new URL(location.href);
    here.searchParams.set("open", asked.get("context"));
    if (asked.has("camera")) here.searchParams.set("camera", asked.get("camera"));
    else here.searchParams.delete("camera");
    history.replaceState(history.state, "", here);
  };
  // Before the link is followed, whichever way: also its menu ("open in a new tab") reads the address.
  for (const name of ["pointerdown", "pointerover", "focusin", "keydown"]) {
    document.addEventListener(name, (event) => { if (event.target.closest?.("a[data-source]")) aim(); }, true);
  }
  document.addEventListener("click", (event) => { if (event.target.closest?.("a[data-source]")) place(); }, true);

  let scheduled = false;
  const settle = () => {
    scheduled = false;
    paint();
    name();
    state();
    keepFocus();
    tell();
  };
  const schedule = () => {
    if (!scheduled) {
      scheduled = true;
      requestAnimationFrame(settle);
    }
  };
  const start = () => {
    paint();
    new MutationObserver(schedule).observe(document.body, {
      childList: true, subtree: true, attributes: true, attributeFilter: ["disabled", "class", "data-scene", "data-episode", "data-run"],
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { schedule(); recolour(); });
    schedule();
  };
  if (document.body) start();
  else document.addEventListener("DOMContentLoaded", start);

  // --- what Python's events call in the browser ---
  const shown = () => document.querySelector("[data-run]")?.dataset.run || "";
  const several = () => document.querySelector("[data-runs]")?.dataset.runs || "";
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch { /* no permission or no secure context: the old way */ }
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "wz-sr";
    document.body.appendChild(field);
    field.select();
    let copied = false;
    try { copied = document.execCommand("copy"); } catch { copied = false; }
    field.remove();
    return copied;
  };
  window.wamviz = {
    scheme: wanted,
    // Resolves when the stage can be played (or has nothing to play), at the latest after four seconds.
    async settled() {
      const ready = () => ["ready", "empty", "error"].includes(document.querySelector("[data-testid=stage]")?.dataset.state);
      for (const end = performance.now() + 4000; performance.now() < end && !ready();) {
        await new Promise((go) => setTimeout(go, 60));
      }
    },
    // The link that reopens this run at this frame and in this view.
    link() {
      const link = new URL(location.href);
      const run = shown();
      const player = document.querySelector("#wz-stage .wv-stage")?.wamvizPlayer;
      link.hash = "";
      link.searchParams.delete("__theme");
      if (several()) link.searchParams.set("runs", several());
      else if (run) link.searchParams.set("run", run);
      if (player) {
        link.searchParams.set("frame", String(player.frame));
        link.searchParams.set("view", player.view);
      }
      return link.toString();
    },
    // After an episode was chosen: reloading the page, or coming back to it, brings it back.
    place,
    // After a run: reloading the page brings it back.
    remember() {
      const link = new URL(location.href);
      const [key, told] = several() ? ["runs", several()] : ["run", shown()];
      if (!told || link.searchParams.get(key) === told) return;
      for (const other of ["run", "runs", "frame", "view", "context", "camera"]) link.searchParams.delete(other);
      link.searchParams.set(key, told);
      history.replaceState(history.state, "", link);
    },
    // Copies the link and says so in the status; where copying is not allowed, the link itself is shown.
    async share() {
      const link = window.wamviz.link();
      const copied = await copy(link);
      const words = copied ? [["strong", {}, "Link copied."], " It reopens this run at this frame, in this view."]
        : [["strong", {}, "Copy this link:"], " ", ["a", { href: link }, link]];
      const nodes = [["div", { class: "wz-status wz-good" }, ["p", { class: "wz-words" }, ...words]]];
      return [nodes];  // Gradio reads a list as the list of outputs, also when there is only one
    },
    // The Models page: hides the rows of the map that the filters leave out, and says how many are left.
    sift(words, paradigm, gives, can) {
      const rows = Array.from(document.querySelectorAll("#wz-field .wz-system"));
      const typed = document.querySelector("#wz-sift-query :is(input, textarea)")?.value ?? words;
      const wanted = String(typed || "").toLowerCase().split(/\s+/).filter(Boolean);
      const has = (row, name, value) => !value || (row.dataset[name] || "").split("|").includes(value);
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !(wanted.every((word) => text.includes(word)) && has(row, "paradigm", paradigm) &&
          has(row, "gives", gives) && has(row, "can", can));
      }
      const left = rows.filter((row) => !row.hidden).length;
      const said = left === rows.length ? `${left} systems` : left ? `${left} of ${rows.length} systems`
        : "No system of the map is like that. Take a filter away.";
      return [[["p", { class: "wz-note" }, said]]];
    },
    // After a connection's own buttons: its form comes into view, or the looking begins.
    follow() {
      const picked = document.querySelector("#wz-links .wz-markup")?.dataset.picked || "";
      if (/^(test|fetch) /.test(picked)) document.getElementById("wz-look")?.click();
      if (picked.startsWith("edit ")) window.wamviz.form();
    },
    form() {
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      document.getElementById("wz-connect")?.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
      document.querySelector("#wz-c-url :is(input, textarea)")?.focus({ preventScroll: true });
    },
    // On a narrow screen the stage lies below the fold of the form: bring it into view when something forms on it.
    show() {
      const stage = document.getElementById("wz-stage");
      if (!stage) return;
      const box = stage.getBoundingClientRect();
      if (box.top < innerHeight * 0.6 && box.bottom > 0) return;
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      stage.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
    },
  };
})();
