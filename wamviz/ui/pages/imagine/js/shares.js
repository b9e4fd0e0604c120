/* Attention as it is sent: shares in 16 bits, steps x layers x heads x actions x tokens.

   Contract: pure. */

/** The packed shares as numbers 0 .. 1, in the order of the shape. */
export function unpackShares({ attention, full }) {
  const bytes = Uint8Array.from(atob(attention), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 2 }, (_, k) => view.getUint16(2 * k, true) / full);
}

/** The shares of one action's token at a step, in a layer and a head, or the mean over all where that is -1. */
export function meanOf(shares, [, layers, heads, actions, tokens], { step, layer, head, action }) {
  const all = (chosen, count) => (chosen < 0 ? Array.from({ length: count }, (_, k) => k) : [chosen]);
  const found = new Float64Array(tokens);
  const [some, few] = [all(layer, layers), all(head, heads)];
  for (const l of some)
    for (const e of few) {
      const from = (((step * layers + l) * heads + e) * actions + action) * tokens;
      for (let k = 0; k < tokens; k += 1) found[k] += shares[from + k] / (some.length * few.length);
    }
  return Array.from(found);
}
