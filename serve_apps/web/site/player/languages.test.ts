import assert from "node:assert/strict";
import { test } from "node:test";

import { choose, chosenFor, match, parseKept, type Kept } from "./languages.ts";

const tracks = [{ language: "en" }, { language: "de" }, { language: "pt-BR" }];

test("the first wish that a track speaks is taken", () => {
  assert.equal(match(tracks, ["de", "en"]), 1);
  assert.equal(match(tracks, [null, undefined, "fr", "en"]), 0);
  assert.equal(match(tracks, ["fr"]), -1);
  assert.equal(match([], ["en"]), -1);
});

test("a language is heard in its variants", () => {
  assert.equal(match(tracks, ["pt"]), 2);
  assert.equal(match(tracks, ["en-GB"]), 0);
  assert.equal(match([{ language: "pt" }, { language: "pt-BR" }], ["pt-br"]), 1);
});

test("each series keeps its own choice, the latest hundred", () => {
  let kept: Kept = [];
  for (let series = 0; series < 120; series++) kept = choose(kept, `s${series}`, { audio: "de" });
  kept = choose(kept, "s119", { subtitles: "off" });
  assert.equal(kept.length, 100);
  assert.deepEqual(chosenFor(kept, "s119"), { audio: "de", subtitles: "off" });
  assert.deepEqual(chosenFor(kept, "s0"), {});
});

test("what cannot be read is nothing", () => {
  for (const text of [null, "", "{", "{}", "[1]", "null"]) assert.deepEqual(parseKept(text), []);
});
