import assert from "node:assert/strict";
import { test } from "node:test";

import * as scaling from "./scaling.ts";
import { CALM, type Range } from "./scaling.ts";

const fixed = (number: number): Range => ({ min: number, max: number });
const TRUTH = fixed(3);

test("a wish is sent when the finger lets go, not before", () => {
  const moving = scaling.moved(scaling.moved(CALM, fixed(4)), fixed(6));
  assert.equal(moving.sending, null);
  assert.deepEqual(moving.wish, fixed(6));
  assert.deepEqual(scaling.released(moving, TRUTH).sending, fixed(6));
});

test("what holds already is not sent", () => {
  assert.deepEqual(scaling.released(scaling.moved(CALM, TRUTH), TRUTH), CALM);
});

test("a wish that was taken is shown until the status tells it", () => {
  const taken = scaling.taken(scaling.released(scaling.moved(CALM, fixed(6)), TRUTH), 1000);
  assert.deepEqual(taken.wish, fixed(6));
  assert.deepEqual(scaling.seen(taken, TRUTH, 2000).wish, fixed(6), "an older status changes nothing");
  assert.deepEqual(scaling.seen(taken, fixed(6), 2000), CALM);
});

test("somebody else's later change wins after a while", () => {
  const taken = scaling.taken(scaling.released(scaling.moved(CALM, fixed(6)), TRUTH), 1000);
  assert.deepEqual(scaling.seen(taken, fixed(2), 12_000), CALM);
});

test("a refused wish goes back to the truth and says so", () => {
  const refused = scaling.refused(scaling.released(scaling.moved(CALM, fixed(6)), TRUTH), "No room.");
  assert.equal(refused.wish, null);
  assert.deepEqual(refused.refused, { wish: fixed(6), words: "No room." });
  assert.equal(scaling.moved(refused, fixed(5)).refused, null, "a new wish clears it");
});

test("one wish is on its way at a time, and the newest goes next", () => {
  const first = scaling.released(scaling.moved(CALM, fixed(5)), TRUTH);
  const second = scaling.released(scaling.moved(first, fixed(7)), TRUTH);
  assert.deepEqual(second.sending, fixed(5));
  const next = scaling.taken(second, 1000);
  assert.deepEqual(next.sending, fixed(7));
  assert.deepEqual(next.taken?.range, fixed(5));
  assert.deepEqual(scaling.refused(second, "No.").sending, fixed(7), "also where the first is refused");
});

test("while the finger is down an answer sends nothing", () => {
  const held = scaling.moved(scaling.released(scaling.moved(CALM, fixed(5)), TRUTH), fixed(8));
  const answered = scaling.taken(held, 1000);
  assert.equal(answered.sending, null);
  assert.deepEqual(scaling.released(answered, fixed(5)).sending, fixed(8));
  assert.equal(scaling.refused(held, "No.").refused, null, "nor does a refusal take the slider out of the hand");
});

test("back to where it was after a change was taken is a wish too", () => {
  const away = scaling.released(scaling.moved(CALM, fixed(6)), TRUTH);
  const back = scaling.released(scaling.moved(away, TRUTH), TRUTH);
  assert.deepEqual(scaling.taken(back, 1000).sending, TRUTH);
});

test("back to what the status still tells is sent, since it does not hold any more", () => {
  const taken = scaling.taken(scaling.released(scaling.moved(CALM, fixed(6)), TRUTH), 1000);
  assert.deepEqual(scaling.released(scaling.moved(taken, TRUTH), TRUTH).sending, TRUTH);
});

test("a refusal goes back to what was taken before it", () => {
  const taken = scaling.taken(scaling.released(scaling.moved(CALM, fixed(6)), TRUTH), 1000);
  const refused = scaling.refused(scaling.released(scaling.moved(taken, fixed(9)), TRUTH), "No.");
  assert.deepEqual(refused.wish, fixed(6));
  const later = scaling.seen(refused, fixed(6), 2000);
  assert.equal(later.wish, null);
  assert.equal(later.refused?.words, "No.", "the words stay until something else is wished");
});

test("seats tell what is ready, starting, torn and wished", () => {
  const told = {
    state: "scaling",
    replicas: 2,
    target: 4,
    min_replicas: 4,
    max_replicas: 4,
    seats: ["running", "running", "starting", "unhealthy"] as const,
  };
  assert.deepEqual(scaling.seatsOf(told, null), {
    places: ["running", "running", "starting", "unhealthy"],
    ready: 2,
    wanted: 4,
    count: "2 of 4 ready",
    words: "Replicas: 2 of 4 ready, 1 starting, 1 unhealthy",
  });
  const wished = scaling.seatsOf(told, fixed(6));
  assert.deepEqual(wished.places.slice(4), ["wished", "wished"]);
  assert.equal(wished.count, "2 of 6 ready");
  assert.equal(scaling.seatsOf(told, fixed(1)).count, "2 ready, 1 wanted");
  assert.equal(scaling.seatsOf(told, { min: 1, max: 8 }).wanted, 4, "a range leaves the number to the load");
});

test("a state is a word, and a torn seat goes before it", () => {
  const told = { replicas: 3, target: 3, min_replicas: 3, max_replicas: 3, seats: [] };
  assert.deepEqual(scaling.pillOf({ ...told, state: "healthy" }), { tone: "good", word: "Healthy" });
  assert.equal(scaling.pillOf({ ...told, state: "scaling", target: 5 }).word, "Scaling up");
  assert.equal(scaling.pillOf({ ...told, state: "scaling", target: 2 }).word, "Scaling down");
  assert.equal(scaling.pillOf({ ...told, state: "missing" }).word, "Not running");
  assert.deepEqual(scaling.pillOf({ ...told, state: "healthy", seats: ["unhealthy"] }), {
    tone: "bad",
    word: "1 unhealthy",
  });
});

test("a typed range is checked where it is typed", () => {
  assert.deepEqual(scaling.typedRange("1", " 4 "), { range: { min: 1, max: 4 } });
  assert.deepEqual(Object.keys(scaling.typedRange("0", "65")), ["from", "to"]);
  assert.deepEqual(Object.keys(scaling.typedRange("1e1", "3")), ["from"]);
  assert.deepEqual(Object.keys(scaling.typedRange("5", "4")), ["to"]);
});

test("a slider reaches what an application has", () => {
  assert.equal(scaling.sliderTop(fixed(3)), 12);
  assert.equal(scaling.sliderTop({ min: 1, max: 40 }), 40);
});
