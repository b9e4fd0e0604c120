/* The Models page: hides the rows of the map that the filters leave out, and says how many are left.

   Contract: keeps(row, filters) and countWords(left, all) are pure; sift() does it on the page. */

/**
 * @param {{ text: string, paradigm?: string, gives?: string, can?: string }} row several values are divided by |
 * @param {{ words: string, paradigm: string, gives: string, can: string }} filters "" filters nothing
 */
export function keeps(row, { words, paradigm, gives, can }) {
  const text = row.text.toLowerCase();
  const wanted = String(words || "")
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean);
  const has = (values, value) => !value || (values || "").split("|").includes(value);
  const named = has(row.paradigm, paradigm) && has(row.gives, gives) && has(row.can, can);
  return named && wanted.every((word) => text.includes(word));
}

export function countWords(left, all) {
  if (left === all) return `${all} systems`;
  return left ? `${left} of ${all} systems` : "No system of the map is like that. Take a filter away.";
}

export function sift(words, paradigm, gives, can) {
  const rows = Array.from(document.querySelectorAll("#wz-field .wz-system"));
  const typed = document.querySelector("#wz-sift-query :is(input, textarea)")?.value ?? words;
  for (const row of rows) {
    row.hidden = !keeps({ ...row.dataset, text: row.textContent }, { words: typed, paradigm, gives, can });
  }
  const left = rows.filter((row) => !row.hidden).length;
  return [[["p", { class: "wz-note" }, countWords(left, rows.length)]]];
}
