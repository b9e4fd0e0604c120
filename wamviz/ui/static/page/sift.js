/* The Models page: hides the rows of the map that the filters leave out, says how many are left, and shows both in the
   picture of the design space, where a press sets the filters.

   Contract: keeps(row, filters), countWords(left, all) and afterPress(picked, axes) are pure; sift() and placed() do it
   on the page. */

const AXES = ["words", "paradigm", "integration", "architecture"];
const NAMES = [...AXES, "gives", "can"]; // of the filters, in the order of the page

/**
 * @param {Record<string, string>} row its text, and its place by axis; several are divided by |
 * @param {Record<string, string>} filters by NAMES; "" filters nothing
 */
export function keeps(row, filters) {
  const text = row.text.toLowerCase();
  const wanted = String(filters.words || "")
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean);
  const has = (name) => !filters[name] || (row[name] || "").split("|").includes(filters[name]);
  return NAMES.slice(1).every(has) && wanted.every((word) => text.includes(word));
}

export function countWords(left, all) {
  if (left === all) return `${all} systems`;
  return left ? `${left} of ${all} systems` : "No system of the map is like that. Take a filter away.";
}

/**
 * The filters after a press in the picture: that place alone on its axis; pressed once more, all of them again.
 * @param {string} picked AXIS|PLACE
 * @param {string[]} axes what is chosen on each of AXES
 */
export function afterPress(picked, axes) {
  const [axis, place] = [picked.slice(0, picked.indexOf("|")), picked.slice(picked.indexOf("|") + 1)];
  return axes.map((chosen, k) => (AXES[k] !== axis ? (chosen ?? "") : chosen === place ? "" : place));
}

function typed(words) {
  return document.querySelector("#wz-sift-query :is(input, textarea)")?.value ?? words;
}

export function placed(words, ...axes) {
  const picked = document.querySelector("#wz-design .wz-markup")?.dataset.picked || "";
  return afterPress(picked, [typed(words), ...axes]);
}

export function sift(words, ...chosen) {
  const filters = Object.fromEntries([typed(words), ...chosen].map((value, k) => [NAMES[k], value]));
  const rows = Array.from(document.querySelectorAll("#wz-field .wz-system"));
  for (const row of rows) row.hidden = !keeps({ ...row.dataset, text: row.textContent }, filters);
  const left = rows.filter((row) => !row.hidden);
  const names = new Set(left.map((row) => row.dataset.name));
  for (const button of document.querySelectorAll("#wz-design [data-pick]")) {
    const [axis, place] = [button.dataset.pick.split("|")[0], button.dataset.pick.split("|").slice(1).join("|")];
    button.setAttribute("aria-pressed", String(filters[axis] === place));
    if (axis === "words") button.classList.toggle("wz-out", !names.has(place));
  }
  return [[["p", { class: "wz-note" }, countWords(left.length, rows.length)]]];
}
