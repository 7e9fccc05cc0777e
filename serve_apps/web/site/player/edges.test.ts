import assert from "node:assert/strict";
import { test } from "node:test";

import { AVOIDED_MS, Edges, isEdgesFault, pauseMs } from "./edges.ts";

const A = "http://a:1";
const B = "http://b:2";
const C = "http://c:3/under";
const none: ReadonlySet<string> = new Set();

test("the best-ranked edge is asked first, and one that failed last", () => {
  const edges = new Edges([A, B, C]);
  assert.equal(edges.pick(none, 0), A);
  edges.failed(A, 0);
  assert.equal(edges.pick(none, 1), B);
  assert.equal(edges.pick(new Set([B]), 1), C);
  assert.equal(edges.pick(new Set([B, C]), 1), A);
  assert.equal(edges.pick(new Set([A, B, C]), 1), null);
});

test("where all have failed, the one that failed longest ago is asked first", () => {
  const edges = new Edges([A, B, C]);
  edges.failed(B, 1);
  edges.failed(A, 2);
  edges.failed(C, 3);
  assert.equal(edges.pick(none, 4), B);
  assert.equal(edges.pick(new Set([B]), 4), A);
});

test("an edge that delivers is kept, though a better one is well again", () => {
  const moves: string[] = [];
  const edges = new Edges([A, B], (url) => moves.push(url));
  edges.failed(A, 0);
  edges.delivered(B);
  edges.delivered(B);
  assert.deepEqual(moves, [B]);
  assert.equal(edges.here, B);
  assert.equal(edges.pick(none, AVOIDED_MS + 1), B);
  edges.failed(B, AVOIDED_MS + 2);
  assert.equal(edges.pick(none, AVOIDED_MS + 3), A);
});

test("a path is the same on every edge", () => {
  const edges = new Edges([A, `${C}/`]);
  assert.equal(edges.on(`${A}/t/1.2.3/film/v/720/3.m4s?x=1`, C), `${C}/t/1.2.3/film/v/720/3.m4s?x=1`);
  assert.equal(edges.on(`${C}/t/1`, A), `${A}/t/1`);
  assert.equal(edges.on("http://a:10/t/1", C), "http://a:10/t/1");
  assert.equal(edges.on("blob:x", C), "blob:x");
});

test("only what another edge may do better is an edge's fault", () => {
  for (const status of [0, 429, 500, 502, 503]) assert.ok(isEdgesFault(status));
  for (const status of [200, 403, 404, 416]) assert.ok(!isEdgesFault(status));
});

test("a session names an edge", () => {
  assert.throws(() => new Edges([]));
});

test("pauses grow, to a limit", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 9].map(pauseMs), [1000, 2000, 4000, 8000, 15_000, 15_000]);
});
