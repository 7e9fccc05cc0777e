import assert from "node:assert/strict";
import { test } from "node:test";

import { around, AUTOPLAYS, Countdown, COUNTDOWN_S, offerAt, onward } from "./markers.ts";

const marks = { intro: { start_s: 10, end_s: 40 }, credits: { start_s: 600 } };

test("the intro can be skipped while it lasts", () => {
  assert.equal(offerAt(marks, 9, true, false), null);
  assert.equal(offerAt(marks, 10, true, false), "intro");
  assert.equal(offerAt(marks, 37, true, false), "intro");
  assert.equal(offerAt(marks, 39, true, false), null);
});

test("the next episode is offered at the credits, and at the end where nothing says when they begin", () => {
  assert.equal(offerAt(marks, 599, true, false), null);
  assert.equal(offerAt(marks, 600, true, false), "next");
  assert.equal(offerAt(marks, 600, false, false), null);
  assert.equal(offerAt(null, 700, true, false), null);
  assert.equal(offerAt(null, 700, true, true), "next");
  assert.equal(offerAt({ intro: null, credits: null }, 700, false, true), "end");
});

test("a countdown runs while it plays, is over once, and can be stopped", () => {
  const count = new Countdown();
  assert.equal(count.tick(false), false);
  assert.equal(count.left, COUNTDOWN_S);
  for (let second = 1; second < COUNTDOWN_S; second++) assert.equal(count.tick(true), false);
  assert.equal(count.tick(true), true);
  assert.equal(count.tick(true), false);
  const stopped = new Countdown();
  stopped.stop();
  assert.equal(stopped.tick(true), false);
  assert.equal(stopped.left, COUNTDOWN_S);
});

test("after three that went on by themselves it asks", () => {
  assert.deepEqual([0, 1, 2, 3, 4].map(onward), ["next", "next", "next", "ask", "ask"]);
  assert.equal(AUTOPLAYS, 3);
});

test("next and previous are those that can be played, over the seasons", () => {
  const episode = (id: string, available = true, published = true) => ({
    playable_id: id,
    season: 1,
    episode: 1,
    name: id,
    available,
    published,
  });
  const seasons = [
    { episodes: [episode("a"), episode("b", false), episode("c")] },
    { episodes: [episode("d", true, false), episode("e")] },
  ];
  assert.equal(around(seasons, "c").previous?.playable_id, "a");
  assert.equal(around(seasons, "c").next?.playable_id, "e");
  assert.equal(around(seasons, "a").previous, null);
  assert.equal(around(seasons, "e").next, null);
  assert.deepEqual(around(seasons, "x"), { here: null, previous: null, next: null });
});
