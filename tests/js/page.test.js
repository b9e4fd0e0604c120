/* The page's own script: its rules, without a page. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { placeAfter } from "../../wamviz/ui/static/markup/choices.js";
import { allowed, tagOf } from "../../wamviz/ui/static/markup/nodes.js";
import { pageCommand } from "../../wamviz/ui/static/page/keys.js";
import {
  episodeAddress,
  frameParameters,
  jobAddress,
  runAddress,
  shareLink,
} from "../../wamviz/ui/static/page/links.js";
import { titleOf } from "../../wamviz/ui/static/page/marks.js";
import { chosen } from "../../wamviz/ui/static/page/offers.js";
import { following, playlistOf } from "../../wamviz/ui/static/page/present.js";
import { isPupil, makePupil } from "../../wamviz/ui/static/page/pupil.js";
import { standsStill } from "../../wamviz/ui/static/page/ready.js";
import { schemeOf } from "../../wamviz/ui/static/page/scheme.js";
import { afterPress, countWords, keeps } from "../../wamviz/ui/static/page/sift.js";

const HERE = "http://127.0.0.1:7860/?context=a%230&camera=wrist&__theme=dark#top";

test("the address's scheme comes before the reader's, and that before the system's", () => {
  assert.equal(schemeOf({ asked: "light", chosen: "dark", dark: true }), "light");
  assert.equal(schemeOf({ asked: null, chosen: "light", dark: true }), "light");
  assert.equal(schemeOf({ asked: null, chosen: null, dark: true }), "dark");
  assert.equal(schemeOf({ asked: null, chosen: null, dark: false }), "light");
});

test("a shared link names run, frame and view, and nobody's scheme", () => {
  const link = shareLink(HERE, { run: "r1", runs: "", frame: 0, view: "wipe" });
  assert.deepEqual([link.hash, link.searchParams.get("__theme")], ["", null]);
  assert.deepEqual(
    ["run", "frame", "view"].map((name) => link.searchParams.get(name)),
    ["r1", "0", "wipe"],
  );
  const several = shareLink(HERE, { run: "r1", runs: "r1,r2" });
  assert.deepEqual(
    ["run", "runs", "frame"].map((name) => several.searchParams.get(name)),
    [null, "r1,r2", null],
  );
});

test("after a run the address names it alone", () => {
  const link = runAddress(HERE, { run: "r1", runs: "" });
  assert.equal(link.searchParams.toString(), "__theme=dark&run=r1");
  assert.equal(runAddress(link.href, { run: "r1", runs: "" }), null);
  assert.equal(runAddress(HERE, { run: "", runs: "" }), null);
  assert.equal(runAddress(link.href, { run: "r2", runs: "r1,r2" }).searchParams.get("run"), null);
});

test("a frame of an episode is named on both pages", () => {
  const asked = frameParameters({ source: "shipped#3", camera: "wrist" }, 12);
  assert.equal(asked.toString(), "context=shipped%233%4012&camera=wrist");
  assert.equal(frameParameters({ source: "a#0", camera: "" }, 0).has("camera"), false);
  const here = episodeAddress("http://a/datasets?camera=front", frameParameters({ source: "a#0" }, 1));
  assert.equal(here.href, "http://a/datasets?open=a%230%401");
});

test("rows of the map are kept by every word and every filter", () => {
  const row = { text: "Pi Zero\nby somebody", paradigm: "joint|video", gives: "actions" };
  const all = { words: "", paradigm: "", gives: "", can: "" };
  assert.ok(keeps(row, all));
  assert.ok(keeps(row, { ...all, words: " ZERO pi ", paradigm: "video" }));
  assert.ok(!keeps(row, { ...all, words: "pi two" }));
  assert.ok(!keeps(row, { ...all, gives: "video" }));
  assert.ok(!keeps(row, { ...all, can: "here" }));
});

test("how many are left is said in words", () => {
  assert.deepEqual([countWords(9, 9), countWords(2, 9)], ["9 systems", "2 of 9 systems"]);
  assert.match(countWords(0, 9), /Take a filter away/);
});

test("only known elements and harmless attributes are built", () => {
  for (const tag of ["script", "iframe", "style", "object", "input", "SCRIPT"]) assert.equal(tagOf(tag), "span");
  assert.equal(tagOf("button"), "button");
  for (const name of ["onclick", "onerror", "style", "srcdoc", "formaction", "data-X", "xlink:href"]) {
    assert.ok(!allowed(name, "x"), name);
  }
  for (const name of ["class", "data-pick", "aria-label"]) assert.ok(allowed(name, "javascript:alert(1)"), name);
});

test("a link leads to a page or a file, never to a script", () => {
  for (const url of ["./?run=a", "/datasets", "https://example.org/a", "data:image/png;base64,AAAA"]) {
    assert.ok(allowed("href", url), url);
  }
  for (const url of [
    "javascript:alert(1)",
    " javascript:alert(1)",
    "data:text/html;base64,AAAA",
    "vbscript:x",
    "java\nscript:x",
  ]) {
    assert.ok(!allowed("href", url) && !allowed("src", url), url);
  }
});

test("arrows walk through a list of choices and stop at its ends", () => {
  assert.deepEqual(
    ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "Home", "End"].map((key) => placeAfter(key, 1, 4)),
    [2, 2, 0, 0, 0, 3],
  );
  assert.deepEqual(
    [placeAfter("ArrowLeft", 0, 4), placeAfter("ArrowRight", 3, 4), placeAfter("x", 1, 4), placeAfter("Home", -1, 4)],
    [-1, -1, -1, -1],
  );
});

test("what the visitor wrote meanwhile stays; a field that is as it was takes up what is offered", () => {
  const offer = JSON.stringify([
    ["instruction", "old words", "words of the new scene", true],
    ["seed", 0, 7, true],
    ["model", null, "mini-wam", false],
  ]);
  const names = ["instruction", "mode", "seed", "model"];
  assert.deepEqual(chosen(offer, names, ["my own words", "joint", 0, "paced"]), [
    "my own words",
    "joint",
    7,
    "mini-wam",
  ]);
  assert.deepEqual(chosen(offer, names, [" old words ", "video", "3", "paced"]), [
    "words of the new scene",
    "video",
    "3",
    "mini-wam",
  ]);
  assert.deepEqual(chosen("", names, ["a", "b", "c", "d"]), ["a", "b", "c", "d"]);
});

test("a playlist is what the address names, else the run that is shown and the examples", () => {
  const [one, two] = ["0123456789abcdef", "fedcba9876543210"];
  assert.deepEqual(playlistOf(new URLSearchParams(`playlist=${one},../etc,${two}`), "", ["x"]), [one, two]);
  assert.deepEqual(playlistOf(new URLSearchParams(), one, [two]), [one, two]);
  assert.deepEqual(playlistOf(new URLSearchParams(), two, [one, two]), [one, two]);
  assert.deepEqual([following(1, 1, 2), following(0, -1, 3), following(0, 1, 0)], [0, 2, 0]);
});

test("Enter imagines from the instruction, Ctrl+Enter from anywhere, Shift+Enter is a new line", () => {
  assert.equal(pageCommand({ key: "Enter", on: "instruction" }), "imagine");
  assert.equal(pageCommand({ key: "Enter", on: "text", command: true }), "imagine");
  assert.equal(pageCommand({ key: "Enter", on: "instruction", shift: true }), null);
  assert.equal(pageCommand({ key: "Enter", on: "instruction", composing: true }), null);
  assert.equal(pageCommand({ key: "Enter", on: "" }), null);
  assert.equal(pageCommand({ key: "?", on: "" }), "help");
  assert.equal(pageCommand({ key: "?", on: "text" }), null);
});

test("a job's address leads back to it, and leaves nothing when it is over", () => {
  const under = jobAddress("http://127.0.0.1:7860/?run=r1", "j1");
  assert.equal(under.search, "?run=r1&job=j1");
  assert.equal(jobAddress(under.href, "j1"), null);
  assert.equal(jobAddress(under.href, "").search, "?run=r1");
  assert.equal(runAddress(under.href, { run: "r2", runs: "" }).search, "?run=r2");
  assert.equal(shareLink(under.href, { run: "r1", runs: "" }).search, "?run=r1");
});

test("tabs can be told apart by their titles", () => {
  assert.equal(titleOf("Imagine", "lift the mug"), "lift the mug · wamviz");
  assert.equal(titleOf("Models", ""), "Models · wamviz");
});

test("a page stands still when its height rests for a while, not before anything is there", () => {
  const frames = (...heights) => heights.map((height, k) => [100 * k, height]);
  assert.equal(standsStill([]), false);
  assert.equal(standsStill(frames(0, 0, 0, 0)), false);
  assert.equal(standsStill(frames(900, 900)), false);
  assert.equal(standsStill(frames(900, 1000, 1000)), false);
  assert.equal(standsStill(frames(900, 1000, 1000, 1000)), true);
  assert.equal(standsStill(frames(900, 900, 900).map(([time, height]) => [time / 10, height])), false);
});

test("a press in the picture chooses a place of its axis, and pressed again takes it away", () => {
  const once = afterPress("integration|action as image", ["", "joint prediction", "", ""]);
  assert.deepEqual(once, ["", "joint prediction", "action as image", ""]);
  assert.deepEqual(afterPress("integration|action as image", once), ["", "joint prediction", "", ""]);
  assert.deepEqual(afterPress("words|lerobot's policies", [undefined, "", "", ""])[0], "lerobot's policies");
});

test("a row stands on every axis where the filters ask for it", () => {
  const row = { text: "Some", paradigm: "video model", integration: "no actions", architecture: "monolithic" };
  assert.ok(keeps(row, { architecture: "monolithic", integration: "no actions" }));
  assert.ok(!keeps(row, { architecture: "hierarchical" }));
});

test("a pupil is 32 random digits and nothing else", () => {
  const made = makePupil(new Uint8Array([0, 1, 15, 16, 255, 7, 8, 9, 10, 11, 12, 13, 14, 0, 0, 200]));
  assert.equal(made, "00010f10ff0708090a0b0c0d0e0000c8");
  assert.ok(isPupil(made));
  for (const no of ["", "Ada", `${made}0`, made.toUpperCase().replace("F", "G"), null]) assert.ok(!isPupil(no));
});
