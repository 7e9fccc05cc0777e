import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { AFTER_MS, Impressions } from "./impressions.ts";

interface Page {
  saw: string[];
  watched: Set<Element>;
  impressions: Impressions<string>;
  /** Bring cards into sight, or out of it. */
  turn: (inSight: boolean, ...cards: Element[]) => void;
  tick: (ms: number) => void;
}

function card(name: string): Element {
  return { name } as unknown as Element;
}

function page(t: TestContext): Page {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const saw: string[] = [];
  const watched = new Set<Element>();
  let changed: (entries: { target: Element; isIntersecting: boolean }[]) => void = () => undefined;
  class Observed {
    constructor(told: typeof changed) {
      changed = told;
    }
    observe = (target: Element): unknown => watched.add(target);
    unobserve = (target: Element): unknown => watched.delete(target);
    disconnect = (): void => watched.clear();
  }
  const impressions = new Impressions<string>(
    (name) => saw.push(name),
    (name) => name,
    Observed,
  );
  return {
    saw,
    watched,
    impressions,
    turn: (isIntersecting, ...cards) => changed(cards.map((target) => ({ target, isIntersecting }))),
    tick: (ms) => t.mock.timers.tick(ms),
  };
}

test("a card counts once it was in sight for a second", (t) => {
  const { impressions, saw, watched, turn, tick } = page(t);
  const [one, other] = [card("one"), card("other")];
  impressions.watch(one, "one");
  impressions.watch(other, "other");
  turn(true, one, other);
  tick(AFTER_MS - 1);
  turn(false, other);
  assert.deepEqual(saw, []);
  tick(1);
  assert.deepEqual(saw, ["one"]);
  tick(10 * AFTER_MS);
  assert.deepEqual(saw, ["one"]);
  assert.deepEqual([...watched], [other]);
  turn(true, other);
  tick(AFTER_MS);
  assert.deepEqual(saw, ["one", "other"]);
});

test("it counts once a page, also where the page draws it anew", (t) => {
  const { impressions, saw, turn, tick } = page(t);
  const first = card("first");
  impressions.watch(first, "one");
  turn(true, first);
  tick(AFTER_MS);
  const again = card("again");
  impressions.watch(again, "one");
  turn(true, again);
  tick(AFTER_MS);
  assert.deepEqual(saw, ["one"]);
});

test("what is taken off the page, or the page itself, is in sight no more", (t) => {
  const { impressions, saw, watched, turn, tick } = page(t);
  const [one, other] = [card("one"), card("other")];
  const stop = impressions.watch(one, "one");
  impressions.watch(other, "other");
  turn(true, one, other);
  stop();
  impressions.close();
  tick(AFTER_MS);
  assert.deepEqual(saw, []);
  assert.equal(watched.size, 0);
});

test("a browser that cannot tell tells nothing", () => {
  const impressions = new Impressions<string>(assert.fail, String, undefined);
  impressions.watch(card("one"), "one")();
  impressions.close();
});
