import assert from "node:assert/strict";
import { test } from "node:test";
import { unpack } from "../../wamviz/ui/static/wire.js";

test("long texts come back to their places", () => {
  const sent = { json: '{"panes":[{"strip":{"$text":"a1"}},["b"]],"none":null}', texts: { a1: "data:image/png" } };
  assert.deepEqual(unpack(sent), { panes: [{ strip: "data:image/png" }, ["b"]], none: null });
});

test("a name that was not sent is left as it is, and what was not packed is nothing", () => {
  assert.deepEqual(unpack({ json: '[{"$text":"constructor"}]', texts: {} }), [{ $text: "constructor" }]);
  for (const sent of [undefined, null, [], {}, "x"]) assert.equal(unpack(sent), undefined);
});
