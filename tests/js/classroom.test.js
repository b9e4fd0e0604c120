/* The teacher's key and what the address says. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { placeOf } from "../../wamviz/ui/classroom/js/asking.js";
import { keyOf } from "../../wamviz/ui/classroom/js/teacher.js";

test("the key is what stands after the # and nothing else that may stand there", () => {
  assert.equal(keyOf("#Ab3_-Ab3_-Ab3_-Ab3_-Ab3_-Ab3_-99"), "Ab3_-Ab3_-Ab3_-Ab3_-Ab3_-Ab3_-99");
  for (const odd of ["", "#", "#short", "#glossary", "#<script>alert(1)</script>", `#${"a".repeat(65)}`]) {
    assert.equal(keyOf(odd), "");
  }
});

test("lesson and language are the address's, or left to the server", () => {
  assert.deepEqual(placeOf("?lesson=words&lang=ja&class=ABC"), { lesson: "words", lang: "ja" });
  assert.deepEqual(placeOf(""), { lesson: "", lang: "" });
});
