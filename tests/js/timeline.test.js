/* Which frame of which clip is shown when. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  advance,
  boundsOf,
  frameWithin,
  nearestFrame,
  neededAround,
  pointAt,
  shotAt,
  timelineOf,
} from "../../wamviz/ui/stage/js/timeline.js";

const RATES = [1, 2.5, 5, 10, 15, 24, 29.97, 30, 60];

test("the nearest frame lies within half a frame, and of two equally near it is the earlier", () => {
  for (const fps of RATES) {
    for (let time = 0; time < 4; time += 0.0131) {
      assert.ok(Math.abs(nearestFrame(time, fps) - time * fps) <= 0.5 + 1e-6, `${time} s at ${fps}`);
    }
  }
  assert.equal(nearestFrame(0.25, 10), 2);
  assert.equal(nearestFrame(-1, 10), 0);
});

test("every frame of a clip is shown at its own time, at every rate", () => {
  for (const fps of RATES) for (let k = 0; k < 400; k += 1) assert.equal(nearestFrame(k / fps, fps), k);
});

test("the clock ticks in frames of the first clip and goes as far as the longest", () => {
  const imagined = { src: "a", fps: 10, frames: 31 };
  const recorded = { src: "b", fps: 15, frames: 61 };
  assert.deepEqual(timelineOf([imagined, recorded]), { fps: 10, frames: 41 });
  assert.deepEqual(timelineOf([imagined]), { fps: 10, frames: 31 });
  assert.deepEqual(timelineOf([]), { fps: 1, frames: 0 });
});

test("a clip without a video counts only where there is no other", () => {
  const unseen = {
    missing: "no video",
    fps: 5,
    frames: 9,
    rate: 5,
    path: [
      [0, 0],
      [1, 1],
      [1, 0],
    ],
  };
  assert.deepEqual(timelineOf([unseen]), { fps: 5, frames: 3 });
  assert.deepEqual(timelineOf([{ ...unseen, path: null }]), { fps: 5, frames: 1 });
  assert.deepEqual(timelineOf([unseen, { src: "a", fps: 10, frames: 11 }]), { fps: 10, frames: 11 });
});

test("a frame that is asked for exists", () => {
  assert.deepEqual(
    [-3, 0, 4.9, 30, 99].map((frame) => frameWithin(frame, 31)),
    [0, 0, 4, 30, 30],
  );
  assert.equal(frameWithin(5, 0), 0);
});

test("a clip that has ended keeps its last frame and drifts no further", () => {
  const clip = { fps: 10, frames: 16 };
  assert.deepEqual(shotAt(clip, 1.5), { clip, k: 15, ended: false, early: false, drift: 0 });
  assert.deepEqual(shotAt(clip, 2), { clip, k: 15, ended: true, early: false, drift: 0 });
  assert.equal(shotAt({ fps: 15, frames: 46 }, 0.1).drift, 0.5);
});

test("a clip that begins later waits on its first frame, and the clock goes on until it has ended", () => {
  const clip = { src: "a", fps: 10, frames: 16 };
  assert.deepEqual(shotAt(clip, -0.3), { clip, k: 0, ended: false, early: true, drift: 0 });
  assert.equal(shotAt(clip, 0).early, false);
  assert.equal(timelineOf([clip, clip], [0, 0.5]).frames, 21);
  assert.equal(timelineOf([clip, clip], [0, -0.5]).frames, 16);
  assert.equal(timelineOf([clip, clip]).frames, 16);
});

test("A and B bound what is played while it loops, in whichever order they lie", () => {
  const state = { frames: 31, loop: true, a: null, b: null };
  assert.deepEqual(boundsOf(state), [0, 30]);
  assert.deepEqual(boundsOf({ ...state, a: 5, b: 12 }), [5, 12]);
  assert.deepEqual(boundsOf({ ...state, a: 12, b: 5 }), [5, 12]);
  assert.deepEqual(boundsOf({ ...state, a: 5, b: 99 }), [5, 30]);
  assert.deepEqual(boundsOf({ ...state, loop: false, a: 5, b: 12 }), [0, 30]);
});

test("playing never leaves the bounds and shows every frame between them", () => {
  for (const fps of RATES) {
    for (const speed of [0.25, 1, 4]) {
      let clock = { time: 3 / fps, fps, speed, loop: true };
      const seen = new Set();
      for (let k = 0; k < 3000; k += 1) {
        const { time, frame, over } = advance(clock, [3, 9], 1 / 240 / fps);
        assert.ok(!over && frame >= 3 && frame <= 9, `frame ${frame} at ${fps}`);
        seen.add(frame);
        clock = { ...clock, time };
      }
      if (speed > 0.25) assert.equal(seen.size, 7);
    }
  }
});

test("without a loop it stops on the last frame, which stays for its own time", () => {
  const clock = { time: 2.95, fps: 10, speed: 1, loop: false };
  assert.equal(advance(clock, [0, 30], 0.1).over, false);
  assert.deepEqual(advance(clock, [0, 30], 0.2), { time: 3, frame: 30, over: true });
});

test("a path is read by time, between its points and not beyond its ends", () => {
  const path = {
    points: [
      [0, 0],
      [0.5, 1],
      [1, 0],
    ],
    rate: 2,
  };
  assert.deepEqual(pointAt(path, 0.25), [0.25, 0.5]);
  assert.deepEqual(pointAt(path, 1), [1, 0]);
  assert.deepEqual(pointAt(path, 9), [1, 0]);
  assert.deepEqual(pointAt(path, -1), [0, 0]);
  assert.deepEqual(pointAt({ points: [[0.2, 0.3]], rate: 2 }, 5), [0.2, 0.3]);
});

test("what is needed first lies ahead, round the end, with a quarter kept behind", () => {
  assert.deepEqual(neededAround(2, 10, 8), [2, 3, 4, 5, 6, 7, 1, 0]);
  assert.deepEqual(neededAround(8, 10, 4), [8, 9, 0, 7]);
  for (const at of [0, 4, 9]) assert.equal(new Set(neededAround(at, 10, 10)).size, 10);
});
