/* Videos that play together, and the keys of raters. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { momentOf, offBy } from "../../wamviz/ui/static/page/lockstep.js";
import { pressOf } from "../../wamviz/ui/static/page/rating.js";

test("all start over together after the longest has ended and rested", () => {
  assert.equal(momentOf(1, 2), 1);
  assert.equal(momentOf(2.5, 2), 2);
  assert.ok(Math.abs(momentOf(3, 2) - 0.2) < 1e-9);
  assert.equal(momentOf(5, 0), 0);
});

test("a playing video may be off by a little, a standing one not", () => {
  assert.equal(offBy(1, 1.1, true), false);
  assert.equal(offBy(1, 1.1, false), true);
  assert.equal(offBy(1, 1.3, true), true);
});

test("digits answer, letters vote, and whoever types is left alone", () => {
  assert.deepEqual(pressOf("3", ""), { answer: 2 });
  assert.deepEqual(pressOf("Enter", ""), { act: "save" });
  assert.deepEqual(pressOf("s", ""), { act: "s" });
  assert.equal(pressOf("5", ""), null);
  for (const key of ["1", "a", "Enter", "Backspace"]) assert.equal(pressOf(key, "text"), null);
});
