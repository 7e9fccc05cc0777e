import assert from "node:assert/strict";
import { test } from "node:test";

import { sideOf, TAP_MS, Taps } from "./gestures.ts";

test("the outer thirds seek, the middle does not", () => {
  assert.equal(sideOf(10, 390), -1);
  assert.equal(sideOf(195, 390), 0);
  assert.equal(sideOf(380, 390), 1);
});

test("the second tap on a side seeks, and every further one", () => {
  const taps = new Taps();
  assert.equal(taps.tap(1, 0), 0);
  assert.equal(taps.tap(1, 200), 1);
  assert.equal(taps.tap(1, 400), 1);
});

test("slow taps, taps on the other side and in the middle do not seek", () => {
  const taps = new Taps();
  taps.tap(1, 0);
  assert.equal(taps.tap(1, TAP_MS + 1), 0);
  assert.equal(taps.tap(-1, TAP_MS + 100), 0);
  assert.equal(taps.tap(0, TAP_MS + 200), 0);
  assert.equal(taps.tap(0, TAP_MS + 250), 0);
});
