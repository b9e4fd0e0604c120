/* Which addresses are fetched, and which one reopens what is shown. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { clipKey, localUrl, parametersOf, shownOf, withParameters } from "../../wamviz/ui/stage/js/addresses.js";

const HREF = "http://127.0.0.1:7860/?run=a";
const PAGE = { href: HREF, base: HREF, root: "" };

test("an address of this server is asked for", () => {
  assert.equal(localUrl("/runs/a/rollout.mp4", PAGE), "http://127.0.0.1:7860/runs/a/rollout.mp4");
  assert.equal(localUrl("runs/a/rollout.mp4", PAGE), "http://127.0.0.1:7860/runs/a/rollout.mp4");
});

test("under a path, every address lies below it, once", () => {
  const page = {
    href: "https://example.org/demo/",
    base: "https://example.org/demo/",
    root: "https://example.org/demo",
  };
  for (const address of ["/runs/a.mp4", "/demo/runs/a.mp4", "runs/a.mp4"]) {
    assert.equal(localUrl(address, page), "https://example.org/demo/runs/a.mp4");
  }
});

test("nobody else is ever asked", () => {
  for (const address of [
    "http://example.invalid/a.mp4",
    "//example.invalid/a.mp4",
    "https://127.0.0.1:7860/a.mp4",
    "javascript:alert(1)",
    "data:text/html;base64,AAAA",
    "data:image/svg+xml;base64,AAAA",
    "file:///etc/passwd",
  ]) {
    assert.throws(() => localUrl(address, PAGE), /not on this server/, address);
  }
});

test("an inline picture is taken as it is", () => {
  const picture = "data:image/jpeg;base64,AAAA";
  assert.equal(localUrl(picture, PAGE), picture);
});

test("the same file written anew is another clip", () => {
  assert.notEqual(clipKey({ src: "a", key: "1" }), clipKey({ src: "a", key: "2" }));
  assert.equal(clipKey({ src: "a" }), "a#");
  assert.equal(clipKey({ strip: "data:" }), "data:");
});

test("the permalink changes only where it says something else", () => {
  assert.equal(withParameters("http://a/?run=x&frame=3", { run: "x", frame: "3" }), null);
  const changed = withParameters("http://a/?keep=1&frame=3", { run: "x", frame: "4" });
  assert.equal(changed.href, "http://a/?keep=1&frame=4&run=x");
});

test("what is as usual is not in the link, and leaves it again", () => {
  const shown = { frame: 3, view: "samples", sample: 2, delay: 0.4 };
  const link = withParameters("http://a/?run=x", parametersOf(shown));
  assert.equal(link.search, "?run=x&frame=3&view=samples&sample=3&offset=0.4");
  assert.deepEqual(shownOf(link.search, "x"), { sample: 2, offset: 0.4 });
  const plain = withParameters(link.href, parametersOf({ ...shown, sample: 0, delay: 0 }));
  assert.equal(plain.search, "?run=x&frame=3&view=samples");
});

test("a link says nothing of another run, and nonsense in it is nothing", () => {
  assert.deepEqual(shownOf("?run=x&sample=2&offset=1", "y"), { sample: null, offset: 0 });
  for (const odd of ["sample=0&offset=x", "sample=-1&offset=99", "sample=1e3&offset=NaN", ""]) {
    assert.deepEqual(shownOf(`?run=x&${odd}`, "x"), { sample: null, offset: 0 });
  }
});
