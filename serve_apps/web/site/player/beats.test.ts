import assert from "node:assert/strict";
import { test } from "node:test";

import { Beats } from "./beats.ts";

test("one beat an interval, with the true place, numbered upwards", () => {
  const beats = new Beats(10, 30, 0);
  assert.equal(beats.dueInMs(0), 10_000);
  assert.deepEqual(beats.take(9.8, "playing", 10_000), { sequence: 1, position_s: 9.8, state: "playing" });
  beats.saved(30, 10_050);
  assert.equal(beats.dueInMs(10_050), 9950);
  assert.deepEqual(beats.take(19.8, "paused", 20_000), { sequence: 2, position_s: 19.8, state: "paused" });
});

test("a beat whose answer was lost is sent again as it was; an old one gives way to the true place", () => {
  const beats = new Beats(10, 30, 0);
  const first = beats.take(10, "playing", 10_000);
  beats.failed(10_500);
  assert.equal(beats.dueInMs(10_500), 1000);
  assert.equal(beats.take(11.5, "playing", 11_500), first);
  beats.failed(11_600);
  assert.equal(beats.dueInMs(11_600), 2000);
  assert.equal(beats.take(13.6, "playing", 13_600), first);
  beats.failed(13_700);
  assert.equal(beats.dueInMs(13_700), 4000);
  assert.equal(beats.take(17.7, "playing", 17_700), first);
  beats.failed(17_800);
  assert.equal(beats.dueInMs(17_800), 8000);
  assert.deepEqual(beats.take(25.8, "playing", 25_800), { sequence: 2, position_s: 25.8, state: "playing" });
});

test("it goes on by itself however long nobody answers, and never less often than the interval", () => {
  const beats = new Beats(10, 30, 0);
  let nowMs = 0;
  const sent: number[] = [];
  while (nowMs < 120_000) {
    nowMs += beats.dueInMs(nowMs);
    sent.push(beats.take(nowMs / 1000, "playing", nowMs).sequence);
    beats.failed(nowMs);
    assert.ok(beats.dueInMs(nowMs) <= 10_000);
  }
  assert.ok(sent.length > 10);
  assert.deepEqual(
    sent,
    [...sent].sort((a, b) => a - b),
  );
  assert.ok(beats.failing);
  beats.take(120, "playing", nowMs);
  beats.saved(30, nowMs);
  assert.ok(!beats.failing);
  assert.equal(beats.silentS(nowMs + 2000), 2);
});

test("a session that is gone while its lease lived was ended by somebody; after that it may have lapsed", () => {
  const beats = new Beats(10, 30, 0);
  assert.ok(!beats.lapsed(29_000));
  assert.ok(beats.lapsed(30_000));
  beats.take(1, "playing", 30_000);
  beats.saved(60, 30_000);
  assert.ok(!beats.lapsed(89_000));
  assert.ok(beats.lapsed(90_000));
});

test("a pause is saved soon, but not while nobody answers", () => {
  const beats = new Beats(10, 30, 0);
  beats.soon(1000);
  assert.equal(beats.dueInMs(1000), 1000);
  beats.take(1, "paused", 2000);
  beats.failed(2000);
  beats.failed(2000);
  beats.failed(2000);
  beats.soon(2000);
  assert.equal(beats.dueInMs(2000), 4000);
});

test("a place that is no number is the start", () => {
  assert.equal(new Beats(10, 30, 0).take(NaN, "buffering", 0).position_s, 0);
});
