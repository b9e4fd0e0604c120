/* Keys to motions, steps that cannot be kept up with, points and lines. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { controlOf, heldOn, motionOf } from "../../wamviz/ui/pages/drive/js/keys.js";
import { median, Pace, scoreOf } from "../../wamviz/ui/pages/drive/js/pace.js";
import { linesOf, roundTop } from "../../wamviz/ui/pages/drive/js/plot.js";

const AXES = { right: [0, 1], away: [-1, 0] };

test("keys are controls, and those with Ctrl are the browser's", () => {
  assert.equal(controlOf({ key: "W" }), "away");
  assert.equal(controlOf({ key: "ArrowLeft" }), "left");
  assert.equal(controlOf({ key: " " }), "grip");
  assert.equal(controlOf({ key: "k" }), null);
  assert.equal(controlOf({ key: "s", command: true }), null);
});

test("what is held moves the hand the way that the picture shows", () => {
  assert.deepEqual(motionOf(["right"], AXES, 0.03), [0, 0.03, 0, 0, 0, 0]);
  assert.deepEqual(motionOf(["away", "up"], AXES, 0.01), [-0.01, 0, 0.01, 0, 0, 0]);
  assert.equal(motionOf(["turn-left"], AXES, 0.03)[5], 0.15);
  assert.equal(motionOf(["left", "right"], AXES, 0.03), null);
  assert.equal(motionOf(["grip"], AXES, 0.03), null);
});

test("a gamepad's sticks hold what they point at, and rest in the middle", () => {
  const buttons = [{ pressed: true }];
  assert.deepEqual(heldOn({ axes: [0.9, -0.8, 0.1, 0], buttons }), ["right", "away", "grip"]);
  assert.deepEqual(heldOn({ axes: [0.1, 0.1], buttons: [] }), []);
  assert.deepEqual(heldOn(null), []);
});

test("a step that comes while one is under way is counted and never made up for", async () => {
  const told = [];
  let answer;
  const pace = new Pace((missed) => {
    told.push(missed);
    return new Promise((done) => {
      answer = done;
    });
  });
  const first = pace.want();
  assert.equal(await pace.want(), false);
  assert.equal(await pace.want(), false);
  answer();
  assert.equal(await first, true);
  const next = pace.want();
  answer();
  await next;
  assert.deepEqual(told, [0, 2]);
});

test("points: how far it came, or a hundred and what is left of the minute", () => {
  const done = [{}, {}, { done: true }, { done: true }];
  assert.deepEqual(scoreOf(done, 0.2), { done: true, seconds: 10, points: 150 });
  assert.deepEqual(scoreOf([{}, { progress: 0.567 }], 5), { done: false, seconds: 0.2, points: 56 });
});

test("lines leave gaps where nothing is known", () => {
  assert.equal(linesOf([0, 1, null, 1], 2).length, 2);
  assert.deepEqual(linesOf([null, undefined], 2), []);
  assert.deepEqual([roundTop([0.1]), roundTop([3, null]), roundTop([12])], [0.5, 5, 20]);
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([]), null);
});
