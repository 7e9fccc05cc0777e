import assert from "node:assert/strict";
import { test } from "node:test";

import { after, filtersOf, hrefOf, together } from "./browsing.ts";

const page = (ids: string, next_cursor: string | null) => ({
  items: [...ids].map((title_id) => ({ title_id })),
  next_cursor,
});

test("filters come from the address and go back to it", () => {
  for (const query of ["", "genre=Sci-Fi+%26+more", "genre=Drama&language=pt-BR&sort=year", "sort=name"]) {
    const filters = filtersOf(Object.fromEntries(new URLSearchParams(query)));
    assert.equal(hrefOf("/films", filters), query ? `/films?${query}` : "/films");
  }
});

test("what the catalogue would refuse is left out", () => {
  assert.deepEqual(filtersOf({ genre: "x".repeat(41), language: "<b>", sort: "random" }), { sort: "added" });
  assert.deepEqual(filtersOf({ genre: "  " }), { sort: "added" });
});

test("the next page follows, and repeats nothing", () => {
  assert.deepEqual(after(page("abc", "c"), page("cde", null)), page("abcde", null));
});

test("a fresh first page keeps what was shown after it", () => {
  assert.deepEqual(together(page("abcdef", "f"), page("abc", "c")), page("abcdef", "f"));
  // One came: what it pushed to the second page is still there, once.
  assert.deepEqual(together(page("abcdef", "f"), page("nab", "b")), page("nabcdef", "f"));
  // One left: what came up from the second page is there once.
  assert.deepEqual(together(page("abcdef", "f"), page("acd", "d")), page("acdef", "f"));
});

test("a first page that knows nothing of what was shown takes its place", () => {
  assert.deepEqual(together(page("abcdef", "f"), page("xyz", "z")), page("xyz", "z"));
  assert.deepEqual(together(undefined, page("abc", null)), page("abc", null));
  assert.deepEqual(together(page("abc", "c"), page("abc", "new")), page("abc", "new"));
});
