import assert from "node:assert/strict";
import { test } from "node:test";

import { change, hitRate, NOTHING, rateOf, recorded, type EdgeFigures, type History } from "./history.ts";

const edge = (edge_id: string, hits: number, misses = 0, fill_bytes = 0): EdgeFigures => ({
  edge_id,
  url: `http://${edge_id}`,
  hits,
  misses,
  fill_bytes,
});

function after(...looks: [atS: number, edges: EdgeFigures[], streams?: number | null][]): History {
  return looks.reduce(
    (history, [atS, edges, streams = 0]) =>
      recorded(history, { edges, jobs: [], log: { unpublished: 0 }, live_streams: streams }, atS * 1000),
    NOTHING,
  );
}

test("a rate is what a counter grew by in the last seconds", () => {
  const seen = after([100, [edge("a", 10, 4, 1000)]], [104, [edge("a", 30, 8, 5000)]]);
  assert.deepEqual(rateOf(seen, "a"), { hitsPerS: 5, missesPerS: 1, fillBytesPerS: 1000 });
  assert.equal(rateOf(after([100, [edge("a", 10)]]), "a"), null, "one look is no rate");
});

test("a rate forgets what is older than its window", () => {
  const looks = Array.from({ length: 30 }, (_, index): [number, EdgeFigures[]] => [
    100 + index * 2,
    [edge("a", index < 15 ? index * 200 : 3000)],
  ]);
  assert.equal(rateOf(after(...looks), "a")?.hitsPerS, 0);
  assert.ok(after(...looks).marks.length <= 7);
});

test("an edge that began again counts from nought", () => {
  assert.equal(rateOf(after([100, [edge("a", 1000)]], [102, [edge("a", 8)]]), "a")?.hitsPerS, 4);
});

test("the sum of all edges never falls below nought when one goes", () => {
  const seen = after([100, [edge("a", 1000), edge("b", 10)]], [102, [edge("b", 20)]]);
  assert.equal(seen.samples.at(-1)?.hitsPerS, 5);
  assert.deepEqual([...seen.gone], [["a", { url: "http://a", sinceS: 102 }]]);
});

test("an edge that is back is not gone", () => {
  assert.equal(after([100, [edge("a", 1)]], [102, []], [104, [edge("a", 1)]]).gone.size, 0);
});

test("gone edges are forgotten after half an hour", () => {
  assert.equal(after([100, [edge("a", 1)]], [102, []], [2000, []]).gone.size, 0);
});

test("the same status twice is one sample, and samples are bounded", () => {
  assert.equal(after([100, []], [100, []]).samples.length, 1);
  const many = Array.from({ length: 1000 }, (_, index): [number, EdgeFigures[]] => [index * 2, []]);
  assert.equal(after(...many).samples.length, 900);
});

test("a change is told over the last five minutes", () => {
  const { samples } = after([0, [], 50], [100, [], 4], [250, [], 10], [400, [], 100]);
  assert.equal(
    change(samples, ({ streams }) => streams),
    "+96 in 5 min",
  );
  assert.equal(
    change(samples, ({ edges }) => edges),
    "unchanged for 5 min",
  );
  assert.equal(
    change(samples.slice(-1), ({ streams }) => streams),
    null,
  );
  assert.equal(
    change(after([0, [], null], [400, [], 3]).samples, ({ streams }) => streams),
    null,
  );
});

test("no answers have no hit rate", () => {
  assert.equal(hitRate(0, 0), null);
  assert.equal(hitRate(9, 1), 0.9);
});
