/** The profile's list and its ratings, wherever a page shows them or changes them. */
import { ok, profiles } from "../lib/api.ts";
import { Choices, type Kept } from "../lib/choices.ts";
import { type Loaded, outdate, useLoad } from "../lib/load.ts";
import { toast } from "../ui/Toasts.tsx";

export type Rating = -1 | 1 | 2;
type Named = { title_id: string; name: string };

const PAGE = 100;

interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** All pages: a profile keeps a thousand titles at most. */
async function all<T>(page: (cursor: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const next = await page(cursor);
    items.push(...next.items);
    cursor = next.next_cursor ?? undefined;
  } while (cursor);
  return items;
}

const list = new Choices<true>(
  "list",
  async (signal) => {
    const entries = await all((cursor) =>
      ok(profiles.GET("/me/list", { params: { query: { limit: PAGE, ...(cursor ? { cursor } : {}) } }, signal })),
    );
    return new Map(entries.map((entry) => [entry.title_id, true as const]));
  },
  (titleId, wish) => {
    const params = { path: { title_id: titleId } };
    return ok(
      wish ? profiles.PUT("/me/list/{title_id}", { params }) : profiles.DELETE("/me/list/{title_id}", { params }),
    );
  },
);

const ratings = new Choices<Rating>(
  "ratings",
  async (signal) => {
    const entries = await all((cursor) =>
      ok(profiles.GET("/me/ratings", { params: { query: { limit: PAGE, ...(cursor ? { cursor } : {}) } }, signal })),
    );
    return new Map(entries.map((entry) => [entry.title_id, entry.rating]));
  },
  (titleId, wish) => {
    const params = { path: { title_id: titleId } };
    return wish === undefined
      ? ok(profiles.DELETE("/me/ratings/{title_id}", { params }))
      : ok(profiles.PUT("/me/ratings/{title_id}", { params, body: { rating: wish } }));
  },
);

/** The titles on the profile's list. */
export function useMyList(): Loaded<Kept<true>> {
  return useLoad(list.key, list.ask);
}

/** What the profile thinks of titles. */
export function useRatings(): Loaded<Kept<Rating>> {
  return useLoad(ratings.key, ratings.ask);
}

/** Put a title on the list, or take it off; taken off, it can be put back from the note. */
export async function setOnList(title: Named, on: boolean): Promise<void> {
  if (!on) toast(`${title.name} is off your list.`, { label: "Undo", run: () => void setOnList(title, true) });
  const problem = await list.change(title.title_id, on || undefined);
  outdate("home");
  if (!problem) return;
  const what = on ? "could not be put on your list" : "is still on your list";
  toast(
    `${title.name} ${what}. ${problem.detail || problem.title}`,
    again(() => void setOnList(title, on)),
  );
}

/** Rate a title, or take the rating back; home is another one then, unless whoever asks says later that it is. */
export async function rate(title: Named, rating: Rating | undefined, { later = false } = {}): Promise<void> {
  const problem = await ratings.change(title.title_id, rating);
  if (!later) outdate("home");
  if (!problem) return;
  toast(
    `Your rating of ${title.name} was not kept. ${problem.detail || problem.title}`,
    again(() => void rate(title, rating, { later })),
  );
}

function again(run: () => void): { label: string; run: () => void } {
  return { label: "Try again", run };
}
