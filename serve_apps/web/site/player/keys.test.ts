import assert from "node:assert/strict";
import { test } from "node:test";

import { actOf, clamped, hint, KEYS, SeekSum, speedAfter, type Focus, type Press } from "./keys.ts";

const press = (key: string, more: Partial<Press> = {}): Press => ({
  key,
  shiftKey: false,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  repeat: false,
  ...more,
});

test("every key of the table does what the table says", () => {
  for (const key of KEYS) {
    for (const name of key.keys) {
      assert.deepEqual(actOf(press(name, { shiftKey: key.shift ?? false }), "none"), key.act(name), name);
    }
  }
});

test("no two keys are the same", () => {
  const all = KEYS.flatMap((key) => key.keys.map((name) => `${key.shift ? "shift+" : ""}${name}`));
  assert.equal(new Set(all).size, all.length);
});

test("what comes with Ctrl, Alt or Meta is the browser's", () => {
  for (const key of KEYS.flatMap((each) => each.keys)) {
    for (const held of ["ctrlKey", "altKey", "metaKey"])
      assert.equal(actOf(press(key, { [held]: true }), "none"), null);
  }
});

test("a capital letter without Shift is the letter; signs are taken with Shift or without", () => {
  assert.deepEqual(actOf(press("K"), "none"), { do: "play" });
  assert.deepEqual(actOf(press("P", { shiftKey: true }), "none"), { do: "previous" });
  assert.deepEqual(actOf(press("P"), "none"), { do: "pip" });
  assert.deepEqual(actOf(press("?", { shiftKey: true }), "none"), { do: "keys" });
  assert.deepEqual(actOf(press("?"), "none"), { do: "keys" });
  assert.deepEqual(actOf(press("<", { shiftKey: true }), "none"), { do: "speed", by: -1 });
  assert.equal(actOf(press("m", { shiftKey: true }), "none"), null);
  assert.equal(actOf(press("ArrowLeft", { shiftKey: true }), "none"), null);
});

test("arrows seek and change the volume with the bar hidden, and walk it when it is open", () => {
  assert.deepEqual(actOf(press("ArrowRight"), "none"), { do: "seek", byS: 5 });
  assert.deepEqual(actOf(press("ArrowUp"), "none"), { do: "volume", by: 0.05 });
  assert.deepEqual(actOf(press("ArrowRight"), "control"), { do: "walk", to: [1, 0] });
  assert.deepEqual(actOf(press("ArrowDown"), "control"), { do: "walk", to: [0, 1] });
  assert.deepEqual(actOf(press("ArrowRight"), "timeline"), { do: "seek", byS: 5 });
  assert.deepEqual(actOf(press("ArrowUp"), "timeline"), { do: "walk", to: [0, -1] });
  assert.deepEqual(actOf(press("ArrowLeft"), "volume"), { do: "volume", by: -0.05 });
});

test("Space and Enter on a focused control are its own; every other key still works", () => {
  assert.equal(actOf(press(" "), "control"), null);
  assert.equal(actOf(press("Enter"), "control"), null);
  assert.deepEqual(actOf(press("k"), "control"), { do: "play" });
  assert.deepEqual(actOf(press(" "), "timeline"), { do: "play" });
});

test("a menu keeps its keys, a dialog and a text field all of them", () => {
  for (const key of ["ArrowUp", "Enter", " ", "Escape", "Home"]) assert.equal(actOf(press(key), "menu"), null, key);
  assert.deepEqual(actOf(press("m"), "menu"), { do: "mute" });
  for (const focus of ["dialog", "typing"] as Focus[]) {
    for (const key of KEYS.flatMap((each) => each.keys)) assert.equal(actOf(press(key), focus), null, key);
  }
});

test("a key that is held repeats only where that helps", () => {
  assert.equal(actOf(press(" ", { repeat: true }), "none"), "swallow");
  assert.equal(actOf(press("f", { repeat: true }), "none"), "swallow");
  assert.deepEqual(actOf(press("l", { repeat: true }), "none"), { do: "seek", byS: 10 });
});

test("tooltips name the key", () => {
  assert.equal(hint("Play", "play"), "Play (k)");
  assert.equal(hint("Next episode", "next"), "Next episode (Shift+n)");
  assert.equal(hint("Nothing", "walk"), "Nothing");
});

test("speeds go step by step and stop at both ends", () => {
  assert.equal(speedAfter(1, 1), 1.25);
  assert.equal(speedAfter(1, -1), 0.75);
  assert.equal(speedAfter(2, 1), 2);
  assert.equal(speedAfter(0.5, -1), 0.5);
});

test("a seek stays in the film", () => {
  assert.equal(clamped(-3, 100), 0);
  assert.equal(clamped(200, 100), 99.5);
  assert.equal(clamped(50, 100), 50);
  assert.equal(clamped(50, NaN), 50);
});

test("presses add up to one seek", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const gone: number[] = [];
  const seek = new SeekSum(
    (to) => gone.push(to),
    () => undefined,
  );
  seek.add(5, 10, 100, false);
  context.mock.timers.tick(100);
  seek.add(5, 10.1, 100, false);
  seek.add(-10, 10.1, 100, false);
  seek.add(5, 10.1, 100, false);
  assert.deepEqual(gone, []);
  assert.equal(seek.pending, 15);
  context.mock.timers.tick(SeekSum.RELEASED_MS);
  assert.deepEqual(gone, [15]);
  assert.equal(seek.pending, null);
});

test("a key that is held is one seek when it is let go", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const gone: number[] = [];
  const seek = new SeekSum(
    (to) => gone.push(to),
    () => undefined,
  );
  seek.add(10, 0, 1000, true);
  context.mock.timers.tick(500); // what a keyboard waits before it repeats
  for (let held = 0; held < 20; held++) {
    seek.add(10, 0, 1000, true);
    context.mock.timers.tick(33);
  }
  assert.deepEqual(gone, []);
  seek.released();
  context.mock.timers.tick(SeekSum.RELEASED_MS);
  assert.deepEqual(gone, [210]);
});
