/* What Python says in one place and the page shows in another.

   Contract: name() and mark() bring the page's attributes up to date, and write only what changed, because every change
   is looked at again. */

/* Gradio takes ids, checks from outside want data-testid on the element that does the work. */
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

export function name() {
  for (const [selector, id] of NAMES) {
    const target = document.querySelector(selector);
    if (target && target.dataset.testid !== id) target.dataset.testid = id;
  }
}

function set(target, attribute, text) {
  if (target.getAttribute(attribute) !== text) target.setAttribute(attribute, text);
}

/* Of these choices, the one whose data-pick this is. */
function press(selector, picked) {
  for (const choice of document.querySelectorAll(selector)) {
    set(choice, "aria-pressed", String(choice.dataset.pick === picked));
  }
}

/* The tab's title: the page and what it shows, so that several tabs can be told apart. */
export function titleOf(page, instruction) {
  return [instruction, page && page !== "Imagine" ? page : "", "wamviz"].filter(Boolean).join(" · ");
}

function entitle() {
  const page = document.querySelector("#wz-header [aria-current]")?.textContent || "";
  const instruction = document.querySelector("#wz-stage .wv-instruction")?.textContent || "";
  const title = titleOf(page, ["Imagine", "Compare"].includes(page) ? instruction : "");
  if (document.title !== title) document.title = title;
}

export function mark() {
  entitle();
  const act = document.getElementById("wz-act");
  if (act) {
    // Not disabled: pressing it explains why there is nothing to execute.
    act.classList.toggle("wz-off", Boolean(document.querySelector("#wz-act-why [data-off]")));
    set(act, "aria-describedby", "wz-act-why");
  }
  press(".wz-card", document.querySelector("[data-scene]")?.dataset.scene);
  press(".wz-example", document.querySelector("[data-run]")?.dataset.run);
  press(".wz-episode", document.querySelector("[data-episode]")?.dataset.episode);
  const fold = document.getElementById("wz-settings-toggle");
  const panel = document.getElementById("wz-settings");
  if (fold && panel) {
    set(fold, "aria-expanded", String(panel.classList.contains("wz-open")));
    if (!fold.hasAttribute("aria-controls")) fold.setAttribute("aria-controls", "wz-settings");
  }
}
