/* Answers of a rubric and votes, by mouse and by keys; see pages/probes/rating_view.py.

   Contract: pressOf(key, on) is pure. said() is what was answered, as JSON, for Python's event to take along. */

const ANSWER_KEYS = ["1", "2", "3", "4"];

/** What a key means while raters look at a sample: { answer: 0..3 }, { act } or null. on: "text" while somebody types. */
export function pressOf(key, on) {
  if (on === "text") return null;
  if (ANSWER_KEYS.includes(key)) return { answer: ANSWER_KEYS.indexOf(key) };
  if (key === "Backspace") return { act: "back" };
  if (key === "Enter") return { act: "save" };
  return ["a", "s", "d"].includes(key) ? { act: key } : null;
}

function groups() {
  return Array.from(document.querySelectorAll(".wz-rubric [data-question]")).filter((group) => group.offsetParent);
}

function chosen(group) {
  return group.querySelector('[aria-checked="true"]');
}

function choose(button) {
  for (const one of button.parentElement.querySelectorAll("[data-answer]")) {
    one.setAttribute("aria-checked", String(one === button));
    one.tabIndex = one === button ? 0 : -1;
  }
}

/* The question that a key answers: the one with the focus, else the first without an answer. */
function current(all) {
  return all.find((group) => group.contains(document.activeElement)) || all.find((group) => !chosen(group)) || null;
}

export function said() {
  const found = {};
  for (const group of groups()) {
    const button = chosen(group);
    if (button) found[group.dataset.question] = button.dataset.answer;
  }
  return JSON.stringify(found);
}

function answer(place) {
  const all = groups();
  const group = current(all);
  if (!group) return;
  choose(group.querySelectorAll("[data-answer]")[place]);
  const next = all[all.indexOf(group) + 1];
  if (next) next.querySelector('[data-answer][tabindex="0"]').focus();
  else document.querySelector("#wz-rate-save")?.focus();
}

function back() {
  const all = groups();
  const group = current(all);
  const before = group ? all[all.indexOf(group) - 1] : all.at(-1);
  before?.querySelector('[data-answer][tabindex="0"]').focus();
}

function walk(event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const button = event.target.closest?.("[data-answer]");
  if (!step || !button) return false;
  const all = Array.from(button.parentElement.querySelectorAll("[data-answer]"));
  const next = all[(all.indexOf(button) + step + all.length) % all.length];
  choose(next);
  next.focus();
  return true;
}

export function hearRating() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-answer]");
    if (button) choose(button);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (walk(event)) {
      event.preventDefault();
      return;
    }
    const on = event.target.matches?.("input, textarea, select, [contenteditable]") ? "text" : "";
    const press = pressOf(event.key, on);
    if (!press) return;
    const rating = groups().length > 0;
    const vote = Array.from(document.querySelectorAll("[data-key]")).find(
      (button) => button.dataset.key === press.act && button.offsetParent,
    );
    if (rating && press.answer !== undefined) answer(press.answer);
    else if (rating && press.act === "back") back();
    else if (rating && press.act === "save" && !event.target.matches?.("button:not([data-answer]), a, summary")) {
      document.getElementById("wz-rate-save")?.click();
    } else if (vote) vote.click();
    else return;
    event.preventDefault();
  });
}
