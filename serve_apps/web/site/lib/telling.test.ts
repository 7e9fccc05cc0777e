import assert from "node:assert/strict";
import { test } from "node:test";

import { BATCH, EVERY_MS, LIMIT, Telling } from "./telling.ts";

function told(fails = false): { sent: number[][]; telling: Telling<number> } {
  const sent: number[][] = [];
  const telling = new Telling<number>((events) => {
    sent.push(events);
    return fails ? Promise.reject(new Error("away")) : Promise.resolve();
  });
  return { sent, telling };
}

test("what is told within a few seconds goes out together", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { sent, telling } = told();
  telling.tell(1);
  t.mock.timers.tick(EVERY_MS - 1);
  telling.tell(2);
  assert.deepEqual(sent, []);
  t.mock.timers.tick(1);
  assert.deepEqual(sent, [[1, 2]]);
  t.mock.timers.tick(10 * EVERY_MS);
  assert.equal(sent.length, 1);
});

test("of much one batch goes at a time, of too much the latest; a page that goes sends all at once", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { sent, telling } = told();
  for (let event = 0; event < LIMIT + 10; event++) telling.tell(event);
  t.mock.timers.tick(EVERY_MS);
  assert.deepEqual(sent, [Array.from({ length: BATCH }, (_, at) => at + 10)]);
  t.mock.timers.tick(EVERY_MS);
  assert.equal(sent.length, 2);
  telling.flush();
  assert.deepEqual(sent.flat().at(-1), LIMIT + 9);
  assert.equal(sent.flat().length, LIMIT);
  assert.ok(sent.every((batch) => batch.length <= BATCH));
});

test("what cannot be sent is dropped in silence, and so is what was told of somebody else", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { sent, telling } = told(true);
  telling.tell(1);
  t.mock.timers.tick(EVERY_MS);
  telling.tell(2);
  t.mock.timers.tick(EVERY_MS);
  telling.tell(3);
  telling.drop();
  t.mock.timers.tick(EVERY_MS);
  assert.deepEqual(sent, [[1], [2]]);
});
