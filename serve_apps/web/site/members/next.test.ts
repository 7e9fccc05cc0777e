import assert from "node:assert/strict";
import { test } from "node:test";

import { nextPath } from "./next.ts";

test("an address of our own is where one goes next", () => {
  assert.equal(nextPath({ next: "/title/1?x=2#y" }), "/title/1?x=2#y");
});

test("nothing leads away from the site", () => {
  for (const next of [
    undefined,
    "",
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "/\n/evil",
  ]) {
    assert.equal(nextPath({ next }), "/");
  }
});
