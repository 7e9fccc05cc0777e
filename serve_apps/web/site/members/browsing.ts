/** What of all titles a page shows: the filters as the address says them, and pages put together as they come. */
export const SORTS = [
  { sort: "added", label: "New first" },
  { sort: "name", label: "A to Z" },
  { sort: "year", label: "By year" },
] as const;

export interface Filters {
  genre?: string | undefined;
  language?: string | undefined;
  sort: (typeof SORTS)[number]["sort"];
}

const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$/;

/** Read the filters; what the catalogue would refuse is as if it was not there. */
export function filtersOf(query: Record<string, string>): Filters {
  const genre = query["genre"]?.trim();
  const language = query["language"];
  const filters: Filters = { sort: SORTS.find(({ sort }) => sort === query["sort"])?.sort ?? "added" };
  if (genre && genre.length <= 40) filters.genre = genre;
  if (language && LANGUAGE.test(language)) filters.language = language;
  return filters;
}

/** The address that says these filters; the usual order is not said. */
export function hrefOf(path: string, filters: Filters): string {
  const query = new URLSearchParams();
  if (filters.genre) query.set("genre", filters.genre);
  if (filters.language) query.set("language", filters.language);
  if (filters.sort !== "added") query.set("sort", filters.sort);
  return query.size ? `${path}?${query}` : path;
}

export function isFiltered(filters: Filters): boolean {
  return filters.genre !== undefined || filters.language !== undefined;
}

interface Page<T> {
  items: T[];
  next_cursor: string | null;
}
type Named = { title_id: string };

/** What was shown with the page after it. */
export function after<T extends Named>(before: Page<T>, next: Page<T>): Page<T> {
  const held = new Set(before.items.map((item) => item.title_id));
  return {
    items: [...before.items, ...next.items.filter((item) => !held.has(item.title_id))],
    next_cursor: next.next_cursor,
  };
}

/** A fresh first page with what was shown after it: asking again takes nothing from under the reader. */
export function together<T extends Named>(before: Page<T> | undefined, fresh: Page<T>): Page<T> {
  const last = fresh.items.at(-1)?.title_id;
  const at = before?.items.findIndex((item) => item.title_id === last) ?? -1;
  if (!before || at < 0 || at === before.items.length - 1) return fresh;
  const held = new Set(fresh.items.map((item) => item.title_id));
  const rest = before.items.slice(at + 1).filter((item) => !held.has(item.title_id));
  return { items: [...fresh.items, ...rest], next_cursor: before.next_cursor };
}
