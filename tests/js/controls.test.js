/* What is typed into a control is a whole number within its bounds. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { clamp } from "../../wamviz/ui/pages/lessons/js/controls.js";

test("a number stays within its bounds, and nothing typed leaves the one before", () => {
  assert.equal(clamp("7", 2, 30, 5), 7);
  assert.equal(clamp("99", 2, 30, 5), 30);
  assert.equal(clamp("-1", 2, 30, 5), 2);
  assert.equal(clamp("3.6", 2, 30, 5), 4);
  for (const nothing of ["", " ", "e"]) assert.equal(clamp(nothing, 2, 30, 5), 5);
});
