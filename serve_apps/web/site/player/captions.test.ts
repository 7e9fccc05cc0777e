import assert from "node:assert/strict";
import { test } from "node:test";

import { captionCss, lift, liftedLine, SIZES, STYLES } from "./captions.ts";

test("every size and style makes another rule, all of them for cues", () => {
  const rules = SIZES.flatMap((size) => STYLES.map((style) => captionCss(size.value, style.value)));
  assert.equal(new Set(rules).size, SIZES.length * STYLES.length);
  for (const rule of rules) assert.match(rule, /^video::cue\{.*\}$/);
});

test("an unknown wish is the usual look", () => {
  assert.equal(captionCss(undefined, undefined), captionCss("medium", "box"));
  assert.equal(captionCss("}", "{"), captionCss("medium", "box"));
});

test("cues are lifted and let down, but those with a place of their own stay", () => {
  const free = { line: "auto" as number | "auto", snapToLines: true };
  const placed = { line: 2 as number | "auto", snapToLines: true };
  lift([free, placed], true, -4);
  assert.deepEqual([free.line, placed.line], [-4, 2]);
  lift([free, placed], false, -4);
  assert.deepEqual([free.line, placed.line], ["auto", 2]);
});

test("the higher the bar, the more lines it covers", () => {
  assert.ok(liftedLine(104, 720) < -2);
  assert.ok(liftedLine(104, 360) < liftedLine(104, 1080));
});
