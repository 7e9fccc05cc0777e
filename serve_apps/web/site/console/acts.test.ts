import assert from "node:assert/strict";
import { test } from "node:test";

import { actOf, mentions } from "./acts.ts";

const act = (method: string, path: string, status = 200): ReturnType<typeof actOf> => actOf({ method, path, status });

test("what operators do has words and a way to what it was done to", () => {
  assert.equal(act("PUT", "/api/v1/operations/applications/playback/scale").words, "changed the scale of playback");
  assert.deepEqual(act("POST", "/api/v1/auth/members/0192/disable", 204), {
    words: "disabled a member",
    href: "/console/members/0192",
    outcome: { tone: "good", word: "Done" },
  });
  assert.equal(act("DELETE", "/api/v1/auth/members/0192/devices/d1").words, "signed a member’s device out");
  assert.equal(act("DELETE", "/api/v1/playback/streams/0192/s1").href, "/console/members/0192");
  assert.equal(act("POST", "/api/v1/titles").words, "made a title");
  assert.equal(act("PUT", "/api/v1/titles/t1/artwork/poster").words, "changed the poster of a title");
  assert.equal(act("PUT", "/api/v1/titles/t1/seasons/2/episodes/7").words, "set S2 E7 of a series");
  assert.equal(act("DELETE", "/api/v1/titles/t1").href, undefined, "what is deleted has no page");
  assert.equal(act("POST", "/api/v1/studio/jobs/j1/retry").words, "tried an ingest again");
});

test("an act that has no words yet is told as it was asked", () => {
  assert.equal(act("POST", "/api/v1/drills/run").words, "asked for POST /drills/run");
});

test("an outcome tells a refusal from a failure from what was cut off", () => {
  assert.deepEqual(act("POST", "/api/v1/titles", 422).outcome, { tone: "bad", word: "Refused, 422" });
  assert.deepEqual(act("POST", "/api/v1/titles", 503).outcome, { tone: "bad", word: "Failed, 503" });
  assert.equal(act("POST", "/api/v1/titles", 499).outcome.tone, "busy");
});

test("a filter wants every word, wherever it stands", () => {
  const texts = ["disabled a member", "Ada Lovelace", "/api/v1/auth/members/0192/disable"];
  assert.ok(mentions("ada DISABLE", texts));
  assert.ok(mentions("  0192 ", texts));
  assert.ok(!mentions("ada enabled", texts));
});
