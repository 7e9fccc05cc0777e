import assert from "node:assert/strict";
import { test } from "node:test";

import { castOf, castText, listOf, merge, secondsOf, timeText } from "./editing.ts";

test("changes of different fields go together, and nobody is asked", () => {
  const base = { name: "A", year: 1, genres: ["x"] };
  const merged = merge(base, { ...base, name: "B" }, { ...base, genres: ["y"] });
  assert.deepEqual(merged, { fields: { name: "B", year: 1, genres: ["y"] }, clashes: [], taken: ["genres"] });
});

test("a field that both changed is decided by a person, and nothing is lost", () => {
  const merged = merge({ name: "A" }, { name: "Mine" }, { name: "Theirs" });
  assert.deepEqual(merged.clashes, [{ field: "name", mine: "Mine", theirs: "Theirs" }]);
  assert.deepEqual(merge({ name: "A" }, { name: "Same" }, { name: "Same" }).clashes, []);
});

test("whatever three versions there are, each field is mine, theirs, or asked about", () => {
  const values = [1, 2, 3];
  for (const base of values)
    for (const mine of values)
      for (const theirs of values) {
        const { fields, clashes } = merge({ f: base }, { f: mine }, { f: theirs });
        const wanted = mine === base ? theirs : theirs === base ? mine : mine === theirs ? mine : null;
        if (wanted === null) assert.equal(clashes.length, 1);
        else assert.deepEqual([fields.f, clashes.length], [wanted, 0]);
      }
});

test("cast, lists and times are read as they are written", () => {
  const cast = [
    { name: "Ada", role: "the captain" },
    { name: "Ben", role: "" },
  ];
  assert.deepEqual(castOf(castText(cast)), cast);
  assert.deepEqual(listOf(" Drama, ,Comedy "), ["Drama", "Comedy"]);
  for (const seconds of [0, 5.5, 59.9, 60, 3723, 36000]) assert.equal(secondsOf(timeText(seconds)), seconds);
  for (const text of ["", "a", "1:2:3:4", "-1", "1:", "1e3"]) assert.equal(secondsOf(text), null);
});
