/* What a message says of each pane, however torn it is. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { castOf, emptyPane, gridOf, pairOf, readValue, sampleOf } from "../../wamviz/ui/stage/js/cast.js";

const ONE = castOf(undefined);
const clip = (src) => ({ src, frames: 2, fps: 5 });

test("a page for one model has three panes, one for several has a pane a model beside the recorded one", () => {
  assert.deepEqual(ONE, { several: 0, origins: ["imagined", "recorded", "executed"], main: "imagined" });
  assert.deepEqual(castOf(2).origins, ["contender-1", "contender-2", "recorded"]);
  assert.equal(castOf(99).several, 4);
  for (const odd of [null, "x", -1, Number.NaN]) assert.deepEqual(castOf(odd), ONE);
});

test("anything at all is read as a stage that shows nothing", () => {
  for (const odd of [null, undefined, 7, "text", [], {}, { panes: null }, { panes: { imagined: null } }]) {
    const told = readValue(odd, ONE);
    assert.equal(told.run, null);
    assert.deepEqual(told.panes.imagined, emptyPane("imagined"));
    assert.equal(told.chunk, 8);
  }
});

test("what is left to the stage is null, and frame 0 is not nothing", () => {
  assert.equal(readValue({ frame: 0 }, ONE).frame, 0);
  assert.equal(readValue({ sample: 0 }, ONE).sample, 0);
  const told = readValue({ frame: null, view: "sideways" }, ONE);
  assert.deepEqual([told.frame, told.view, told.sample], [null, null, null]);
});

test("side by side, a pane that nobody is named for is absent", () => {
  const { panes } = readValue(
    { panes: { "contender-1": { name: "a", live: true }, recorded: { name: "recorded" } } },
    castOf(4),
  );
  assert.deepEqual(
    Object.entries(panes)
      .filter(([, pane]) => !pane.absent)
      .map(([name]) => name),
    ["contender-1", "recorded"],
  );
  assert.equal(panes["contender-1"].live, true);
});

test("a pane with fewer samples shows its last one", () => {
  assert.equal(sampleOf({ samples: ["a", "b"] }, 5), "b");
  assert.equal(sampleOf({ samples: [] }, 0), null);
});

test("two clips are compared that exist, and never one with itself", () => {
  const panes = { imagined: { samples: [clip("a")] }, recorded: { samples: [] }, executed: { samples: [clip("c")] } };
  assert.deepEqual(pairOf(panes, ONE.origins, ["imagined", "recorded"]), ["imagined", "executed"]);
  panes.recorded.samples.push(clip("b"));
  assert.deepEqual(pairOf(panes, ONE.origins, ["executed", "recorded"]), ["executed", "recorded"]);
  assert.deepEqual(pairOf(panes, ONE.origins, ["recorded", "recorded"]), ["imagined", "recorded"]);
});

test("where only one clip exists the choice stays as it was", () => {
  const panes = {
    imagined: { samples: [clip("a")] },
    recorded: { samples: [{ missing: "none" }] },
    executed: { samples: [] },
  };
  assert.deepEqual(pairOf(panes, ONE.origins, ["imagined", "recorded"]), ["imagined", "recorded"]);
});

test("all clips at once: the best sample first, then what it is held against", () => {
  const samples = ["a", "b", "c"].map(clip);
  const pane = (samples) => ({ name: "", samples });
  const panes = { imagined: pane(samples), recorded: pane([clip("r")]), executed: pane([{ missing: "no" }]) };
  const order = (ranking) =>
    gridOf(panes, ONE.origins, ranking).map(({ origin, sample, place }) => [origin, sample, place]);
  assert.deepEqual(order([]), [
    ["imagined", 0, 0],
    ["imagined", 1, 0],
    ["imagined", 2, 0],
    ["recorded", null, 0],
  ]);
  const ranking = [
    { sample: 2, why: "good" },
    { sample: 0, why: "so so" },
  ];
  assert.deepEqual(order(ranking).slice(0, 3), [
    ["imagined", 2, 1],
    ["imagined", 0, 2],
    ["imagined", 1, 0],
  ]);
  assert.equal(gridOf(panes, ONE.origins, ranking)[0].why, "good");
});
