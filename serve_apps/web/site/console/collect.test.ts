import assert from "node:assert/strict";
import { test } from "node:test";

import { collect } from "./collect.ts";

const ALL = Array.from({ length: 1000 }, (_, index) => index);

function list(pageLength: number): {
  ask: (cursor: string | null) => Promise<{ items: number[]; next_cursor: string | null }>;
  asked: number;
} {
  const counted = {
    asked: 0,
    ask: (cursor: string | null) => {
      counted.asked++;
      const from = Number(cursor ?? 0);
      const to = from + pageLength;
      return Promise.resolve({ items: ALL.slice(from, to), next_cursor: to < ALL.length ? String(to) : null });
    },
  };
  return counted;
}

test("pages are asked until enough is found, and going on misses nothing", async () => {
  const { ask } = list(100);
  const even = { matches: (item: number) => item % 2 === 0, enough: 60, atMost: 10 };
  let cursor: string | null = null;
  const found: number[] = [];
  do {
    const piece: { items: number[]; next_cursor: string | null } = await collect(ask, cursor, even);
    found.push(...piece.items);
    cursor = piece.next_cursor;
  } while (cursor !== null);
  assert.deepEqual(
    found,
    ALL.filter((item) => item % 2 === 0),
  );
});

test("what is nowhere is given up for now after so many pages", async () => {
  const pages = list(10);
  const found = await collect(pages.ask, null, { matches: () => false, enough: 1, atMost: 7 });
  assert.deepEqual(found, { items: [], next_cursor: "70", looked: 70 });
  assert.equal(pages.asked, 7);
});

test("empty pages with more behind them are passed over", async () => {
  let asked = 0;
  const found = await collect(
    () =>
      Promise.resolve(
        ++asked < 3 ? { items: [] as number[], next_cursor: String(asked) } : { items: [7], next_cursor: null },
      ),
    null,
    { enough: 1, atMost: 5 },
  );
  assert.deepEqual(found, { items: [7], next_cursor: null, looked: 1 });
});
