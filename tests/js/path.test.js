/* What is drawn on a picture, in the world and back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { heightOf, inWords, valueAt } from "../../wamviz/ui/pages/drive/js/lanes.js";
import { directions, grips, placeAt, project, simplify } from "../../wamviz/ui/pages/drive/js/space.js";

// Looks from 1.2 m in front of the base and 0.9 m up at the table.
const CAMERA = [
  [0.0, 1.1, 0.0, 0.5],
  [0.15, 0.0, -1.2, 0.55],
  [-0.75, 0.0, -0.6, 1.5],
];

function near(a, b) {
  for (const [k, value] of a.entries()) assert.ok(Math.abs(value - b[k]) < 1e-9, `${a} is not ${b}`);
}

test("a place in the picture is a place in the world at every height, and back", () => {
  for (const z of [0, 0.1, 0.35]) {
    for (const seen of [
      [0.2, 0.4],
      [0.5, 0.5],
      [0.8, 0.3],
    ]) {
      const place = placeAt(CAMERA, seen, z);
      assert.equal(place[2], z);
      near(project(CAMERA, place), seen);
    }
  }
});

test("what lies at the horizon has no place", () => {
  const flat = [
    [0, 1, 0, 0],
    [0, 0, 1, -0.2],
    [1, 0, 0, 1],
  ];
  assert.equal(placeAt(flat, [0.3, 0], 0.2), null);
});

test("right is right in the picture, and away is up", () => {
  const at = [0.5, 0.1, 0.2];
  const [right, away] = directions(CAMERA, at);
  const seen = project(CAMERA, at);
  assert.ok(project(CAMERA, [at[0] + 0.01 * right[0], at[1] + 0.01 * right[1], at[2]])[0] > seen[0]);
  assert.ok(project(CAMERA, [at[0] + 0.01 * away[0], at[1] + 0.01 * away[1], at[2]])[1] < seen[1]);
});

test("a stroke keeps its corners and loses what lies between them", () => {
  const stroke = [];
  for (let k = 0; k <= 10; k += 1) stroke.push([0.01 * k, 0.0001 * (k % 2), 0]);
  for (let k = 1; k <= 10; k += 1) stroke.push([0.1, 0.01 * k, 0]);
  const corners = simplify(stroke, 0.005);
  assert.deepEqual(corners, [stroke[0], stroke[10], stroke[20]]);
});

test("the gripper changes where a corner says so", () => {
  assert.deepEqual(grips([{ flip: false }, { flip: true }, { flip: false }, { flip: true }], 0), [0, 1, 1, 0]);
  assert.deepEqual(grips([{ flip: true }], 1), [0]);
});

test("a lane's height is a value, and back", () => {
  for (const value of [-0.06, 0, 0.02])
    assert.ok(Math.abs(valueAt(heightOf(value, -0.06, 0.06), -0.06, 0.06) - value) < 1e-12);
  assert.equal(valueAt(-3, 0, 1), 1);
  assert.equal(inWords(0.031, "m"), "3.1 cm");
  assert.equal(inWords(Math.PI / 2, "rad"), "90°");
});
