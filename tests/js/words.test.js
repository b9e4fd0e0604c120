/* What the stage says. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  amountOf,
  clockWords,
  columnsOf,
  delayWords,
  missingWords,
  ordinal,
  progressWords,
  sampleWords,
  shotWords,
} from "../../wamviz/ui/stage/js/words.js";

test("the clock names frame, last frame and seconds", () => {
  assert.equal(clockWords(7, 31, 10), "frame 7 of 30, 0.70 s");
  assert.equal(clockWords(0, 0, 1), "frame 0 of 0, 0.00 s");
});

test("a canvas says what it shows, and that it has ended", () => {
  const shot = { k: 15, ended: true, clip: { fps: 10, frames: 16 } };
  assert.equal(shotWords("executed", shot), "executed, frame 15 of 15, 1.50 s, ended");
});

test("progress says steps, what comes before them, and what is left", () => {
  assert.deepEqual(progressWords({ step: 3, steps: 8, eta: 2.54, note: "" }), {
    step: "step 3 of 8",
    left: " · about 2.5 s left",
  });
  assert.equal(progressWords({ step: 3, steps: 8, eta: 42.4, note: "" }).left, " · about 42 s left");
  assert.deepEqual(progressWords({ step: 0, steps: 8, eta: null, note: "loading" }), { step: "loading", left: "" });
  assert.equal(progressWords({ step: 0, steps: 8, eta: null, note: "" }).step, "starting");
});

test("a sample is named by its number and its label", () => {
  assert.equal(sampleWords({ label: "seed 7" }, 0), "sample 1, seed 7");
  assert.equal(sampleWords({ label: "" }, 1), "sample 2");
});

test("a pane without a picture says why, the nearest reason first", () => {
  const clip = { src: "a" };
  assert.deepEqual(missingWords({ name: "imagined", clip }), ["", "shown"]);
  assert.deepEqual(missingWords({ name: "imagined", clip, error: "it broke" }), [
    "The imagined video cannot be shown: it broke.",
    "failed",
  ]);
  assert.deepEqual(missingWords({ name: "imagined", clip: { missing: "No video." }, missing: "Other." }), [
    "No video.",
    "missing",
  ]);
  assert.deepEqual(missingWords({ name: "recorded", clip: null, missing: "Other." }), ["Other.", "missing"]);
  assert.deepEqual(missingWords({ name: "recorded", clip: null, missing: "" }), [
    "There is no recorded video.",
    "missing",
  ]);
  assert.equal(missingWords({ name: "recorded", clip, hidden: true })[1], "hidden");
});

test("a comparison's slider is a percentage, the difference's a gain", () => {
  assert.deepEqual(amountOf("wipe", 0.256), {
    min: "0",
    max: "100",
    step: "1",
    value: "26",
    shown: "26 %",
    done: "25.6%",
  });
  assert.deepEqual(amountOf("difference", 4), {
    min: "1",
    max: "16",
    step: "0.5",
    value: "4",
    shown: "×4",
    done: "20%",
  });
});

test("places are numbered as people do", () => {
  assert.deepEqual([1, 2, 3, 4, 11, 12, 13, 21].map(ordinal), "1st 2nd 3rd 4th 11th 12th 13th 21st".split(" "));
});

test("a grid wastes no row, and has one column where it is empty", () => {
  assert.deepEqual([0, 1, 4, 5, 6, 10, 18].map(columnsOf), [1, 1, 4, 3, 3, 5, 6]);
});

test("a shift says which way", () => {
  assert.deepEqual([0, 0.4, -1].map(delayWords), ["with the context", "0.40 s later", "1.00 s earlier"]);
});
