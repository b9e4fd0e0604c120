/* Where the reader looks: the focus, and what is scrolled into view. */

const PARTNER = { "wz-imagine": "wz-cancel", "wz-act": "wz-cancel", "wz-cancel": "wz-imagine" };
let focused = "";
let refused = "";

export function reveal(target, block) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  target.scrollIntoView({ behavior: calm ? "auto" : "smooth", block });
}

export function hearFocus() {
  document.addEventListener("focusin", (event) => {
    focused = event.target.id || "";
  });
}

/* A button that is switched off while it has the focus hands it to its partner. */
export function keepFocus() {
  const lost = focused && document.activeElement === document.body && document.getElementById(focused);
  if (!lost?.disabled) return;
  const partner = document.getElementById(PARTNER[focused]);
  if (partner && !partner.disabled) partner.focus({ preventScroll: true });
}

/* A refusal is brought to the eye, also on a phone where the form is longer than the screen. */
export function showRefusal() {
  const bad = document.querySelector("#wz-status .wz-bad");
  const text = bad ? bad.textContent : "";
  if (bad && text !== refused) bad.scrollIntoView({ block: "nearest" });
  refused = text;
}

export function hearSettings(changed) {
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#wz-settings-toggle")) return;
    const panel = document.getElementById("wz-settings");
    if (panel?.classList.toggle("wz-open")) reveal(panel, "nearest");
    changed();
  });
}

/* On a narrow screen the stage lies below the fold of the form: bring it into view when something forms on it. */
export function showStage() {
  const stage = document.getElementById("wz-stage");
  if (!stage) return;
  const box = stage.getBoundingClientRect();
  if (box.top < innerHeight * 0.6 && box.bottom > 0) return;
  reveal(stage, "start");
}

export function showForm() {
  const form = document.getElementById("wz-connect");
  if (form) reveal(form, "start");
  document.querySelector("#wz-c-url :is(input, textarea)")?.focus({ preventScroll: true });
}
