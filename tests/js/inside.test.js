/* Attention as it is sent, and its means. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { meanOf, unpackShares } from "../../wamviz/ui/pages/imagine/js/shares.js";

const packed = (numbers) => Buffer.from(Uint16Array.from(numbers).buffer).toString("base64");

test("shares come back as they were", () => {
  const shares = unpackShares({ attention: packed([0, 65535, 13107]), full: 65535 });
  assert.deepEqual(
    Array.from(shares, (share) => share.toFixed(4)),
    ["0.0000", "1.0000", "0.2000"],
  );
});

test("one head is itself, and the mean is over those that were asked for", () => {
  const shape = [2, 2, 2, 1, 3]; // steps, layers, heads, actions, tokens
  const shares = Array.from({ length: 24 }, (_, k) => k);
  assert.deepEqual(meanOf(shares, shape, { step: 1, layer: 0, head: 1, action: 0 }), [15, 16, 17]);
  assert.deepEqual(meanOf(shares, shape, { step: 0, layer: 1, head: -1, action: 0 }), [7.5, 8.5, 9.5]);
  assert.deepEqual(meanOf(shares, shape, { step: 0, layer: -1, head: -1, action: 0 }), [4.5, 5.5, 6.5]);
});
