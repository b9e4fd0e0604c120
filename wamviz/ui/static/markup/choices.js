/* A list of choices is one stop of the Tab key; arrow keys walk through it, as in a radio group. */

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/**
 * Where a key leads in a list, or -1 where it leads nowhere.
 * @param {string} key
 * @param {number} here
 * @param {number} count
 */
export function placeAfter(key, here, count) {
  if (here < 0) return -1;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const next = here + (STEPS[key] ?? Number.NaN);
  return next >= 0 && next < count ? next : -1;
}

function choicesOf(group) {
  return Array.from(group.querySelectorAll("[data-pick]"));
}

/* Of each list, the one choice that Tab reaches. */
export function rove(root) {
  for (const group of root.querySelectorAll("[data-arrows]")) {
    const items = choicesOf(group);
    const stop =
      items.find((item) => item === document.activeElement) ||
      items.find((item) => item.getAttribute("aria-pressed") === "true") ||
      items[0];
    for (const item of items) item.tabIndex = item === stop ? 0 : -1;
  }
}

export function hearArrows(root) {
  root.addEventListener("focusin", () => rove(root));
  root.addEventListener("keydown", (event) => {
    const group = event.target.closest("[data-arrows]");
    if (!group) return;
    const items = choicesOf(group);
    const next = items[placeAfter(event.key, items.indexOf(event.target), items.length)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}
