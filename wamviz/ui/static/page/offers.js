/* What the server proposes for fields that the visitor may have changed meanwhile, and whether a question is complete.

   Contract: chosen(offer, names, now) is pure. begin() counts an event about the context that is under way, take() ends
   it; question() resolves when none is left, so that what is asked is what is shown. */

let underWay = 0;

/** Numbers and texts alike: Gradio sends an untouched number back as a text now and then. */
const same = (one, other) => one === other || String(one ?? "").trim() === String(other ?? "").trim();

/**
 * @param {string} offer JSON rows of [field, its value when the event was sent, its new value, whether that is known]
 * @param {string[]} names of the fields, in the order of their values
 * @param {unknown[]} now what the fields hold
 * @returns {unknown[]} what they should hold
 */
export function chosen(offer, names, now) {
  const rows = new Map((offer ? JSON.parse(offer) : []).map(([name, ...row]) => [name, row]));
  return names.map((name, k) => {
    if (!rows.has(name)) return now[k];
    const [seen, value, known] = rows.get(name);
    return !known || same(seen, now[k]) ? value : now[k];
  });
}

export function begin() {
  underWay += 1;
}

/* Gradio hands over the inputs and then the outputs, which are the same components: offer, fields, offer, fields. */
export function take(names, offer, ...now) {
  underWay = Math.max(0, underWay - 1);
  return ["", ...chosen(offer, names, now.slice(0, names.length))];
}

const PATIENCE = 20_000; // milliseconds; an answer that was lost must not hold up the button for ever

export async function question() {
  const end = performance.now() + PATIENCE;
  for (let calm = 0; calm < 2 && performance.now() < end; calm = underWay ? 0 : calm + 1) {
    await new Promise((go) => setTimeout(go, 16));
  }
}
