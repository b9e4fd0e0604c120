/* Which key does what, and which is left to somebody else. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { commandOf } from "../../wamviz/ui/stage/js/keyboard.js";

test("every key of the help does what the help says", () => {
  // biome-ignore format: a table
  const said = {
    " ": ["play"], ArrowLeft: ["step", -1], ArrowRight: ["step", 1], Home: ["first"], End: ["last"], ",": ["speed", -1],
    ".": ["speed", 1], l: ["loop"], "[": ["mark-a"], "]": ["mark-b"], o: ["view", "onion-skin"], w: ["view", "wipe"],
    d: ["view", "difference"], ArrowUp: ["nudge", 1], ArrowDown: ["nudge", -1], g: ["recorded"], p: ["paths"],
    x: ["pixels"], s: ["save"], f: ["fullscreen"], "?": ["help"], 1: ["sample", 0], 9: ["sample", 8],
  };
  for (const [key, command] of Object.entries(said)) assert.deepEqual(commandOf({ key }), command, key);
  assert.deepEqual(commandOf({ key: "W", shift: true }), ["view", "wipe"]);
});

test("Shift and an arrow go a whole chunk", () => {
  assert.deepEqual(commandOf({ key: "ArrowLeft", shift: true }), ["chunk", -1]);
  assert.deepEqual(commandOf({ key: "ArrowRight", shift: true, on: "scrub" }), ["chunk", 1]);
});

test("keys with Ctrl, Meta or Alt, and keys that compose, belong to the browser", () => {
  for (const more of [{ command: true }, { composing: true }]) assert.equal(commandOf({ key: "s", ...more }), null);
});

test("what is typed into a field or a menu stays there", () => {
  for (const key of [" ", "w", "ArrowUp", "1"]) assert.equal(commandOf({ key, on: "text" }), null);
});

test("Space presses the focused button, and arrows move the focused slider", () => {
  assert.equal(commandOf({ key: " ", on: "button" }), null);
  assert.deepEqual(commandOf({ key: "w", on: "button" }), ["view", "wipe"]);
  for (const key of ["ArrowLeft", "ArrowUp", "Home", "End"]) {
    assert.equal(commandOf({ key, on: "slider" }), null);
    assert.equal(commandOf({ key, on: "scrub" }), null);
  }
  assert.equal(commandOf({ key: "ArrowUp", shift: true, on: "slider" }), null);
});

test("keys without a meaning are nobody's", () => {
  for (const key of ["q", "0", "Enter", "Escape", "Tab", "toString", "constructor"])
    assert.equal(commandOf({ key }), null);
});
