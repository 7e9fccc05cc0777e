import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import type { Note } from "../lib/telemetry.ts";
import { A_MINUTE, Notes, SETTLED_MS, STALL_LEAST_MS } from "./notes.ts";

interface Play {
  notes: Notes;
  told: Note[];
  tick: (ms: number) => void;
}

/** A play that runs at a place. */
function play(t: TestContext, atS = 10): Play {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const told: Note[] = [];
  const notes = new Notes((note) => told.push(note), Date.now);
  notes.opened("s1", 0);
  notes.plays();
  notes.moved(atS);
  return { notes, told, tick: (ms) => t.mock.timers.tick(ms) };
}

test("dragging along the bar is one seek, from where it was to where it ended", (t) => {
  const { notes, told, tick } = play(t);
  for (const toS of [20, 30, 25]) {
    notes.sought(toS);
    tick(SETTLED_MS - 1);
  }
  assert.deepEqual(told, []);
  tick(1);
  assert.deepEqual(told, [{ kind: "seek", session_id: "s1", position_s: 10, to_s: 25 }]);
  notes.sought(90);
  tick(SETTLED_MS);
  assert.deepEqual(told[1], { kind: "seek", session_id: "s1", position_s: 25, to_s: 90 });
});

test("frame by frame, and there and back, is no seek", (t) => {
  const { notes, told, tick } = play(t);
  notes.sought(10.04);
  tick(SETTLED_MS);
  notes.sought(60);
  notes.sought(10.04);
  tick(SETTLED_MS);
  assert.deepEqual(told, []);
});

test("a stall lasts until it plays, is paused, or the play is over", (t) => {
  const { notes, told, tick } = play(t);
  for (const end of [() => notes.plays(), () => notes.stopped(), () => notes.sought(10.5), () => notes.closed()]) {
    notes.opened("s1", 10);
    notes.plays();
    notes.waits();
    tick(400);
    notes.waits();
    tick(400);
    end();
    assert.deepEqual(told.splice(0), [{ kind: "stall", session_id: "s1", position_s: 10, duration_ms: 800 }]);
  }
});

test("a start, a seek and what nobody sees are no stalls", (t) => {
  const { notes, told, tick } = play(t);
  notes.waits();
  tick(STALL_LEAST_MS - 1);
  notes.plays();
  notes.sought(10.5);
  notes.waits();
  tick(5000);
  notes.plays();
  notes.opened("s2", 0);
  notes.waits();
  tick(5000);
  notes.plays();
  assert.deepEqual(told, []);
});

test("a quality is told when it is shown, and not again while it stays", (t) => {
  const { notes, told } = play(t);
  notes.shows(180, 200_000.4);
  notes.shows(180, 200_000.4);
  notes.shows(0, 64_000);
  notes.shows(360, NaN);
  assert.deepEqual(told, [
    { kind: "quality_change", session_id: "s1", position_s: 10, height: 180, bitrate_bps: 200_000 },
    { kind: "quality_change", session_id: "s1", position_s: 10, height: 360, bitrate_bps: 0 },
  ]);
});

test("what fails again and again is told once, until it plays", (t) => {
  const { notes, told } = play(t);
  notes.failed("fragLoadError");
  notes.failed("fragLoadError");
  notes.failed("a word, and more");
  notes.plays();
  notes.failed("fragLoadError");
  const codes = told.map((note) => note.kind === "error" && note.code);
  assert.deepEqual(codes, ["fragLoadError", "awordandmore", "fragLoadError"]);
});

test("of too much in a minute the rest is not told, and nothing is once it is over", (t) => {
  const { notes, told, tick } = play(t);
  for (let at = 0; at < 2 * A_MINUTE; at++) notes.shows(at + 1, 0);
  assert.equal(told.length, A_MINUTE);
  tick(60_000);
  notes.shows(1080, 0);
  assert.equal(told.length, A_MINUTE + 1);
  notes.closed();
  notes.failed("fragLoadError");
  assert.equal(told.length, A_MINUTE + 1);
});

test("a seek that has not settled is told with the session that it was in", (t) => {
  const { notes, told, tick } = play(t);
  notes.sought(100);
  notes.opened("s2", 0);
  tick(SETTLED_MS);
  assert.deepEqual(told, [{ kind: "seek", session_id: "s1", position_s: 10, to_s: 100 }]);
});
